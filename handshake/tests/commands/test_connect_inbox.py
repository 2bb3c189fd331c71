"""``manage.py connect_inbox``: folder, key and the way to the NAS."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handshake.folder import marker_of
from handshake.problems import Trouble, sentence
from handshake.services import connecting
from handshake.tests.commands.helpers import failed, run
from simhome.free_addresses import free_port
from simhome.nas_ssh import SshTarget

pytestmark = pytest.mark.django_db

OPEN = "The way to the NAS's inbox is open."

# Connecting: the disk


@pytest.fixture
def data_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inbox is on a disk of its own."""
    monkeypatch.setattr(connecting, "is_on_system_disk", lambda _folder: False)


def test_an_inbox_on_the_system_s_disk_is_refused_and_nothing_is_made(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def tell(folder: Path) -> bool:
        asked.append(folder)
        return True

    monkeypatch.setattr(connecting, "is_on_system_disk", tell)
    out, why = failed("connect_inbox", "--yes")
    assert asked == [settings.INBOX_DIR.parent]
    assert "--on-system-disk" in why
    assert out == ""
    assert not settings.INBOX_DIR.parent.exists()
    assert not settings.NAS_SSH_KEY.exists()


def test_an_inbox_on_the_system_s_disk_is_made_where_that_is_wanted(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "is_on_system_disk", lambda _folder: True)
    out, _why = failed("connect_inbox", "--on-system-disk")
    assert f"{settings.INBOX_DIR} made, its disk marked by {marker_of(settings.INBOX_DIR)}" in out
    assert settings.INBOX_DIR.is_dir()
    assert marker_of(settings.INBOX_DIR).is_file()


def test_an_inbox_that_is_there_is_left_as_it_is(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path) -> bool:
        raise AssertionError("it was asked for again")

    monkeypatch.setattr(connecting, "is_on_system_disk", refuse)
    (box / "a").write_text("x")
    out, _why = failed("connect_inbox")
    assert f"{box}, its disk is mounted" in out
    assert (box / "a").read_text() == "x"


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        pytest.param("/", True, id="itself"),
        pytest.param("/no/such/folder", True, id="a folder that is not there yet"),
        pytest.param("/proc", False, id="another file system"),
        pytest.param("/proc/no/such/folder", False, id="one that is not there on another"),
    ],
)
def test_the_system_s_disk_is_known_by_its_device(folder: str, *, expected: bool) -> None:
    assert connecting.is_on_system_disk(Path(folder)) is expected


# Connecting: our key


def key_words(path: Path) -> list[str]:
    """Return the lines of a private key that nobody may see."""
    return [line for line in path.read_text().splitlines() if not line.startswith("-----")]


@pytest.mark.usefixtures("data_disk")
def test_the_key_is_made_once_and_for_its_owner_only(settings: Any) -> None:
    before = os.umask(0)
    try:
        failed("connect_inbox")
    finally:
        os.umask(before)
    key: Path = settings.NAS_SSH_KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    once = key.read_bytes()
    failed("connect_inbox")
    assert key.read_bytes() == once


@pytest.mark.usefixtures("data_disk")
@pytest.mark.parametrize(
    ("path", "command"),
    [
        pytest.param("/data/inbox", "/usr/bin/rrsync /data/inbox", id="plain"),
        pytest.param("/mnt/my disk/in", "/usr/bin/rrsync '/mnt/my disk/in'", id="spaces"),
        pytest.param("/data/$HOME/`x`", "/usr/bin/rrsync '/data/$HOME/`x`'", id="a shell's signs"),
        pytest.param("/data/Büro", "/usr/bin/rrsync '/data/Büro'", id="umlauts"),
    ],
)
def test_the_line_for_the_nas_lets_our_key_do_nothing_but_rsync_into_the_folder(
    settings: Any, path: str, command: str
) -> None:
    settings.NAS_INBOX_PATH = path
    out, _why = failed("connect_inbox")
    public = settings.NAS_SSH_KEY.with_suffix(".pub").read_text().strip()
    assert f'\nrestrict,command="{command}" {public}\n' in out
    assert f"the folder {path}" in out
    assert "~balu/.ssh/authorized_keys" in out


@pytest.mark.usefixtures("data_disk")
def test_a_key_that_was_brought_along_needs_no_public_half_beside_it(settings: Any) -> None:
    public = connecting.ensure_key().with_suffix(".pub")
    line = public.read_text().strip()
    public.unlink()
    assert line in failed("connect_inbox")[0]


@pytest.mark.usefixtures("data_disk")
def test_a_key_that_is_none_is_told(settings: Any) -> None:
    settings.NAS_SSH_KEY.parent.mkdir(parents=True)
    settings.NAS_SSH_KEY.touch(mode=0o600)
    settings.NAS_SSH_KEY.write_text("no key")
    assert failed("connect_inbox")[1].startswith("ssh-keygen failed: ")


@pytest.mark.usefixtures("data_disk")
def test_without_ssh_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert failed("connect_inbox")[1] == "ssh-keygen is missing; install openssh-client."


