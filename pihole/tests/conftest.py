"""Fixtures of this app's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pihole.tests.sim import PASSWORD, Pihole


@pytest.fixture
def pihole(settings: Any) -> Iterator[Pihole]:
    """Run a simulated Pi-hole with two records of others, and point the product at it."""
    home = Pihole(["10.9.9.9 printer.lan", "10.9.9.8 tv.lan # living room"], PASSWORD)
    with home.running():
        settings.PIHOLE_URL = home.url
        settings.PIHOLE_PASSWORD = PASSWORD
        settings.PIHOLE_DNS = home.dns
        settings.NAS_IP = f"{home.block}.53"
        settings.PI_IP = f"{home.block}.2"
        settings.DNS_NAMES = ("baluhost.local", "baluhost.lan")
        yield home


@pytest.fixture
def nowhere(settings: Any) -> None:
    """Point the product at a Pi-hole that is not there."""
    settings.PIHOLE_URL = "http://127.0.0.1:9"
    settings.PIHOLE_PASSWORD = PASSWORD
    settings.PIHOLE_DNS = ("127.0.0.1", 9)
    settings.NAS_IP = "127.66.0.53"
    settings.PI_IP = "127.66.0.2"
    settings.DNS_NAMES = ("baluhost.local",)
