"""The rules' numbers as the household has set them."""

from __future__ import annotations

from django.conf import settings

from nasctl.evidence import Limits

#: A poll may come this much late and still be the newest there is.
_POLL_SLACK_S = 5.0


def limits() -> Limits:
    """Return the limits of this household."""
    return Limits(
        power_w=settings.NAS_POWER_LIMITS_W,
        boot_s=settings.NAS_BOOT_SECONDS,
        presence_s=settings.PRESENCE_INTERVAL_SECONDS,
        heartbeat_s=settings.HEARTBEAT_INTERVAL_SECONDS,
        power_fresh_s=settings.ENERGY_SAMPLE_INTERVAL_SECONDS + _POLL_SLACK_S,
    )
