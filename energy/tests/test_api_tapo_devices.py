"""/api/tapo/devices: who may see, change and switch plugs, and what bad input gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from balupi_site.lib.errors import PermanentError, RefusedError, TransientError
from balupi_site.lib.kept import kept
from energy import asking, services, tasks
from energy.models import PlugRole, PowerSample, SmartPlug
from energy.sample_buffer import SampleBuffer, latest_lines
from energy.services import plugs as plug_services
from energy.tests.factories import NOON, id_of, mac_of, make_plug, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]

LIST = "/api/tapo/devices"
ONE = f"{LIST}/{id_of(101)}"


def client(*, is_admin: bool) -> APIClient:
    api = APIClient()
    api.force_authenticate(User.objects.create_user(f"admin {is_admin}", is_staff=is_admin))
    return api


@pytest.fixture
def admin_api() -> APIClient:
    return client(is_admin=True)


@pytest.fixture
def user_api() -> APIClient:
    return client(is_admin=False)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Let a worker say that everything is on; gives what it was asked."""
    asked: list[tuple[Any, ...]] = []

    def ask_worker(task: Any, *args: str, wait_s: int, site: str = "") -> Any:
        asked.append((task, *args, wait_s))
        return [] if task is tasks.discover_plugs else True

    monkeypatch.setattr(asking, "ask_worker", ask_worker)
    return asked


def let_worker_raise(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def ask_worker(*_args: Any, **_kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(asking, "ask_worker", ask_worker)


def test_a_plug_is_told_completely(user_api: APIClient) -> None:
    plug = make_plug()
    SampleBuffer().put(make_reading(), is_sample=False)
    body = user_api.get(ONE).json()
    latest = body.pop("latest")
    assert body.pop("first_seen_at") == plug.created_at.isoformat()
    assert body == {
        "id": id_of(101),
        "device_id": id_of(101),
        "mac": mac_of(101),
        "name": "Plug 101",
        "model": "P110",
        "firmware_version": "1.3.2 Build 250114 Rel.101500",
        "role": "generic",
        "host": "127.0.0.101",
        "site": "",
        "enabled": True,
        "status": "unknown",
        "status_message": "",
        "status_since": None,
        "is_online": False,
    }
    assert latest.pop("age_s") > 0
    assert latest == {
        "at": "2026-03-02T12:00:00+00:00",
        "is_stale": True,
        "power_w": 60.0,
        "voltage_v": 230.0,
        "current_a": 0.26,
        "today_energy_wh": 480.0,
        "relay_on": True,
        "rssi_dbm": -50,
    }


def test_a_plug_that_was_never_read_has_no_latest(user_api: APIClient) -> None:
    make_plug()
    assert user_api.get(ONE).json()["latest"] is None


def test_the_list_has_plugs_that_are_not_polled_too(user_api: APIClient) -> None:
    make_plug(101)
    make_plug(102, enabled=False)
    assert [each["enabled"] for each in user_api.get(LIST).json()] == [True, False]


def test_the_list_costs_two_queries(user_api: APIClient, django_assert_num_queries: Any) -> None:
    for number in range(101, 111):
        make_plug(number)
    with django_assert_num_queries(2):
        user_api.get(LIST)


Call = Callable[[APIClient], Any]
CHANGES: list[Any] = [
    pytest.param(lambda api: api.post(f"{LIST}/discover"), id="discover"),
    pytest.param(lambda api: api.put(ONE, {"name": "New"}, format="json"), id="put"),
    pytest.param(lambda api: api.patch(ONE, {"name": "New"}, format="json"), id="patch"),
    pytest.param(lambda api: api.delete(ONE), id="delete"),
    pytest.param(lambda api: api.post(f"{ONE}/on"), id="on"),
    pytest.param(lambda api: api.post(f"{ONE}/off"), id="off"),
    pytest.param(lambda api: api.post(f"{ONE}/toggle"), id="toggle"),
]


@pytest.mark.parametrize("call", CHANGES)
def test_only_admins_change_plugs(
    user_api: APIClient, worker: list[tuple[Any, ...]], settings: Any, call: Call
) -> None:
    settings.PUBLIC_READ = True
    make_plug()
    assert call(user_api).status_code == 403
    assert call(APIClient()).status_code == 401
    assert (worker, SmartPlug.objects.get().name) == ([], "Plug 101")


@pytest.mark.parametrize("path", [LIST, ONE])
def test_strangers_read_nothing(path: str) -> None:
    make_plug()
    assert APIClient().get(path).status_code == 401


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_admin_changes_what_is_sent_and_nothing_else(admin_api: APIClient, method: str) -> None:
    make_plug()
    change = {"name": "NAS", "role": "nas", "enabled": False, "host": "127.0.0.7"}
    response = getattr(admin_api, method)(ONE, change, format="json")
    assert response.status_code == 200
    assert {key: response.json()[key] for key in change} == change
    getattr(admin_api, method)(ONE, {"enabled": True}, format="json")
    plug = SmartPlug.objects.get()
    assert (plug.name, plug.role, plug.enabled, plug.host) == ("NAS", "nas", True, "127.0.0.7")


def test_what_was_read_can_be_sent_back(admin_api: APIClient) -> None:
    make_plug()
    body = admin_api.get(ONE).json()
    assert admin_api.put(ONE, {**body, "name": "New"}, format="json").status_code == 200
    plug = SmartPlug.objects.get()
    assert (plug.name, plug.device_id) == ("New", id_of(101))


def test_a_new_address_gives_a_refused_login_another_chance(admin_api: APIClient) -> None:
    make_plug(refused_credentials="digest")
    admin_api.patch(ONE, {"name": "New"}, format="json")
    assert SmartPlug.objects.get().refused_credentials == "digest"
    admin_api.patch(ONE, {"host": "127.0.0.7"}, format="json")
    assert SmartPlug.objects.get().refused_credentials == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"role": "banana"}, "role", id="unknown role"),
        pytest.param({"role": None}, "role", id="no role"),
        pytest.param({"role": ["nas"]}, "role", id="a list as role"),
        pytest.param({"role": {"a": 1}}, "role", id="an object as role"),
        pytest.param({"name": ""}, "name", id="empty name"),
        pytest.param({"name": "x" * 65}, "name", id="name too long"),
        pytest.param({"name": "a\0b"}, "name", id="NUL in the name"),
        pytest.param({"name": {"a": 1}}, "name", id="object as name"),
        pytest.param({"host": "nas.local"}, "host", id="no address"),
        pytest.param({"host": "::1"}, "host", id="IPv6"),
        pytest.param({"host": "192.168.178.60"}, "host", id="outside, in a trial"),
        pytest.param({"host": 10**400}, "host", id="a huge number"),
        pytest.param({"enabled": "perhaps"}, "enabled", id="neither true nor false"),
        pytest.param({"enabled": None}, "enabled", id="nothing"),
        pytest.param({"roel": "nas"}, "roel", id="misspelt"),
        pytest.param([], "non_field_errors", id="a list"),
        pytest.param("text", "non_field_errors", id="a text"),
        pytest.param(7, "non_field_errors", id="a number"),
    ],
)
def test_bad_input_is_400_names_the_field_and_changes_nothing(
    admin_api: APIClient, change: object, field: str
) -> None:
    make_plug()
    before = SmartPlug.objects.values().get()
    response = admin_api.put(ONE, change, format="json")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert SmartPlug.objects.values().get() == before


