"""What rsync says of files and of its progress, read."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake import rsync, rsync_run, rsync_words
from handshake.rsync import Nas
from handshake.rsync_words import Match
from handshake.tests.rsync.fake_program import FakeProgram

# What it says of files: real words of rsync 3.5.0, with LC_ALL=C

COMPARED = (
    b".d          ./\n"
    b".f          name\n"
    b".f           lead\n"
    b".f            two  \n"
    b".f           \n"
    b".f          tab\t\n"
    b"<fc.T...... a.txt\n"
    b"<fcsT...... sub/b.txt\n"
    b"<fc........ <f+++++++++ c\n"
    b"<f+++++++++ name of a new one\n"
    b"<f+++++++++ .f          odd\n"
    b"cd+++++++++ new/\n"
    b".d          deep/\n"
    b".d..t...... deep/.f/\n"
    b"<f+++++++++ deep/x\\#012y\n"
    b".f          b\\#134#012\n"
    b".f          \\#303\\#234\n"
    b".f          \\#377\\#376\n"
)

MATCHES = {
    b"name": Match.SAME,
    b" lead": Match.SAME,
    b"  two  ": Match.SAME,
    b" ": Match.SAME,
    b"tab\t": Match.SAME,
    b"a.txt": Match.DIFFERENT,
    b"sub/b.txt": Match.DIFFERENT,
    b"<f+++++++++ c": Match.DIFFERENT,
    b"name of a new one": Match.ABSENT,
    b".f          odd": Match.ABSENT,
    b"deep/x\ny": Match.ABSENT,
    b"b\\#012": Match.SAME,
    "Ü".encode(): Match.SAME,
    b"\xff\xfe": Match.SAME,
}

LISTED = (
    b"drwxr-xr-x        4,096 2026/11/25 18:34:10 .\n"
    b"drwxr-xr-x        4096 2026/11/25 18:34:10 deep\n"
    b"-rw-r--r--           5 2026/11/25 18:03:34  lead\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07   two  \n"
    b"-rw-------           0 2026/11/25 00:00:00 a.txt\n"
    b"-rw-r--r-- 12345678901 2026/03/29 02:30:00 deep/2026/03/29 02:30:00 x\n"
    b"-rwxr-xr-x           1 2446/05/10 22:38:55 future\n"
    b"-rw-r--r--           1 1960/01/04 00:00:00 old\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07 b\\#134#012\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07 x\\#012y\n"
    b"-rw-r--r--           5 2026/11/25 18:34:07 \\#303\\#234\n"
    b"lrwxrwxrwx           1 2026/11/25 18:34:07 link -> a.txt\n"
    b"prw-r--r--           0 2026/11/25 18:34:07 pipe\n"
)

VERSIONS = {
    b" lead": (5, 1795629814),
    b"  two  ": (5, 1795631647),
    b"a.txt": (0, 1795564800),
    b"deep/2026/03/29 02:30:00 x": (12345678901, 1774751400),  # no such time in Berlin
    b"future": (1, 15032385535),
    b"old": (1, -315360000),
    b"b\\#012": (5, 1795631647),
    b"x\ny": (5, 1795631647),
    "Ü".encode(): (5, 1795631647),
}


def test_files_that_are_compared_are_read_by_fixed_width_whatever_their_names(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    fake_rsync.says(COMPARED)
    assert nas.compare(tmp_path, list(MATCHES), size_bytes=1) == MATCHES


def test_what_cannot_be_read_here_is_not_in_the_comparison(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    fake_rsync.says(b".f          a\n", b'link_stat "gone" failed: No such file', code=23)
    assert nas.compare(tmp_path, [b"a", b"gone"], size_bytes=1) == {b"a": Match.SAME}


def test_files_that_are_listed_are_read_with_size_and_time(
    nas: Nas, fake_rsync: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")  # the household's zone does not matter
    fake_rsync.says(LISTED)
    assert nas.versions([b"a.txt"]) == VERSIONS
    assert fake_rsync.environment["TZ"] == "UTC"


def test_a_name_of_spaces_only_is_listed(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.says(b"-rw-r--r--           5 2026/11/25 18:34:07   \n")
    assert nas.versions([b"  "]) == {b"  ": (5, 1795631647)}


def test_a_file_of_a_far_future_is_no_fault(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.says(b"-rw-r--r--           1 36812/02/20 00:36:1 far\n")  # as it was on tmpfs
    assert b"far" in nas.versions([b"far"])


def test_nothing_listed_is_nothing_there(nas: Nas, fake_rsync: FakeProgram) -> None:
    assert nas.versions([b"a"]) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(rb"plain", b"plain", id="plain"),
        pytest.param(rb"\#012", b"\n", id="a line break"),
        pytest.param(rb"\#134#012", rb"\#012", id="what only looks like an escape"),
        pytest.param(rb"\#303\#234", "Ü".encode(), id="UTF-8"),
        pytest.param(rb"C:\dir\#x", rb"C:\dir\#x", id="other backslashes"),
        pytest.param(rb"\#0123", b"\n3", id="three digits, no more"),
        pytest.param(rb"\#999", rb"\#999", id="no octal digits"),
        pytest.param(rb"\#377", b"\xff", id="the largest"),
    ],
)
def test_escapes_are_undone(text: bytes, expected: bytes) -> None:
    assert rsync_words.unescaped(text) == expected


def told(chunks: list[bytes]) -> list[int]:
    done, figures = rsync_run.Done(), list[int]()
    for chunk in chunks:
        done.output.extend(chunk)
        rsync_run._tell_progress(done, figures.append)
    return figures


PROGRESS = (
    b"\r             40  12%    0.00kB/s    0:00:00  "
    b"\r            123  40%    1.01kB/s    0:00:01 (xfr#1, to-chk=1/3)"
    b"\r           4567 100%    1.01kB/s    0:00:02 (xfr#2, to-chk=0/3)\n"
)


def test_progress_ends_at_the_newest_figure_however_the_words_are_cut() -> None:
    assert told([PROGRESS])[-1] == 4567
    for size in (1, 7, 48):
        chunks = [PROGRESS[start : start + size] for start in range(0, len(PROGRESS), size)]
        figures = told(chunks)
        assert {40, 123} <= set(figures) <= {40, 123, 4567}  # the last may still be in the air
        assert figures == sorted(figures)


def test_progress_of_hours_takes_no_memory() -> None:
    done = rsync_run.Done()
    for _ in range(1000):
        done.output.extend(PROGRESS)
        rsync_run._tell_progress(done, lambda _figure: None)
    assert len(done.output) < 200


def test_what_is_sent_is_told_meanwhile(nas: Nas, fake_rsync: FakeProgram, tmp_path: Path) -> None:
    figures: list[int] = []
    fake_rsync.says(PROGRESS)
    sent = nas.send(tmp_path, [b"a"], size_bytes=1, progress=figures.append)
    assert (figures[-1], sent) == (4567, rsync.Sent())
