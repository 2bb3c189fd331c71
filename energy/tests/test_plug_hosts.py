"""Nobody can have us talk to an address where no plug of the household may be."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from energy.addresses import flaw_of_host
from energy.models import SmartPlug
from energy.plug_pool import PlugPool
from energy.tests.factories import id_of, make_plug
from energy.tests.fake_plugs import FakeNetwork

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

#: Services of clouds, the Internet, this machine, and other ways to write their addresses.
OUTSIDE = [
    "169.254.169.254", "8.8.8.8", "100.64.0.1", "192.0.2.1", "0.0.0.0", "255.255.255.255",
    "224.0.0.1", "127.0.0.1", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "fd00::1", "localhost",
    "baluhost.local", "0177.0.0.1", "0x7f.1", "2130706433", "127.1", "10.0.0.1:80", "10.0.0.1/x",
    "10.0.0.1#", "10.0.0.1\n", "10.0.0.1 8.8.8.8", "user@10.0.0.1", "", "\uff11\uff10.0.0.1", "10.0.0.01",
]  # fmt: skip


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("owner")


@pytest.fixture
def plug(settings: Any) -> SmartPlug:
    """A plug in a real home."""
    settings.IS_PROD = True
    return make_plug(101, host="192.168.178.60")


@pytest.mark.parametrize("host", OUTSIDE)
def test_the_api_and_the_model_refuse_an_address_outside(
    host: str, plug: SmartPlug, owner: User
) -> None:
    api = APIClient()
    api.force_authenticate(owner)
    answer = api.put(f"/api/tapo/devices/{id_of(101)}", {"host": host}, format="json")
    if answer.status_code == 200:  # blanks around it are passed over
        assert answer.json()["host"] == host.strip() == "10.0.0.1"
        return
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["host"]
    assert SmartPlug.objects.get().host == "192.168.178.60"
    plug.host = host
    with pytest.raises(ValidationError, match="host"):
        plug.full_clean()


@pytest.mark.parametrize("host", ["169.254.169.254", "8.8.8.8", "127.0.0.1", "::ffff:10.0.0.1"])
def test_the_admin_site_refuses_them_too(
    host: str, plug: SmartPlug, client: Client, owner: User
) -> None:
    client.force_login(owner)
    url = f"/admin/energy/smartplug/{plug.pk}/change/"
    answer = client.post(url, {"name": "x", "role": "generic", "enabled": "on", "host": host})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"host"}
    assert SmartPlug.objects.get().host == "192.168.178.60"


@pytest.mark.parametrize("host", ["10.0.0.7", "172.16.9.9", "192.168.178.61"])
def test_an_address_of_the_household_s_network_is_fine(
    host: str, plug: SmartPlug, owner: User
) -> None:
    api = APIClient()
    api.force_authenticate(owner)
    answer = api.put(f"/api/tapo/devices/{id_of(101)}", {"host": host}, format="json")
    assert answer.json()["host"] == host


def test_a_trial_talks_to_this_machine_only(settings: Any) -> None:
    settings.IS_PROD = False
    assert flaw_of_host("127.66.0.9") == ""
    assert flaw_of_host("192.168.178.60")


@pytest.mark.enable_socket
def test_a_forged_answer_to_a_search_leads_nowhere_else(
    network: FakeNetwork, pool: PlugPool
) -> None:
    """Anybody on the network can answer a search, and write any address into the packet's sender."""
    network.announce(1, host="127.0.0.9")
    network.announce(2, host="9.9.9.9")
    assert [each.host for each in pool.discover("127.0.0.255")] == ["127.0.0.9"]
