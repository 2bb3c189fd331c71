"""Writing to the log of events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.events.plain import differences, plain, plain_text
from balupi_site.lib.origin import Origin, origin

#: BaluPi itself, also where a request or a command gave it the occasion.
BALUPI = Origin()


def record(
    kind: Kind,
    now: datetime,
    *,
    subject: str = "",
    is_trouble: bool = False,
    duration_s: float | None = None,
    by: Origin | None = None,
    **facts: object,
) -> Event:
    """Write down what happened, within the transaction of what it tells of.

    Args:
        kind: what happened.
        now: when.
        subject: what it happened to, as people call it.
        is_trouble: somebody may want to do something about it.
        duration_s: seconds that what ended with it had lasted; None: it has no length, or nobody knows.
        by: who did it; None: whoever the present request or command is of.
        facts: what else is known; kept as plain JSON; never a secret.
    """
    by = by or origin()
    return Event.objects.create(
        at=now,
        kind=kind,
        subject=plain_text(subject, 150),
        is_trouble=is_trouble,
        duration_s=duration_s if duration_s is not None and math.isfinite(duration_s) else None,
        who=plain_text(by.who, 150),
        via=by.via,
        address=plain_text(by.address, 45),
        facts=plain(facts),
    )


def record_change(
    what: str,
    subject: str,
    now: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    **facts: Any,  # noqa: ANN401  # passed on
) -> Event | None:
    """Write down that something was added, edited or deleted; None where nothing differs.

    Args:
        what: what kind of thing, such as "plug".
        subject: its name.
        now: when.
        before: its fields as they were; None: it is new.
        after: its fields as they are; None: it is gone.
        facts: what else is known.
    """
    changes = differences(before or {}, after or {})
    if before is None:
        kind = Kind.CHANGE_ADDED
    elif after is None:
        kind = Kind.CHANGE_DELETED
    elif changes:
        kind = Kind.CHANGE_EDITED
    else:
        return None
    return record(kind, now, subject=subject, what=what, changes=changes, **facts)


def record_command(name: str, now: datetime, **facts: Any) -> Event:  # noqa: ANN401  # as above
    """Write down that a command was run which changes something and records nothing finer."""
    return record(Kind.CHANGE_COMMAND, now, subject=name, **facts)
