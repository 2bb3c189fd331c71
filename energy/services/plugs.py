"""The owner's own changes to a plug."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from balupi_site.events.services import record_change
from balupi_site.lib.errors import RefusedError
from energy.models import SmartPlug
from energy.sample_buffer import forget_latest
from energy.services.unlocking import present_unlock

#: Takes a plug and returns why it must keep its role and its row at present, or None.
RoleGuard = Callable[[SmartPlug], RefusedError | None]

_guards: list[RoleGuard] = []


def register_role_guard(guard: RoleGuard) -> None:
    """Let ``guard`` have a say before a plug loses its role or is deleted; a second call does nothing."""
    if guard not in _guards:
        _guards.append(guard)


def refuse_to_lose_role(plug: SmartPlug, now: datetime) -> RefusedError | None:
    """Return why a plug must keep its role at present; None: it may lose it, or is unlocked.

    Without this, giving the plug another role would be the way around the guards of its relay.
    """
    if plug.pk is None or present_unlock(plug, now) is not None:
        return None
    kept = SmartPlug.objects.filter(pk=plug.pk).first()  # with the role that it still has
    refusals = (guard(kept) for guard in _guards if kept is not None)
    return next((refusal for refusal in refusals if refusal is not None), None)


def edit_plug(plug: SmartPlug, **fields: Any) -> SmartPlug:  # noqa: ANN401  # values of many types
    """Change name, role, enabled, host or site; a new address gives a refused login another chance.

    Raises:
        RefusedError: another plug has the role NAS (``nas_role_taken``), or a guard wants the plug to
            keep its role.
    """
    if fields.get("role", plug.role) != plug.role:
        _check_role(plug)
    before, name_before = {name: getattr(plug, name) for name in fields}, plug.name
    asked = dict(fields)
    if fields.get("host", plug.host) != plug.host:
        fields["refused_credentials"] = ""
    for name, value in fields.items():
        setattr(plug, name, value)
    try:
        with transaction.atomic():
            plug.save(update_fields=list(fields))
            record_change("plug", name_before, timezone.now(), before=before, after=asked)
    except IntegrityError as error:
        raise RefusedError(
            gettext_noop(
                "Another plug has the role NAS already; give that one another role first."
            ),
            code="nas_role_taken",
        ) from error
    return plug


def delete_plug(plug: SmartPlug) -> None:
    """Delete a plug with all its samples and hours; RefusedError where a guard is against it."""
    _check_role(plug)
    device_id = plug.device_id
    with transaction.atomic():
        told = {"role": plug.role, "host": plug.host, "device_id": device_id, "mac": plug.mac}
        record_change("plug", plug.name, timezone.now(), before=told)
        plug.delete()
    forget_latest(device_id)


def _check_role(plug: SmartPlug) -> None:
    refusal = refuse_to_lose_role(plug, timezone.now())
    if refusal is not None:
        raise refusal
