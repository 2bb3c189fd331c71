"""Calls that are refused, in the log of events: few of many, as anybody can send any number."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.origin import Origin
from balupi_site.lib.throttle import Limit
from handshake.signature import SignatureError

logger = logging.getLogger(__name__)

_PER_ADDRESS = Limit("call-refused", attempts=1, seconds=60)
#: A machine may have very many addresses.
_ALTOGETHER = Limit("calls-refused", attempts=30, seconds=3600)


def note_refusal(path: str, client: str, error: SignatureError, now: datetime) -> None:
    """Write down that a call was refused, once a minute and address; the refusal stands in any case."""
    if _ALTOGETHER.wait_s("all") or _PER_ADDRESS.take(client):
        return
    _ALTOGETHER.take("all")
    by = Origin("", "nas", client)
    try:
        with transaction.atomic():
            record(
                Kind.NAS_CALL_REFUSED,
                now,
                is_trouble=True,
                by=by,
                path=path,
                flaw=str(error.flaw),
                why=str(error),
            )
    except DatabaseError as failure:
        logger.warning("a refused call cannot be written down: %s", failure)
