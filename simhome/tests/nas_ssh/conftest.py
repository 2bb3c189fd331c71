"""A NAS's rsync target, and a client that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simhome.nas_ssh import SshTarget
from simhome.tests.nas_ssh.helpers import PORT, Client, serving


@pytest.fixture
def client(tmp_path: Path) -> Client:
    needed = "install openssh-server, openssh-client and rsync; deploy/test.sh does"
    assert SshTarget.is_available(), needed
    return Client(tmp_path)


@pytest.fixture
def target(block: str, tmp_path: Path, client: Client) -> Iterator[SshTarget]:
    """Return a target that runs and knows the client's key."""
    made = SshTarget(host=f"{block}.53", port=PORT, folder=tmp_path / "nas")
    made.prepare()
    made.authorize(client.public_key)
    made.start()
    yield made
    made.stop()
    assert serving(made) == set()
