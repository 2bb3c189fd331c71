"""The move from SQLite to PostgreSQL, with a real server and the real command."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from balupi_site.backup.move.comparing import compare_rows, compare_totals
from balupi_site.backup.move.copying import TableCopy
from balupi_site.backup.move.databases import TARGET, both, require_empty, require_present
from balupi_site.backup.move.progress import Progress
from balupi_site.backup.move.tables import moved_models, table_of
from balupi_site.backup.problems import MoveError
from tests.move_home import add_past, make_home
from tests.postgres import Cluster, running_postgres

ROOT = Path(__file__).resolve().parents[1]
SILENT = Progress(lambda _text: None, time.monotonic, 60)
MODELS = {table_of(model): model for model in moved_models()}
pytestmark = pytest.mark.household


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Path:
    """The data directory of a home that has something in each table, and a year of three plugs."""
    data = tmp_path_factory.mktemp("home")
    with django_db_blocker.unblock():
        make_home(data / "balupi.sqlite3")
    add_past(data / "balupi.sqlite3", plugs=3, sample_days=1)
    with closing(sqlite3.connect(data / "balupi.sqlite3")) as file, file:
        file.execute("DELETE FROM events_event WHERE id = (SELECT max(id) FROM events_event)")
    return data


def move_database(data: Path, url: str) -> subprocess.Popen[str]:
    """Start the command on a home; ``url`` is where it shall move to."""
    (data / "balupi.env").touch()
    (data / "database.url").write_text(url)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
    environment = {"BALUPI_ENV_FILE": str(data / "balupi.env"), "BALUPI_DATA_DIR": str(data)}
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, str(ROOT / "manage.py"), "move_database", "--verbosity", "2"],
        env={**kept, **environment, "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refusal(data: Path, url: str) -> str:
    """Return why the command refuses."""
    started = move_database(data, url)
    said, why = started.communicate(timeout=60)
    assert started.returncode == 1, said + why
    assert "Traceback" not in why
    assert "PostgreSQL is as it was, and so is SQLite." in why
    return why


def digest(data: Path) -> str:
    return hashlib.sha256((data / "balupi.sqlite3").read_bytes()).hexdigest()


def tables_in(url: str) -> list[str]:
    with psycopg.connect(url) as database:
        found = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return [str(name) for (name,) in found]


@pytest.fixture(scope="module")
def moved(cluster: Cluster, home: Path) -> tuple[str, str]:
    """The address of a database that the home was moved to, and what the command said."""
    before = digest(home)
    url = cluster.new_database("moved")
    started = move_database(home, url)
    said, wrong = started.communicate(timeout=120)
    assert started.returncode == 0, said + wrong
    assert digest(home) == before
    return url, said


def test_a_home_and_its_year_arrive_and_sqlite_stays_as_it_was(
    moved: tuple[str, str], home: Path
) -> None:
    url, said = moved
    with closing(sqlite3.connect(home / "balupi.sqlite3")) as ours, psycopg.connect(url) as theirs:
        names = {
            str(row[0])
            for row in ours.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        assert names - {"sqlite_sequence"} == set(tables_in(url))
        for name in names - {"sqlite_sequence"}:
            count = f"SELECT count(*) FROM {name}"  # noqa: S608  # ours
            assert ours.execute(count).fetchone() == theirs.execute(count).fetchone(), name
        energy = "SELECT sum(energy_wh), min(hour), max(plug_id) FROM energy_energyhour WHERE plug_id > 2"
        sum_wh, first, plug = ours.execute(energy).fetchone()
        there = theirs.execute(energy).fetchone()
        assert there is not None
        assert there[0] == pytest.approx(sum_wh, rel=1e-12)
        assert (f"{there[1].astimezone(UTC):%Y-%m-%d %H:%M:%S}", there[2]) == (first, plug)
    assert "26,282  energy_energyhour\n" in said
    assert f"sum of energy_wh {sum_wh:.3f}"[:-4] in " ".join(said.split())
    assert f"BALUPI_DATABASE_URL_FILE={home}/database.url" in said


def test_new_rows_get_numbers_that_no_row_ever_had(moved: tuple[str, str], home: Path) -> None:
    with (
        closing(sqlite3.connect(home / "balupi.sqlite3")) as ours,
        psycopg.connect(moved[0]) as theirs,
    ):
        for table, last in ours.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
            if table not in MODELS or not last:
                continue
            number = "SELECT nextval(pg_get_serial_sequence(%s, 'id'))"
            assert theirs.execute(number, [table]).fetchone() == (last + 1,), table
        events = "SELECT max(id) FROM events_event"
        assert theirs.execute(events).fetchone() == (1,)  # the second was deleted before the move
        theirs.rollback()


def test_a_second_move_is_refused(moved: tuple[str, str], home: Path) -> None:
    assert "The database moved is not empty" in refusal(home, moved[0])


#: Waits where the plugs' samples are copied, until the test gives its lock back.
WAIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_lock_shared(7); RETURN NULL; END $$;
CREATE FUNCTION make_wait() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE made record;
BEGIN
  FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
    IF made.object_identity = 'public.energy_powersample' THEN
      CREATE TRIGGER wait AFTER INSERT ON energy_powersample EXECUTE FUNCTION wait();
    END IF;
  END LOOP;
END $$;
CREATE EVENT TRIGGER make_wait ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
  EXECUTE FUNCTION make_wait();
"""


