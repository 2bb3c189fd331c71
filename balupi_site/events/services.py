"""Writing to the log of events."""

from __future__ import annotations

from datetime import datetime

from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.lib.origin import Origin, origin


def record(
    kind: Kind,
    now: datetime,
    *,
    subject: str = "",
    is_trouble: bool = False,
    duration_s: float | None = None,
    by: Origin | None = None,
    **facts: str | float | bool | list[str] | dict[str, object] | None,
) -> Event:
    """Write down what happened, within the transaction of what it tells of.

    Args:
        kind: what happened.
        now: when.
        subject: what it happened to, as people call it.
        is_trouble: somebody may want to do something about it.
        duration_s: seconds that what ended with it had lasted; None: it has no length, or nobody knows.
        by: who did it; None: whoever the present request or command is of.
        facts: what else is known, as JSON; never a secret.
    """
    by = by or origin()
    return Event.objects.create(
        at=now,
        kind=kind,
        subject=subject[:150],
        is_trouble=is_trouble,
        duration_s=duration_s,
        who=by.who[:150],
        via=by.via,
        address=by.address[:45],
        facts=facts,
    )
