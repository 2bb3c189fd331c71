"""What clients see while the names are switched, and many of us doing it at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from balupi_site.lib.redis import client
from pihole.dns_query import AnswerKind, DnsAnswer, ask
from pihole.services import reconcile, want
from pihole.tests.sim import PASSWORD, Pihole

pytestmark = [pytest.mark.enable_socket, pytest.mark.usefixtures("redis_server")]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SWITCHES = 20
ROOT = Path(__file__).resolve().parents[2]


class QueryLoop:
    """Asks for a name about every 5 ms, as a very nervous client would."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.seen: Counter[DnsAnswer] = Counter()
        self._server = server
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ends.wait(0.005):
            self.seen[ask("baluhost.local", self._server, within_s=2.0)] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self._thread.join()


@pytest.mark.django_db
def test_over_20_switches_no_question_goes_without_its_one_answer(
    pihole: Pihole, settings: Any
) -> None:
    """The predecessor deleted first and added after: 35 to 60 ms without the name, each time."""
    want("pi", "before", NOW)
    reconcile(NOW)
    with QueryLoop(pihole.dns) as loop:
        for turn in range(SWITCHES):
            want(("nas", "pi")[turn % 2], f"switch {turn}", NOW)
            assert reconcile(NOW).wrote
    right = {DnsAnswer(AnswerKind.ADDRESSES, (ip,)) for ip in (settings.NAS_IP, settings.PI_IP)}
    assert set(loop.seen) == right
    assert pihole.describe()["config_writes"] == SWITCHES + 1


def test_four_threads_and_two_processes_never_write_at_once(
    pihole: Pihole, settings: Any, tmp_path: Path
) -> None:
    """Two config writes at once kill FTL, the simulated one at the first overlap."""
    folder = tmp_path / "shared"
    folder.mkdir()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
        "BALUPI_ENV_FILE": os.devnull,
        "BALUPI_MODE": "dev",
        "BALUPI_DATA_DIR": str(folder),
        "BALUPI_DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "BALUPI_REDIS_URL": str(settings.REDIS_URL),
        "BALUPI_PIHOLE_URL": pihole.url,
        "BALUPI_PIHOLE_PASSWORD": PASSWORD,
        "BALUPI_PIHOLE_DNS": f"{pihole.dns[0]}:{pihole.dns[1]}",
        "BALUPI_NAS_IP": str(settings.NAS_IP),
        "BALUPI_PI_IP": str(settings.PI_IP),
        "BALUPI_LOG_LEVEL": "ERROR",
    }
    python = [sys.executable, "-W", "ignore"]
    subprocess.run(  # noqa: S603
        [*python, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True
    )
    hammer = [*python, "-m", "pihole.tests.hammer"]
    running = [
        subprocess.Popen(  # noqa: S603
            [*hammer, threads, "4"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        for threads in ("4", "1", "1")
    ]
    said = [process.communicate(timeout=100)[0] for process in running]
    state = pihole.describe()
    assert said == ["", "", ""]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert state["crashes"] == 0
    assert state["config_writes"] > 4
    assert (state["logins"], state["sessions"]) == (1, 1)
    assert client().exists("pihole:status")
