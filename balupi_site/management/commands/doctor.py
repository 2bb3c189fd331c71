"""``manage.py doctor``: look at everything this installation needs, with a cure for each thing wrong."""

from __future__ import annotations

import json
import os
import pwd
import signal
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby, zip_longest
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from balupi_site.doctor import AREA_LABELS, Finding, Level, run
from balupi_site.doctor.checks import NAMES
from balupi_site.doctor.findings import LEVEL_WORDS, counts
from balupi_site.lib.words import showable

#: Columns: the level, the title, what was found.
_MARK, _TITLE, _TEXT = 14, 24, 60
_WRONG_USE, _CUT_OFF = 2, 130  # the latter as shells have it


class Command(BaseCommand):
    """Changes nothing, but for one record in Pi-hole that it takes away again (not with --quick)."""

    help = (
        "Look at everything this installation needs: clock, disks, database, Redis, worker, NAS, "
        "plugs, Pi-hole, names, inbox, permissions. Each thing wrong comes with one cure. The full "
        "run takes up to 20 s and writes one record to Pi-hole, which it takes away again. "
        "Exit code 0: all works (warnings included); 1: something fails; 2: wrong use."
    )
    requires_system_checks = []  # noqa: RUF012  # upstream's type; what they find is a finding

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="only what can be said at once")
        parser.add_argument("--json", action="store_true", help="for programs: one JSON document")
        parser.add_argument(
            "--only", nargs="+", default=[], metavar="NAME", help="only these checks or areas"
        )

    def handle(self, *, quick: bool, json: bool, only: list[str], **_options: Any) -> None:  # noqa: ANN401
        with translation.override(_language_of_shell()), _as_owner_of_data():
            if unknown := sorted(set(only) - NAMES):
                names = _("There is no check called %(names)s. These are there: %(all)s")
                facts = {"names": ", ".join(unknown), "all": ", ".join(sorted(NAMES))}
                raise CommandError(names % facts, returncode=_WRONG_USE)
            # A run that is cut off takes its record away from Pi-hole first.
            before = signal.signal(signal.SIGTERM, _interrupt)
            try:
                findings = run(timezone.now(), only=only, quick=quick, tell=self._progress)
            except KeyboardInterrupt:
                raise SystemExit(_CUT_OFF) from None
            finally:
                signal.signal(signal.SIGTERM, before)
            self._clear_progress()
            if not findings:
                text = _("None of these checks can be said at once; leave out --quick.")
                raise CommandError(text, returncode=_WRONG_USE)
            tell = self._tell_programs if json else self._tell_people
            tell(findings)
        if any(finding.level is Level.FAIL for finding in findings):
            raise SystemExit(1)

    def _tell_programs(self, findings: list[Finding]) -> None:
        number = {level.value: count for level, count in counts(findings).items()}
        answer = {"counts": number, "findings": [asdict(finding) for finding in findings]}
        self.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False))

    def _tell_people(self, findings: list[Finding]) -> None:
        for area, group in groupby(findings, key=lambda finding: finding.area):
            self.stdout.write("\n" + self.style.MIGRATE_HEADING(str(AREA_LABELS[area])))
            for finding in group:
                self._tell(finding)
        number = {level.value: count for level, count in counts(findings).items()}
        summary = _("Wrong: %(fail)s, look at it: %(warn)s, fine: %(ok)s, left out: %(skipped)s")
        self.stdout.write("\n" + summary % number)

    def _tell(self, finding: Finding) -> None:
        """Write level and title in columns, what was found and its cure beside them."""
        word, paint = str(LEVEL_WORDS[finding.level]), self._paint(finding.level)
        title = textwrap.wrap(showable(finding.title), _TITLE - 2)
        texts = _wrapped(finding.found) + (_wrapped(f"-> {finding.cure}") if finding.cure else [])
        for row, (left, text) in enumerate(zip_longest(title, texts, fillvalue="")):
            mark = paint(f"{word:{_MARK}}") if row == 0 else " " * _MARK
            self.stdout.write(f"  {mark}{left:{_TITLE}}{text}".rstrip())

    def _paint(self, level: Level) -> Callable[[str], str]:
        style = self.style
        return {Level.OK: style.SUCCESS, Level.WARN: style.WARNING, Level.FAIL: style.ERROR}.get(
            level, str
        )

    def _progress(self, done: int, count: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done}/{count} ", ending="")
            self.stderr.flush()

    def _clear_progress(self) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")


def _wrapped(text: str) -> list[str]:
    """Return lines of a column; commands and addresses stay whole, to be copied."""
    lines = textwrap.wrap(text, _TEXT, break_long_words=False, break_on_hyphens=False)
    return [showable(line) for line in lines]


@contextmanager
def _as_owner_of_data() -> Iterator[None]:
    """Be the user that the data belong to, where root looks.

    Root may read what the services may not, and what it makes, they cannot open: the database, locks.
    """
    uid, gid = settings.DATA_DIR.stat().st_uid, settings.DATA_DIR.stat().st_gid
    if os.geteuid() or not uid:
        yield
        return
    before = os.getgroups()
    try:
        groups = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:  # a user of another system
        groups = [gid]
    os.setgroups(groups)
    os.setresgid(gid, gid, 0)
    os.setresuid(uid, uid, 0)  # not the effective one alone: ssh refuses that
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _language_of_shell() -> str:
    """Return the language that the shell speaks, where it is one of ours; English otherwise."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    spoken = next(filter(None, names), "").partition(".")[0].replace("_", "-").lower()
    try:
        return translation.get_supported_language_variant(spoken)
    except LookupError:
        return "en"
