"""Move from SQLite to PostgreSQL."""

from __future__ import annotations

import argparse
import textwrap
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from balupi_site.backup.move.moving import Moved, move
from balupi_site.backup.move.progress import Progress
from balupi_site.backup.problems import BackupError

_UNCHANGED = "PostgreSQL is as it was, and so is SQLite."
_MOST_TOLD = 20
_LINE = 75
_NEXT = """\
SQLite has not changed. Now:
1. Put into {settings}: BALUPI_DATABASE_URL_FILE={url_file}
2. sudo balupi restart
3. sudo balupi doctor --only stores
To go back, take that line out again and restart; what is recorded until then stays in PostgreSQL."""


class Command(BaseCommand):
    help = (
        "Take all that is in SQLite to an empty PostgreSQL: users, plugs, tariffs, measurements, the log. "
        "Either all has arrived and was compared, row by row, or nothing has happened; SQLite is only read. "
        "BaluPi must be stopped. In the end it says what to put into the settings; with -v 2 also all sums."
    )
    requires_system_checks = []  # noqa: RUF012  # upstream's type; they would open the database

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--to-url-file",
            type=Path,
            metavar="FILE",
            default=settings.ENV_FILE.with_name("database.url"),
            help="a file with postgres://user:password@host/name, %(default)s unless another is named",
        )

    def handle(self, *, to_url_file: Path, verbosity: int, **_options: Any) -> None:  # noqa: ANN401
        url = _read(to_url_file)
        is_watched = self.stdout.isatty()
        progress = Progress(
            self._rewrite if is_watched else self.stdout.write,
            time.monotonic,
            1 if is_watched else 10,
        )
        try:
            moved = move(url, progress)
        except BackupError as error:
            raise CommandError(f"{error} {_UNCHANGED}") from error
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {_UNCHANGED}") from None
        finally:
            if is_watched:
                self._rewrite("")
        self._tell(moved, to_url_file.absolute(), has_figures=verbosity > 1)

    def _rewrite(self, text: str) -> None:
        self.stdout.write(f"\r{text:<{_LINE}}\r", ending="")
        self.stdout.flush()

    def _tell(self, moved: Moved, url_file: Path, *, has_figures: bool) -> None:
        counts = {table: totals["rows"] for table, totals in moved.totals.items()}
        sums = sum(name.startswith("sum ") for totals in moved.totals.values() for name in totals)
        for table, totals in moved.totals.items():
            if totals["rows"]:
                self.stdout.write(f"{totals['rows']:>12,}  {table}")
            if totals["rows"] and has_figures:
                figures = [f"{name} {value}" for name, value in totals.items() if name != "rows"]
                self.stdout.write(textwrap.indent(textwrap.fill(", ".join(figures), 90), " " * 14))
        self.stdout.write(
            f"{sum(counts.values()):>12,}  rows in {len(counts)} tables are in PostgreSQL. Compared one by "
            f"one they are the same,\n{'':14}and so are sum, smallest and largest of "
            f"{sums} columns of numbers."
        )
        if moved.changed:
            self._tell_changed(moved.changed)
        self.stdout.write(_NEXT.format(settings=settings.ENV_FILE, url_file=url_file))

    def _tell_changed(self, changed: list[str]) -> None:
        self.stdout.write(
            f"{len(changed)} texts had characters that PostgreSQL cannot keep (\ufffd stands for them now), "
            "or too many (they were cut):"
        )
        for place in changed[:_MOST_TOLD]:
            self.stdout.write(f"  {place}")
        if len(changed) > _MOST_TOLD:
            self.stdout.write(f"  ... and {len(changed) - _MOST_TOLD} more.")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        why = "it does not exist"
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
    raise CommandError(
        f"The address of PostgreSQL cannot be read from {file}: {why}. Write it there "
        "(postgres://user:password@host/name), so that root writes and balupi reads it (root:balupi, 0640)."
    )
