"""Under which names we answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from balupi_site.settings import ALLOWED_HOSTS

ROOT = Path(__file__).resolve().parents[2]
ODD = ["evil.example", "baluhost.local.evil.example", "a b", "a,b", "[::1", "x" * 300, "@", "a/b"]


@pytest.mark.parametrize("host", ODD)
@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_name_is_misdirected_without_a_trace(
    client: Client, settings: Any, host: str, debug: bool
) -> None:
    settings.DEBUG = debug
    page = client.get("/", headers={"host": host, "accept": "text/html"})
    assert (page.status_code, page["Content-Type"]) == (421, "text/plain; charset=utf-8")
    assert host not in page.content.decode()
    api = client.get("/api/health", headers={"host": host})
    assert (api.status_code, api.json()["errors"]) == (421, {})
    assert api["X-BaluPi"]
    assert not client.cookies


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "LOCALHOST", "localhost.", "[::1]:80"]
)
def test_our_own_names_are_known_however_they_are_written(client: Client, host: str) -> None:
    assert client.get("/api/ping", headers={"host": host}).status_code == 200


def test_the_hosts_are_the_nas_s_names_and_the_pi_s(settings: Any) -> None:
    name = socket.gethostname().lower().partition(".")[0]
    assert {*settings.DNS_NAMES, settings.PI_IP, "localhost", name, f"{name}.local"} <= set(
        ALLOWED_HOSTS
    )
    assert "*" not in ALLOWED_HOSTS


def test_the_owner_adds_names_and_an_empty_setting_adds_none() -> None:
    told = {}
    for given in ("Pi.Fritz.box, 192.168.178.3,", "", ".", ","):
        command = "from balupi_site.settings import ALLOWED_HOSTS; print(*ALLOWED_HOSTS)"
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", command],
            env={**os.environ, "BALUPI_ENV_FILE": "/dev/null", "BALUPI_ALLOWED_HOSTS": given},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        told[given] = set(done.stdout.split())
    more = told["Pi.Fritz.box, 192.168.178.3,"] - told[""]
    assert more == {"pi.fritz.box", "192.168.178.3"}
    assert told["."] == told[","] == told[""]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("host", "bearer", "status"),
    [
        pytest.param("baluhost.local", "a.b.c", 503, id="of the NAS, under its name"),
        pytest.param("baluhost.local", "balupi_gone", 401, id="of ours"),
        pytest.param("127.0.0.1", "a.b.c", 401, id="at the Pi's own address"),
    ],
)
def test_no_401_of_ours_makes_a_page_of_the_nas_forget_its_login(
    client: Client, settings: Any, host: str, bearer: str, status: int
) -> None:
    settings.DNS_NAMES = ("baluhost.local",)
    answer = client.get("/api/auth/me", headers={"host": host, "authorization": f"Bearer {bearer}"})
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) is (status == 503)


def test_an_upload_that_is_meant_for_the_nas_is_told_to_wait(client: Client, settings: Any) -> None:
    settings.DNS_NAMES = ("baluhost.local",)
    body = b"x" * 70_000
    away = client.put("/webdav/photo.jpg", body, headers={"host": "baluhost.local"})
    assert (away.status_code, "Retry-After" in away.headers) == (503, True)
    assert client.put("/webdav/photo.jpg", body).status_code == 413
