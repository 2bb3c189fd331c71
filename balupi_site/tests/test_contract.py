"""What the NAS-built page reads: one test per row of its contract, and the rules for all its calls."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from balupi_site.lib.redis import client as redis_client
from balupi_site.monitor import ring
from balupi_site.monitor.meter import Meter, meter
from balupi_site.monitor.rates import CoreTimes, DiskCounts, InterfaceBytes
from balupi_site.monitor.tests.looks import IDLE, look
from balupi_site.tests.contract_rows import (
    LOGIN,
    ME,
    MONITOR,
    OF_MONITOR,
    OF_SHELL,
    OPEN_PATHS,
    PRESENCE,
    QUERIES,
    REQUIRED,
    SHELL,
    SITUATIONS,
    Row,
    values_at,
)
from energy.models import PlugStatus
from energy.sample_buffer import SampleBuffer
from energy.tests.factories import make_plug, make_reading
from handshake.models import InboxStatus
from handshake.services import snapshots
from handshake.snapshot import read_snapshot
from handshake.tests.vectors import SNAPSHOT
from nasctl.models import NasStatus
from nasctl.moments import present_moment

pytestmark = pytest.mark.django_db

PRESENCE_PATH = PRESENCE[0].path
ALL_PATHS = list(QUERIES)
CLOSED_PATHS = [path for path in ALL_PATHS if path not in OPEN_PATHS]
#: "Full": every list that a row looks into has something in it.
FULL = "all well"
Fixtures = Callable[[str], Any]


@pytest.fixture
def page() -> APIClient:
    """The page of somebody who is logged in and no admin."""
    api = APIClient()
    api.force_authenticate(User.objects.create_user("kim"))
    return api


@pytest.fixture
def situation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Bring about the situation that the test is called with."""
    name: str = request.param
    request.getfixturevalue("no_redis" if name == "Redis away" else "redis_server")
    sensors: dict[str, Any] = {}
    if name == "no sensor":
        sensors = {"frequency_mhz": None, "temperature_c": None, "core_count": None}
    _play_machine(monkeypatch, **sensors)
    if name != "empty":
        _play_plug(name)
        _play_nas("offline" if name == "NAS off" else "online")
    return name


def _play_machine(monkeypatch: pytest.MonkeyPatch, **sensors: Any) -> None:
    """Have this machine do something, and the worker have seen it."""
    busy = look(
        cores=(CoreTimes(17.5, 110.0), CoreTimes(10.0, 110.0)),
        interfaces={"eth0": InterfaceBytes(9_000_000, 90_000, is_wifi=False)},
        disks={"mmcblk0": DiskCounts(10, 60, 10_000, 9_000_000, 950, 2_550)},
        **sensors,
    )
    ring.keep(_metered(busy).sample(timezone.now()))
    fresh = _metered(busy)
    for name in ("_look", "_monotonic", "_before", "_latest"):
        monkeypatch.setattr(meter, name, getattr(fresh, name))


def _metered(after: Any) -> Meter:
    looks: Iterator[Any] = iter([IDLE])
    return Meter(look=lambda: next(looks, after), monotonic=lambda: IDLE.at_s + 10)


def _play_plug(situation: str) -> None:
    plug = make_plug(status=PlugStatus.OK)
    at = timezone.now()
    values: dict[str, Any] = {"device_id": plug.device_id, "at": at}
    if situation == "plug never read":
        return
    if situation == "plug gone":
        values["at"] = at - timedelta(hours=1)
    if situation == "plug without meter":
        values |= {"power_w": None, "voltage_v": None, "current_a": None}
    SampleBuffer().put(make_reading(**values), is_sample=False)


def _play_nas(state: str) -> None:
    now = present_moment()
    NasStatus(pk=1, state=state, since=now.at, moved_at=now.at, version=1).save()
    snapshots.keep(read_snapshot(SNAPSHOT), now.at)
    InboxStatus.objects.update_or_create(pk=1, defaults={"files": 3, "bytes": 12345})


def _cases() -> Iterator[Any]:
    for rows, otherwise in ((REQUIRED, ()), (SHELL, OF_SHELL), (MONITOR, OF_MONITOR)):
        for row in rows:
            for name in SITUATIONS.get(row.path, otherwise):
                yield pytest.param(row, name, id=f"{row.path} {row.field}: {name}")


@pytest.mark.parametrize(("row", "situation"), list(_cases()), indirect=["situation"])
def test_the_page_can_bear_the_field(page: APIClient, situation: str, row: Row) -> None:
    answer = page.get(row.path)
    assert answer.status_code == 200
    values = list(values_at(json.loads(answer.content), row.field))
    assert [value for value in values if not row.kind.fits(value)] == [], row.kind.name
    assert values or situation != FULL


