"""Moving the inbox: real sshd, rsync and rrsync on loopback."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handshake.folder import marker_of
from handshake.models import FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble
from handshake.rsync import Nas, Sent
from handshake.services import flushing, inbox_overview, ledger, retry
from handshake.tests.inbox_home import InboxHome, nas_is, running_home
from nasctl.state import NasState

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.enable_socket,
    pytest.mark.sqlite_is_enough("ssh and rsync know no database"),
]


@pytest.fixture
def home(tmp_path: Path, settings: Any, no_redis: None) -> Iterator[InboxHome]:
    nas_is(NasState.ONLINE, probed=True)
    with running_home(tmp_path, settings) as running:
        yield running


def _let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + seconds)


AWKWARD = {
    "plain.txt": b"text",
    "empty": b"",
    "-rf": b"a leading dash",
    "--delete": b"two",
    "new\nline.txt": b"newline",
    "tab\there": b"tab",
    " spaces  at both ends ": b"spaces",
    "Ünïcödé/Straße 😀/ärger.txt": b"umlauts and emoji",
    "quotes '\" and $HOME `id`; rm -rf": b"shell",
    "stars *?[a-z] {x,y}": b"globs",
    "back\\slash \\#012": b"rsync's own escape",
    "#comment": b"comment",
    ";comment": b"comment",
    "n" * 250: b"a long name",
    "a/b/c/d/e/f/g/h/i/j/k/l/deep": b"deep",
    ".hidden": b"hidden",
    ": colon:s": b"colons",
    "sent-mail.txt": b"what rsync itself might say",
    "total size is 5": b"and this",
}


def test_files_with_awkward_names_arrive_whole_and_leave_nothing_behind(home: InboxHome) -> None:
    for path, content in AWKWARD.items():
        home.put(path, content)
    home.put(b"not-utf8-\xff\xfe", b"bytes")
    run = home.flush()
    assert run is not None
    assert (run.message, run.files_moved, run.files_failed) == ("", len(AWKWARD) + 1, 0)
    assert home.here() == {}
    wanted = {os.fsencode(path): content for path, content in AWKWARD.items()}
    assert home.there() == wanted | {b"not-utf8-\xff\xfe": b"bytes"}
    assert list(home.inbox.iterdir()) == []  # folders that became empty are gone


def test_a_file_keeps_its_own_time(home: InboxHome) -> None:
    home.put("old.txt", b"x", age_s=86_400 * 400)
    at = (home.inbox / "old.txt").stat().st_mtime_ns
    home.flush()
    assert (home.ssh.inbox / "old.txt").stat().st_mtime_ns == at


def test_a_folder_that_somebody_made_and_left_empty_stays(home: InboxHome) -> None:
    (home.inbox / "for later").mkdir()
    home.put("holiday/photo.jpg", b"x")
    home.flush()
    assert [path.name for path in home.inbox.iterdir()] == ["for later"]


def test_junk_half_files_and_links_stay(home: InboxHome, tmp_path: Path) -> None:
    for name in (".DS_Store", "._x", "Thumbs.db", "~$a.docx", "a.part", "a.tmp", ".smbdelete1"):
        home.put(name, b"junk")
    home.put("x/.balupi-tmp/y", b"ours")
    (home.inbox / "link").symlink_to(tmp_path)
    assert home.flush() is None
    assert home.there() == {}
    assert InboxStatus.current().left_lying == 8
    assert InboxFile.objects.count() == 0


def test_what_changed_just_now_waits(home: InboxHome, settings: Any) -> None:
    settings.INBOX_QUIET_TIME = timedelta(seconds=30)
    home.put("new.txt", b"x", age_s=3600)  # a client may set any time; the kernel's counts
    assert home.flush() is None
    assert home.here() == {b"new.txt": b"x"}
    assert InboxFile.objects.get().status == FileStatus.WAITING


def test_what_somebody_writes_waits_until_it_is_closed(home: InboxHome) -> None:
    path = home.put("growing.bin", b"first")
    with path.open("ab") as writer:
        assert home.flush() is None  # the NAS is not even asked
        assert InboxFile.objects.get().message == ledger.IN_USE
        assert home.there() == {}
        writer.write(b" second")
    home.flush()
    assert home.there() == {b"growing.bin": b"first second"}


def test_a_reader_holds_nothing_up(home: InboxHome) -> None:
    path = home.put("read.txt", b"x")
    with path.open("rb"):
        home.flush()
    assert home.there() == {b"read.txt": b"x"}


def test_the_same_content_that_is_there_already_is_not_doubled(home: InboxHome) -> None:
    home.put_on_nas("photo.jpg", b"the same", age_s=5000)
    home.put("photo.jpg", b"the same")
    home.flush()
    assert (home.here(), home.there()) == ({}, {b"photo.jpg": b"the same"})


def test_other_content_under_the_same_name_is_kept_beside_it(
    home: InboxHome, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    at = datetime(2026, 1, 31, 13, 12, tzinfo=UTC).timestamp()
    home.put_on_nas("sub/report.final.txt", b"theirs")
    path = home.put("sub/report.final.txt", b"ours, and longer")
    os.utime(path, (at, at))
    run = home.flush()
    assert run is not None
    assert (run.files_moved, run.files_renamed, run.message) == (1, 1, "")
    assert home.here() == {}
    assert home.there() == {
        b"sub/report.final.txt": b"theirs",
        b"sub/report.final (BaluPi 2026-01-31 1412).txt": b"ours, and longer",
    }
    assert InboxFile.objects.get().stored_as == "sub/report.final (BaluPi 2026-01-31 1412).txt"


def test_a_second_conflict_gets_a_number(home: InboxHome, settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    at = datetime(2026, 1, 31, 14, 12, tzinfo=UTC).timestamp()
    home.put_on_nas("a.txt", b"1")
    home.put_on_nas("a (BaluPi 2026-01-31 1412).txt", b"2")
    os.utime(home.put("a.txt", b"3"), (at, at))
    home.flush()
    assert home.there()[b"a (BaluPi 2026-01-31 1412 2).txt"] == b"3"
    assert home.here() == {}


def test_a_conflict_of_same_size_and_time_is_seen(home: InboxHome) -> None:
    theirs = home.put_on_nas("a.txt", b"theirs")
    ours = home.put("a.txt", b"oursss")
    os.utime(ours, ns=(theirs.stat().st_mtime_ns, theirs.stat().st_mtime_ns))
    home.flush()
    assert sorted(home.there().values()) == [b"oursss", b"theirs"]
    assert home.there()[b"a.txt"] == b"theirs"


def test_a_file_that_is_saved_again_after_it_was_copied_arrives_beside_its_older_version(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    home.put("letter.txt", b"draft")
    settings.INBOX_SETTLE_SECONDS = 3600

    def save_again(_seconds: float) -> None:
        home.put("letter.txt", b"final version")
        settings.INBOX_SETTLE_SECONDS = 0
        _let_pass(monkeypatch, 3601)

    flushing.flush("command", sleep=save_again)
    monkeypatch.undo()
    assert home.here() == {b"letter.txt": b"final version"}
    assert home.there() == {b"letter.txt": b"draft"}
    home.flush()
    assert home.here() == {}
    assert home.there()[b"letter.txt"] == b"draft"  # it may be somebody else's by now
    assert sorted(home.there().values()) == [b"draft", b"final version"]


def test_a_name_that_is_given_to_another_file_while_it_is_sent_makes_no_torn_copy(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.put("clip.mov", b"the whole film")
    send = Nas.send

    def rename_and_send(nas: Nas, root: Path, paths: list[bytes], **more: Any) -> Sent:
        if path.read_bytes() == b"the whole film":  # a rename breaks no lease
            path.rename(path.with_suffix(".bak"))
            path.write_bytes(b"the whole fi")  # being written anew
        return send(nas, root, paths, **more)

    monkeypatch.setattr(Nas, "send", rename_and_send)
    home.flush()
    assert home.there() == {b"clip.mov": b"the whole film"}
    assert home.here() == {b"clip.mov": b"the whole fi", b"clip.bak": b"the whole film"}


def test_what_others_have_on_the_nas_is_never_overwritten(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    theirs = home.put_on_nas("vault.hc", b"theirs")
    at_ns = theirs.stat().st_mtime_ns
    os.utime(home.put("vault.hc", b"oursss"), ns=(at_ns, at_ns))
    settings.INBOX_SETTLE_SECONDS = 3600

    def save_again(_seconds: float) -> None:
        os.utime(home.put("vault.hc", b"newest"), ns=(at_ns, at_ns))
        settings.INBOX_SETTLE_SECONDS = 0
        _let_pass(monkeypatch, 3601)

    flushing.flush("command", sleep=save_again)
    monkeypatch.undo()
    home.flush()
    assert home.there()[b"vault.hc"] == b"theirs"
    assert sorted(home.there().values()) == [b"newest", b"oursss", b"theirs"]


def test_what_the_nas_loses_again_and_again_is_set_aside_and_told(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("a.txt", b"x")
    versions = Nas.versions

    def import_and_list(nas: Nas, paths: list[bytes]) -> Any:
        (home.ssh.inbox / "a.txt").unlink()  # something there empties the folder
        return versions(nas, paths)

    monkeypatch.setattr(Nas, "versions", import_and_list)
    monkeypatch.setattr(ledger, "MAX_ATTEMPTS", 2)
    home.flush()
    home.flush()
    row = InboxFile.objects.get()
    assert (row.status, home.here()) == (FileStatus.FAILED, {b"a.txt": b"x"})
    assert "not on the NAS any more" in row.message


def test_a_nas_folder_that_may_not_be_written_to_counts_against_no_file(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("a.txt", b"x")
    said = 'rsync: [receiver] rename "/.balupi-tmp/.a" -> "a.txt": Permission denied (13)'
    monkeypatch.setattr(Nas, "send", lambda *_args, **_more: Sent(None, said))
    run = home.flush()
    assert run is not None
    assert run.trouble == Trouble.NAS_NOT_WRITABLE
    assert InboxFile.objects.get().attempts == 0


def test_a_fault_of_this_pi_is_told_and_ends_the_run(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("a.txt", b"x")

    def fail(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", fail)
    run = home.flush()
    assert run is not None
    assert (run.trouble, run.finished_at is not None) == (Trouble.LOCAL, True)
    assert "No space left" in run.message
    assert InboxFile.objects.get().status == FileStatus.WAITING


def test_a_file_stays_until_the_nas_had_the_time_to_keep_it(
    home: InboxHome, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INBOX_SETTLE_SECONDS = 30
    home.put("a.txt", b"x")
    waited: list[float] = []

    def power_cut_on_the_nas(seconds: float) -> None:
        waited.append(seconds)
        (home.ssh.inbox / "a.txt").unlink()  # it had not reached the disk
        _let_pass(monkeypatch, 31)

    run = flushing.flush("command", sleep=power_cut_on_the_nas)
    assert run is not None
    assert 0 < waited[0] <= 30
    assert (run.files_moved, home.here()) == (0, {b"a.txt": b"x"})


@pytest.mark.parametrize(
    ("state", "probed"),
    [
        pytest.param(NasState.OFFLINE, False, id="asleep"),
        pytest.param(NasState.ONLINE, False, id="called, but it does not answer yet"),
        pytest.param(NasState.SHUTTING_DOWN, False, id="going down"),
    ],
)
def test_nothing_goes_to_a_nas_that_does_not_answer(
    home: InboxHome, state: NasState, probed: bool
) -> None:
    nas_is(state, probed=probed)
    home.put("a.txt", b"x")
    run = home.flush()
    assert run is not None
    assert run.trouble == Trouble.ASLEEP
    assert home.here() == {b"a.txt": b"x"}
    assert InboxRun.objects.count() == 0
    assert InboxStatus.current().files == 1  # it was looked at, as somebody asked


def test_without_its_own_marker_the_disk_is_not_touched(home: InboxHome) -> None:
    home.put("a.txt", b"x")
    marker_of(home.inbox).unlink()
    run = home.flush()
    assert run is not None
    assert run.trouble == Trouble.NO_DISK
    assert str(marker_of(home.inbox)) in run.message
    assert InboxFile.objects.count() == 0


def test_without_the_nas_s_marker_nothing_is_written_there(home: InboxHome) -> None:
    home.put("a.txt", b"x")
    (home.ssh.inbox / ".balupi-inbox").unlink()
    run = home.flush()
    assert run is not None
    assert run.trouble == Trouble.NO_MARKER
    assert list(home.ssh.inbox.iterdir()) == []
    assert home.here() == {b"a.txt": b"x"}
    assert InboxFile.objects.get().attempts == 0


def test_another_host_key_gets_no_file(home: InboxHome, settings: Any) -> None:
    home.put("a.txt", b"x")
    other = settings.NAS_SSH_KEY.with_suffix(".pub").read_text().split()[1]
    settings.NAS_SSH_KNOWN_HOSTS.write_text(
        f"[{settings.NAS_IP}]:{settings.NAS_SSH_PORT} ssh-ed25519 {other}\n"
    )
    run = home.flush()
    assert run is not None
    assert run.trouble == Trouble.OTHER_HOST_KEY
    assert home.there() == {}


def test_a_nas_that_refuses_our_key_is_told_as_such(home: InboxHome) -> None:
    home.put("a.txt", b"x")
    (home.ssh.ssh_folder / "authorized_keys").write_text("")
    run = home.flush()
    assert run is not None
    assert (run.trouble, InboxFile.objects.get().attempts) == (Trouble.KEY_REFUSED, 0)


def test_a_nas_without_ssh_is_told_once_and_counted(home: InboxHome) -> None:
    home.put("a.txt", b"x")
    home.ssh.stop()
    first, second = home.flush(), home.flush()
    assert first is not None
    assert second is not None
    assert first.trouble == Trouble.UNREACHABLE
    assert InboxRun.objects.get().tries == 2
    known = inbox_overview(second.started_at).trouble
    assert known is not None
    assert "ssh" in known.message
    home.ssh.start()
    home.flush()
    assert home.there() == {b"a.txt": b"x"}
    assert InboxStatus.current().trouble == ""


def test_a_file_with_a_fault_of_its_own_is_set_aside_after_five_tries_and_tried_again_on_request(
    home: InboxHome,
) -> None:
    home.put("taken/x", b"x")
    home.put("good", b"y")
    home.put_on_nas("taken", b"a file where a folder is needed")
    for attempt in range(1, ledger.MAX_ATTEMPTS + 1):
        home.flush()
        assert InboxFile.objects.get(name="taken/x").attempts == attempt
    row = InboxFile.objects.get(name="taken/x")
    assert row.status == FileStatus.FAILED
    assert row.message
    assert home.there() == {b"good": b"y", b"taken": b"a file where a folder is needed"}
    assert home.flush() is None  # it is left alone now
    assert InboxFile.objects.get(name="taken/x").attempts == 5

    (home.ssh.inbox / "taken").unlink()
    assert retry(InboxFile.objects.all()) == 1
    home.flush()
    assert home.there() == {b"good": b"y", b"taken/x": b"x"}


def test_a_file_that_was_set_aside_begins_anew_when_it_changes(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("a", b"x")
    home.put_on_nas("a/in the way", b"y")
    monkeypatch.setattr(ledger, "MAX_ATTEMPTS", 1)
    home.flush()
    assert InboxFile.objects.get().status == FileStatus.FAILED
    home.put("a", b"changed")
    home.flush()
    assert InboxFile.objects.get().attempts == 1


def test_the_oldest_go_first_and_the_ledger_says_when_each_arrived(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b", "a", "c"):
        home.put(name, name.encode())
    sent: list[list[bytes]] = []
    send = Nas.send

    def note_and_send(nas: Nas, root: Path, paths: list[bytes], **more: Any) -> Sent:
        sent.append(paths)
        return send(nas, root, paths, **more)

    monkeypatch.setattr("handshake.inbox._BATCH_FILES", 1)
    monkeypatch.setattr(Nas, "send", note_and_send)
    home.flush()
    assert sent == [[b"b"], [b"a"], [b"c"]]
    rows = InboxFile.objects.order_by("finished_at", "pk")
    assert [(row.name, row.status) for row in rows] == [
        (n, FileStatus.DONE) for n in ("b", "a", "c")
    ]


def test_only_one_flush_runs_at_a_time_whoever_asks(
    home: InboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.put("a", b"x")
    inner: list[InboxRun | None] = []
    marker = Nas.require_marker

    def ask_again(nas: Nas) -> None:
        inner.append(home.flush())
        marker(nas)

    monkeypatch.setattr(Nas, "require_marker", ask_again)
    home.flush()
    assert [run.trouble for run in inner if run] == [Trouble.BUSY]
    assert home.there() == {b"a": b"x"}


def test_what_somebody_takes_away_leaves_the_ledger(home: InboxHome, settings: Any) -> None:
    settings.INBOX_QUIET_TIME = timedelta(hours=1)
    path = home.put("a", b"x")
    home.flush()
    assert InboxFile.objects.count() == 1
    path.unlink()
    home.flush()
    assert InboxFile.objects.count() == 0


def test_half_transfers_on_the_nas_are_swept_away_before_the_next(home: InboxHome) -> None:
    home.put_on_nas(".balupi-tmp/.a.Xy12ab", b"half")
    home.put_on_nas("keep.txt", b"theirs")
    home.put("a", b"x")
    home.flush()
    assert not any((home.ssh.inbox / ".balupi-tmp").iterdir())
    assert home.there() == {b"a": b"x", b"keep.txt": b"theirs"}
