"""Discovery: plugs found on the network become rows; known ones are found again, never lost."""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from balupi_site.events.services import record_change
from balupi_site.lib.errors import PermanentError, TransientError
from balupi_site.lib.kept import kept
from balupi_site.lib.parse import is_loopback
from energy.models import PlugStatus, SmartPlug
from energy.plug_link import NO_LOGIN
from energy.plug_pool import shared_pool
from energy.readings import Failure, Seen, Target
from energy.services.polling import keep_result, target_of
from energy.tapo import Announcement

logger = logging.getLogger(__name__)

Outcome = Literal["added", "known", "failed", "unsupported"]


@dataclass(frozen=True)
class Found:
    """A device that answered the search, and what became of it.

    Attributes:
        outcome: ``failed``: a plug that we could not log in to, or that then gave no reading.
        message: what is wrong and what to do, as a kept sentence; "" where nothing is.
    """

    host: str
    mac: str
    model: str
    name: str
    outcome: Outcome
    message: str = ""


def discover_plugs(target: str = "") -> list[Found]:
    """Search the network, add new plugs and update the addresses of known ones.

    Names, roles and ``enabled`` stay as the owner set them, and nothing is deleted; only a plug that
    ``import_legacy`` brought is polled from now on. For the process that owns the plugs.

    Args:
        target: a broadcast address or one device's; "" means BALUPI_TAPO_DISCOVERY_TARGET.

    Raises:
        PermanentError: no Tapo account is set, or the target is no address we may ask.
        TransientError: the search could not be sent.
    """
    if not (settings.TAPO_USERNAME and settings.TAPO_PASSWORD):
        raise PermanentError(NO_LOGIN)
    target = target or settings.TAPO_DISCOVERY_TARGET
    _check_target(target)
    try:
        announced = shared_pool().discover(target)
    except (OSError, TimeoutError) as error:
        text = gettext_noop("No search could be sent to %(target)s: %(error)s")
        raise TransientError(kept(text, target=target, error=str(error))) from error
    usable = [each for each in announced if not each.problem]
    found = [_unsupported(each) for each in announced if each.problem]
    found += _update_plugs({each.mac: each for each in usable})
    logger.info("discovery at %s: %s devices, %s plugs", target, len(announced), len(usable))
    return sorted(found, key=lambda each: ipaddress.ip_address(each.host))


def _check_target(target: str) -> None:
    try:
        ipaddress.IPv4Address(target)
    except ValueError as error:
        text = gettext_noop("%(target)s is not an IPv4 address.")
        raise PermanentError(kept(text, target=target)) from error
    if not settings.IS_PROD and not is_loopback(target):
        text = gettext_noop(
            "%(target)s is outside this machine, and BALUPI_MODE=dev talks only to a simulated home."
        )
        raise PermanentError(kept(text, target=target))


def _unsupported(announced: Announcement) -> Found:
    name = _known_name(announced.mac)
    return Found(
        announced.host, announced.mac, announced.model, name, "unsupported", announced.problem
    )


def _known_name(mac: str) -> str:
    return SmartPlug.objects.filter(mac=mac).values_list("name", flat=True).first() or ""


def _update_plugs(announced: dict[str, Announcement]) -> list[Found]:
    """Bring the rows up to date and read all found plugs once, at the same time."""
    known = {plug.mac: plug for plug in SmartPlug.objects.filter(mac__in=announced)}
    targets = []
    for mac, each in announced.items():
        plug = known.get(mac)
        if plug is None:
            targets.append(Target(mac, "", each.host, each.connection))
            continue
        _move(plug, each)
        if plug.enabled:
            targets.append(target_of(plug))
    results = {each.target.mac: each for each in shared_pool().iter_results(targets, at_once=True)}
    return [_found(each, known.get(mac), results.get(mac)) for mac, each in announced.items()]


def _move(plug: SmartPlug, announced: Announcement) -> None:
    """Note where a known plug is at present; asking for a search forgives a refused login."""
    changes = {
        "host": announced.host,
        "site": settings.SITE,
        "connection": dict(announced.connection),
        "refused_credentials": "",
        "enabled": plug.enabled or _is_new_from_predecessor(plug),
    }
    changed = [name for name, value in changes.items() if getattr(plug, name) != value]
    before = _told(plug)
    for name in changed:
        setattr(plug, name, changes[name])
    if not changed:
        return
    with transaction.atomic():
        plug.save(update_fields=changed)
        record_change("plug", plug.name, timezone.now(), before=before, after=_told(plug))


def _told(plug: SmartPlug) -> dict[str, object]:
    """Return what the log of events tells of a plug that was found again."""
    return {"host": plug.host, "site": plug.site, "enabled": plug.enabled}


def _is_new_from_predecessor(plug: SmartPlug) -> bool:
    """Tell whether ``import_legacy`` brought this plug, and it was never talked to.

    Such a plug is not polled until its address is certain, which it is now.
    """
    return not plug.connection and plug.status == PlugStatus.UNKNOWN


def _found(announced: Announcement, plug: SmartPlug | None, result: Seen | Failure | None) -> Found:
    outcome: Outcome = "known"
    if plug is None and isinstance(result, Seen):
        plug, is_new = _add(result)
        outcome = "added" if is_new else "known"
    if plug is not None and result is not None:
        keep_result(plug, result, is_sample=False)
    message = result.message if isinstance(result, Failure) else ""
    if message or plug is None:
        outcome = "failed"
    name = plug.name if plug else ""
    return Found(announced.host, announced.mac, announced.model, name, outcome, message)


def _add(seen: Seen) -> tuple[SmartPlug, bool]:
    """Return the plug's row and whether it is new; a changed MAC or device id is still the same plug."""
    identity, target = seen.identity, seen.target
    max_length = SmartPlug._meta.get_field("name").max_length  # noqa: SLF001  # public API
    name = identity.alias or f"{identity.model} {identity.mac}"
    with transaction.atomic():
        same = SmartPlug.objects.filter(Q(device_id=identity.device_id) | Q(mac=identity.mac))
        if (plug := same.first()) is not None:
            return plug, False
        plug = SmartPlug.objects.create(
            device_id=identity.device_id,
            mac=identity.mac,
            name=name[:max_length],
            model=identity.model,
            firmware_version=identity.firmware_version,
            host=target.host,
            site=settings.SITE,
            connection=dict(target.connection),
        )
        told = {"host": plug.host, "model": plug.model, "device_id": plug.device_id}
        record_change("plug", plug.name, timezone.now(), after=told)
    logger.info("plug %s added, at %s", plug.name, plug.host)
    return plug, True
