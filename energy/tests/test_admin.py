"""The admin's pages of plugs: what they show, ask back and refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from balupi_site.lib.errors import RefusedError, TransientError
from energy import asking, tasks
from energy.models import (
    Anomaly,
    EnergyHour,
    PlugRole,
    PlugStatus,
    PowerSample,
    SmartPlug,
    SwitchUnlock,
)
from energy.sample_buffer import SampleBuffer
from energy.services import plugs as plug_services
from energy.tests.factories import NOON, id_of, make_plug, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]

PLUGS = "/admin/energy/smartplug/"


@pytest.fixture
def owner() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    return client


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let a worker answer what is stored under ``answer``; what it was asked is under ``asked``."""
    state: dict[str, Any] = {"answer": True, "asked": []}

    def ask_worker(task: Any, *args: str, wait_s: int, site: str = "") -> Any:
        state["asked"].append((task, *args, wait_s))
        state["site"] = site
        if isinstance(state["answer"], Exception):
            raise state["answer"]
        return state["answer"]

    monkeypatch.setattr(asking, "ask_worker", ask_worker)
    return state


def act(client: Client, action: str, *plugs: SmartPlug, **more: str) -> Any:
    data = {"action": action, "_selected_action": [plug.pk for plug in plugs], **more}
    return client.post(PLUGS, data)


def texts(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_list_answers_the_first_questions(owner: Client) -> None:
    make_plug(name="Freezer", status=PlugStatus.UNREACHABLE, status_message="No answer <b>")
    at = datetime.now(UTC) - timedelta(minutes=5, seconds=30)
    SampleBuffer().put(make_reading(at=at, power_w=61.25), is_sample=False)
    page = owner.get(PLUGS).content.decode()
    assert all(text in page for text in ("Freezer", "61.2\xa0W", "5\xa0min ago", "no answer"))
    assert 'class="badge bad"' in page
    assert 'class="number stale"' in page  # an old figure never looks like the present one
    assert "No answer &lt;b&gt;" in page


def test_a_plug_that_answers_but_was_not_read_lately_is_stale(owner: Client) -> None:
    make_plug(status=PlugStatus.OK)
    reading = make_reading(at=datetime.now(UTC), power_w=5)
    SampleBuffer().put(reading, is_sample=False)
    assert 'class="badge good"' in owner.get(PLUGS).content.decode()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10), tick=False):
        page = owner.get(PLUGS).content.decode()
    assert 'class="badge warn"' in page
    assert 'class="badge good"' not in page


def test_a_plug_that_was_never_read_says_so(owner: Client) -> None:
    make_plug()
    page = owner.get(PLUGS).content.decode()
    assert "never read" in page
    assert "0.0 W" not in page


def test_more_plugs_cost_no_more_queries(owner: Client, django_assert_num_queries: Any) -> None:
    make_plug(101)
    with django_assert_num_queries(8) as captured:
        owner.get(PLUGS)
    for number in range(102, 112):
        make_plug(number)
    with django_assert_num_queries(len(captured)):
        owner.get(PLUGS)


def test_name_role_address_and_polling_can_be_changed_and_nothing_else(owner: Client) -> None:
    plug = make_plug(refused_credentials="digest")
    change = {"name": "NAS", "role": "nas", "enabled": "on", "host": "127.0.0.7", "mac": "x"}
    owner.post(f"{PLUGS}{plug.pk}/change/", {**change, "device_id": "x", "status": "ok"})
    plug.refresh_from_db()
    assert (plug.name, plug.role, plug.host) == ("NAS", PlugRole.NAS, "127.0.0.7")
    assert (plug.device_id, plug.status) == (id_of(101), PlugStatus.UNKNOWN)
    assert plug.refused_credentials == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"role": "nas"}, "Another plug has the role NAS already."),
        ({"host": "192.168.178.60"}, "talks only to this machine"),
        ({"site": "the garage"}, "A short name such as garage"),
    ],
)
def test_what_must_not_be_is_told_in_the_form(
    owner: Client, change: dict[str, str], text: str
) -> None:
    plug = make_plug(101)
    make_plug(102, role=PlugRole.NAS)
    data = {"name": "Plug", "role": "generic", "enabled": "on", "host": "127.0.0.7", **change}
    response = owner.post(f"{PLUGS}{plug.pk}/change/", data)
    assert text in response.content.decode()
    assert SmartPlug.objects.get(pk=plug.pk).name == "Plug 101"


def test_plugs_cannot_be_typed_in(owner: Client) -> None:
    assert owner.get(f"{PLUGS}add/").status_code == 403


