"""The documents speak of what is there: files, headings, settings, commands, checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from balupi_site.doctor.checks import CHECKS

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"(?m)^#{1,6} (.+)$")
_SETTING = re.compile(r"\bBALUPI_[A-Z0-9_]*[A-Z0-9]\b")
_COMMAND = re.compile(r"(?:sudo balupi|manage\.py) ([a-z_]+)")
_DEPLOY_FILE = re.compile(r"(?<![\w./-])deploy/[\w./-]*\w")
#: Settings of BaluHost, not of ours.
_BALUHOSTS = {"BALUPI_ENABLED", "BALUPI_URL"}


def _each(name: str) -> pytest.MarkDecorator:
    ids = [str(page.relative_to(ROOT)) for page in PAGES]
    return pytest.mark.parametrize(name, PAGES, ids=ids)


def _code(page: Path) -> str:
    """Return what stands as code in a page, blocks and words in the text."""
    return "\n".join(_CODE.findall(page.read_text(encoding="utf-8")))


def _anchors(page: Path) -> Iterator[str]:
    """Yield the anchors that GitHub gives a page's headings."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"))
    for heading in _HEADING.findall(text):
        words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).lower()
        yield re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def _is_there(page: Path, link: str) -> bool:
    path, _hash, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in _anchors(target)


@_each("page")
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))

    ours = [link for link in links if not link.startswith(("http://", "https://"))]

    assert [link for link in ours if not _is_there(page, link)] == []


def test_a_link_to_nothing_is_noticed() -> None:
    assert not _is_there(DOCS / "README.md", "missing.md")
    assert not _is_there(DOCS / "README.md", "doctor.md#missing")
    assert not _is_there(ROOT / "README.md", "../outside.md")


@_each("page")
def test_every_setting_exists(page: Path) -> None:
    example = (ROOT / "deploy" / "balupi.env.example").read_text(encoding="utf-8")
    known = set(re.findall(r"(?m)^#?(BALUPI_[A-Z0-9_]+)=", example))
    known |= {f"{name}_FILE" for name in known} | _BALUHOSTS
    for script in (ROOT / "deploy").rglob("*"):
        if script.suffix in {"", ".sh", ".py", ".service"} and script.is_file():
            known |= set(_SETTING.findall(script.read_text(encoding="utf-8")))

    assert set(_SETTING.findall(page.read_text(encoding="utf-8"))) - known == set()


@_each("page")
def test_every_command_exists(page: Path) -> None:
    wrapper = (ROOT / "deploy" / "balupi").read_text(encoding="utf-8")
    known = set(get_commands()) | set(re.findall(r'"\$\{1:-\}" = (\w+) \]', wrapper))

    assert set(_COMMAND.findall(_code(page))) - known == set()


@_each("page")
def test_every_file_of_deploy_exists(page: Path) -> None:
    named = set(_DEPLOY_FILE.findall(_code(page)))

    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_doctors_document_names_its_checks() -> None:
    text = (DOCS / "doctor.md").read_text(encoding="utf-8")
    table = text.partition("## What it looks at")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", table)

    named = {(area, name) for area, cell in rows for name in re.findall(r"`([a-z-]+)`", cell)}

    assert named == {(check.area.value, check.name) for check in CHECKS}


def test_each_check_of_the_doctor_is_met_at_a_symptom() -> None:
    code = _code(DOCS / "troubleshooting.md")

    assert [check.name for check in CHECKS if f"`{check.name}`" not in code] == []


def test_the_index_leads_to_every_document() -> None:
    links = set(_LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))

    assert {page.name for page in DOCS.glob("*.md")} - links == {"README.md"}
