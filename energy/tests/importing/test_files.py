"""``manage.py import_legacy``: the predecessor's file, in use, broken or none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from energy.tests.factories import make_plug
from energy.tests.importing.helpers import OLD, rows
from energy.tests.legacy_helpers import OldHome, run

pytestmark = pytest.mark.django_db


def test_a_file_in_use_is_read_with_what_is_not_in_it_yet_and_never_written(old: OldHome) -> None:
    make_plug()
    old.plug()
    with old.open() as keeps_it_open:
        keeps_it_open.execute("SELECT count(*) FROM tapo_devices").fetchall()
        old.hours(OLD, 2)
        before = hashlib.sha256(old.path.read_bytes()).digest()
        assert old.path.with_name("balupi.db-wal").stat().st_size > 0
        run(old)
        assert hashlib.sha256(old.path.read_bytes()).digest() == before
    assert len(rows()) == 2


def test_a_file_that_nobody_has_open_gets_no_company(old: OldHome) -> None:
    old.plug()
    run(old)
    assert [path.name for path in old.path.parent.glob("*.db*")] == ["balupi.db"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DROP TABLE energy_daily", "has no table energy_daily, so it is not the predecessor's"),
        (
            "ALTER TABLE energy_hourly RENAME COLUMN energy_wh TO energy",
            "The table energy_hourly in .* has no column energy_wh",
        ),
    ],
)
def test_another_schema_is_refused_by_name(old: OldHome, sql: str, message: str) -> None:
    with old.open() as file:
        file.execute(sql)
    with pytest.raises(CommandError, match=message):
        run(old)


def test_a_column_of_a_newer_one_is_told_and_not_read(old: OldHome) -> None:
    with old.open() as file:
        file.execute("ALTER TABLE energy_hourly ADD COLUMN quality TEXT")
    assert "The column energy_hourly.quality is not known" in run(old)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no file .*none\.db"):
        run(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no database at all " * 100)
    with pytest.raises(CommandError, match=r"text\.db is no SQLite database"):
        run(tmp_path / "text.db")


def test_a_file_in_a_folder_that_is_closed_to_us_is_told_with_the_way_to_copy_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)  # as in somebody's home; root may read all
    with pytest.raises(
        CommandError, match=r"permission denied.*install -m 600 -o balupi .*old\.db\*"
    ):
        run(tmp_path / "old.db")


def test_a_broken_file_is_told(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.hours(OLD, 2000)
    whole = old.path.read_bytes()
    old.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match="cannot be read"):
        run(old)
