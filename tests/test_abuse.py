"""What strangers send: answered with 4xx or a reason, nothing is changed, and no secret comes out.

One trial for all of it, with the log at DEBUG. ``pytest -s`` prints what was answered to what.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import redis
from dotenv import dotenv_values

from tests import abuse
from tests.abuse import Answer, Caller, Request
from tests.conftest import Trial, running_trial

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

#: Rows that nothing refused may change; the worker writes others all the time.
_KEPT = (
    "SELECT count(*) FROM auth_user",
    "SELECT device_id, name, role, host, enabled FROM energy_smartplug ORDER BY device_id",
    "SELECT * FROM energy_tariff ORDER BY id",
    "SELECT count(*) FROM handshake_nascall WHERE kind <> 'coming_online'",
    "SELECT count(*) FROM handshake_snapshot",
    "SELECT count(*) FROM nasctl_wake",
    "SELECT count(*) FROM energy_switchunlock",
    "SELECT count(*) FROM accounts_token",
)
WRONG_PASSWORD = "Wr0ng-password-of-this-test"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with running_trial(
        tmp_path_factory.mktemp("abuse") / "data", BALUPI_LOG_LEVEL="DEBUG"
    ) as trial:
        yield trial


@pytest.fixture(scope="module")
def place(home: Trial) -> str:
    return str(home.facts["url"]).removeprefix("http://")


@pytest.fixture(scope="module")
def tokens(place: str, home: Trial) -> list[str]:
    """Five tokens of the owner."""
    caller = Caller(place)
    pair = {"username": home.facts["user"], "password": home.facts["password"]}
    return [caller.post("/api/auth/login", pair).json["access_token"] for _each in range(5)]


@pytest.fixture
def owner(place: str, tokens: list[str]) -> Caller:
    return Caller(place, bearer(tokens[0]))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def kept(home: Trial) -> list[Any]:
    with contextlib.closing(sqlite3.connect(home.data_dir / "balupi.sqlite3", timeout=20)) as db:
        return [db.execute(question).fetchall() for question in _KEPT]


def check(request: Request, answer: Answer) -> None:
    """Fail where an answer is none of those that may be."""
    what = f"{request.title}: {answer.status} {answer.text[:300]}"
    assert answer.status < 500 or (answer.status == 503 and answer.has_reason), what
    assert request.may is None or answer.status in request.may, what
    assert "x-evil" not in answer.headers, what
    assert not any(word in answer.text for word in abuse.FILE_WORDS), what


def table(title: str, answers: list[tuple[str, int]]) -> None:
    """Print what was answered to what; many of a kind as one line."""
    print(
        f"\n{title}: {len(answers)} requests, {dict(sorted(Counter(code for _, code in answers).items()))}"
    )
    if len(answers) <= 60:
        for name, code in answers:
            print(f"  {code}  {name}")


def test_odd_values_in_every_field_of_every_query(owner: Caller, home: Trial) -> None:
    device_id = owner.get("/api/tapo/devices").json[0]["id"]
    before, answers = kept(home), []
    for request in abuse.queries(abuse.get_paths(device_id)):
        answer = owner.ask(request)
        check(request, answer)
        answers.append((request.title, answer.status))
    table("Queries", answers)
    assert kept(home) == before


def test_bodies_that_make_no_sense(owner: Caller, place: str, home: Trial) -> None:
    device_id = owner.get("/api/tapo/devices").json[0]["id"]
    before, answers = kept(home), []
    for request in abuse.bodies():
        path = request.path.replace("{device}", device_id)
        answer = owner.ask(
            Request(request.title, request.method, path, request.body, request.headers, request.may)
        )
        check(request, answer)
        assert 400 <= answer.status < 500, request.title
        assert answer.has_reason, request.title
        answers.append((request.title, answer.status))
    table("Bodies", answers)
    assert kept(home) == before


@pytest.mark.parametrize("is_owner", [True, False])
def test_no_path_leads_to_a_file_or_around_the_table(
    is_owner: bool, place: str, tokens: list[str]
) -> None:
    caller = Caller(place, bearer(tokens[0]) if is_owner else {})
    answers = []
    for path in abuse.PATH_TRICKS:
        for accept in ("text/html,*/*", "*/*"):
            request = Request(path[:50], "GET", path, headers={"Accept": accept})
            answer = caller.ask(request)
            check(request, answer)
            assert socket.gethostname() not in answer.text or "health" in path
            assert is_owner or "/admin/logout" not in answer.text
        answers.append((path[:50], answer.status))
    table(f"Paths, {'owner' if is_owner else 'nobody'}", answers)


def test_what_is_no_good_http_is_refused_by_the_server(place: str, home: Trial) -> None:
    before, answers = kept(home), []
    for title, data in abuse.malformed(place).items():
        answer = abuse.raw(place, data)
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
        assert status < 500 or status in {501, 505}, f"{title}: {answer[:300]!r}"
        assert answer.count(b"HTTP/1.1 ") <= 1, f"{title} was taken for two: {answer[:600]!r}"
        assert b"Cookie: x=1" not in answer
        answers.append((title, status))
    table("No good HTTP (0: hung up without an answer)", answers)
    assert kept(home) == before


def test_nothing_a_visitor_sends_becomes_a_header(owner: Caller, place: str) -> None:
    evil = "%0d%0aX-Evil:%201"
    requests = [
        Request("login next", "GET", f"/dashboard/login?next=/{evil}"),
        Request("login next, posted", "POST", f"/login?next=/{evil}", b""),
        Request("sign-in", "GET", f"/login?next=//evil.example/{evil}"),
        Request("admin next", "GET", f"/admin/login/?next=/{evil}"),
        Request("wake next", "GET", f"/wake?next=/{evil}"),
        Request("export", "GET", f"/api/energy/export.csv?device_id=all{evil}"),
        Request("timeline", "GET", f"/api/nas/timeline.csv?kind={evil}"),
        Request("an odd accept", "GET", "/api/health", headers={"Accept": "x/y;" * 500}),
        Request("an odd language", "GET", "/dashboard/login", headers={"Accept-Language": "x" * 5000}),
        Request("an odd range", "GET", "/api/energy/export.csv", headers={"Range": "bytes=-9-9"}),
        Request("an odd cookie", "GET", "/dashboard/", headers={"Cookie": "balupi_session=\xff; a=%0d"}),
        Request("an odd etag", "GET", "/", headers={"If-None-Match": "W/" * 900, "If-Modified-Since": "x"}),
        Request("an override", "GET", "/api/nas/wol", headers={"X-HTTP-Method-Override": "POST"}),
        Request("forwarded", "GET", "/admin/", headers={"Forwarded": "for=1", "X-Real-Ip": "1"}),
        Request("a bad bearer", "GET", "/api/nas/status", headers={"Authorization": "Bearer \xff\x01"}),
        Request("a bad basic", "GET", "/api/nas/status", headers={"Authorization": "Basic ====="}),
        Request("basic of bytes", "GET", "/api/auth/me", headers={"Authorization": "Basic /////w=="}),
        Request("a bearer of 8 kB", "GET", "/api/auth/me", headers={"Authorization": f"Bearer {8000 * 'e'}"}),
    ]  # fmt: skip
    answers = []
    for request in requests:
        answer = (Caller(place) if "Authorization" in request.headers else owner).ask(request)
        check(request, answer)
        location = answer.headers.get("location", "/")
        assert location[:1] == "/" != location[1:2], location
        answers.append((request.title, answer.status))
    table("Headers", answers)


def test_slow_connections_do_not_hold_up_others(place: str) -> None:
    host, _, port = place.partition(":")
    with contextlib.ExitStack() as open_ones:
        slow = [
            open_ones.enter_context(socket.create_connection((host, int(port))))
            for _each in range(60)
        ]
        longest_s = 0.0
        for byte in b"POST /api/nas/wol HT":
            for wire in slow:
                wire.send(bytes([byte]))
            start_s = time.monotonic()
            assert Caller(place).get("/api/health").status == 200
            longest_s = max(longest_s, time.monotonic() - start_s)
    print(f"\n60 slow connections: the slowest other answer took {longest_s * 1000:.0f} ms")
    assert longest_s < 2


def test_fifty_toggles_at_once_end_in_a_state_that_the_plug_reports(
    place: str, home: Trial, tokens: list[str]
) -> None:
    owner = Caller(place, bearer(tokens[0]))
    [monitor] = [each for each in owner.get("/api/tapo/devices").json if each["name"] == "Monitor"]

    def toggle(_number: int) -> Answer:
        return Caller(place, bearer(tokens[0])).post(f"/api/tapo/devices/{monitor['id']}/toggle")

    answers = at_once(toggle, 50)
    table("50 toggles at once", [("toggle", answer.status) for answer in answers])
    for answer in answers:
        assert answer.status == 200 or (answer.status in {409, 429, 503} and answer.has_reason), (
            answer
        )
    assert any(answer.status == 200 for answer in answers)

    def agrees() -> bool:
        seen = home.simhome("status")["plugs"]["Monitor"]
        told = owner.get(f"/api/tapo/devices/{monitor['id']}").json["latest"]["relay_on"]
        return bool(seen["relay_on"] == told)

    home.wait_until(agrees, "the page tells what the plug does", 40)


def test_fifty_wakes_at_once_begin_one(place: str, home: Trial, tokens: list[str]) -> None:
    home.simhome("nas", "no_boot")  # so that the one wake is still running when the last one asks
    home.simhome("nas", "crash")
    home.wait_until(lambda: home.nas_state() == "offline", "the crash is seen")
    before = kept(home)[5][0][0]

    def wake(number: int) -> Answer:
        return Caller(place, bearer(tokens[number % 5])).post("/api/nas/wol")

    answers = at_once(wake, 50)
    table("50 wakes at once", [("wake", answer.status) for answer in answers])
    counts = Counter(answer.status for answer in answers)
    assert counts[200] == 1
    assert set(counts) <= {200, 409, 429, 503}
    assert all(answer.has_reason for answer in answers if answer.status != 200)
    more = at_once(wake, 50)
    table("50 more", [("wake", answer.status) for answer in more])
    late = [answer for answer in more if answer.status == 429]
    assert len(late) >= 40
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in late)
    assert kept(home)[5][0][0] == before + 1
    home.simhome("nas", "boot_normally")


def test_fifty_wrong_passwords_at_once_are_not_fifty_questions(place: str, home: Trial) -> None:
    pair = {"username": home.facts["user"], "password": WRONG_PASSWORD}
    answers = at_once(lambda _number: Caller(place).post("/api/auth/login", pair), 50)
    table("50 wrong passwords at once", [("login", answer.status) for answer in answers])
    assert {answer.status for answer in answers} <= {401, 429, 503}
    assert Caller(place).get("/api/health").status == 200
    right = {"username": home.facts["nas_users"][1]["username"], "password": WRONG_PASSWORD}
    assert Caller(place).post("/api/auth/login", right).status in {401, 429, 503}


def test_no_secret_is_in_log_database_redis_pages_or_process_list(
    place: str, home: Trial, tokens: list[str]
) -> None:
    """Last: it looks at all that the tests before it have left behind, and does the rest itself."""
    owner, secrets = Caller(place, bearer(tokens[0])), known_secrets(home, tokens)
    pages = [answer.text for answer in use_everything(home, place, owner)]
    _break_something(home)
    broken = owner.get("/api/handshake/snapshot")
    assert broken.status == 500
    assert broken.json == {
        "detail": "Something went wrong on the Pi; its log says what.",
        "errors": {},
    }

    def logged() -> str:
        return home.log.read_text(errors="replace").partition("Play the home")[2]

    home.wait_until(lambda: "Traceback" in logged(), "the error is in the log", 20)
    log_after_greeting = logged()
    assert "DEBUG" in log_after_greeting
    values = dotenv_values(home.facts["env_file"])
    places = {
        "the log": log_after_greeting.encode(),
        "the database": b"".join(
            path.read_bytes() for path in home.data_dir.glob("balupi.sqlite3*")
        ),
        "Redis": _redis_texts(str(values["BALUPI_REDIS_URL"])),
        "pages": "\n".join(pages).encode(),
        "process lists": _command_lines(home),
    }
    assert all(len(text) > 500 for text in places.values())
    settings_file = Path(home.facts["env_file"]).read_bytes()
    assert any(form in settings_file for form in forms(secrets["SECRET_KEY"]))  # it would be found
    found = [
        f"{name} in {where}"
        for name, secret in secrets.items()
        for where, text in places.items()
        for form in forms(secret)
        if form in text
    ]
    assert found == []


def known_secrets(home: Trial, tokens: list[str]) -> dict[str, str]:
    values = dotenv_values(home.facts["env_file"])
    names = ("SECRET_KEY", "HANDSHAKE_SECRET", "PIHOLE_PASSWORD", "TAPO_PASSWORD")
    secrets = {name: str(values[f"BALUPI_{name}"]) for name in names}
    secrets |= {"the owner's password": home.facts["password"], "a wrong password": WRONG_PASSWORD}
    secrets |= {
        f"the password of {it['username']}": it["password"] for it in home.facts["nas_users"]
    }
    return secrets | {f"token {number}": token for number, token in enumerate(tokens)}


def forms(secret: str) -> set[bytes]:
    plain = secret.encode()
    aligned = {base64.b64encode(b" " * shift + plain)[4 * bool(shift) : -4] for shift in range(3)}
    return {plain, quote(secret, safe="").encode(), plain.hex().encode(), *aligned}


def use_everything(home: Trial, place: str, owner: Caller) -> Iterator[Answer]:
    """Do what a household does, rightly and wrongly; the answers that hold no token of their own."""
    for user in home.facts["nas_users"]:
        Caller(place).post(
            "/api/auth/login", {"username": user["username"], "password": user["password"]}
        )
    basic = base64.b64encode(f"{home.facts['user']}:{home.facts['password']}".encode()).decode()
    yield Caller(place, {"Authorization": f"Basic {basic}"}).get("/api/nas/status")
    yield Caller(place, {"Authorization": f"Basic {basic[:-6]}"}).get("/api/nas/status")
    for secret in (home.facts["handshake_secret"], "another secret"):
        yield owner.ask(_call(secret))
    yield owner.post("/api/pihole/dns", {"target": "pi"})
    yield owner.post("/api/pihole/dns", {"target": "auto"})
    yield owner.post("/api/tapo/devices/discover")
    for path in ("/api/system/status", "/api/nas/status", "/api/nas/timeline", "/api/tapo/devices",
                 "/api/pihole/status", "/api/handshake/status", "/api/nas/timeline.csv", "/api/schema",
                 "/dashboard/", "/wake", "/dashboard/login", "/admin/", "/nothing"):  # fmt: skip
        yield owner.get(path)


def _call(secret: str) -> Request:
    """Return a call of the NAS."""
    path, stamp = "/api/handshake/nas-coming-online", str(int(time.time()))
    message = f"POST:{path}:{stamp}:{hashlib.sha256(b'').hexdigest()}"
    signature = hmac.new(secret.encode(), message.encode(), "sha256").hexdigest()
    headers = {"X-Balupi-Timestamp": stamp, "X-Balupi-Signature": signature}
    return Request("", "POST", path, b"", headers)


def _break_something(home: Trial) -> None:
    """Write what no service of ours would; reading it is then a surprise."""
    with (
        contextlib.closing(sqlite3.connect(home.data_dir / "balupi.sqlite3", timeout=20)) as db,
        db,
    ):
        db.execute(
            "INSERT INTO handshake_snapshot (received_at, content) VALUES (?, ?)",
            ("2036-11-25 12:00:00", json.dumps("no snapshot")),
        )


def _redis_texts(url: str) -> bytes:
    """Return everything that Redis holds."""
    client: Any = redis.Redis.from_url(url)
    read: dict[bytes, Callable[[bytes], object]] = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    with contextlib.closing(client):
        found = [
            (key, read[client.type(key)](key))
            for key in client.scan_iter()
            if client.type(key) in read
        ]
    return repr(found).encode()


def _command_lines(home: Trial) -> bytes:
    """Return how all processes of the trial were started, as everybody on the machine can read it."""
    family = psutil.Process(home.process.pid).children(recursive=True)
    lines = [Path(f"/proc/{each.pid}/cmdline").read_bytes() for each in family]
    return b"\n".join(lines)


def at_once(call: Callable[[int], Answer], count: int) -> list[Answer]:
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, range(count)))
