"""Fixtures of the doctor's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from balupi_site.doctor.findings import Verdict
from balupi_site.doctor.known import Known
from pihole.tests.conftest import pihole

__all__ = ["pihole"]


@pytest.fixture(autouse=True)
def _home(settings: Any, tmp_path: Path) -> None:
    """A home on loopback in which nothing answers."""
    settings.NAS_URL, settings.NAS_IP, settings.NAS_PORT = "http://127.0.0.1:9", "127.0.0.1", 9
    settings.PI_IP, settings.DNS_NAMES = "127.66.0.2", ("baluhost.local",)
    settings.PIHOLE_URL, settings.PIHOLE_DNS = "http://127.0.0.1:9", ("127.0.0.1", 9)
    settings.INBOX_DIR = tmp_path / "disk" / "inbox"
    settings.NAS_SSH_KEY = tmp_path / "ssh" / "id_balupi"
    settings.NAS_SSH_KNOWN_HOSTS = tmp_path / "ssh" / "known_hosts"
    settings.FRONTEND_DIR = tmp_path / "frontend"


@pytest.fixture
def known() -> Known:
    """Nothing is known but the time."""
    return Known(timezone.now())


def said(verdict: Verdict) -> tuple[str, str]:
    """Return level and words; a verdict that asks for something has a cure, any other has none."""
    assert bool(verdict.cure) == (verdict.level in {"warn", "fail"}), verdict
    return verdict.level.value, f"{verdict.found} | {verdict.cure}"
