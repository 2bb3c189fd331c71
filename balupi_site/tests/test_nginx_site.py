"""nginx's site: what the settings say stands in it, and nothing of the template's words is left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from balupi_site.nginx_site import nginx_site


def test_names_and_places_come_from_the_settings(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["baluhost.local", "192.0.2.2", "pi.lan", "bad;name", ".example.net"]
    settings.DNS_NAMES = ("baluhost.local",)
    settings.STATIC_ROOT = Path("/opt/balupi/current/static")
    template = "# words\n\nlisten @LISTEN@; own @PI_NAMES@; nas @NAS_NAMES@; root @STATIC_PARENT@;"

    site = nginx_site(template, listen="8080")

    assert site.splitlines()[0].startswith("# BaluPi's site for nginx")
    assert site.endswith(
        "listen 8080; own 192.0.2.2 pi.lan .example.net; nas baluhost.local; root /opt/balupi/current;"
    )


@pytest.mark.parametrize(
    ("has_ipv6", "line"), [(True, "listen [::]:80;"), (False, "# listen [::]:80;")]
)
def test_without_ipv6_nginx_is_not_told_to_listen_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_ipv6: bool, line: str
) -> None:
    place = tmp_path / "if_inet6"
    if has_ipv6:
        place.touch()
    monkeypatch.setattr("balupi_site.nginx_site._IPV6", place)
    assert nginx_site("\n@IPV6@listen @LISTEN_6@;").splitlines()[-1] == line


def test_no_name_at_all_is_still_a_configuration(settings: Any) -> None:
    settings.DNS_NAMES = ()
    assert nginx_site("server_name @NAS_NAMES@;").endswith("server_name none.invalid;")


def test_a_word_that_nobody_knows_is_no_configuration() -> None:
    with pytest.raises(KeyError):
        nginx_site("listen @PORT@;")


def test_the_command_prints_the_whole_template(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("nginx_config")

    said = capsys.readouterr().out
    assert not re.search("@[A-Z0-9_]+@", said)
    assert "upstream balupi_web" in said
