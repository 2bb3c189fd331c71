"""The version stands in one place, and everything else that names it agrees."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client

from balupi_site.version import BUILD_DATE, VERSION

CHANGELOG = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_tells_of_this_release_first() -> None:
    version, day = re.findall(r"^## (\d\S*) - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)[0]

    assert version == VERSION
    assert datetime.fromisoformat(day).replace(tzinfo=UTC) == BUILD_DATE


@pytest.mark.django_db
def test_health_says_which_release_answers(client: Client) -> None:
    answer = client.get("/api/health")

    assert answer.json()["version"] == answer["X-BaluPi"] == VERSION
