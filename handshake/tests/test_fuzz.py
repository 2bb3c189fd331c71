"""Calls that nobody thought of: never a fault of ours, and a refused one changes nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from balupi_site.tests.examples import share_of_examples
from handshake.services import latest_snapshot, snapshots
from handshake.snapshot import SnapshotError, read_snapshot
from handshake.tests.conftest import NasCaller, Stored
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, SECRET, SNAPSHOT
from nasctl import services as nasctl

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "names")]

PATHS = st.sampled_from([GOING_OFFLINE, COMING_ONLINE, f"{GOING_OFFLINE}/", f"{COMING_ONLINE}/"])
METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "post", "PÖST"])
#: What a server passes on in a header: any bytes but those that end it, as Latin-1.
HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=200)
SIGNATURES = HEADER | st.text("0123456789abcdefABCDEF", min_size=60, max_size=68)
TIMESTAMPS = (
    HEADER
    | st.text("0123456789.-+e_ ", max_size=20)
    | st.integers(-(10**30), 10**30).map(str)
    | st.integers(-70, 70).map(lambda away_s: str(int(timezone.now().timestamp()) + away_s))
)
OTHER_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "CONTENT_TYPE",
            "HTTP_ACCEPT",
            "HTTP_ACCEPT_LANGUAGE",
            "HTTP_AUTHORIZATION",
            "HTTP_CONTENT_ENCODING",
            "HTTP_COOKIE",
            "HTTP_EXPECT",
            "HTTP_HOST",
            "HTTP_ORIGIN",
            "HTTP_X_FORWARDED_FOR",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
            "QUERY_STRING",
        ]
    ),
    HEADER
    | st.sampled_from(["application/xml", "multipart/form-data", "format=api", "gzip", "de"]),
    max_size=3,
)

#: What ``json.dumps`` would not write.
RAW = {
    f"<{number}>": text
    for number, text in enumerate(
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e999",
            "-1e999",
            "1e-999",
            "-0",
            "-0.0",
            "1e308",
            "9" * 18,
            "9" * 19,
            "9" * 4300,
            "9" * 4301,
            "[" * 50 + "]" * 50,
            "[" * 5000 + "]" * 5000,
            '{"a":' * 500 + "1" + "}" * 500,
            '{"a":1,"a":{}}',
            '"\\u0000"',
            '"\\ud800"',
            '"\\udfff\\ud800"',
            '{"\\ud800":1}',
            '{"\\u0000":{"status":1}}',
            '{"":{}}',
            "'x'",
            "",
        ]
    )
}
#: Lone surrogates, too.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20) | st.sampled_from(
    ["\ud800", "a\udfffb", "\0", "", "status", "*"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | TEXT
    | st.sampled_from(list(RAW))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return every place in a JSON value."""
    yield path
    keys: Iterable[Any] = ()
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield from places(value[key], (*path, key))


PLACES = list(places(json.loads(SNAPSHOT)))[1:]
#: What the page of the NAS reads: there mistakes would hurt.
READ = [
    ("storage", "arrays"),
    ("storage", "arrays", 0),
    ("storage", "arrays", 0, "level"),
    ("storage", "arrays", 0, "devices"),
    ("storage", "total_bytes"),
    ("smart_health",),
    ("smart_health",),
    ("smart_health", "/dev/sda"),
    ("users", "total"),
    ("files_summary", "total_files"),
]


def write(value: Any) -> bytes:
    """Write JSON, and in it what is none."""
    text = json.dumps(value)
    for mark, raw in RAW.items():
        text = text.replace(f'"{mark}"', raw)
    return text.encode()


@st.composite
def broken_snapshots(draw: st.DrawFn) -> bytes:
    """Draw a good snapshot with other values at some places, a key more or a place gone."""
    snapshot = json.loads(SNAPSHOT)
    for path in draw(
        st.lists(st.sampled_from(PLACES) | st.sampled_from(READ), min_size=1, max_size=3)
    ):
        place = snapshot
        with contextlib.suppress(KeyError, IndexError, TypeError, AttributeError):
            for key in path[:-1]:
                place = place[key]
            change = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
            if change == "replace":
                place[path[-1]] = draw(
                    SCALARS | VALUES | st.dictionaries(TEXT, SCALARS, max_size=2)
                )
            elif change == "remove":
                del place[path[-1]]
            elif isinstance(place, dict):
                place[draw(TEXT)] = draw(VALUES)
            else:
                place.append(draw(VALUES))
    return write(snapshot)


