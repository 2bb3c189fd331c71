"""The inbox from end to end: real smbd, sshd, rsync and rrsync, and ``manage.py flush_inbox``."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.inbox_site import InboxSite, random_path, running_site
from tests.smb import SmbShare

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

_MB = 1_000_000
#: 500 files: mostly small, some empty, the largest 200 MB.
_SIZES = [
    200 * _MB,
    60 * _MB,
    20 * _MB,
    5 * _MB,
    *[_MB] * 16,
    *[40_000] * 100,
    *[900] * 360,
    *[0] * 20,
]
_WRITERS, _FLUSHES = 20, 10


@pytest.fixture
def site(tmp_path: Path) -> Iterator[InboxSite]:
    with running_site(tmp_path) as running:
        yield running


def test_500_files_of_all_sizes_and_names_arrive_with_their_checksums(site: InboxSite) -> None:
    chance = random.Random(500)
    paths: dict[bytes, str] = {}
    for size in _SIZES:
        path, content = random_path(chance), chance.randbytes(size)
        site.put(path, content)
        paths[path] = hashlib.sha256(content).hexdigest()
    (site.inbox / "left empty").mkdir()
    assert len(paths) == 500
    said = site.flush(timeout_s=240)
    assert "500 files (305 MB) moved." in said, said
    assert site.there() == paths
    assert site.here() == {}
    # A folder that its files have left is gone; one that somebody made stays.
    assert [path.name for path in site.inbox.iterdir()] == ["left empty"]


def test_files_that_are_written_through_smbd_meanwhile_arrive_once_and_whole(
    tmp_path: Path,
) -> None:
    chance = random.Random(20)
    expected = {f"stream {number}.bin": bytearray() for number in range(_WRITERS)}
    with TemporaryDirectory() as short, SmbShare(Path(short)) as share, ExitStack() as stack:
        site = stack.enter_context(running_site(tmp_path, inbox=share.path))
        writers = {name: share.open_writer(name) for name in expected}
        for number in range(_FLUSHES):
            with site.start_flush() as flusher:
                for name, writer in writers.items():
                    chunk = chance.randbytes(chance.randrange(1, 60_000))
                    writer.write(chunk)
                    expected[name] += chunk
                said = flusher.communicate(timeout=120)[0]
            assert flusher.returncode == 0, said
            # Those that are closed after this one go with the next, while the others go on.
            for name in list(writers)[: 2 if number >= _FLUSHES // 2 else 0]:
                writers.pop(name).close()
        for writer in writers.values():
            writer.close()
        site.flush_until_empty()
        arrived = {path.decode(): digest for path, digest in site.there().items()}
        assert arrived == {
            name: hashlib.sha256(content).hexdigest() for name, content in expected.items()
        }
        assert share.listing() == {}
