"""Moving the inbox: what goes wrong is told, counted where it is the file's, and loses nothing."""

from __future__ import annotations

from typing import Any

import pytest

from handshake.folder import marker_of
from handshake.models import FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble
from handshake.rsync import Nas, Sent
from handshake.services import flushing, inbox_overview, ledger, retry
from handshake.tests.flush.helpers import let_pass
from handshake.tests.inbox_home import InboxHome, nas_is
from nasctl.state import NasState

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.enable_socket,
    pytest.mark.sqlite_is_enough("ssh and rsync know no database"),
]


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
        let_pass(monkeypatch, 31)

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