BODIES = (
    st.binary(max_size=300)
    | VALUES.map(write)
    | broken_snapshots()
    | broken_snapshots()
    | st.just(SNAPSHOT)
    | st.tuples(st.integers(0, len(SNAPSHOT)), st.binary(min_size=1, max_size=3)).map(
        lambda cut: SNAPSHOT[: cut[0]] + cut[1] + SNAPSHOT[cut[0] :]
    )
)


@pytest.fixture(autouse=True)
def _before(db: None) -> None:
    """Let the NAS be online, and have sent a snapshot."""
    nasctl.note_coming_online(timezone.now())
    snapshots.keep(read_snapshot(SNAPSHOT), timezone.now())


@contextlib.contextmanager
def taken_back() -> Iterator[None]:
    """Let an example leave nothing to the next one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def strictly(text: bytes) -> Any:
    """Read JSON as a browser does."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text.decode(), parse_constant=refuse)


@given(
    method=METHODS,
    path=PATHS,
    timestamp=TIMESTAMPS,
    signature=SIGNATURES,
    body=BODIES,
    others=OTHER_HEADERS,
)
@share_of_examples(0.5)
def test_a_call_of_anybody_is_refused_and_changes_nothing(
    method: str,
    path: str,
    timestamp: str,
    signature: str,
    body: bytes,
    others: dict[str, str],
    stored: Stored,
) -> None:
    headers = {"HTTP_X_BALUPI_TIMESTAMP": timestamp, "HTTP_X_BALUPI_SIGNATURE": signature}
    before = stored()
    with taken_back():
        answer = Client().generic(method, path, body, **(headers | others))  # type: ignore[arg-type]
        assert 400 <= answer.status_code < 500
        assert stored() == before
        assert SECRET.encode() not in answer.content


@given(method=METHODS, path=PATHS, body=BODIES, others=OTHER_HEADERS)
@share_of_examples(0.5)
def test_a_signed_call_with_anything_in_it_is_answered(
    method: str, path: str, body: bytes, others: dict[str, str], nas: NasCaller, stored: Stored
) -> None:
    timestamp = str(int(timezone.now().timestamp()))
    signature = nas.sign(method.upper(), path, timestamp, body)
    headers = {"HTTP_X_BALUPI_TIMESTAMP": timestamp, "HTTP_X_BALUPI_SIGNATURE": signature}
    before = stored()
    with taken_back():
        answer = Client().generic(method, path, body, **(headers | others))  # type: ignore[arg-type]
        assert answer.status_code < 500
        is_believed = answer.status_code == 200 and method != "OPTIONS"
        assert (stored() != before) is is_believed
        if method == "POST" and not others:
            assert answer.status_code in (200, 400)


@given(body=broken_snapshots())
def test_a_signed_body_is_a_snapshot_that_can_be_served_or_bad_input(
    body: bytes, nas: NasCaller, stored: Stored
) -> None:
    before = stored()
    with taken_back():
        answer = nas.go_offline(body)
        assert answer.status_code in (200, 400)
        told = strictly(answer.content)
        if answer.status_code == 400:
            assert told["errors"]
            assert stored() == before
            return
        found = strictly(JSONRenderer().render(latest_snapshot(timezone.now())))
        assert found
        require_what_the_page_reads(found)


def require_what_the_page_reads(found: Any) -> None:
    """Read a snapshot as the NAS-built page does, which crashes where something is missing."""
    counts = [
        found["storage"]["total_bytes"],
        found["storage"]["used_bytes"],
        found["services"]["vpn"]["active_clients"],
        found["services"]["shares"]["active_shares"],
        found["users"]["total"],
        found["files_summary"]["total_files"],
    ]
    assert all(type(count) in (int, float) and count >= 0 for count in counts)
    for array in found["storage"]["arrays"]:
        assert isinstance(array["level"].upper() + array["name"] + array["state"], str)
        assert isinstance(array["devices"], list)
    for disk in found["smart_health"].values():
        assert isinstance(disk["status"], str)


@given(body=broken_snapshots() | BODIES)
@share_of_examples(3)
def test_a_snapshot_is_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        snapshot, errors = read_snapshot(body), None
    except SnapshotError as error:
        snapshot, errors = {}, error.errors
    if errors is None:
        text = json.dumps(snapshot, ensure_ascii=False, allow_nan=False).encode()
        assert json.loads(text) == snapshot
        require_what_the_page_reads(snapshot)
    else:
        assert errors
        assert json.dumps(errors, ensure_ascii=False).encode()
