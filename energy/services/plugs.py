"""The owner's own changes to a plug."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from balupi_site.lib.errors import RefusedError
from energy.models import SmartPlug
from energy.sample_buffer import forget_latest


def edit_plug(plug: SmartPlug, **fields: Any) -> SmartPlug:  # noqa: ANN401  # values of many types
    """Change name, role, enabled or host; a new address gives a refused login another chance.

    Raises:
        RefusedError: another plug has the role NAS (``nas_role_taken``).
    """
    if fields.get("host", plug.host) != plug.host:
        fields["refused_credentials"] = ""
    for name, value in fields.items():
        setattr(plug, name, value)
    try:
        with transaction.atomic():
            plug.save(update_fields=list(fields))
    except IntegrityError as error:
        raise RefusedError(
            "Another plug has the role NAS already; give that one another role first.",
            code="nas_role_taken",
        ) from error
    return plug


def delete_plug(plug: SmartPlug) -> None:
    """Delete a plug with all its samples and hours."""
    device_id = plug.device_id
    plug.delete()
    forget_latest(device_id)
