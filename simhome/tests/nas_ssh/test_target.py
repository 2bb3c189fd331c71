"""The NAS's rsync target: real sshd, ssh and rsync on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from simhome.nas_ssh import MARKER_NAME, SshTarget
from simhome.tests.nas_ssh.helpers import (
    MEGABYTE,
    PORT,
    SECONDS,
    Client,
    listens,
    run,
    serving,
    size,
    states,
    wait_until,
)

pytestmark = pytest.mark.enable_socket

REPOSITORY = Path(__file__).parents[3]

OWNER = """
import sys
from pathlib import Path
from simhome.nas_ssh import SshTarget
host, port, folder = sys.argv[1:]
SshTarget(host=host, port=int(port), folder=Path(folder)).start()
print("ready", flush=True)
sys.stdin.read()
"""


class TestTarget:
    def test_a_file_goes_into_the_inbox(self, target: SshTarget, client: Client) -> None:
        sent = client.send(target)
        assert (sent.returncode, sent.stderr) == (0, "")
        assert (target.inbox / "a.txt").read_text() == "this is a.txt"

    def test_the_marker_is_seen_over_rsync(self, target: SshTarget, client: Client) -> None:
        words = ("--list-only", f"{target.host}:{MARKER_NAME}")
        assert MARKER_NAME in run(client.rsync(target, *words)).stdout

    def test_the_key_runs_no_other_command(self, target: SshTarget, client: Client) -> None:
        for command in ("id", "sh -c 'touch intruder'", "rsync --daemon", ""):
            done = run([*client.ssh(target), target.host, *([command] if command else [])])
            assert done.returncode != 0
            assert "uid=" not in done.stdout
        assert [path.name for path in target.inbox.iterdir()] == [MARKER_NAME]

    @pytest.mark.parametrize("to", ["../", "../ssh/authorized_keys", "sub/../../"])
    def test_the_key_writes_nothing_outside(
        self, target: SshTarget, client: Client, to: str
    ) -> None:
        before = (target.ssh_folder / "authorized_keys").read_text()
        assert client.send(target, to=to).returncode != 0
        assert sorted(path.name for path in target.inbox.parent.iterdir()) == ["inbox", "ssh"]
        assert (target.ssh_folder / "authorized_keys").read_text() == before

    def test_an_absolute_path_starts_at_the_inbox(self, target: SshTarget, client: Client) -> None:
        outside = target.inbox.parent / "outside"
        client.send(target, to=str(outside))
        assert not outside.exists()

    def test_another_key_is_refused(self, target: SshTarget, client: Client) -> None:
        target.authorize("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAA another")
        sent = client.send(target)
        assert sent.returncode != 0
        assert "Permission denied (publickey)" in sent.stderr

    def test_a_kill_in_the_middle_leaves_nothing(self, target: SshTarget, client: Client) -> None:
        with client.sending(target) as process:
            running = serving(target)
            assert {"sshd", "rsync"} <= {each.name() for each in running}
            target.kill()
            assert serving(target) == set()
            assert process.wait(SECONDS) != 0
        assert not target.is_running
        assert not listens(target)
        assert 0 < size(target.inbox / "big.bin") < 5 * MEGABYTE

    def test_a_stop_in_the_middle_leaves_nothing(self, target: SshTarget, client: Client) -> None:
        with client.sending(target) as process:
            target.stop()
            assert serving(target) == set()
            assert process.wait(SECONDS) != 0
        target.stop()
        assert "Received signal 15" in target.log_file.read_text()

    def test_a_server_that_ended_by_itself_leaves_nothing_either(
        self, target: SshTarget, client: Client
    ) -> None:
        with client.sending(target):
            (listener,) = [each for each in serving(target) if each.ppid() == os.getpid()]
            listener.kill()
            wait_until(lambda: not target.is_running)
            target.start()
            assert len(serving(target)) == 1
        assert client.send(target).returncode == 0

    def test_a_cut_link_ends_the_transfer_only(self, target: SshTarget, client: Client) -> None:
        with client.sending(target) as process:
            target.kill_sessions()
            assert process.wait(SECONDS) != 0
        assert len(serving(target)) == 1
        assert client.send(target).returncode == 0

    def test_it_comes_back_with_all_that_it_had(self, target: SshTarget, client: Client) -> None:
        client.send(target)
        line = target.known_hosts_line()
        (target.inbox / MARKER_NAME).unlink()
        target.kill()
        target.prepare()
        target.start()
        assert target.known_hosts_line() == line
        assert [path.name for path in target.inbox.iterdir()] == ["a.txt"]
        assert client.send(target, "b.txt").returncode == 0

    def test_frozen_it_stands_still_and_thawed_it_goes_on(
        self, target: SshTarget, client: Client
    ) -> None:
        with client.sending(target) as process:
            target.freeze()
            wait_until(lambda: states(serving(target)) == {psutil.STATUS_STOPPED})
            arrived = size(target.inbox / "big.bin")
            assert process.poll() is None
            target.thaw()
            assert psutil.STATUS_STOPPED not in states(serving(target))
            wait_until(lambda: size(target.inbox / "big.bin") > arrived)

    def test_frozen_it_can_be_killed(self, target: SshTarget, client: Client) -> None:
        with client.sending(target):
            target.freeze()
            target.kill()
            assert serving(target) == set()
        target.start()
        assert client.send(target).returncode == 0

    def test_a_second_start_does_nothing(self, target: SshTarget) -> None:
        running = serving(target)
        target.start()
        assert serving(target) == running

    def test_it_does_not_outlive_a_killed_owner(self, target: SshTarget) -> None:
        target.stop()
        owner = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", OWNER, target.host, str(PORT), str(target.inbox.parent)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with owner:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"ready\n"
            assert len(serving(target)) == 1
            owner.kill()
        wait_until(lambda: serving(target) == set())

    def test_a_port_that_is_taken_is_named(self, target: SshTarget, tmp_path: Path) -> None:
        second = SshTarget(host=target.host, port=PORT, folder=tmp_path / "second")
        second.prepare()
        with pytest.raises(OSError, match=rf"sshd {target.host}:{PORT}: .*Address already in use"):
            second.start()
        assert serving(second) == set()

    def test_it_lives_on_loopback_only(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"127\.0\.0\.0/8"):
            SshTarget(host="0.0.0.0", port=PORT, folder=tmp_path)

    def test_a_folder_with_odd_characters_will_do(
        self, block: str, tmp_path: Path, client: Client
    ) -> None:
        target = SshTarget(host=f"{block}.54", port=PORT, folder=tmp_path / "my %h $1 'home'")
        target.prepare()
        target.authorize(client.public_key)
        target.start()
        try:
            sent = client.send(target)
        finally:
            target.stop()
        assert (sent.returncode, sent.stderr) == (0, "")
        assert (target.inbox / "a.txt").exists()