def test_switching_on_asks_the_worker_for_each_plug(owner: Client, worker: dict[str, Any]) -> None:
    first, second = make_plug(101), make_plug(102)
    assert "Switch these plugs on?" in act(owner, "switch_on", first, second).content.decode()
    assert worker["asked"] == []
    response = act(owner, "switch_on", first, second, confirmed="yes")
    assert worker["asked"] == [
        (tasks.switch_plug, first.device_id, "on", 10),
        (tasks.switch_plug, second.device_id, "on", 10),
    ]
    assert texts(response) == ["Plug 101 is on.", "Plug 102 is on."]


def test_switching_off_asks_back_first(owner: Client, worker: dict[str, Any]) -> None:
    plug = make_plug(name="Freezer")
    worker["answer"] = False
    asking = act(owner, "switch_off", plug)
    assert asking.status_code == 200
    assert "Freezer" in asking.content.decode()
    assert worker["asked"] == []
    done = act(owner, "switch_off", plug, confirmed="yes")
    assert worker["asked"] == [(tasks.switch_plug, plug.device_id, "off", 10)]
    assert texts(done) == ["Freezer is off."]


def test_a_refusal_is_shown(owner: Client, worker: dict[str, Any]) -> None:
    worker["answer"] = RefusedError("The NAS is not off.", code="nas_on")
    response = act(owner, "switch_off", make_plug(), confirmed="yes")
    assert texts(response) == ["The NAS is not off."]


def test_unlocking_says_first_what_can_happen(owner: Client) -> None:
    plug = make_plug(name="NAS")
    asking = act(owner, "unlock", plug)
    assert asking.status_code == 200
    page = asking.content.decode()
    assert all(text in page for text in ("NAS", "loses data", "hangs", "60 seconds"))
    assert not SwitchUnlock.objects.exists()
    done = act(owner, "unlock", plug, confirmed="yes")
    unlock = SwitchUnlock.objects.get()
    assert (unlock.plug, unlock.unlocked_by, unlock.unlocked_from) == (plug, "owner", "127.0.0.1")
    assert texts(done) == ["NAS is unlocked for 60 seconds."]


def test_unlocking_needs_the_right_to_change() -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_smartplug"))
    client = Client()
    client.force_login(reader)
    act(client, "unlock", make_plug(), confirmed="yes")
    assert not SwitchUnlock.objects.exists()


def test_the_list_shows_how_much_longer_a_plug_is_unlocked(owner: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        make_plug(102)
        unlock_of(make_plug(101), at=NOON - timedelta(seconds=16.5))
        page = owner.get(PLUGS).content.decode()
    assert page.count("unlocked for") == 1
    assert "unlocked for 44\xa0s" in page


def unlock_of(plug: SmartPlug, at: datetime = NOON) -> SwitchUnlock:
    return SwitchUnlock.objects.create(
        plug=plug, at=at, unlocked_by="owner", unlocked_from="command"
    )


def anomaly_of(plug: SmartPlug, **fields: Any) -> Anomaly:
    facts = {"mean_w": 44.0, "usual_max_w": 16.0}
    values = {"kind": "unusual_power", "began_at": NOON, "facts": facts, **fields}
    return Anomaly.objects.create(plug=plug, **values)


def test_anomalies_are_told_in_words(owner: Client) -> None:
    freezer, lamp = make_plug(101, name="Freezer"), make_plug(102, name="Lamp")
    anomaly_of(freezer)
    anomaly_of(lamp, ended_at=NOON + timedelta(hours=3))
    url = "/admin/energy/anomaly/"
    page = owner.get(url).content.decode()
    assert "Freezer draws 44\xa0W, usually at most 16\xa0W." in page
    assert "Lamp drew 44\xa0W, usually at most 16\xa0W." in page
    assert all(text in page for text in ("lasting", "over", "3\xa0h"))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        pytest.param("open=yes", ["Freezer draws"], id="lasting"),
        pytest.param("open=no", ["Lamp drew"], id="over"),
        pytest.param("open=x", ["Freezer draws", "Lamp drew"], id="nonsense"),
        pytest.param("kind=plug_lost", [], id="another kind"),
        pytest.param("plug__name=Lamp", ["Lamp drew"], id="a plug"),
    ],
)
def test_anomalies_can_be_filtered(owner: Client, query: str, shown: list[str]) -> None:
    anomaly_of(make_plug(101, name="Freezer"))
    anomaly_of(make_plug(102, name="Lamp"), ended_at=NOON + timedelta(hours=3))
    if query.startswith("plug"):
        query = f"plug__id__exact={SmartPlug.objects.get(name='Lamp').pk}"
    page = owner.get(f"/admin/energy/anomaly/?{query}").content.decode()
    assert [text for text in ("Freezer draws", "Lamp drew") if text in page] == shown


def test_reading_now_tells_how_many_answered(owner: Client, worker: dict[str, Any]) -> None:
    worker["answer"] = 1
    response = act(owner, "read_now", make_plug(101), make_plug(102))
    assert worker["asked"] == [(tasks.read_plugs_now, id_of(101), id_of(102), 10)]
    assert texts(response) == ["1 of 2 plugs answered."]


