"""An inbox and a NAS that is awake, with real sshd, rsync and rrsync on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handshake.tests.inbox_home import InboxHome, nas_is, running_home
from nasctl.state import NasState


@pytest.fixture
def home(tmp_path: Path, settings: Any, no_redis: None) -> Iterator[InboxHome]:
    nas_is(NasState.ONLINE, probed=True)
    with running_home(tmp_path, settings) as running:
        yield running