@pytest.mark.usefixtures("data_disk")
def test_a_nas_that_never_answers_is_not_waited_for(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting.ensure_key()
    program = tmp_path / "bin" / "ssh-keyscan"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(connecting, "_SCAN_S", 0.5)
    assert failed("connect_inbox")[1] == "ssh-keyscan did not end within 0.5 s."


# Connecting: the NAS, which is a real sshd


@pytest.fixture
def target(tmp_path: Path, settings: Any, data_disk: None) -> Iterator[SshTarget]:
    """A NAS that is awake and has never heard of us; its folder has a space in its path."""
    assert SshTarget.is_available(), "needs sshd, ssh-keygen, rsync, rrsync: see deploy/test.sh"
    host = f"127.{secrets.randbelow(250) + 3}.{secrets.randbelow(250) + 1}.53"
    found = SshTarget(host=host, port=free_port(host), folder=tmp_path / "my nas")
    found.prepare()
    settings.NAS_IP, settings.NAS_SSH_PORT = found.host, found.port
    settings.NAS_SSH_USER, settings.NAS_INBOX_PATH = found.user, str(found.inbox)
    found.start()
    yield found
    found.stop()


def authorize(target: SshTarget, out: str) -> None:
    """Do on the NAS what the command says."""
    [line] = [line for line in out.splitlines() if line.startswith("restrict,")]
    (target.ssh_folder / "authorized_keys").write_text(line + "\n")


def answer(monkeypatch: pytest.MonkeyPatch, word: str) -> list[str]:
    asked: list[str] = []

    def give(question: str) -> str:
        asked.append(question)
        return word

    monkeypatch.setattr("builtins.input", give)
    return asked


def host_fingerprint(target: SshTarget) -> str:
    key = target.ssh_folder / "host_ed25519.pub"
    done = subprocess.run(  # noqa: S603
        ["ssh-keygen", "-lf", str(key)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[1]


@pytest.mark.enable_socket
def test_step_by_step_the_way_to_the_nas_is_opened(target: SshTarget, settings: Any) -> None:
    out, why = failed("connect_inbox", "--yes")
    assert why == "The line above is not on the NAS yet; then repeat."
    assert host_fingerprint(target) in out
    assert "host key  pinned" in out
    [line] = settings.NAS_SSH_KNOWN_HOSTS.read_text().splitlines()
    assert line.split()[:3] == target.known_hosts_line().split()[:3]
    authorize(target, out)
    again = run("connect_inbox")
    assert OPEN in again
    assert "host key  known" in again
    for word in key_words(settings.NAS_SSH_KEY):
        assert word not in out + again


@pytest.mark.enable_socket
def test_a_folder_without_its_marker_is_told_with_its_cure(target: SshTarget) -> None:
    (target.inbox / ".balupi-inbox").unlink()
    authorize(target, failed("connect_inbox", "--yes")[0])
    assert failed("connect_inbox")[1] == sentence(Trouble.NO_MARKER, "")


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("word", "is_pinned"),
    [
        pytest.param("y", True, id="yes"),
        pytest.param(" JA ", True, id="in German, with spaces"),
        pytest.param("", False, id="nothing"),
        pytest.param("n", False, id="no"),
        pytest.param("yup", False, id="something else"),
    ],
)
def test_a_host_key_is_pinned_where_a_person_says_so(
    target: SshTarget,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    *,
    is_pinned: bool,
) -> None:
    asked = answer(monkeypatch, word)
    out, why = failed("connect_inbox")
    assert len(asked) == 1
    assert host_fingerprint(target) in out
    assert "ssh-keygen -lf" in out
    assert why.startswith("Not pinned.") is not is_pinned
    assert settings.NAS_SSH_KNOWN_HOSTS.exists() is is_pinned


@pytest.mark.enable_socket
def test_another_host_key_is_refused_until_the_old_one_is_forgotten(
    target: SshTarget, settings: Any
) -> None:
    authorize(target, failed("connect_inbox", "--yes")[0])
    known: Path = settings.NAS_SSH_KNOWN_HOSTS
    other = settings.NAS_SSH_KEY.with_suffix(".pub").read_text().split()[1]
    address, kind, _key = known.read_text().split()[:3]
    known.write_text(f"{address} {kind} {other}\n")
    assert failed("connect_inbox", "--yes")[1] == sentence(Trouble.OTHER_HOST_KEY, "")
    assert other in known.read_text()  # --yes alone forgets nothing
    assert OPEN in run("connect_inbox", "--forget", "--yes")
    assert other not in known.read_text()


@pytest.mark.enable_socket
def test_a_second_call_changes_nothing(
    target: SshTarget, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorize(target, failed("connect_inbox", "--yes")[0])
    folder: Path = settings.NAS_SSH_KEY.parent

    def seen() -> dict[str, tuple[bytes, int]]:
        return {
            path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()
        }

    before = seen()
    assert set(before) == {"id_balupi", "id_balupi.pub", "known_hosts"}
    asked = answer(monkeypatch, "n")
    assert OPEN in run("connect_inbox")
    assert seen() == before
    assert asked == []


@pytest.mark.enable_socket
@pytest.mark.parametrize("arguments", [["--yes"], ["--yes", "--forget"]])
def test_a_nas_that_sleeps_is_told_and_the_line_can_be_copied_meanwhile(
    target: SshTarget, settings: Any, arguments: list[str]
) -> None:
    target.stop()
    out, why = failed("connect_inbox", *arguments)
    assert "restrict,command=" in out
    assert f"{target.host}, port {target.port}" in why
    assert "Wake it" in why
    assert not settings.NAS_SSH_KNOWN_HOSTS.exists()


@pytest.mark.enable_socket
def test_the_pinned_key_is_written_whole_or_not_at_all(
    target: SshTarget, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NAS_SSH_KNOWN_HOSTS.parent.mkdir(parents=True)
    replaced: list[str] = []
    replace: Callable[..., Path] = Path.replace

    def note(path: Path, to: Path) -> Path:
        replaced.append(path.read_text())
        assert not to.exists()
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", note)
    connecting.pin(connecting.seen_host_keys())
    assert replaced == [settings.NAS_SSH_KNOWN_HOSTS.read_text()]