def test_one_bad_field_keeps_the_good_ones_from_being_stored(admin_api: APIClient) -> None:
    make_plug()
    admin_api.put(ONE, {"name": "New", "role": "banana"}, format="json")
    assert SmartPlug.objects.get().name == "Plug 101"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"name": "\xff"}', b"null", b"{}{}"])
def test_a_body_that_is_no_object_is_400(admin_api: APIClient, body: bytes) -> None:
    make_plug()
    before = SmartPlug.objects.values().get()
    response = admin_api.put(ONE, body, content_type="application/json")
    assert response.status_code == 400
    assert SmartPlug.objects.values().get() == before


def test_only_one_plug_is_the_nas(admin_api: APIClient) -> None:
    make_plug(101)
    make_plug(102, role=PlugRole.NAS)
    response = admin_api.put(ONE, {"role": "nas"}, format="json")
    assert response.status_code == 400
    assert "already" in response.json()["errors"]["role"][0]
    again = admin_api.put(f"{LIST}/{id_of(102)}", {"role": "nas"}, format="json")
    assert again.status_code == 200


def test_two_requests_at_once_cannot_make_two_nas_plugs(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plug(101)
    real_edit = plug_services.edit_plug

    def edit_after_another(plug: SmartPlug, **fields: Any) -> SmartPlug:
        make_plug(102, role=PlugRole.NAS)
        return real_edit(plug, **fields)

    monkeypatch.setattr(services, "edit_plug", edit_after_another)
    response = admin_api.put(ONE, {"role": "nas"}, format="json")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["role"]
    assert SmartPlug.objects.get(device_id=id_of(101)).role == PlugRole.GENERIC


def test_a_plug_is_found_by_its_id_whatever_is_in_that(admin_api: APIClient) -> None:
    make_plug(device_id="4f1c-Ä.b_7")
    assert admin_api.get(f"{LIST}/4f1c-%C3%84.b_7").json()["id"] == "4f1c-Ä.b_7"


UNKNOWN = ["NOBODY", "9" * 5000, "%00", "a%00b", "%FF%FE", "%F0%9F%94%8C", "..", "-1", "101%27"]


@pytest.mark.parametrize("device_id", UNKNOWN)
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_unknown_plug_is_404(admin_api: APIClient, method: str, device_id: str) -> None:
    make_plug()
    response = getattr(admin_api, method)(f"{LIST}/{device_id}", {}, format="json")
    assert response.status_code == 404
    assert isinstance(response.json()["detail"], str)


@pytest.mark.parametrize("action", ["on", "off", "toggle"])
def test_switching_an_unknown_plug_is_404(
    admin_api: APIClient, worker: list[tuple[Any, ...]], action: str
) -> None:
    assert admin_api.post(f"{LIST}/NOBODY/{action}").status_code == 404
    assert worker == []


def test_a_deleted_plug_goes_with_all_it_measured(admin_api: APIClient) -> None:
    plug = make_plug()
    PowerSample.objects.create(plug=plug, at=NOON, power_w=60)
    SampleBuffer().put(make_reading(), is_sample=False)
    assert admin_api.delete(ONE).status_code == 204
    assert (SmartPlug.objects.count(), PowerSample.objects.count()) == (0, 0)
    assert latest_lines() == {}
    assert admin_api.delete(ONE).status_code == 404


@pytest.mark.parametrize("action", ["on", "off", "toggle"])
def test_switching_asks_the_worker_and_tells_what_the_plug_says(
    admin_api: APIClient, worker: list[tuple[Any, ...]], action: str
) -> None:
    make_plug()
    response = admin_api.post(f"{ONE}/{action}")
    assert response.status_code == 200
    assert response.json() == {"device_id": id_of(101), "new_state": "on", "relay_on": True}
    assert worker == [(tasks.switch_plug, id_of(101), action, 10)]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(RefusedError("The NAS is not off.", code="nas_on"), 409, id="guarded"),
        pytest.param(TransientError("The plug does not answer."), 503, id="no answer"),
        pytest.param(PermanentError("The plug refused the login."), 502, id="needs a person"),
    ],
)
def test_a_switch_that_fails_says_why(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    make_plug()
    let_worker_raise(monkeypatch, error)
    response = admin_api.post(f"{ONE}/off")
    assert response.status_code == status
    assert response.json()["detail"] == str(error)
    assert response.json().get("code") == getattr(error, "code", None)


def test_a_search_tells_what_was_found(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = ["added", "known", "added"]
    found = [{"outcome": each, "message": kept("%(n)s is away.", n=1)} for each in outcomes]
    monkeypatch.setattr(
        asking, "ask_worker", lambda *_asked, wait_s, **_site: found if wait_s == 15 else None
    )
    response = admin_api.post(f"{LIST}/discover")
    told = [{"outcome": each, "message": "1 is away."} for each in outcomes]
    assert response.json() == {"found": 3, "added": 2, "devices": told}


def test_a_search_without_a_worker_is_503(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_worker_raise(monkeypatch, TransientError("The worker did not answer."))
    assert admin_api.post(f"{LIST}/discover").status_code == 503


@pytest.mark.parametrize("path", [f"{LIST}/discover", f"{ONE}/on", f"{ONE}/toggle"])
def test_nothing_is_switched_by_a_get(
    admin_api: APIClient, worker: list[tuple[Any, ...]], path: str
) -> None:
    make_plug()
    assert admin_api.get(path).status_code == 405
    assert worker == []


@pytest.fixture
def nas_role_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def guard(plug: SmartPlug) -> RefusedError | None:
        is_nas = plug.role == PlugRole.NAS
        return RefusedError("The NAS is not asleep.", code="nas_role") if is_nas else None

    plug_services.register_role_guard(guard)


@pytest.mark.usefixtures("nas_role_is_kept")
def test_a_role_is_kept_where_a_guard_wants_it_until_the_plug_is_unlocked(
    admin_api: APIClient,
) -> None:
    plug = make_plug(role=PlugRole.NAS)
    assert admin_api.put(ONE, {"name": "Box"}, format="json").status_code == 200
    assert admin_api.put(ONE, {"role": "nas"}, format="json").status_code == 200
    for refused in (admin_api.put(ONE, {"role": "generic"}, format="json"), admin_api.delete(ONE)):
        assert (refused.status_code, refused.json()["code"]) == (409, "nas_role")
    plug.refresh_from_db()
    assert plug.role == PlugRole.NAS
    assert admin_api.post(f"{ONE}/unlock").status_code == 200
    assert admin_api.put(ONE, {"role": "generic"}, format="json").status_code == 200


@pytest.mark.parametrize(
    "body", [b'{"\\ud800": 1}', b'{"role": "\\ud800"}', b'{"name": "\\ud800"}']
)
def test_half_a_character_is_bad_input_and_no_error_of_ours(
    admin_api: APIClient, body: bytes
) -> None:
    make_plug()
    answer = admin_api.put(ONE, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"]
