"""The example file names every setting, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Set by manage.py itself, or only a switch of the tests.
INTERNAL = {"PROCESS"}


def test_the_example_has_every_setting_each_with_a_comment() -> None:
    source = (ROOT / "balupi_site" / "settings.py").read_text()
    read = set(re.findall(r'env\.(?:text|secret|parsed)\(\s*"([A-Z_]+)"', source)) - INTERNAL
    lines = (ROOT / "deploy" / "balupi.env.example").read_text().splitlines()
    shown = {match[1] for line in lines if (match := re.match(r"#?BALUPI_([A-Z_]+)=", line))}
    assert shown == read


def test_each_group_has_a_title() -> None:
    lines = (ROOT / "deploy" / "balupi.env.example").read_text().splitlines()
    assert len([line for line in lines if line.startswith("# ---")]) >= 5