@pytest.fixture
def halfway(cluster: Cluster, home: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A move that waits in its middle, and its address; it goes on when its test has ended."""
    url = cluster.new_database(f"halfway_{request.node.name[:20]}".lower())
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute(WAIT)
        holder.execute("SELECT pg_advisory_lock(7)")
        started = move_database(home, url)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        deadline_s = time.monotonic() + 60
        while holder.execute(waiting).fetchone() == (0,):
            assert started.poll() is None, started.communicate()
            assert time.monotonic() < deadline_s
        yield started, url, holder
        started.kill()
        started.communicate()


def wait_for_the_end(holder: psycopg.Connection[Any]) -> None:
    """Wait until the server has noticed that nobody asks any more."""
    holder.execute("SELECT pg_advisory_unlock_all()")
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    deadline_s = time.monotonic() + 30
    while holder.execute(others).fetchone() != (0,):
        assert time.monotonic() < deadline_s


def test_a_kill_in_the_middle_leaves_postgresql_empty(halfway: Any, home: Path) -> None:
    started, url, holder = halfway
    started.send_signal(signal.SIGKILL)
    started.wait(10)
    wait_for_the_end(holder)
    assert tables_in(url) == []


def test_what_is_written_meanwhile_is_noticed_and_nothing_is_moved(
    halfway: Any, home: Path
) -> None:
    started, url, holder = halfway
    with closing(sqlite3.connect(home / "balupi.sqlite3")) as file, file:
        file.execute("UPDATE auth_user SET last_name = 'new'")
    holder.execute("SELECT pg_advisory_unlock_all()")
    _said, why = started.communicate(timeout=60)
    assert "written into SQLite meanwhile" in why
    assert tables_in(url) == []


DAMAGE = [
    pytest.param("DELETE FROM events_event", "events_event .*rows is 0", id="a row less"),
    pytest.param(
        "UPDATE energy_energyhour SET energy_wh = energy_wh * (1 + 2.3e-16) WHERE id = 100",
        "key 100, energy_wh:",
        id="the last bit of a float",
    ),
    pytest.param(
        "UPDATE energy_energyhour SET energy_wh = energy_wh + CASE id WHEN 100 THEN 1 ELSE -1 END"
        " WHERE id IN (100, 200)",
        "key 100, energy_wh:",
        id="the same sum",
    ),
    pytest.param(
        "UPDATE energy_powersample SET voltage_v = 0 WHERE id = 100",
        "smallest voltage_v is 0.0",
        id="0 for what is not known",
    ),
    pytest.param(
        "UPDATE nasctl_wake SET requested_at = requested_at + interval '1 microsecond'",
        "nasctl_wake, key .*, requested_at:",
        id="a microsecond",
    ),
    pytest.param(
        """UPDATE events_event SET facts = facts || '{"b": {"c": false}}'""",
        "key 1, facts:",
        id="false for true in JSON",
    ),
    pytest.param(
        "UPDATE handshake_snapshot SET content = rtrim(content, 'x') || ' '",
        "handshake_snapshot, key 1, content:",
        id="a blank more",
    ),
    pytest.param(
        "UPDATE django_session SET session_key = left(session_key, 39) || 'x'",
        "django_session, key .*, session_key:",
        id="a letter",
    ),
    pytest.param(
        "UPDATE energy_tariff SET price_per_kwh = price_per_kwh + 0.000001 WHERE id = 1",
        "price_per_kwh",
        id="the last place of a price",
    ),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGE)
def test_what_is_not_as_it_was_is_noticed(
    damage: str, told: str, moved: tuple[str, str], home: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    table = next(word for word in damage.split() if word in MODELS)
    with django_db_blocker.unblock(), both(home / "balupi.sqlite3", moved[0]) as (_source, target):
        with transaction.atomic(using=TARGET):
            rows = compare_totals(MODELS[table])["rows"]
            compare_rows(MODELS[table], rows, SILENT)
            with target.cursor() as cursor:
                cursor.execute(damage)
            with pytest.raises(MoveError, match=told):
                compare_rows(MODELS[table], compare_totals(MODELS[table])["rows"], SILENT)
            transaction.set_rollback(True, using=TARGET)


@pytest.fixture
def copied(
    moved: tuple[str, str], home: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Any:
    """What copies one table of the home again, after SQLite was changed; what it could not keep."""

    def copy(change: str) -> list[str]:
        file = shutil.copy(home / "balupi.sqlite3", tmp_path)
        with closing(sqlite3.connect(file)) as changed, changed:
            changed.execute("PRAGMA ignore_check_constraints=ON")
            changed.execute(change)
        model = MODELS[next(word for word in change.split() if word in MODELS)]
        with django_db_blocker.unblock(), both(Path(file), moved[0]) as (source, target):
            with transaction.atomic(using=TARGET):
                with target.cursor() as cursor:
                    cursor.execute(f"TRUNCATE {table_of(model)} CASCADE")
                again = TableCopy(model, source, target)
                again.run(SILENT)
                compare_rows(model, compare_totals(model)["rows"], SILENT)
                transaction.set_rollback(True, using=TARGET)
        return again.changed

    return copy


@pytest.mark.parametrize(
    ("change", "place"),
    [
        pytest.param(
            "UPDATE events_event SET subject = 'a' || char(0) || 'b'", "subject", id="NUL in a text"
        ),
        pytest.param(
            r"""UPDATE events_event SET facts = '{"\u0000": ["\ud800 x", "\ud83d\ude00"]}'""",
            "facts",
            id="NUL and halves of characters in JSON",
        ),
        pytest.param(
            "UPDATE events_event SET subject = printf('%.*c', 151, 'x')", "subject", id="too long"
        ),
    ],
)
def test_a_text_that_postgresql_cannot_keep_is_mended_and_told(
    copied: Any, change: str, place: str
) -> None:
    assert copied(change) == [f"events_event, id 1, {place}"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            "UPDATE accounts_token SET days = 40000 WHERE id = 2",
            "accounts_token, id 2, days: .*out of range",
            id="a number too large",
        ),
        pytest.param(
            "UPDATE auth_user SET username = printf('%.*c', 151, 'x') WHERE id = 1",
            "auth_user, id 1, username: .*too long",
            id="a name too long to be cut",
        ),
        pytest.param(
            "UPDATE nasctl_statechange SET at = '2026-02-30 12:00:00' WHERE id = 2",
            "nasctl_statechange, id 2, at: .*out of range",
            id="a day that there is not",
        ),
        pytest.param(
            "UPDATE auth_user SET email = CAST(x'ff' AS TEXT) WHERE id = 1",
            "auth_user cannot be read from SQLite: .*UTF-8",
            id="no UTF-8",
        ),
    ],
)
def test_what_postgresql_refuses_is_named_by_table_row_and_column(
    copied: Any, change: str, told: str
) -> None:
    with pytest.raises(MoveError, match=told):
        copied(change)


@pytest.fixture
def is_refused(home: Path, django_db_blocker: DjangoDbBlocker) -> Callable[..., None]:
    """Have a move between two databases refused, for a reason."""

    def look_at(file: Path, url: str) -> None:
        with both(file, url) as (source, target):
            require_present(source)
            require_empty(target)

    def refuse(url: str, why: str, file: Path = home / "balupi.sqlite3") -> None:
        with django_db_blocker.unblock(), pytest.raises(MoveError, match=why) as refused:
            look_at(file, url)
        assert "very-secret" not in str(refused.value)

    return refuse


def test_a_move_is_refused_where_it_could_not_end_well(
    cluster: Cluster, is_refused: Callable[..., None], tmp_path: Path
) -> None:
    url, old = cluster.new_database("refused"), tmp_path / "old.sqlite3"
    with psycopg.connect(url) as database:
        database.execute("CREATE ROLE guest LOGIN PASSWORD 'very-secret'")
    wrong = cluster.new_database("wrong", "--encoding", "SQL_ASCII", "--template", "template0")
    is_refused(wrong, "its encoding is SQL_ASCII.*createdb --owner balupi --encoding UTF8")
    is_refused(url.replace("balupi@", "guest:very-secret@"), "guest may not make tables")
    is_refused(url.replace("refused", "nobodys"), r"cannot be used \(.*nobodys")
    is_refused("mysql://a:very-secret@127.0.0.1/b", "must be postgres://")
    is_refused(url, "does not exist", old)
    with closing(sqlite3.connect(old)) as file, file:
        file.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app, name, applied)")
    is_refused(url, "'sudo balupi migrate'", old)
    with closing(sqlite3.connect(old)) as file, file:
        file.execute("INSERT INTO django_migrations (app, name) VALUES ('energy', '9999_newer')")
    is_refused(url, "update BaluPi first", old)


def test_a_move_is_refused_while_balupi_runs(home: Path, cluster: Cluster) -> None:
    with closing(sqlite3.connect(home / "balupi.sqlite3")) as service:
        service.execute("SELECT count(*) FROM auth_user").fetchone()
        assert "Stop BaluPi first" in refusal(home, cluster.url())
