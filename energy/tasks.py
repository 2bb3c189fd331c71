"""Celery edges of the energy app.

What talks to plugs goes to the one worker that owns them: at home by CELERY_TASK_ROUTES, at another
site by the queue of that site.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop

from balupi_site.lib.clock import is_plausible
from balupi_site.lib.errors import TransientError
from energy import services
from energy.answers import answer, as_json
from energy.services import rollup, sites
from energy.services.switching import Action

_HOUR_S = 3600


@shared_task(ignore_result=True)
def poll_plugs() -> None:
    """Read all plugs once; keep samples only while the clock can be believed."""
    sites.send_on(poll_plugs, within_s=settings.ENERGY_SAMPLE_INTERVAL_SECONDS)
    services.poll_plugs(keep_samples=is_plausible(timezone.now()))


@shared_task(ignore_result=True)
def store_samples() -> None:
    """Move the waiting samples into the database, those of other sites too.

    In the process that polls: it also has those that Redis lost.
    """
    services.store_samples(timezone.now())


@shared_task(ignore_result=True)
def roll_up_hours() -> None:
    """Complete the hours of samples that were stored without them, by a clock that ran ahead."""
    rollup.roll_up_hours(timezone.now(), settings.ENERGY_SAMPLE_INTERVAL_SECONDS)


@shared_task(ignore_result=True)
def prune_samples() -> None:
    """Delete old samples; never by a clock that may be far ahead."""
    now = timezone.now()
    if is_plausible(now):
        rollup.prune_samples(now, settings.ENERGY_SAMPLE_RETENTION_DAYS)


@shared_task(ignore_result=True)
def fill_hours() -> None:
    """Complete missing hours from the plugs' memories; never by a clock that may be wrong."""
    sites.send_on(fill_hours, within_s=_HOUR_S)
    now = timezone.now()
    if is_plausible(now):
        services.fill_hours(now)


@shared_task(ignore_result=True)
def fill_hours_now(reply_to: str, *, by: Sequence[str] = ()) -> None:
    """Complete missing hours and answer what was filled."""
    answer(reply_to, lambda: as_json(services.fill_hours(_plausible_now())), by=by)


@shared_task(ignore_result=True)
def look_for_anomalies() -> None:
    """Note what is wrong with the plugs; never by a clock that may be wrong."""
    now = timezone.now()
    if is_plausible(now):
        services.look_for_anomalies(now)


@shared_task(ignore_result=True)
def discover_plugs(reply_to: str, target: str = "", *, by: Sequence[str] = ()) -> None:
    """Search for plugs and answer what was found."""
    answer(reply_to, lambda: as_json(services.discover_plugs(target)), by=by)


@shared_task(ignore_result=True)
def switch_plug(reply_to: str, device_id: str, action: str, *, by: Sequence[str] = ()) -> None:
    """Switch a plug and answer whether its relay is on."""
    answer(reply_to, lambda: services.switch_plug(device_id, cast("Action", action)), by=by)


@shared_task(ignore_result=True)
def read_plugs_now(reply_to: str, *device_ids: str, by: Sequence[str] = ()) -> None:
    """Read plugs at once, refused logins forgotten, and answer how many gave a reading."""
    answer(reply_to, lambda: services.read_plugs_now(device_ids), by=by)


def _plausible_now() -> datetime:
    now = timezone.now()
    if not is_plausible(now):
        raise TransientError(
            gettext_noop("The time is not known yet; try again when the clock has been set.")
        )
    return now
