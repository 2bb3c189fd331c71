"""System checks: settings that start, but cannot work."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning
from django.utils.translation import gettext as _


@register("energy")
def check_tapo_account(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401  # Django's signature
    """Warn where the Tapo account is half there."""
    missing = [name for name in ("TAPO_USERNAME", "TAPO_PASSWORD") if not getattr(settings, name)]
    if len(missing) != 1:
        return []
    return [
        CheckWarning(
            _("%(variable)s is not set, so no plug can be read.")
            % {"variable": f"BALUPI_{missing[0]}"},
            hint=_("Set it and its counterpart to those of the Tapo app; both are case-sensitive."),
            id="energy.W001",
        )
    ]


@register("energy")
def check_intervals(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401  # Django's signature
    """Warn where plugs would be stored more often than they are read."""
    interval_s = settings.ENERGY_SAMPLE_INTERVAL_SECONDS
    flush_s = settings.ENERGY_FLUSH_INTERVAL_SECONDS
    if flush_s >= interval_s:
        return []
    return [
        CheckWarning(
            _(
                "BALUPI_ENERGY_FLUSH_INTERVAL_SECONDS (%(flush_s)s) is shorter than "
                "BALUPI_ENERGY_SAMPLE_INTERVAL_SECONDS (%(interval_s)s)."
            )
            % {"flush_s": flush_s, "interval_s": interval_s},
            hint=_("It only wears out the card; 600 writes twenty samples of each plug at once."),
            id="energy.W002",
        )
    ]