def test_the_search_button_is_on_the_list_and_tells_what_was_found(
    owner: Client, worker: dict[str, Any]
) -> None:
    make_plug()
    url = reverse("admin:energy_smartplug_discover")
    assert url in owner.get(PLUGS).content.decode()
    found = {"name": "", "model": "P115", "mac": "aa", "host": "127.0.0.9"}
    worker["answer"] = [
        {**found, "outcome": "added", "message": ""},
        {**found, "outcome": "failed", "message": "Switch it on."},
    ]
    response = owner.post(url)
    assert response.status_code == 302
    assert texts(response) == ["2 devices found, 1 new.", "P115 aa (127.0.0.9): Switch it on."]


def test_sites_are_shown_where_there_are_some_and_searched_one_by_one(
    owner: Client, worker: dict[str, Any]
) -> None:
    plug = make_plug(101)
    assert "site" not in owner.get(PLUGS).context["cl"].list_display
    make_plug(102, name="Far away", site="garage")
    page = owner.get(PLUGS)
    assert "site" in page.context["cl"].list_display
    assert "Search at the site garage" in page.content.decode()
    worker["answer"] = []
    owner.post(reverse("admin:energy_smartplug_discover"), {"site": "garage"})
    assert worker["site"] == "garage"
    owner.post(reverse("admin:energy_smartplug_discover"), {"site": "nowhere"})
    assert worker["site"] == ""
    worker["answer"] = 1
    response = act(owner, "read_now", plug, SmartPlug.objects.get(name="Far away"))
    assert texts(response)[-1] == "2 of 2 plugs answered."


def test_a_search_needs_a_post_and_the_right_to_change(
    owner: Client, worker: dict[str, Any]
) -> None:
    url = reverse("admin:energy_smartplug_discover")
    assert owner.get(url).status_code == 405
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_smartplug"))
    client = Client()
    client.force_login(reader)
    assert client.post(url).status_code == 403
    assert Client().post(url).status_code == 302
    assert worker["asked"] == []


def test_a_worker_that_is_away_is_shown(owner: Client, worker: dict[str, Any]) -> None:
    worker["answer"] = TransientError("The worker did not answer.")
    response = owner.post(reverse("admin:energy_smartplug_discover"))
    assert texts(response) == ["The worker did not answer."]


@pytest.mark.parametrize("way", ["one", "many"])
def test_plugs_can_be_deleted(owner: Client, way: str) -> None:
    plug = make_plug()
    PowerSample.objects.create(plug=plug, at=NOON, power_w=1)
    anomaly_of(plug)
    asking = owner.get(f"{PLUGS}{plug.pk}/delete/").content.decode()
    assert "Power samples: 1" in asking
    assert "Anomalies: 1" in asking
    if way == "one":
        owner.post(f"{PLUGS}{plug.pk}/delete/", {"post": "yes"})
    else:
        act(owner, "delete_selected", plug, post="yes")
    assert (SmartPlug.objects.count(), PowerSample.objects.count()) == (0, 0)


@pytest.mark.parametrize("model", ["powersample", "energyhour", "anomaly", "switchunlock"])
def test_what_was_measured_is_read_only(
    owner: Client, django_assert_max_num_queries: Any, model: str
) -> None:
    for number in range(101, 111):
        plug = make_plug(number)
        PowerSample.objects.create(plug=plug, at=NOON, power_w=60)
        EnergyHour.objects.create(plug=plug, hour=NOON, energy_wh=60, coverage=1)
        anomaly_of(plug)
        unlock_of(plug)
    pk = apps.get_model("energy", model)._default_manager.values_list("pk", flat=True)[0]
    url = f"/admin/energy/{model}/"
    with django_assert_max_num_queries(9):
        assert "Plug 105" in owner.get(url).content.decode()
    assert owner.get(f"{url}add/").status_code == 403
    assert owner.post(f"{url}{pk}/change/", {"power_w": 1}).status_code == 403
    assert owner.post(f"{url}{pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_admin_keeps_a_role_that_a_guard_wants_kept(owner: Client) -> None:
    plug = make_plug(role=PlugRole.NAS)
    plug_services.register_role_guard(lambda _plug: RefusedError("It runs.", code="nas_role"))
    page = f"{PLUGS}{plug.pk}/"
    fields = {"name": plug.name, "role": "generic", "enabled": "on", "host": plug.host}
    refused = owner.post(f"{page}change/", fields)
    assert "It runs." in refused.content.decode()
    assert "It runs." in owner.post(f"{page}delete/", {"post": "yes"}).content.decode()
    plug.refresh_from_db()
    assert plug.role == PlugRole.NAS
    assert owner.post(f"{page}change/", {**fields, "role": "nas"}).status_code == 302
