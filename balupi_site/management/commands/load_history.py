"""``manage.py load_history``: put a simulated household's past into the database of a trial."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, models, transaction
from django.utils import timezone
from django.utils.timezone import is_naive

from energy.models import EnergyHour, PlugRole, PowerSample, SmartPlug
from nasctl.models import NasStatus, StateChange, Wake
from nasctl.services import split_hours
from nasctl.state import NasState
from pihole.models import NameSwitch


class Kind(NamedTuple):
    """What one type of line becomes: rows of a model, and their field that says when."""

    model: type[Any]
    at: str
    name: str


KINDS = {
    "hour": Kind(EnergyHour, "hour", "hours of energy"),
    "sample": Kind(PowerSample, "at", "power samples"),
    "state": Kind(StateChange, "at", "changes of the NAS's state"),
    "switch": Kind(NameSwitch, "at", "switches of the names"),
    "wake": Kind(Wake, "requested_at", "wakes"),
}
#: Where a line's word is not the field's name.
_FIELDS = {"from": "from_state", "to": "to_state"}
_BATCH = 1000

Line = dict[str, Any]
#: Lines of one type with their numbers in the file.
Lines = list[tuple[int, Line]]


class Command(BaseCommand):
    """Load all of a file, or nothing of it."""

    help = (
        "Put a simulated household's past, as `python -m simhome.history` tells it, into the "
        "database of a trial. Plugs that are not known yet are added."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "file", nargs="?", default="-", help="one JSON object per line; - stdin"
        )
        parser.add_argument(
            "--replace", action="store_true", help="first delete what there is of the same time"
        )

    def handle(self, *, file: str, replace: bool, **_options: object) -> None:
        if settings.IS_PROD:
            raise CommandError(
                "BALUPI_MODE=prod is a real home; a simulated past has no place in its history"
            )
        lines_of = _sorted_by_type(_read(file))
        try:
            with transaction.atomic():
                plug_ids = _plug_ids(lines_of.pop("plug", []))
                counts = {
                    KINDS[name]: _load(KINDS[name], lines, plug_ids, replace=replace)
                    for name, lines in sorted(lines_of.items())
                }
                _set_status()
            split_hours(timezone.now())
        except DatabaseError as error:
            raise CommandError(f"the database refuses this history: {error}") from error
        for kind, count in counts.items():
            self.stdout.write(f"{count:7} {kind.name}")


def _read(file: str) -> Iterator[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {file}: {error}") from error
    yield from text.splitlines()


def _sorted_by_type(lines: Iterable[str]) -> dict[str, Lines]:
    """Return what the lines hold by their type, which must be a known one."""
    found: dict[str, Lines] = defaultdict(list)
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
            kind = line.pop("type")
        except (ValueError, AttributeError, KeyError, TypeError):
            raise CommandError(f"line {number}: not a JSON object with a type") from None
        if kind not in ("plug", *KINDS):
            raise CommandError(f"line {number}: unknown type {kind!r}")
        found[kind].append((number, line))
    if not found:
        raise CommandError("there is no history in it")
    return found


def _plug_ids(lines: Lines) -> dict[str, int]:
    """Return all plugs by device id; those of the file that are new are added first."""
    has_nas = SmartPlug.objects.filter(role=PlugRole.NAS).exists()
    for number, line in lines:
        if SmartPlug.objects.filter(device_id=line.get("device_id")).exists():
            continue
        if has_nas:
            line["role"] = PlugRole.GENERIC
        plug = _row(SmartPlug, number, line)
        plug.save()
        has_nas = has_nas or line.get("role") == PlugRole.NAS
    return dict(SmartPlug.objects.values_list("device_id", "pk"))


def _load(kind: Kind, lines: Lines, plug_ids: dict[str, int], *, replace: bool) -> int:
    """Write the rows of one kind; return how many."""
    for number, line in lines:
        if "device_id" in line:
            device_id = line.pop("device_id")
            if device_id not in plug_ids:
                raise CommandError(f"line {number}: there is no plug {device_id}")
            line["plug_id"] = plug_ids[device_id]
    rows = [_row(kind.model, number, line) for number, line in lines]
    _make_room(kind, rows, replace=replace)
    kind.model.objects.bulk_create(rows, batch_size=_BATCH)
    return len(rows)


def _set_status() -> None:
    """Let the NAS be what the history ends with, where BaluPi has not looked itself yet."""
    last = StateChange.objects.first()
    if last is None or NasStatus.objects.exists():
        return
    NasStatus.objects.create(
        pk=1,
        state=last.to_state,
        reason=last.reason,
        since=last.at,
        moved_at=last.at,
        probed=last.to_state == NasState.ONLINE,
        version=1,
    )


def _row(model: type[models.Model], number: int, line: Line) -> Any:  # noqa: ANN401
    """Return an unsaved row with the line's values, which must be valid; None: not known."""
    values = {_FIELDS.get(key, key): value for key, value in line.items()}
    given = {key for key, value in values.items() if value is not None}
    try:
        row = model(**values)
        row.clean_fields(exclude=_optional(model) - given | {"plug"})  # plugs were looked up
    except (ValidationError, TypeError, ValueError) as error:
        raise CommandError(f"line {number}: {error}") from error
    if any(isinstance(value, datetime) and is_naive(value) for value in vars(row).values()):
        raise CommandError(f"line {number}: a time without an offset from UTC")
    return row


@cache
def _optional(model: type[models.Model]) -> frozenset[str]:
    """Return the fields that a line may leave out."""
    fields = model._meta.fields  # noqa: SLF001  # public in all but its name
    return frozenset(
        field.name for field in fields if field.null or field.blank or field.has_default()
    )


def _make_room(kind: Kind, rows: list[Any], *, replace: bool) -> None:
    """Refuse or delete what the database holds of the same stretch of time and the same plugs."""
    times = [getattr(row, kind.at) for row in rows]
    known = kind.model.objects.filter(
        **{f"{kind.at}__gte": min(times), f"{kind.at}__lte": max(times)}
    )
    if hasattr(rows[0], "plug_id"):
        known = known.filter(plug__in={row.plug_id for row in rows})
    if replace:
        known.delete()
    elif known.exists():
        raise CommandError(
            f"there are {kind.name} of the same time already; --replace deletes them first"
        )
