"""Who is near, and where a plug may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from balupi_site.lib.network import is_household_ipv4, is_near

NEAR = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255", "169.254.7.7", "::1", "fc00::1", "fdff::1", "fe80::1",
    "fe80::1%eth0", "::ffff:192.168.1.2", "::ffff:127.0.0.1",
]  # fmt: skip
FAR = [
    "", "x", "8.8.8.8", "11.0.0.1", "9.255.255.255", "172.15.255.255", "172.32.0.1", "192.167.1.1",
    "192.169.0.1", "100.64.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "0.0.0.0",
    "240.0.0.1", "255.255.255.255", "::", "2001:db8::1", "2003::1", "fec0::1", "ff02::1",
    "::ffff:8.8.8.8", "64:ff9b::c0a8:102", "2002:c0a8:0102::1", "0192.168.1.1", "192.168.1",
    "192.168.1.1, 8.8.8.8", "3232235777",
]  # fmt: skip


@pytest.mark.parametrize("address", NEAR)
def test_who_is_in_the_house_is_near(address: str) -> None:
    assert is_near(address)


@pytest.mark.parametrize("address", FAR)
def test_nobody_else_is_near(address: str) -> None:
    assert not is_near(address)


def test_who_has_a_public_address_of_our_own_network_is_near_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "if_inet6"
    monkeypatch.setattr("balupi_site.lib.network._OWN_IPV6", ours)
    assert not is_near("2001:db8:0:7::9")  # no IPv6 at all
    ours.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "20010db8000000070000000000000001 02 40 00 00     eth0\n"
        "20020db8000000070000000000000001 03 10 00 80     tun0\n"
    )
    assert is_near("2001:db8:0:7::9")
    assert not is_near("2001:db8:0:8::9")
    assert not is_near("2002:db8:0:7::9")  # a tunnel's prefix is no household


@pytest.mark.parametrize("address", ["10.1.2.3", "172.20.0.9", "192.168.178.60"])
def test_a_plug_is_in_the_household_s_network(address: str) -> None:
    assert is_household_ipv4(address)


@pytest.mark.parametrize(
    "address",
    [*FAR, "127.0.0.1", "169.254.169.254", "fd00::1", "::ffff:10.0.0.1", "0x0a000001", "012.0.0.1",
     "localhost", "10.0.0.1:80", "10.0.0.1/8", " 10.0.0.1"],
)  # fmt: skip
def test_a_plug_is_nowhere_else(address: str) -> None:
    assert not is_household_ipv4(address)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("192.168.178.20", 200),
        ("fd12::20", 200),
        ("::ffff:192.168.178.20", 200),
        ("9.9.9.9", 403),
        ("2003::9", 403),
        ("::ffff:9.9.9.9", 403),
        ("100.64.3.4", 403),
    ],
)
def test_the_admin_site_answers_only_the_house(
    client: Client, address: str, status: int, settings: Any
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    assert client.get("/admin/", REMOTE_ADDR=address).status_code == status
    # What a client says of itself is not believed; the server alone sets the address.
    spoofed = client.get("/admin/", REMOTE_ADDR=address, headers={"X-Forwarded-For": "192.168.1.1"})
    assert spoofed.status_code == status
    settings.ADMIN_PRIVATE_ONLY = False
    assert client.get("/admin/", REMOTE_ADDR=address).status_code == 200
