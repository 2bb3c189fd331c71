"""Calls that are refused, in the log of events: few of many, as anybody can send any number."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.busy import busy_for_at_most
from balupi_site.lib.kept import unpacked
from balupi_site.lib.logs import Rarely
from balupi_site.lib.origin import Origin
from balupi_site.lib.throttle import Limit
from handshake.signature import SignatureError

logger = logging.getLogger(__name__)

#: A refused caller is not kept waiting behind whoever writes to the database: then there is no row.
_LONGEST_WAIT_S = 0.3
#: In memory, so that a flood costs nothing: a row a minute and address.
_rows = Rarely(seconds=60)
#: A machine may have very many addresses.
_ALTOGETHER = Limit("calls-refused", attempts=30, seconds=3600, longest_wait_s=_LONGEST_WAIT_S)


def note_refusal(path: str, client: str, error: SignatureError, now: datetime) -> None:
    """Write down that a call was refused, once a minute and address; the refusal stands in any case."""
    if _rows.unsaid(client) is None or _ALTOGETHER.take("all"):
        return
    by = Origin("", "nas", client)
    try:
        with busy_for_at_most(_LONGEST_WAIT_S), transaction.atomic():
            record(
                Kind.NAS_CALL_REFUSED,
                now,
                is_trouble=True,
                by=by,
                path=path,
                flaw=str(error.flaw),
                why=unpacked(error.kept),
            )
    except DatabaseError as failure:
        logger.warning("a refused call cannot be written down: %s", failure)
