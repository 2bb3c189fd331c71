"""The limits of the units fit what was measured, and what saves memory harms nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import budget

ROOT = Path(__file__).resolve().parent.parent

#: What a process that serves does at its start, and then what depends on it.
_SERVING = """
import json, os, sys
import manage
os.environ |= {"BALUPI_PROCESS": "web", "DJANGO_SETTINGS_MODULE": "balupi_site.settings"}
manage._leave_out_the_unused()
import django
django.setup()
import kombu.serialization, requests
from django_celery_beat.models import CrontabSchedule
answer = requests.Response()
answer._content = '{"name": "K\\u00fcche"}'.encode()
every_noon = CrontabSchedule(hour="12", timezone="Europe/Berlin")
every_noon.full_clean(validate_unique=False)
kind, coding, text = kombu.serialization.dumps([1], "json")
print(json.dumps({
    "loaded": [name for name in manage._NEVER_USED if sys.modules.get(name)],
    "zones": CrontabSchedule._meta.get_field("timezone").choices,
    "zone": str(every_noon.schedule.tz),
    "json": answer.json(), "text": answer.text,
    "message": kombu.serialization.loads(text, kind, coding, accept=[kind]),
}))
"""


@pytest.mark.parametrize("process", sorted(budget.PEAK_PSS_MIB))
def test_no_unit_is_killed_for_what_is_normal(process: str) -> None:
    limit_mib = budget.memory_max_mib(process)
    assert limit_mib is not None
    assert limit_mib >= budget.needed_memory_max_mib(process)


def test_the_budget_of_the_processes_is_the_one_of_all_together() -> None:
    for limits in (budget.ANONYMOUS_MIB, budget.CPU_S_PER_HOUR):
        each = [limit for name, limit in limits.items() if name != budget.TOGETHER]
        assert sum(each) == limits[budget.TOGETHER]


def test_what_the_units_set_for_python_is_measured_with() -> None:
    assert budget.unit_environment()["MALLOC_ARENA_MAX"] == "1"
    assert not [name for name in budget.unit_environment() if name.startswith("BALUPI_")]


def test_a_serving_process_works_without_what_it_leaves_out(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  # this Python, a text of ours
        [sys.executable, "-c", _SERVING],
        cwd=ROOT,
        env={"BALUPI_DATA_DIR": str(tmp_path), "BALUPI_ENV_FILE": "/dev/null", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "loaded": [],
        "zones": None,
        "zone": "Europe/Berlin",
        "json": {"name": "Küche"},
        "text": '{"name": "Küche"}',
        "message": [1],
    }