@pytest.mark.parametrize("row", PRESENCE, ids=lambda row: row.field)
def test_presence_has_the_field(page: APIClient, row: Row) -> None:
    answer = page.post(PRESENCE_PATH, {"client_id": "a-page", "client_type": "web"}, format="json")
    assert answer.status_code == 200
    [value] = values_at(answer.json(), row.field)
    assert row.kind.fits(value), row.kind.name


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "client_id", id="nothing"),
        pytest.param({"client_id": ""}, "client_id", id="empty"),
        pytest.param({"client_id": "x" * 65}, "client_id", id="long"),
        pytest.param({"client_id": {"a": 1}}, "client_id", id="no text"),
        pytest.param({"client_id": "x", "client_type": ["web"]}, "client_type", id="a list"),
        pytest.param([], "non_field_errors", id="no object"),
    ],
)
def test_presence_refuses_a_bad_body(page: APIClient, body: Any, field: str) -> None:
    answer = page.post(PRESENCE_PATH, body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


# --- the login; how it is come by is the matter of balupi_site.accounts -----------------------------------


@pytest.fixture
def logged_in(no_redis: None) -> Any:
    """Log in as the page does, and give the answer's body."""
    User.objects.create_user("kim", password="right and long")
    answer = Client(enforce_csrf_checks=True).post(
        "/api/auth/login",
        {"username": "kim", "password": "right and long"},
        content_type="application/json",
    )
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def bearer(logged_in: Any) -> Client:
    """The page as it really is: no cookie, no CSRF token, only what the login gave it."""
    headers = {"Authorization": f"Bearer {logged_in['access_token']}"}
    return Client(enforce_csrf_checks=True, headers=headers)


@pytest.mark.parametrize("row", LOGIN, ids=lambda row: row.field)
def test_a_login_has_the_field(logged_in: Any, row: Row) -> None:
    [value] = values_at(logged_in, row.field)
    assert row.kind.fits(value), row.kind.name


@pytest.mark.parametrize("row", ME, ids=lambda row: row.field)
def test_a_reload_finds_the_user(bearer: Client, row: Row) -> None:
    [value] = values_at(bearer.get(row.path).json(), row.field)
    assert row.kind.fits(value), row.kind.name


def test_the_token_of_the_login_opens_every_call_without_a_csrf_token(bearer: Client) -> None:
    _play_nas("offline")
    assert {path: bearer.get(path).status_code for path in ALL_PATHS} == dict.fromkeys(
        ALL_PATHS, 200
    )
    answer = bearer.post(PRESENCE_PATH, {"client_id": "a-page"}, content_type="application/json")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/auth/login", {}),
        ("/api/auth/login", {"username": ["kim"], "password": {}}),
        ("/api/auth/verify-2fa", {"pending_token": "x"}),
    ],
)
def test_the_login_form_gets_one_text_for_bad_input(client: Client, path: str, body: Any) -> None:
    answer = client.post(path, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert isinstance(answer.json()["detail"], str)


def test_a_wrong_password_is_401_with_a_text(logged_in: Any, client: Client) -> None:
    body = {"username": "kim", "password": "wrong"}
    answer = client.post("/api/auth/login", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made-up"}])
def test_without_a_good_token_a_reload_is_401(client: Client, headers: dict[str, str]) -> None:
    assert client.get("/api/auth/me", headers=headers).status_code == 401


# --- the snapshot -----------------------------------------------------------------------------------


def test_no_snapshot_is_404_with_a_text(page: APIClient) -> None:
    answer = page.get("/api/handshake/snapshot")
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("situation", ["NAS off"], indirect=True)
def test_a_healthy_array_is_green_and_keeps_its_own_word(page: APIClient, situation: str) -> None:
    sent = json.loads(SNAPSHOT)["storage"]["arrays"]
    served = page.get("/api/handshake/snapshot").json()["storage"]["arrays"]
    assert [array["reported_state"] for array in served] == [array["state"] for array in sent]
    assert [array["state"] for array in served if array["reported_state"] == "optimal"] == [
        "active" for array in sent if array["state"] == "optimal"
    ]
    assert "active" in {array["state"] for array in served}


# --- beside the page's numbers, the truth ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("situation", "is_known"),
    [("all well", True), ("plug never read", False), ("plug without meter", False)],
    indirect=["situation"],
)
def test_a_zero_that_is_not_known_says_so(page: APIClient, situation: str, is_known: bool) -> None:
    body = page.get("/api/energy/current").json()
    [device] = body["devices"]
    assert (device["power_known"], body["total_is_complete"]) == (is_known, is_known)


@pytest.mark.parametrize("situation", ["all well", "no sensor"], indirect=True)
def test_two_names_of_one_thing_have_one_value(page: APIClient, situation: str) -> None:
    system = page.get("/api/system/status").json()
    [device] = page.get("/api/energy/current").json()["devices"]
    assert system["temperature_c"] == system["cpu_temp_celsius"]
    assert device["name"] == device["device_name"] == "Plug 101"


# --- the wake button ------------------------------------------------------------------------------------


def test_wake_needs_no_body(
    page: APIClient, no_redis: None, monkeypatch: Any, settings: Any
) -> None:
    settings.NAS_MAC_ADDRESS = "02:00:00:00:00:53"
    monkeypatch.setattr("nasctl.services.wakes.send_magic_packets", lambda *_a, **_k: ["127.0.0.1"])
    monkeypatch.setattr("nasctl.api.views.enqueue", lambda *_a: True)
    _play_nas("offline")
    answer = page.generic("POST", "/api/nas/wol", "", content_type="application/json")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["wol_sent"], body["nas_previous_state"]) == (True, "offline")
    assert isinstance(body["estimated_boot_time_s"], int)


