"""Which snapshots of the NAS are whole, and how one is served."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from rest_framework.renderers import JSONRenderer

from handshake.snapshot import SnapshotError, read_snapshot, served
from handshake.tests.vectors import SNAPSHOT, VECTORS

COUNT, TEXT = "must be a number that is not negative", "must be text"
OBJECT, LIST = "must be an object", "must be a list"
Path = tuple[str | int, ...]
GONE = object()


def good() -> Any:
    return json.loads(SNAPSHOT)


def changed(path: Path, value: object) -> Any:
    """Return a good snapshot with another value at one place, GONE: with nothing there."""
    snapshot = good()
    place = snapshot
    for key in path[:-1]:
        place = place[key]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return snapshot


def errors_of(body: bytes | Mapping[str, Any]) -> dict[str, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(SnapshotError) as caught:
        read_snapshot(data)
    return caught.value.errors


@pytest.mark.parametrize(
    "name",
    [
        "offline-real-httpx027",
        "offline-real-httpx028",
        "offline-nonascii-httpx028",
        "offline-floats-httpx027",
        "offline-pretty-printed",
    ],
)
def test_what_balu_host_sends_is_whole_and_comes_back_as_it_was(name: str) -> None:
    body = VECTORS[name].body
    assert read_snapshot(body) == json.loads(body)


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(
            changed(("new",), {"deep": [1, None, True, "x"]}), id="a key of a later release"
        ),
        pytest.param(changed(("storage", "arrays", 0, "new"), 7), id="a key in an array"),
        pytest.param(changed(("storage", "arrays"), []), id="no arrays"),
        pytest.param(changed(("storage", "arrays", 0, "devices"), []), id="an array of nothing"),
        pytest.param(changed(("smart_health",), {}), id="no disks"),
        pytest.param(changed(("storage", "used_bytes"), 10**15), id="used more than there is"),
        pytest.param(changed(("storage", "used_bytes"), 0.5), id="a fraction"),
        pytest.param(changed(("storage", "used_bytes"), 0), id="0"),
        pytest.param(changed(("storage", "used_bytes"), 2**63 - 1), id="as much as can be counted"),
        pytest.param(changed(("system",), GONE), id="nothing that is only shown if it is there"),
        pytest.param(changed(("system",), None), id="null there"),
        pytest.param(changed(("services", "backups"), GONE), id="no backups"),
        pytest.param(changed(("system", "hostname"), "Büro-NAS 😀"), id="any text"),
        pytest.param(changed(("system", "load"), -1.5), id="below 0 where we do not care"),
    ],
)
def test_a_whole_snapshot_is_taken_with_all_its_keys(snapshot: Any) -> None:
    assert read_snapshot(json.dumps(snapshot).encode()) == snapshot


@pytest.mark.parametrize(
    ("path", "field", "text"),
    [
        pytest.param(path, field, text, id=field)
        for path, field, text in [
            (("storage",), "storage", OBJECT),
            (("storage", "arrays"), "storage.arrays", LIST),
            (("storage", "arrays", 0), "storage.arrays[0]", OBJECT),
            (("storage", "arrays", 0, "name"), "storage.arrays[0].name", TEXT),
            (("storage", "arrays", 0, "level"), "storage.arrays[0].level", TEXT),
            (("storage", "arrays", 0, "state"), "storage.arrays[0].state", TEXT),
            (("storage", "arrays", 0, "devices"), "storage.arrays[0].devices", LIST),
            (("storage", "total_bytes"), "storage.total_bytes", COUNT),
            (("storage", "used_bytes"), "storage.used_bytes", COUNT),
            (("smart_health",), "smart_health", OBJECT),
            (("smart_health", "/dev/sda"), "smart_health./dev/sda", OBJECT),
            (("smart_health", "/dev/sda", "status"), "smart_health./dev/sda.status", TEXT),
            (("services",), "services", OBJECT),
            (("services", "vpn"), "services.vpn", OBJECT),
            (("services", "vpn", "active_clients"), "services.vpn.active_clients", COUNT),
            (("services", "shares"), "services.shares", OBJECT),
            (("services", "shares", "active_shares"), "services.shares.active_shares", COUNT),
            (("users",), "users", OBJECT),
            (("users", "total"), "users.total", COUNT),
            (("files_summary",), "files_summary", OBJECT),
            (("files_summary", "total_files"), "files_summary.total_files", COUNT),
        ]
    ],
)
def test_each_thing_the_page_relies_on_must_be_there_and_of_its_kind(
    path: Path, field: str, text: str
) -> None:
    """The NAS-built page reads them without asking, and crashes."""
    wrong: dict[str, list[object]] = {
        COUNT: [None, True, False, -1, -0.5, "5", [], {}, 1e300],
        TEXT: [None, True, 5, [], {}],
        OBJECT: [None, True, 5, "x", []],
        LIST: [None, True, 5, "x", {}],
    }
    if len(path) < 2 or path[-1] not in ("/dev/sda", 0):  # one less of them is all right
        wrong[text].append(GONE)
    for value in wrong[text]:
        errors = errors_of(changed(path, value))
        below = {name: told for name, told in errors.items() if not name.startswith(field)}
        assert below == {}
        assert errors[field] == text, value


def test_all_errors_are_told_at_once() -> None:
    errors = errors_of(b'{"storage": {"arrays": [], "total_bytes": -1, "used_bytes": 1}}')
    assert errors == {
        "storage.total_bytes": COUNT,
        "smart_health": OBJECT,
        "services": OBJECT,
        "users": OBJECT,
        "files_summary": OBJECT,
    }


def test_every_array_is_looked_at() -> None:
    snapshot = good()
    array = snapshot["storage"]["arrays"][0]
    snapshot["storage"]["arrays"] = [array, {**array, "level": 1}, array]
    assert errors_of(snapshot) == {"storage.arrays[1].level": TEXT}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"   ", id="spaces"),
        pytest.param(b"junk", id="junk"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"true", id="a truth"),
        pytest.param(SNAPSHOT[:-1], id="cut off"),
        pytest.param(SNAPSHOT + b"x", id="more behind it"),
        pytest.param(b"\xef\xbb\xbf" + SNAPSHOT, id="a mark of byte order"),
        pytest.param(SNAPSHOT.decode().encode("utf-16"), id="UTF-16"),
        pytest.param(SNAPSHOT.replace(b"balunas", b"\xff"), id="not UTF-8"),
        pytest.param(b'{"a": ' * 100_000, id="nested too deeply to be read"),
        pytest.param(b"[" * 900_000, id="a list too deep to be read"),
        *(
            pytest.param(
                SNAPSHOT.replace(b'"version": 1', b'"version": ' + number), id=str(number)[:9]
            )
            for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000)
        ),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert list(errors_of(body)) == ["body"]


def nested(depth: int) -> Any:
    value: Any = 1
    for _level in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("path", "value", "field", "word"),
    [
        pytest.param(("x",), "a\0b", "x", "NUL", id="NUL"),
        pytest.param(("x",), "\ud800", "x", "Unicode", id="a lone surrogate"),
        pytest.param(("x",), [0, {"y": "\udfff"}], "x[1].y", "Unicode", id="one further down"),
        pytest.param(("a\0b",), 1, "body", "keys", id="a key with NUL"),
        pytest.param(("\ud800",), 1, "body", "keys", id="a key that is no Unicode"),
        pytest.param(("system", "\ud800"), 1, "system", "keys", id="such a key further down"),
        pytest.param(
            ("smart_health", "\ud800"), {"status": "OK"}, "smart_health", "keys", id="such a disk"
        ),
        pytest.param(("smart_health", "\ud800"), 5, "smart_health", "keys", id="both at once"),
        pytest.param(("smart_health", "a\0"), 5, "smart_health", "keys", id="both, with NUL"),
        pytest.param(
            ("storage", "arrays", 0, "name"),
            "\ud800",
            "storage.arrays[0].name",
            "Unicode",
            id="a name",
        ),
        pytest.param(("x",), 2**63, "x", "large", id="a large number"),
        pytest.param(("users", "total"), 2**63, "users.total", "large", id="too many users"),
        pytest.param(("x",), -(2**63), "x", "large", id="a very negative number"),
        pytest.param(("x",), 10**4000, "x", "large", id="a number of 4,001 digits"),
        pytest.param(("x",), nested(33), "x" + "[0]" * 32, "deeply", id="nested too deeply"),
        pytest.param(("x",), nested(900), "x" + "[0]" * 32, "deeply", id="nested far too deeply"),
    ],
)
def test_what_could_not_be_kept_or_given_back_is_refused(
    path: Path, value: object, field: str, word: str
) -> None:
    errors = errors_of(changed(path, value))
    assert list(errors) == [field]
    assert word in errors[field]


def test_nesting_has_a_limit_and_not_before() -> None:
    assert read_snapshot(json.dumps(changed(("x",), nested(31))).encode())["x"] == nested(31)


@pytest.mark.parametrize("name", ["\ud800", "\0", "a" * 100_000])
def test_errors_can_be_answered_whatever_the_keys_are(name: str) -> None:
    errors = errors_of(changed(("smart_health", name), {"status": 1}))
    assert json.loads(JSONRenderer().render({"errors": errors}))


def test_errors_do_not_outgrow_the_body() -> None:
    """Some 300,000 wrong arrays would each be told, in ten times the bytes."""
    errors = errors_of(changed(("storage", "arrays"), [0] * 300_000))
    assert 1 < len(errors) <= 20
    assert errors["storage.arrays[0]"] == OBJECT


def test_the_last_of_two_keys_counts_and_is_what_is_kept() -> None:
    body = SNAPSHOT.replace(b'"version": 1', b'"version": 9, "version": 1')
    assert read_snapshot(body)["version"] == 1


@pytest.mark.parametrize(
    ("reported", "shown"),
    [
        ("optimal", "active"),
        ("Optimal", "active"),
        ("active", "active"),
        ("checking", "checking"),
        ("rebuilding", "rebuilding"),
        ("degraded", "degraded"),
        ("inactive", "inactive"),
        ("", ""),
        ("suboptimal", "suboptimal"),
    ],
)
def test_only_a_healthy_array_is_renamed(reported: str, shown: str) -> None:
    """The page paints nothing but "active" green, which BaluHost never says."""
    snapshot = changed(("storage", "arrays", 0, "state"), reported)
    (array,) = served(snapshot)["storage"]["arrays"]
    assert (array["state"], array["reported_state"]) == (shown, reported)


def test_serving_changes_nothing_else_and_not_what_is_kept() -> None:
    snapshot = changed(("storage", "new"), 1)
    before = copy.deepcopy(snapshot)
    answer = served(snapshot)
    assert snapshot == before
    for array in answer["storage"]["arrays"]:
        array["state"] = array.pop("reported_state")
    assert answer == before


@pytest.mark.parametrize("name", [name for name in VECTORS if "httpx" in name])
def test_what_is_served_is_strict_json(name: str) -> None:
    answer = served(read_snapshot(VECTORS[name].body))
    text = JSONRenderer().render(answer)
    assert JSONRenderer.strict
    assert json.loads(text) == answer
