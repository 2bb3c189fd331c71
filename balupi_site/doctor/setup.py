"""Checks of how BaluPi is set up: settings, permissions, what belongs to a release."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils.translation import gettext as _
from django.utils.translation import to_locale

from balupi_site.doctor.findings import Level, Verdict, fail, ok, warn
from balupi_site.doctor.known import Known
from balupi_site.frontend import installing, serving
from balupi_site.lib.errors import PermanentError

_OWN_STATIC = settings.BASE_DIR / "balupi_site" / "static"
_OTHERS, _GROUP_WRITES = stat.S_IRWXO, stat.S_IWGRP
#: What a page loads, as a build writes it into index.html.
_LOADED = re.compile(r"""(?:src|href)=["']/?((?!\w+:|/)[^"'#?]+)""")


def mode(_known: Known) -> Verdict:
    """Tell whether this is a real home."""
    if settings.DEBUG:
        return warn(
            _("Error pages show the inside of the program to everybody."),
            _("Remove BALUPI_DEBUG."),
        )
    if not settings.IS_PROD:
        return warn(
            _("BALUPI_MODE is dev: everything is a simulated home on this machine."),
            _("Set BALUPI_MODE=prod for real hardware."),
        )
    return ok(_("BALUPI_MODE is prod."))


def user(_known: Known) -> Verdict:
    """Tell whether BaluPi runs with more rights than it needs."""
    if os.geteuid():
        return ok(_("It runs as a user of its own (%(uid)s).") % {"uid": os.geteuid()})
    cure = _("Run BaluPi and its commands as a user of their own: User=balupi in the service.")
    if settings.PROCESS == "command" or not settings.IS_PROD:
        return warn(_("This was run as root; what it writes, the services may not read."), cure)
    return fail(_("It runs as root: a mistake in it would be one in the whole Pi."), cure)


def env_file(_known: Known) -> Verdict:
    """Tell whether others may read the settings, which hold secrets."""
    file: Path = settings.ENV_FILE
    if not file.is_file():
        return ok(_("There is no file of settings; they come from the environment."))
    return _mode_verdict([file])


def secrets(_known: Known) -> Verdict:
    """Tell whether others may read a file with a secret in it."""
    files = [
        *settings.SECRET_FILES,
        settings.DATA_DIR / "pihole-session.json",
        settings.NAS_SSH_KEY,
        # nginx may pass through the folder, so the folder alone does not close the database.
        settings.DATA_DIR / "balupi.sqlite3",
    ]
    return _mode_verdict([file for file in files if file.exists()])


def data_dir(_known: Known) -> Verdict:
    """Tell whether the folder of our data is ours alone; the database in it holds logins."""
    found = stat.S_IMODE(settings.DATA_DIR.stat().st_mode)
    facts = {"folder": settings.DATA_DIR, "mode": f"{found:04o}"}
    text = _("%(folder)s has the mode %(mode)s.") % facts
    cure = _("Run 'sudo chmod o=,g-w %(folder)s'.") % facts
    if found & _OTHERS:
        return _bad(_("Others may look into %(folder)s (mode %(mode)s).") % facts, cure)
    if found & _GROUP_WRITES:
        return warn(_("The group may change %(folder)s (mode %(mode)s).") % facts, cure)
    return ok(text)


def _mode_verdict(files: list[Path]) -> Verdict:
    for file in files:
        found = stat.S_IMODE(file.stat().st_mode)
        facts = {"file": file, "mode": f"{found:04o}"}
        cure = _("Run 'sudo chmod o=,g-w %(file)s'.") % facts
        if found & _OTHERS:
            return _bad(_("Everybody on this Pi may read %(file)s (mode %(mode)s).") % facts, cure)
        if found & _GROUP_WRITES:
            return _bad(_("The group may change %(file)s (mode %(mode)s).") % facts, cure)
    if not files:
        return ok(_("There is none yet."))
    return ok(_("Others may not read: %(files)s.") % {"files": ", ".join(map(str, files))})


def _bad(found: str, cure: str) -> Verdict:
    """Return a failure in a real home, a warning in a simulated one, whose secrets are no secrets."""
    return (fail if settings.IS_PROD else warn)(found, cure)


def hosts(_known: Known) -> Verdict:
    """Tell under which names the pages are served."""
    if "*" in settings.ALLOWED_HOSTS:
        return fail(
            _("Pages are served under any name, which lets other sites use a visitor's login."),
            _("Name the hosts in BALUPI_ALLOWED_HOSTS instead of *."),
        )
    return ok(", ".join(settings.ALLOWED_HOSTS))


def django(_known: Known) -> Verdict:
    """Tell what Django's own checks for a real installation say."""
    said = [
        each
        for each in checks.run_checks(include_deployment_checks=True)
        if each.level >= checks.WARNING and not each.is_silenced()
    ]
    if not said:
        return ok(_("Django's checks for a real installation find nothing."))
    worst = max(said, key=lambda each: each.level)
    level = Level.FAIL if worst.level >= checks.ERROR else Level.WARN
    hint = str(worst.hint or _("Run 'sudo balupi check --deploy' and do what it says."))
    return Verdict(level, f"{worst.msg} ({worst.id})", hint)


def languages(_known: Known) -> Verdict:
    """Tell whether each language that is offered is there and compiled."""
    folders = [Path(app.path) / "locale" for app in apps.get_app_configs()]
    folders = [*map(Path, settings.LOCALE_PATHS), *folders]
    ours = [folder for folder in folders if folder.is_relative_to(settings.BASE_DIR)]
    for code, label in settings.LANGUAGES:
        if code.partition("-")[0] == "en":  # the texts in the program
            continue
        places = [folder / to_locale(code) / "LC_MESSAGES" for folder in ours]
        sources = [place / "django.po" for place in places if (place / "django.po").exists()]
        made = [place / "django.mo" for place in places if (place / "django.mo").exists()]
        missing = [file for file in sources if not file.with_suffix(".mo").exists()]
        if missing or not made:
            return fail(
                _("%(language)s is not compiled, so its readers see English.")
                % {"language": label},
                _("Run 'manage.py compilemessages' and restart BaluPi."),
            )
    return ok(", ".join(str(label) for _code, label in settings.LANGUAGES))


def static_files(_known: Known) -> Verdict:
    """Tell whether styles and scripts were collected."""
    root = Path(settings.STATIC_ROOT)
    cure = _("Run 'manage.py collectstatic --no-input' and restart BaluPi.")
    try:
        paths = json.loads((root / "staticfiles.json").read_text(encoding="utf-8"))["paths"]
    except (OSError, ValueError, KeyError):
        paths = None
    if paths is None and not settings.DEBUG:
        return fail(
            _("Styles and scripts are not collected in %(folder)s.") % {"folder": root}, cure
        )
    old = [name for name, built in _built() if paths and built not in paths.get(name, "")]
    if old:
        text = _("Styles and scripts in %(folder)s are of another release: %(files)s.")
        return fail(text % {"folder": root, "files": ", ".join(old[:3])}, cure)
    return ok(_("Styles and scripts are collected in %(folder)s.") % {"folder": root})


def _built() -> Iterator[tuple[str, str]]:
    """Yield each of our own files with what its collected name has in it."""
    for file in sorted(path for path in _OWN_STATIC.rglob("*") if path.is_file()):
        # As Django's storage makes it; styles are changed when they are collected.
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()[:12]
        yield str(file.relative_to(_OWN_STATIC)), "." if file.suffix == ".css" else f".{digest}."


def frontend_page(_known: Known) -> Verdict:
    """Tell whether the page that the NAS built, if there is one, is whole."""
    copy = installing.current()
    cure = _("Install it again: 'sudo balupi install_frontend FOLDER'.")
    if copy is None and not serving.is_installed():
        return ok(_("No page of the NAS's is installed; BaluPi's own is shown."))
    try:
        build = installing.examine(copy or settings.FRONTEND_DIR)
        index = (build.folder / serving.INDEX).read_text(encoding="utf-8", errors="replace")
    except (PermanentError, OSError) as error:
        return fail(_("The NAS's page is broken: %(error)s") % {"error": error}, cure)
    missing = [name for name in _LOADED.findall(index) if serving.find(name) is None]
    if missing:
        text = _("The NAS's page loads what is not there: %(files)s.")
        return fail(text % {"files": ", ".join(missing[:3])}, cure)
    return ok(
        _("The NAS's page is installed and whole: %(count)s files.") % {"count": len(build.names)}
    )
