"""The NAS's two calls: believed or not, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.clock import is_plausible
from balupi_site.lib.durable import durable
from balupi_site.lib.errors import TransientError
from balupi_site.lib.origin import Origin
from balupi_site.lib.rows import keep_newest
from handshake.models import CallKind, NasCall
from handshake.services import snapshots
from handshake.services.refusals import note_refusal
from handshake.signature import Flaw, SignatureError, check_signature
from nasctl import services as nasctl
from pihole import services as pihole

_CALLS_KEPT = 200
#: The NAS gives up after 10 s, and the answer is due within 3.
_SWITCH_WITHIN_S = 1.2

_NO_SECRET = gettext_noop(
    "BALUPI_HANDSHAKE_SECRET is not set on the Pi, so no call of the NAS can be believed. "
    "Set it to the same secret as on the NAS."
)
_NO_CLOCK = gettext_noop("The Pi's clock is not set yet; wait until NTP has set it.")


@dataclass(frozen=True)
class SignedCall:
    """A call that is the NAS's.

    Attributes:
        signed_at: by the NAS's clock.
        client: the address that called.
    """

    signature: str
    signed_at: datetime
    client: str


@dataclass(frozen=True)
class Followed:
    """What followed from a call: what the names do now, and whether something is left to do."""

    names_lead_right: bool
    names_are_due: bool


def believe(
    method: str,
    path: str,
    *,
    timestamp: str,
    signature: str,
    body: bytes,
    client: str,
    now: datetime,
) -> SignedCall:
    """Return a call that is signed by the NAS.

    Raises:
        SignatureError: it is not, or it was accepted before.
        TransientError: nobody can tell: no secret is configured, or our clock is not set.
    """
    if not settings.HANDSHAKE_SECRET:
        raise TransientError(_NO_SECRET)
    if not is_plausible(now):
        raise TransientError(_NO_CLOCK)
    try:
        check_signature(
            settings.HANDSHAKE_SECRET,
            method,
            path,
            timestamp=timestamp,
            signature=signature,
            body=body,
            now_s=now.timestamp(),
        )
        _require_unused(signature)
    except SignatureError as error:
        note_refusal(path, client, error, now)
        raise
    return SignedCall(signature, datetime.fromtimestamp(int(timestamp), UTC), client)


def go_offline(call: SignedCall, snapshot: dict[str, Any], now: datetime) -> Followed:
    """Keep the snapshot, note that the NAS goes down, and lead its names to the Pi.

    Call, snapshot and state are stored together, and are on the disk before the names are switched.

    Raises:
        SignatureError: the call was accepted before.
        TransientError: the state changed too fast to note it; nothing is stored.
    """
    with durable():
        _keep(call, CallKind.GOING_OFFLINE, now)
        snapshots.keep(snapshot, now)
        nasctl.note_going_offline(now)
    outcome = pihole.reconcile(now, within_s=_SWITCH_WITHIN_S)
    names = outcome.look.names if outcome.look else ()
    lead_right = bool(names) and all(name.addresses == (settings.PI_IP,) for name in names)
    return Followed(names_lead_right=lead_right, names_are_due=outcome.follow_up_s is not None)


def come_online(call: SignedCall, now: datetime) -> Followed:
    """Note that BaluHost is starting; waits for nothing outside.

    It calls before it serves, so its names follow its first good answer, not this call.

    Raises:
        SignatureError: the call was accepted before.
        TransientError: the state changed too fast to note it; nothing is stored.
    """
    with transaction.atomic():
        _keep(call, CallKind.COMING_ONLINE, now)
        noted = nasctl.note_coming_online(now)
    # Never right away: only a good probe leads them to the NAS.
    return Followed(names_lead_right=False, names_are_due=noted.names_changed)


def _require_unused(signature: str) -> None:
    if NasCall.objects.filter(signature=signature).exists():
        raise SignatureError(Flaw.USED_BEFORE)


def _keep(call: SignedCall, kind: CallKind, now: datetime) -> None:
    """Write a call; its signature is used from now on."""
    try:
        with transaction.atomic():
            NasCall.objects.create(
                kind=kind,
                received_at=now,
                signed_at=call.signed_at,
                client=call.client[:45],
                signature=call.signature,
            )
            record(
                Kind.NAS_CALL,
                now,
                subject="NAS",
                by=Origin("", "nas", call.client),
                call=str(kind.value),
                clock_ahead_s=round((call.signed_at - now).total_seconds()),
            )
    except IntegrityError as error:
        raise SignatureError(Flaw.USED_BEFORE) from error
    keep_newest(NasCall, _CALLS_KEPT)
