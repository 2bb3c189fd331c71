"""Which files go to the NAS, when, in which order, and under which name."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handshake import inbox
from handshake.inbox import Entry

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
QUIET_S = 30


def ns(at: datetime) -> int:
    return int(at.timestamp()) * 10**9


def entry(path: bytes = b"a.txt", **changes: Any) -> Entry:
    values = {"size_bytes": 1, "mtime_ns": ns(NOON), "ctime_ns": ns(NOON), "inode": 7} | changes
    return Entry(path, **values)


# Junk


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(b".DS_Store", id="Finder's settings"),
        pytest.param(b"holiday/.ds_store", id="in a folder, in small letters"),
        pytest.param(b"._photo.jpg", id="AppleDouble"),
        pytest.param(b"Thumbs.db", id="Windows's thumbnails"),
        pytest.param(b"THUMBS.DB", id="in capitals"),
        pytest.param(b"Desktop.ini", id="Windows's folder settings"),
        pytest.param(b"~$letter.docx", id="Word's lock"),
        pytest.param(b"film.mkv.part", id="half a download"),
        pytest.param(b"film.mkv.PART", id="half a download in capitals"),
        pytest.param(b"a.tmp", id="temporary"),
        pytest.param(b"a.partial", id="half a transfer"),
        pytest.param(b"a.filepart", id="half an upload of WinSCP"),
        pytest.param(b"a.crdownload", id="half a download of Chrome"),
        pytest.param(b".goutputstream-9X1Z2Y", id="half a save of GNOME"),
        pytest.param(b".smbdelete2b3c", id="deleted, but open"),
        pytest.param(b".balupi-tmp/x", id="in a folder of ours"),
        pytest.param(b"deep/.balupi-partial/deeper/x", id="deep in a folder of ours"),
        pytest.param(b".balupi-inbox", id="the NAS's marker"),
        pytest.param(b"\xff.tmp", id="junk with a name that is not UTF-8"),
        pytest.param("Übertragung.part".encode(), id="junk with an umlaut"),
        pytest.param(b"line\nbreak.tmp", id="junk with a line break"),
    ],
)
def test_junk_and_half_files_are_never_moved(path: bytes) -> None:
    assert inbox.is_junk(path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(b"photo.jpg", id="a photo"),
        pytest.param(b".hidden", id="hidden"),
        pytest.param(b"~letter", id="a tilde alone"),
        pytest.param(b"part", id="no more than the ending"),
        pytest.param(b"a.part.mkv", id="the ending in the middle"),
        pytest.param(b"counterpart", id="the letters of the ending"),
        pytest.param(b"a.tmp/photo.jpg", id="a folder that is called like junk"),
        pytest.param(b"Thumbs.db/photo.jpg", id="a folder that is called like thumbnails"),
        pytest.param(b"Thumbs.db.txt", id="begins like junk"),
        pytest.param(b"my.balupi-tmp", id="our prefix in the middle"),
        pytest.param(b"balupi-tmp/x", id="our prefix without its dot"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"a.tmp\n", id="a line break after the ending"),
        pytest.param(b" ", id="a space"),
    ],
)
def test_everything_else_is_moved(path: bytes) -> None:
    assert not inbox.is_junk(path)


# Quiet


@pytest.mark.parametrize(
    ("changed_ago_s", "noticed_ago_s", "is_quiet"),
    [
        pytest.param(0, 0, False, id="just written"),
        pytest.param(QUIET_S - 1, 0, False, id="a second too early"),
        pytest.param(QUIET_S, 0, True, id="the boundary belongs to it"),
        pytest.param(3600, 0, True, id="old, seen just now"),
        pytest.param(-3600, 0, False, id="from the future, seen just now"),
        pytest.param(-3600, QUIET_S - 1, False, id="from the future, seen a second too late"),
        pytest.param(-3600, QUIET_S, True, id="from the future, but known long enough"),
        pytest.param(0, QUIET_S, True, id="the clock was set, but it is known long enough"),
    ],
)
def test_a_file_is_quiet_when_it_stood_still_by_one_of_two_clocks(
    changed_ago_s: int, noticed_ago_s: int, *, is_quiet: bool
) -> None:
    one = entry(ctime_ns=ns(NOON - timedelta(seconds=changed_ago_s)))
    assert inbox.is_quiet(one, timedelta(seconds=noticed_ago_s), NOON) is is_quiet


def test_the_boundary_is_exact() -> None:
    changed = NOON - timedelta(seconds=QUIET_S)
    just_too_late = entry(ctime_ns=ns(changed) + 1_000_000)
    assert not inbox.is_quiet(just_too_late, timedelta(), NOON)
    almost = timedelta(seconds=QUIET_S) - timedelta(microseconds=1)
    assert not inbox.is_quiet(just_too_late, almost, NOON)


@pytest.mark.parametrize("mtime", [datetime(1999, 1, 1, tzinfo=UTC), NOON + timedelta(days=900)])
def test_the_time_that_a_client_sets_says_nothing(mtime: datetime) -> None:
    fresh, old = ns(NOON), ns(NOON - timedelta(hours=1))
    assert not inbox.is_quiet(entry(mtime_ns=ns(mtime), ctime_ns=fresh), timedelta(), NOON)
    assert inbox.is_quiet(entry(mtime_ns=ns(mtime), ctime_ns=old), timedelta(), NOON)


def test_how_long_is_enough_can_be_said() -> None:
    one = entry(ctime_ns=ns(NOON - timedelta(minutes=9)))
    assert inbox.is_quiet(one, timedelta(), NOON)
    assert not inbox.is_quiet(one, timedelta(), NOON, needed=inbox.QUIET_TIME_WITHOUT_LEASE)


def test_summer_time_does_not_make_a_file_older() -> None:
    now = datetime(2026, 3, 29, 3, 0, 10, tzinfo=BERLIN)  # 10 s after 1:59:60
    written = datetime(2026, 3, 29, 1, 59, 55, tzinfo=BERLIN)
    assert not inbox.is_quiet(entry(ctime_ns=ns(written)), timedelta(), now)


# Order and batches


def test_what_was_put_here_first_goes_first() -> None:
    newest, oldest = entry(b"a", ctime_ns=30), entry(b"z", ctime_ns=10)
    twins = [entry(b"b", ctime_ns=20, mtime_ns=9), entry(b"c", ctime_ns=20, mtime_ns=1)]
    assert inbox.in_order([newest, *reversed(twins), oldest]) == [oldest, *twins, newest]


def sizes(*size_bytes: int) -> list[Entry]:
    return [entry(b"%d" % number, size_bytes=size) for number, size in enumerate(size_bytes)]


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([1, 2], [[1, 2]], id="few fit into one"),
        pytest.param([0, 0, 0, 0], [[0, 0, 0], [0]], id="at most three files"),
        pytest.param([60, 40, 1], [[60, 40], [1]], id="exactly full"),
        pytest.param([60, 41], [[60], [41]], id="a byte too many"),
        pytest.param([500], [[500]], id="a huge file goes alone"),
        pytest.param([1, 500, 1], [[1], [500], [1]], id="a huge file between small ones"),
        pytest.param([500, 0], [[500], [0]], id="even an empty one does not go with a huge one"),
    ],
)
def test_a_batch_has_few_files_and_few_bytes(
    size_bytes: list[int], expected: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_BATCH_FILES", 3)
    monkeypatch.setattr(inbox, "_BATCH_BYTES", 100)
    found = [[one.size_bytes for one in batch] for batch in inbox.batches(sizes(*size_bytes))]
    assert found == expected


@given(st.lists(st.integers(0, 3 * 1024**3), max_size=1200))
def test_batches_lose_nothing_keep_the_order_and_are_as_large_as_may_be(
    size_bytes: list[int],
) -> None:
    files = sizes(*size_bytes)
    batches = list(inbox.batches(files))
    assert [one for batch in batches for one in batch] == files
    for batch in batches:
        assert 1 <= len(batch) <= 500
        assert len(batch) == 1 or sum(one.size_bytes for one in batch) <= 1024**3
    for batch, following in pairwise(batches):
        room = 1024**3 - sum(one.size_bytes for one in batch)
        assert len(batch) == 500 or following[0].size_bytes > room


# Names for conflicts

JANUARY = ns(datetime(2026, 1, 31, 13, 12, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("path", "number", "expected"),
    [
        pytest.param(b"name.ext", 1, b"name (BaluPi 2026-01-31 1412).ext", id="as designed"),
        pytest.param(b"name.ext", 2, b"name (BaluPi 2026-01-31 1412 2).ext", id="the second"),
        pytest.param(b"name.ext", 20, b"name (BaluPi 2026-01-31 1412 20).ext", id="the last"),
        pytest.param(b"README", 1, b"README (BaluPi 2026-01-31 1412)", id="no extension"),
        pytest.param(b".bashrc", 1, b".bashrc (BaluPi 2026-01-31 1412)", id="a dotfile"),
        pytest.param(
            b".config.toml", 1, b".config (BaluPi 2026-01-31 1412).toml", id="a dotfile with one"
        ),
        pytest.param(b"a.tar.gz", 1, b"a.tar (BaluPi 2026-01-31 1412).gz", id="the last one only"),
        pytest.param(b"end.", 1, b"end (BaluPi 2026-01-31 1412).", id="a dot at the end"),
        pytest.param(b"a.b/c", 1, b"a.b/c (BaluPi 2026-01-31 1412)", id="a dot in the folder"),
        pytest.param(b"x/y/n.e", 1, b"x/y/n (BaluPi 2026-01-31 1412).e", id="in a folder"),
        pytest.param(b"\xff\xfe.jpg", 1, b"\xff\xfe (BaluPi 2026-01-31 1412).jpg", id="not UTF-8"),
        pytest.param(
            "Straße 😀.txt".encode(),
            1,
            "Straße 😀 (BaluPi 2026-01-31 1412).txt".encode(),
            id="umlauts and emoji",
        ),
    ],
)
def test_a_name_that_is_taken_gets_origin_and_time(
    path: bytes, number: int, expected: bytes
) -> None:
    assert inbox.conflict_path(entry(path, mtime_ns=JANUARY), number, BERLIN) == expected


def test_the_same_file_gets_the_same_name_at_any_later_time() -> None:
    once = entry(b"a.txt", mtime_ns=JANUARY, ctime_ns=ns(NOON), inode=1)
    again = entry(b"a.txt", mtime_ns=JANUARY, ctime_ns=ns(NOON + timedelta(days=1)), inode=2)
    assert inbox.conflict_path(once, 1, BERLIN) == inbox.conflict_path(again, 1, BERLIN)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(datetime(2026, 3, 29, 0, 59, tzinfo=UTC), b"2026-03-29 0159", id="winter"),
        pytest.param(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), b"2026-03-29 0300", id="spring"),
        pytest.param(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), b"2026-10-25 0230", id="first 2"),
        pytest.param(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), b"2026-10-25 0230", id="second 2"),
        pytest.param(datetime(2025, 12, 31, 23, 5, tzinfo=UTC), b"2026-01-01 0005", id="new year"),
    ],
)
def test_the_time_in_the_name_is_the_household_s(at: datetime, expected: bytes) -> None:
    name = inbox.conflict_path(entry(b"a", mtime_ns=ns(at)), 1, BERLIN)
    assert name == b"a (BaluPi %s)" % expected


LONG = [
    pytest.param("ä" * 123 + ".jpg", id="umlauts"),
    pytest.param("ä" * 125, id="umlauts without an extension"),
    pytest.param("a" + "ä" * 122 + ".jpg", id="umlauts that end in between"),
    pytest.param("😀" * 61 + ".jpeg", id="emoji"),
    pytest.param("ab" + "😀" * 61 + ".x", id="emoji that end in between"),
    pytest.param("a" * 250, id="letters"),
    pytest.param("v1." + "a sentence " * 22, id="an early dot, so nearly all is extension"),
    pytest.param("ü." + "x" * 250, id="an extension that takes all the room"),
    pytest.param("😀😀." + "y" * 224, id="an extension that leaves room for half an emoji"),
    pytest.param("." + "z" * 250, id="a long dotfile"),
    pytest.param("short.txt", id="a short one"),
]


@pytest.mark.parametrize("number", [1, 20])
@pytest.mark.parametrize("name", LONG)
def test_a_long_name_still_fits_and_stays_readable(name: str, number: int) -> None:
    found = inbox.conflict_path(entry(b"deep/" + name.encode(), mtime_ns=JANUARY), number, BERLIN)
    folder, _, last = found.rpartition(b"/")
    assert folder == b"deep"
    assert len(last) <= 255
    assert b" (BaluPi 2026-01-31 1412" in last
    assert last.decode()[0] == name[0]


STEMS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=9)


@given(STEMS, st.integers(1, 200), STEMS, st.integers(0, 200), st.integers(1, 20))
def test_a_name_that_is_utf8_stays_utf8_and_fits(
    stem: str, repeated: int, extension: str, more: int, number: int
) -> None:
    text = f"{stem * repeated}.{extension * more}"
    name = b"x" + text.encode()[:254].decode(errors="ignore").encode()
    found = inbox.conflict_path(entry(name, mtime_ns=JANUARY), number, BERLIN)
    assert len(found) <= 255
    assert "(BaluPi" in found.decode()
    assert found != name


@given(st.binary(max_size=9), st.integers(0, 200), st.binary(max_size=99), st.integers(1, 20))
def test_whatever_bytes_a_name_has_the_new_one_fits(
    stem: bytes, repeated: int, extension: bytes, number: int
) -> None:
    name = (b"x" + stem * repeated + b"." + extension)[:255].replace(b"/", b"_")
    found = inbox.conflict_path(entry(name, mtime_ns=JANUARY), number, BERLIN)
    assert len(found) <= 255
    assert b"(BaluPi" in found


# Words for paths


def test_a_path_has_one_word_that_any_database_can_compare() -> None:
    paths = [b"a", b"A", b"a ", b"\xff", b"\xc3\xbf", b"x/" * 2000]
    keys = [inbox.path_key(path) for path in paths]
    assert len(set(keys)) == len(paths)
    assert all(len(key) == 64 and key.isalnum() for key in keys)
    assert entry(b"a").key == inbox.path_key(b"a")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(b"a/b c.txt", "a/b c.txt", id="plain"),
        pytest.param("Ünïcödé 😀".encode(), "Ünïcödé 😀", id="UTF-8"),
        pytest.param(b"x\xff\xfey", r"x\xff\xfey", id="what is not UTF-8 is escaped"),
    ],
)
def test_a_path_is_shown_to_people(path: bytes, expected: str) -> None:
    assert inbox.path_text(path) == expected
    expected.encode()  # any database takes it


def test_what_may_mean_other_content_is_another_version() -> None:
    before = entry()
    for name in ("size_bytes", "mtime_ns", "ctime_ns", "inode"):
        other: dict[str, Any] = {name: 1234}
        assert replace(before, **other).version != before.version
    assert entry(os.fsencode("another path")).version == before.version
