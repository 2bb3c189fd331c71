"""What is installed is what was chosen: every requirement has one version, and it is here.

Known weaknesses of them cannot be looked up without a service on the Internet (pip-audit asks one).
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("requirements*.txt"))
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)")


def lines(file: Path) -> list[str]:
    """Return the requirements of a file, without those it includes."""
    texts = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [text for text in texts if text and not text.startswith("-r ")]


def pins() -> dict[str, str]:
    """Return the version of each package that any file pins."""
    found = [_PIN.fullmatch(line) for file in FILES for line in lines(file)]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_requirement_has_one_version(file: Path) -> None:
    assert [line for line in lines(file) if not _PIN.fullmatch(line)] == []


def test_no_package_is_pinned_twice() -> None:
    names = [
        match[1].lower() for file in FILES for line in lines(file) if (match := _PIN.match(line))
    ]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("name", "version"), sorted(pins().items()))
def test_what_is_pinned_is_installed(name: str, version: str) -> None:
    assert metadata.version(name) == version
