"""The admin's first page: what is wrong, what runs, the last troubles, and where each is mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site import admin_index
from balupi_site.doctor import Area, Finding, Level
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from energy.models import PlugStatus
from energy.sample_buffer import SampleBuffer
from energy.tests.factories import make_plug, make_reading

pytestmark = pytest.mark.django_db

FINDINGS = [
    Finding("clock", "Clock", Level.OK, "It is right."),
    Finding("space", "Disk", Level.WARN, "It is 91 % full.", "Make room.", Area.STORES),
    Finding(
        "login", "Login <b>", Level.FAIL, "Pi-hole refuses it.", "Set the password.", Area.PIHOLE
    ),
    Finding("ssh", "ssh", Level.SKIPPED, "The NAS sleeps."),
]


@pytest.fixture
def owner() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    return client


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the doctor finds; nothing at first."""
    findings: list[Finding] = []
    monkeypatch.setattr(admin_index, "quick_findings", lambda _now: findings)
    return findings


def text_of(client: Client) -> str:
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.content.decode().replace("\xa0", " ")


def test_what_is_wrong_comes_first_with_its_cure(owner: Client, found: list[Finding]) -> None:
    found += FINDINGS
    text = text_of(owner)
    assert "1 thing is wrong." in text
    assert text.index("Login &lt;b&gt;") < text.index("Disk") < text.index("What runs now")
    assert all(each in text for each in ("Set the password.", "Make room."))
    assert "It is right." not in text
    assert "1 quick check found nothing." in text
    assert '<a href="/admin/pihole/namestatus/">Login' in text
    assert 'href="/admin/doctor/"' in text


@pytest.mark.parametrize(
    ("levels", "headline"),
    [
        ([Level.OK, Level.SKIPPED], "Everything is in order."),
        ([Level.WARN, Level.WARN], "2 things want a look."),
        ([Level.FAIL, Level.FAIL, Level.WARN], "2 things are wrong."),
    ],
)
def test_the_headline_says_how_it_is(
    owner: Client, found: list[Finding], levels: list[Level], headline: str
) -> None:
    found += [Finding("x", "X", level, "seen") for level in levels]
    assert f'<h1 class="headline">{headline}</h1>' in text_of(owner)


@pytest.mark.usefixtures("no_redis")
def test_it_opens_on_the_first_day_and_without_redis_with_the_real_doctor(owner: Client) -> None:
    text = text_of(owner)
    assert "Nothing has gone wrong so far." in text
    assert "Search for plugs in their list." in text
    assert "not known" in text


@pytest.mark.usefixtures("redis_server")
def test_plugs_are_told_with_power_age_and_a_way_to_them(
    owner: Client, found: list[Finding]
) -> None:
    lamp = make_plug(101, name="Lamp", status=PlugStatus.OK)
    make_plug(102, name="Gone", status=PlugStatus.UNREACHABLE, status_message="Is it powered?")
    reading = make_reading(device_id=lamp.device_id, at=datetime.now(UTC), power_w=12.25)
    SampleBuffer().put(reading, is_sample=False)
    text = text_of(owner)
    assert all(each in text for each in ("Plug Lamp", "12.2 W", "0 s ago", "Is it powered?"))
    assert f'href="/admin/energy/smartplug/{lamp.pk}/change/"' in text


def test_the_last_troubles_are_told_and_lead_to_their_subject(
    owner: Client, found: list[Finding]
) -> None:
    now = timezone.now()
    record(Kind.PLUG_ANOMALY, now - timedelta(hours=3), subject="Fridge A&B", is_trouble=True,
           anomaly="plug_lost")  # fmt: skip
    record(Kind.INBOX_MOVED, now, files=3, bytes=1)
    text = text_of(owner)
    assert "Fridge A&amp;B does not answer." in text
    assert "3 h ago" in text
    assert "/admin/energy/smartplug/?q=Fridge+A%26B" in text
    assert "moved to the NAS" not in text


def test_whoever_may_not_see_a_list_gets_no_link_to_it(found: list[Finding]) -> None:
    client = Client()
    client.force_login(User.objects.create_user("reader", is_staff=True))
    text = text_of(client)
    assert "What runs now" in text
    for page in (
        "nasctl/nasstatus",
        "pihole/namestatus",
        "handshake/inboxstatus",
        "energy/smartplug",
    ):
        assert f"/admin/{page}/" not in text


@pytest.mark.usefixtures("redis_server")
def test_more_plugs_and_troubles_cost_no_more_queries(
    owner: Client, found: list[Finding], django_assert_max_num_queries: Any
) -> None:
    for number in range(101, 121):
        plug = make_plug(number)
        reading = make_reading(device_id=plug.device_id, at=datetime.now(UTC), power_w=1)
        SampleBuffer().put(reading, is_sample=False)
        record(Kind.PLUG_ANOMALY, timezone.now(), subject=str(plug), is_trouble=True)
    with django_assert_max_num_queries(22):
        text_of(owner)


def test_every_page_is_in_one_group_and_none_is_left_over(
    owner: Client, found: list[Finding]
) -> None:
    text = text_of(owner)
    for model in admin.site._registry:
        name = f"{model._meta.app_label}/{model._meta.model_name}"
        assert text.count(f'<a href="/admin/{name}/"') >= 1, name
    assert ">Others<" not in text


def test_an_app_s_own_page_still_lists_only_its_models(owner: Client) -> None:
    text = owner.get("/admin/energy/").content.decode()
    assert "What runs now" not in text
    assert "/admin/energy/tariff/" in text
