"""Checks of settings, permissions, release and the page that the NAS built."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core import checks as django_checks

from balupi_site.doctor import names, setup
from balupi_site.doctor.known import Known
from balupi_site.doctor.tests.conftest import said


def test_the_address_of_this_pi(known: Known, settings: Any) -> None:
    assert said(names.pi_address(known))[0] == "ok"
    settings.PI_IP = "192.0.2.99"
    assert "BALUPI_PI_IP" in said(names.pi_address(known))[1]
    settings.PI_IP = ""
    assert said(names.pi_address(known))[0] == "fail"


def test_permissions_fail_in_a_real_home_and_warn_in_a_trial(
    known: Known, settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "balupi.env"
    settings.ENV_FILE, settings.SECRET_FILES = file, ()
    assert said(setup.env_file(known))[0] == "ok"
    file.touch()
    for mode, trial, real in (
        (0o640, "ok", "ok"),
        (0o644, "warn", "fail"),
        (0o660, "warn", "fail"),
    ):
        file.chmod(mode)
        settings.IS_PROD = False
        assert said(setup.env_file(known))[0] == trial
        settings.IS_PROD = True
        assert said(setup.env_file(known))[0] == real
    settings.DATA_DIR.chmod(0o750)
    assert said(setup.data_dir(known))[0] == "ok"
    settings.DATA_DIR.chmod(0o755)
    assert "chmod o=,g-w" in said(setup.data_dir(known))[1]
    settings.DATA_DIR.chmod(0o770)
    assert said(setup.data_dir(known))[0] == "warn"
    assert said(setup.secrets(known))[0] == "ok"
    settings.SECRET_FILES = (file,)
    assert said(setup.secrets(known))[0] == "fail"


def test_mode_user_and_hosts(known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IS_PROD, settings.DEBUG = True, False
    assert said(setup.mode(known))[0] == "ok"
    settings.DEBUG = True
    assert said(setup.mode(known))[0] == "warn"
    settings.DEBUG = settings.IS_PROD = False
    assert said(setup.mode(known))[0] == "warn"
    for uid, process, level in ((1000, "web", "ok"), (0, "web", "fail"), (0, "command", "warn")):
        settings.IS_PROD, settings.PROCESS = True, process
        monkeypatch.setattr(os, "geteuid", lambda found=uid: found)
        assert said(setup.user(known))[0] == level
    assert said(setup.hosts(known))[0] == "ok"
    settings.ALLOWED_HOSTS = ["*"]
    assert said(setup.hosts(known))[0] == "fail"


def test_django_s_own_checks(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[django_checks.CheckMessage] = []
    monkeypatch.setattr(django_checks, "run_checks", lambda **_options: found)
    assert said(setup.django(known))[0] == "ok"
    found.append(django_checks.Warning("Half an account.", hint="Set it.", id="energy.W001"))
    assert said(setup.django(known)) == ("warn", "Half an account. (energy.W001) | Set it.")
    found.append(django_checks.Error("No key.", id="security.E999"))
    assert said(setup.django(known))[0] == "fail"


def test_what_belongs_to_a_release(
    known: Known, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    assert said(setup.static_files(known))[0] == "fail"
    settings.STATIC_ROOT.mkdir()
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    built = dict(setup._built())
    manifest.write_text(json.dumps({"paths": {name: f"x{part}x" for name, part in built.items()}}))
    assert said(setup.static_files(known))[0] == "ok"
    built["balupi/day.js"] = ".ofanolderday."
    manifest.write_text(json.dumps({"paths": {name: f"x{part}x" for name, part in built.items()}}))
    level, words = said(setup.static_files(known))
    assert (level, "balupi/day.js" in words) == ("fail", True)

    place = tmp_path / "locale" / "fr" / "LC_MESSAGES"
    place.mkdir(parents=True)
    settings.BASE_DIR, settings.LOCALE_PATHS = tmp_path, [tmp_path / "locale"]
    settings.LANGUAGES = [("en", "English"), ("fr", "Français")]
    (place / "django.po").touch()
    assert "compilemessages" in said(setup.languages(known))[1]
    (place / "django.mo").touch()
    assert said(setup.languages(known)) == ("ok", "English, Français | ")


def test_the_page_that_the_nas_built(known: Known, settings: Any) -> None:
    assert said(setup.frontend_page(known))[0] == "ok"
    root = settings.FRONTEND_DIR
    (root / "assets").mkdir(parents=True)
    page = '<script src="/assets/a.js"></script><link href="https://example.org/x.css">'
    (root / "index.html").write_text(page)
    assert "assets/a.js" in said(setup.frontend_page(known))[1]
    (root / "assets" / "a.js").touch()
    assert said(setup.frontend_page(known))[0] == "ok"
    (root / "index.html").write_text("")
    assert said(setup.frontend_page(known))[0] == "fail"
