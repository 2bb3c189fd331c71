"""Polling: ask the plugs, keep what they say, note how talking to them goes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from balupi_site.lib.kept import retold
from energy.models import PlugStatus, SmartPlug
from energy.plug_pool import credentials_digest, shared_pool
from energy.readings import Failure, FailureKind, Seen, Target
from energy.services import samples

logger = logging.getLogger(__name__)

_last_known: list[SmartPlug] = []


def poll_plugs(*, keep_samples: bool) -> int:
    """Read all enabled plugs here that have not refused our login; return how many answered.

    Args:
        keep_samples: False while the clock cannot be believed: then only the latest values are kept.
    """
    return _read(_plugs_here(), at_once=False, keep_samples=keep_samples)


def read_plugs_now(device_ids: Collection[str]) -> int:
    """Read these plugs at once, refused logins and back-offs forgotten; return how many answered."""
    plugs = SmartPlug.objects.enabled().here().filter(device_id__in=device_ids)
    plugs.update(refused_credentials="")
    return _read(plugs, at_once=True, keep_samples=False)


def _plugs_here() -> list[SmartPlug]:
    """Return the plugs to poll; at another site, while its line to home is broken, those of before."""
    global _last_known  # noqa: PLW0603  # one list per process, replaced as a whole
    try:
        _last_known = list(SmartPlug.objects.enabled().here().not_refusing(credentials_digest()))
    except (DatabaseError, InterfaceError) as error:
        if not settings.SITE:
            raise
        logger.debug("home's database does not answer, the plugs are polled as known: %s", error)
    return _last_known


def target_of(plug: SmartPlug) -> Target:
    """Return how to reach a plug."""
    return Target(plug.mac, plug.device_id, plug.host, plug.connection)


def keep_result(plug: SmartPlug, result: Seen | Failure, *, is_sample: bool) -> None:
    """Keep a reading as the plug's latest (and as a sample), and note how talking to it went.

    The readings go first: the database must not hold them up.
    """
    if isinstance(result, Seen):
        is_sample = is_sample and result.reading.power_w is not None
        samples.buffer.put(result.reading, is_sample=is_sample)
        news = _news_of_success(plug, result)
    elif _is_news(plug, result):
        news = _news_of_failure(plug, result)
    else:
        logger.debug("plug %s: a poll was lost: %s", plug.name, retold(result.message))
        return
    save_news(plug, news)


def save_news(plug: SmartPlug, news: Mapping[str, Any]) -> None:
    """Write what is new of a plug's fields; a new status is logged."""
    changes = {name: value for name, value in news.items() if getattr(plug, name) != value}
    if changes:
        _save(plug, changes)


def _read(plugs: Iterable[SmartPlug], *, at_once: bool, keep_samples: bool) -> int:
    by_mac = {plug.mac: plug for plug in plugs}
    targets = [target_of(plug) for plug in by_mac.values()]
    answered = 0
    if targets:
        for result in shared_pool().iter_results(targets, at_once=at_once):
            answered += isinstance(result, Seen)
            keep_result(by_mac[result.target.mac], result, is_sample=keep_samples)
    return answered


def _news_of_success(plug: SmartPlug, seen: Seen) -> dict[str, Any]:
    return {
        "status": PlugStatus.OK,
        "status_message": "",
        "refused_credentials": "",
        "host": seen.target.host,
        "connection": dict(seen.target.connection),
        "firmware_version": seen.identity.firmware_version or plug.firmware_version,
        "model": seen.identity.model or plug.model,
    }


def _is_news(plug: SmartPlug, failure: Failure) -> bool:
    """Tell whether a failure is worth a row, a line and a word on the page.

    One lost poll of a plug in the Wi-Fi happens several times a day and mends itself in 30 s; its
    latest reading is not even stale then.
    """
    is_lost_once = failure.is_first and failure.kind is FailureKind.UNREACHABLE
    return not (is_lost_once and plug.status == PlugStatus.OK)


def _news_of_failure(plug: SmartPlug, failure: Failure) -> dict[str, Any]:
    max_length = SmartPlug._meta.get_field("status_message").max_length  # noqa: SLF001  # public API
    is_refused = failure.kind is FailureKind.LOGIN_REFUSED
    return {
        "status": PlugStatus(failure.kind.value),
        "status_message": failure.message[:max_length],
        "refused_credentials": credentials_digest() if is_refused else plug.refused_credentials,
    }


def _save(plug: SmartPlug, changes: dict[str, Any]) -> None:
    if "status" in changes:
        changes["status_since"] = timezone.now()
        level = logging.INFO if changes["status"] == PlugStatus.OK else logging.WARNING
        message = retold(changes.get("status_message", "")) or PlugStatus(changes["status"]).label
        logger.log(level, "plug %s: %s", plug.name, message)
    try:
        # Where the owner has changed the address meanwhile, this news is of the old one.
        SmartPlug.objects.filter(pk=plug.pk, host=plug.host).update(**changes)
    except DatabaseError as error:  # the next poll tries again; the other plugs must go on
        logger.warning("the status of plug %s was not saved: %s", plug.name, error)