# --- what the System Monitor asks for -------------------------------------------------------------------

HISTORIES = sorted({row.path for row in MONITOR if row.path.endswith("/history")})


@pytest.mark.parametrize("path", HISTORIES)
@pytest.mark.parametrize(
    ("query", "field", "word"),
    [
        ("time_range=1y", "time_range", "10m, 1h, 24h, 7d"),
        ("source=disk", "source", "auto, memory, database"),
        ("limit=0", "limit", "1"),
        ("limit=99999999999999999999", "limit", "10000"),
        ("limit=x", "limit", "integer"),
    ],
)
def test_a_history_refuses_what_it_does_not_know(
    page: APIClient, path: str, query: str, field: str, word: str
) -> None:
    answer = page.get(f"{path}?{query}")
    assert answer.status_code == 400
    [text] = answer.json()["errors"][field]
    assert word in text


@pytest.mark.parametrize("path", HISTORIES)
@pytest.mark.parametrize("time_range", ["10m", "1h", "24h", "7d"])
@pytest.mark.parametrize("situation", ["all well"], indirect=True)
def test_a_history_answers_as_the_page_asks(
    page: APIClient, situation: str, path: str, time_range: str
) -> None:
    body = page.get(path, {"time_range": time_range, "source": "auto", "limit": "1000"}).json()
    assert body["sample_count"] == 1


@pytest.mark.parametrize(("name", "found"), [("mmcblk0", 1), ("sdz", 0)])
@pytest.mark.parametrize("situation", ["all well"], indirect=True)
def test_a_history_may_be_of_one_disk(
    page: APIClient, situation: str, name: str, found: int
) -> None:
    body = page.get("/api/monitoring/disk-io/history", {"disk_name": name}).json()
    assert (body["sample_count"], body["available_disks"]) == (found, ["mmcblk0"])


def test_there_is_no_graphics_card(page: APIClient) -> None:
    answer = page.get("/api/monitoring/gpu/info")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


# --- rules for all calls --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CLOSED_PATHS)
def test_without_a_login_it_is_401_in_json(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
    assert isinstance(answer.json()["detail"], str)
    assert "Basic" not in answer["WWW-Authenticate"]  # a browser would pop up a form of its own


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_before_the_login_it_answers_whatever_token_is_left_over(path: str) -> None:
    stale = {"Authorization": "Bearer left-over"}
    assert Client().get(path, headers=stale).status_code == 200


@pytest.mark.parametrize("situation", ["all well"], indirect=True)
@pytest.mark.parametrize("path", ALL_PATHS)
def test_with_or_without_a_slash_it_is_json_for_this_version_of_the_page(
    page: APIClient, situation: str, path: str
) -> None:
    bare = path.rstrip("/")
    for answer in (page.get(bare), page.get(f"{bare}/")):
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert "X-API-Min-Version" not in answer


@pytest.mark.parametrize("path", [PRESENCE_PATH, "/api/nas/wol", "/api/auth/login"])
@pytest.mark.parametrize("end", ["", "/"])
def test_a_post_is_never_redirected(client: Client, path: str, end: str) -> None:
    answer = client.post(path + end, b"", content_type="application/json")
    assert not 300 <= answer.status_code < 400


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/system/nothing/"])
def test_an_unknown_path_is_404_in_json_for_every_method(method: str, path: str) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


# --- what it costs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", ["all well"], indirect=True)
@pytest.mark.parametrize(("path", "most"), QUERIES.items())
def test_it_asks_the_database_little(page: APIClient, situation: str, path: str, most: int) -> None:
    with CaptureQueriesContext(connection) as asked:
        page.get(path)
    assert len(asked) <= most


@pytest.fixture
def hanging_redis(settings: Any, tmp_path: Path) -> Iterator[socket.socket]:
    """A Redis that takes connections and never answers; gives its door."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "hang.sock"))
        door.listen(20)
        door.setblocking(False)
        settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS = f"unix://{tmp_path}/hang.sock", 0.05
        redis_client.cache_clear()
        yield door
    redis_client.cache_clear()


@pytest.mark.parametrize("path", [path for path in ALL_PATHS if path != "/api/handshake/snapshot"])
def test_a_redis_that_hangs_is_waited_for_once(
    page: APIClient, hanging_redis: socket.socket, path: str
) -> None:
    make_plug()
    assert page.get(path).status_code == 200
    assert _callers(hanging_redis) <= 1


def _callers(door: socket.socket) -> int:
    """Count who knocked; nobody had answered them."""
    for number in range(100):
        try:
            door.accept()[0].close()
        except BlockingIOError:
            return number
    return 100
