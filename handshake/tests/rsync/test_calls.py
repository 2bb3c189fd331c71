"""How rsync and ssh are called: names that break nothing, nothing of ours that leaks."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handshake import rsync, rsync_run
from handshake.problems import Trouble
from handshake.rsync import Nas
from handshake.tests.rsync.fake_program import FakeProgram, on_path, trouble

# What it is told


def ssh_words(argv: list[str]) -> list[str]:
    """Return the ssh command as rsync splits it."""
    command = argv[argv.index("--rsh") + 1]
    return [word[1:-1] for word in command.split(" ")]


@pytest.mark.parametrize(
    "option",
    [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "GlobalKnownHostsFile=/dev/null",
        "ConnectTimeout=5",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
    ],
)
def test_ssh_never_asks_and_never_waits_for_ever(
    nas: Nas, fake_rsync: FakeProgram, option: str
) -> None:
    nas.require_marker()
    words = ssh_words(fake_rsync.argv)
    assert words[words.index(option) - 1] == "-o"


def test_ssh_knows_nothing_but_what_it_is_told(nas: Nas, fake_rsync: FakeProgram) -> None:
    nas.require_marker()
    words = ssh_words(fake_rsync.argv)
    assert words[:5] == ["ssh", "-F", "none", "-p", "2222"]
    assert [word for word in words if str(nas.key) in word] == [f'IdentityFile="{nas.key}"']
    assert [word for word in words if str(nas.known_hosts) in word] == [
        f'UserKnownHostsFile="{nas.known_hosts}"'
    ]


def calls(nas: Nas, folder: Path) -> dict[str, Callable[[], object]]:
    names = [b"-rf", b"--delete", b"#x", b";y", b" z", b"\xff\n"]
    return {
        "marker": nas.require_marker,
        "sweep": lambda: nas.sweep(keep_partial=True),
        "send": lambda: nas.send(folder, names, size_bytes=1),
        "compare": lambda: nas.compare(folder, names, size_bytes=1),
        "versions": lambda: nas.versions(names),
    }


CALLS = ["marker", "sweep", "send", "compare", "versions"]


@pytest.mark.parametrize("call", CALLS)
def test_paths_come_after_two_dashes_and_the_target_is_the_restricted_folder(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, call: str
) -> None:
    calls(nas, tmp_path)[call]()
    argv = fake_rsync.argv
    places = argv[argv.index("--") + 1 :]
    assert not [place for place in places if place.startswith("-")]
    assert [place for place in places if place.startswith("balu@127.66.0.53:/")]
    assert not [word for word in argv[: argv.index("--")] if "balu@" in word]
    assert argv[0] in {"--timeout=30", "--timeout=33"}


@pytest.mark.parametrize("call", ["send", "compare", "versions"])
def test_names_go_by_a_list_that_no_name_can_break(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, call: str
) -> None:
    calls(nas, tmp_path)[call]()
    assert "--files-from=-" in fake_rsync.argv
    assert "--from0" in fake_rsync.argv
    assert fake_rsync.stdin == b"./-rf\0./--delete\0./#x\0./;y\0./ z\0./\xff\n\0"


def test_a_list_that_is_longer_than_a_pipe_waits_for_nobody(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    names = [b"%d/" % number + b"n" * 250 for number in range(2000)]
    nas.send(tmp_path, names, size_bytes=1)
    assert fake_rsync.stdin.count(b"\0") == 2000


def test_without_names_nothing_is_read_from_us(nas: Nas, fake_rsync: FakeProgram) -> None:
    nas.require_marker()
    assert fake_rsync.stdin == b""
    assert "--files-from=-" not in fake_rsync.argv


def test_what_is_there_is_left_as_it_is(nas: Nas, fake_rsync: FakeProgram, tmp_path: Path) -> None:
    nas.send(tmp_path, [b"a"], size_bytes=1)
    assert "--ignore-existing" in fake_rsync.argv
    assert "--copy-links" in fake_rsync.argv


@pytest.mark.parametrize("call", CALLS)
def test_nothing_of_ours_is_removed_here_nor_in_one_piece_there(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, call: str
) -> None:
    calls(nas, tmp_path)[call]()
    assert "--remove-source-files" not in fake_rsync.argv
    assert "--inplace" not in fake_rsync.argv
    assert ("--delete" in fake_rsync.argv) == (call == "sweep")


@pytest.mark.parametrize(
    ("keep_partial", "expected"),
    [
        pytest.param(True, {".balupi-tmp"}, id="half files are still wanted"),
        pytest.param(False, {".balupi-tmp", ".balupi-partial"}, id="nothing is wanted"),
    ],
)
def test_a_sweep_empties_our_own_folders_and_no_other(
    nas: Nas, fake_rsync: FakeProgram, expected: set[str], *, keep_partial: bool
) -> None:
    nas.sweep(keep_partial=keep_partial)
    *sources, target = fake_rsync.argv[fake_rsync.argv.index("--") + 1 :]
    assert {source.rpartition("/./")[2] for source in sources} == {f"{it}/" for it in expected}
    assert target == "balu@127.66.0.53:/"
    assert {"--relative", "--no-implied-dirs"} <= set(fake_rsync.argv)
    assert not [source for source in sources if Path(source).exists()]  # cleared away


@pytest.mark.parametrize("call", CALLS)
def test_the_children_get_nothing_of_ours(
    nas: Nas,
    fake_rsync: FakeProgram,
    tmp_path: Path,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BALUPI_HANDSHAKE_SECRET", "hush-hush")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    monkeypatch.setenv("RSYNC_RSH", "/tmp/evil")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    calls(nas, tmp_path)[call]()
    found = fake_rsync.environment
    assert set(found) - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "TZ"}
    assert (found["LC_ALL"], found["TZ"]) == ("C", "UTC")
    assert "hush-hush" not in "\n".join([*fake_rsync.argv, *found.values()])


def test_more_bytes_get_more_time(
    nas: Nas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: dict[str, list[float]] = {"send": [], "compare": []}
    silence: list[str] = []
    call = "send"

    def note(command: list[str], _list_fd: int, *, ends_s: float, **_more: Any) -> rsync_run.Done:
        patience[call].append(ends_s - time.monotonic())
        silence.append(next(word for word in command if word.startswith("--timeout=")))
        return rsync_run.Done()

    monkeypatch.setattr(rsync, "run", note)
    for size in (0, 10**9):
        nas.send(tmp_path, [b"a"], size_bytes=size)
    call = "compare"
    for size in (0, 10**9):
        nas.compare(tmp_path, [b"a"], size_bytes=size)
    assert patience["send"] == [pytest.approx(30, abs=1), pytest.approx(2030, abs=1)]
    assert patience["compare"] == [pytest.approx(90, abs=1), pytest.approx(290, abs=1)]
    # Both sides read their disks before the first byte crosses.
    assert silence == ["--timeout=30", "--timeout=30", "--timeout=30", "--timeout=130"]


# The key's path, through rsync's own splitting of --rsh and through ssh's of -o

AWKWARD_FOLDERS = [
    pytest.param("plain", id="plain"),
    pytest.param("a  b c", id="spaces"),
    pytest.param("it's", id="a single quote"),
    pytest.param('say "x"', id="double quotes"),
    pytest.param("''x' '", id="many quotes"),
    pytest.param("b\\s \\", id="backslashes"),
    pytest.param("$HOME `id` *;&|", id="what a shell would see"),
    pytest.param("ümläut", id="umlauts"),
]


@pytest.mark.parametrize("folder", AWKWARD_FOLDERS)
def test_the_real_rsync_hands_each_word_to_ssh_as_it_is(
    nas: Nas, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ssh = on_path(tmp_path, "ssh", monkeypatch)
    fake_ssh.reads = ""  # rsync waits for the other side, and would not stop talking
    fake_ssh.says(err=b"ssh: connect to host nas port 22: Connection refused\n", code=255)
    moved = tmp_path / folder
    nas.key.parent.rename(moved)
    there = replace(nas, key=moved / "id", known_hosts=moved / "known_hosts")
    assert trouble(there.require_marker).code == Trouble.UNREACHABLE
    options = there.ssh_command()[1:]
    assert fake_ssh.argv[: len(options)] == options
    assert "hush-hush" not in " ".join(fake_ssh.argv)
    rest = fake_ssh.argv[len(options) :]
    assert rest[:5] == ["-l", "balu", "127.66.0.53", "rsync", "--server"]
    assert not [name for name in fake_ssh.environment if name.startswith("BALUPI_")]


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param("plain", id="plain"),
        pytest.param("a b", id="a space"),
        pytest.param("it's", id="a quote"),
        pytest.param('say "x"', id="double quotes"),
    ],
)
def test_the_real_ssh_reads_the_paths_as_they_are(nas: Nas, folder: str) -> None:
    key, known = Path("/x") / folder / "id", Path("/x") / folder / "known_hosts"
    command = replace(nas, key=key, known_hosts=known).ssh_command()
    done = subprocess.run(  # noqa: S603
        [*command, "-G", "host"], capture_output=True, text=True, check=False
    )
    found = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert (done.stderr, found.get("identityfile")) == ("", str(key))
    assert found["userknownhostsfile"] == str(known)


# What must be here


@pytest.mark.parametrize("missing", ["rsync", "ssh", "setpriv"])
def test_a_program_that_is_missing_is_named(
    nas: Nas, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "few"
    programs.mkdir()
    for name in {"rsync", "ssh", "setpriv"} - {missing}:
        (programs / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(programs))
    found = trouble(nas.require_marker)
    assert (found.code, found.detail) == (Trouble.NO_PROGRAM, missing)
    assert str(found).startswith(missing)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        pytest.param("id", Trouble.NO_KEY, id="our key"),
        pytest.param("known_hosts", Trouble.NOT_PINNED, id="the NAS's host key"),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_without_keys_nobody_is_asked(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, missing: str, expected: Trouble, call: str
) -> None:
    (nas.key.parent / missing).unlink()
    assert trouble(calls(nas, tmp_path)[call]).code == expected
    assert not fake_rsync.was_called
