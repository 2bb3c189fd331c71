"""A command that the database fails tells what to do; a bug keeps its traceback."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError
from django.db.migrations.executor import MigrationExecutor

from balupi_site.lib.database_trouble import cure_of

ERROR = ProgrammingError('relation "auth_user" does not exist\nLINE 1: SELECT')


def _away(*_arguments: Any) -> None:
    raise OperationalError


@pytest.mark.django_db
def test_with_tables_of_this_release_it_is_a_bug() -> None:
    assert not cure_of(ERROR)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("plan", "cure"),
    [
        pytest.param(
            lambda *_: ["one"], "run 'sudo balupi migrate' first", id="tables are missing"
        ),
        pytest.param(_away, "cannot be asked; .*doctor --only stores", id="nobody answers"),
    ],
)
def test_what_can_be_mended_is_told(monkeypatch: pytest.MonkeyPatch, plan: Any, cure: str) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", plan)
    assert re.search(cure, cure_of(ERROR))
