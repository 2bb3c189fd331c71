"""Tariffs: those in force, and adding, changing and deleting them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from balupi_site.events.services import record_change
from balupi_site.lib.clock import household_zone
from energy.models import Tariff, TariffZone
from energy.periods import local_day
from energy.services.tariff_checks import check_tariff, validity_text
from energy.tariffs import Price, TariffRule, ZoneRule

logger = logging.getLogger(__name__)

_DEFAULT_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class TariffsChanged:
    """What was changed, or would be.

    Attributes:
        tariff: as it is stored now; None after a deletion and where nothing was to be stored.
        ended: the tariff that ends, or would end, because the new one begins; None: none does.
        before, after: the tariffs that count.
    """

    tariff: Tariff | None
    ended: TariffRule | None
    before: list[TariffRule]
    after: list[TariffRule]


def active_tariffs() -> list[TariffRule]:
    """Return the tariffs that count, the earliest first."""
    tariffs = Tariff.objects.filter(is_active=True).prefetch_related("zones")
    rules = [rule_of(tariff) for tariff in tariffs]
    return sorted(rules, key=lambda rule: rule.valid_from or date.min)


def rule_of(tariff: Tariff) -> TariffRule:
    """Return a stored tariff with its zones as a rule."""
    return TariffRule(
        tariff_id=tariff.pk,
        name=tariff.name,
        price_per_kwh=tariff.price_per_kwh,
        base_fee_per_month=tariff.base_fee_per_month,
        currency=tariff.currency,
        valid_from=tariff.valid_from,
        valid_to=tariff.valid_to,
        zones=tuple(zone_rule_of(zone) for zone in tariff.zones.all()) if tariff.pk else (),
    )


def zone_rule_of(zone: TariffZone) -> ZoneRule:
    """Return a zone, stored or not, as a rule."""
    weekdays = frozenset(int(digit) for digit in zone.weekdays)
    return ZoneRule(zone.name, weekdays, zone.start, zone.end, zone.price_per_kwh)


def household_currency() -> str:
    """Return the currency of the tariffs that count; EUR without one."""
    return currency_of(active_tariffs())


def currency_of(rules: Sequence[TariffRule]) -> str:
    """Return the currency of tariffs that count together, which all have the same; EUR of none."""
    return rules[0].currency if rules else _DEFAULT_CURRENCY


def fallback_price() -> Price:
    """Return the price where no tariff is valid."""
    cents = Decimal(str(settings.ENERGY_DEFAULT_PRICE_CENTS))
    return Price(cents / 100, None, "default", "")


@contextmanager
def tariffs_locked() -> Iterator[None]:
    """Begin a transaction in which nobody else changes tariffs; reading them goes on.

    SQLite's transactions are IMMEDIATE: there is one writer anyway. PostgreSQL would let two
    additions pass the check side by side, as neither sees the other's row.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            table = connection.ops.quote_name(Tariff._meta.db_table)  # noqa: SLF001  # public API
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        yield


def add_tariff(
    wanted: TariffRule, *, is_active: bool, now: datetime, dry_run: bool = False
) -> TariffsChanged:
    """Add a tariff.

    The first one may be valid since ever. Any other one that has neither first nor last day begins
    today, and the one without an end ends today; if that one began today, it does not count any
    more. One with an end of its own makes no room: after it, nothing would be in force.

    Raises:
        ValidationError: it overlaps, or is wrong in itself; by field, nothing was changed.
    """
    with tariffs_locked():
        before = active_tariffs()
        ended, kept = None, before
        if is_active and wanted.valid_from is None and wanted.valid_to is None and before:
            wanted = replace(wanted, valid_from=local_day(now, household_zone()))
            ended, kept = make_room(wanted, before)
        check_tariff(wanted, kept, is_active=is_active)
        tariff = None
        if not dry_run:
            end_tariff(ended)
            tariff = _store(Tariff(), wanted, is_active=is_active)
            wanted = rule_of(tariff)
            told = _told(wanted, is_active=is_active)
            record_change("tariff", wanted.name, now, after=told)
    return TariffsChanged(tariff, ended, before, [*kept, wanted] if is_active else kept)


def change_tariff(
    tariff: Tariff, wanted: TariffRule, *, is_active: bool, dry_run: bool = False
) -> TariffsChanged:
    """Replace all that a tariff says, its zones too; call it within ``tariffs_locked``.

    Raises:
        ValidationError: it overlaps, or is wrong in itself; by field, nothing was changed.
    """
    with tariffs_locked():
        before = active_tariffs()
        others = [rule for rule in before if rule.tariff_id != tariff.pk]
        wanted = replace(wanted, tariff_id=tariff.pk)
        check_tariff(wanted, others, is_active=is_active)
        stored = None if dry_run else _change(tariff, wanted, is_active=is_active)
    return TariffsChanged(stored, None, before, [*others, wanted] if is_active else others)


def delete_tariff(tariff: Tariff, *, dry_run: bool = False) -> TariffsChanged:
    """Delete a tariff with its zones; its hours cost what is in force without it."""
    with tariffs_locked():
        before = active_tariffs()
        after = [rule for rule in before if rule.tariff_id != tariff.pk]
        if not dry_run:
            logger.info("tariff %s %r is deleted", tariff.pk, tariff.name)
            told = _told(rule_of(tariff), is_active=tariff.is_active)
            record_change("tariff", tariff.name, timezone.now(), before=told)
            tariff.delete()
    return TariffsChanged(None, None, before, after)


def make_room(
    wanted: TariffRule, others: Sequence[TariffRule]
) -> tuple[TariffRule | None, list[TariffRule]]:
    """Return the open-ended tariff with its end where ``wanted`` begins, and all that remain.

    None: no tariff is open-ended then. One that began on the same day does not remain.
    """
    first = wanted.valid_from or date.min
    for other in others:
        if other.valid_to is None and (other.valid_from or date.min) <= first:
            ended = replace(other, valid_to=first)
            remains = [ended] if ended.valid_from != first else []
            return ended, [*(each for each in others if each != other), *remains]
    return None, list(others)


def end_tariff(ended: TariffRule | None) -> None:
    """Store the end that ``make_room`` found; a tariff that never began does not count any more."""
    if ended is None or ended.tariff_id is None:
        return
    counts = ended.valid_from != ended.valid_to
    valid_to = ended.valid_to if counts else None
    with transaction.atomic():
        Tariff.objects.filter(pk=ended.tariff_id).update(valid_to=valid_to, is_active=counts)
        before = {"valid_to": None, "is_active": True}
        after = {"valid_to": valid_to, "is_active": counts}
        record_change("tariff", ended.name, timezone.now(), before=before, after=after)
    logger.info("tariff %s %r ends before %s", ended.tariff_id, ended.name, ended.valid_to)


def _told(rule: TariffRule, *, is_active: bool) -> dict[str, object]:
    """Return what a tariff says, for the log of events."""
    zones = (
        f"{zone.name} {zone.start:%H:%M}-{zone.end:%H:%M} "
        f"{''.join(str(day) for day in sorted(zone.weekdays))}: {zone.price_per_kwh.normalize():f}"
        for zone in rule.zones
    )
    return {
        "name": rule.name,
        "price_per_kwh": rule.price_per_kwh,
        "base_fee_per_month": rule.base_fee_per_month,
        "currency": rule.currency,
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "zones": "; ".join(sorted(zones)) or None,
        "is_active": is_active,
    }


def _change(tariff: Tariff, wanted: TariffRule, *, is_active: bool) -> Tariff:
    before, name = _told(rule_of(tariff), is_active=tariff.is_active), tariff.name
    stored = _store(tariff, wanted, is_active=is_active)
    after = _told(rule_of(stored), is_active=is_active)
    record_change("tariff", name, timezone.now(), before=before, after=after)
    return stored


def _store(tariff: Tariff, rule: TariffRule, *, is_active: bool) -> Tariff:
    for name in ("name", "price_per_kwh", "base_fee_per_month", "currency"):
        setattr(tariff, name, getattr(rule, name))
    tariff.valid_from, tariff.valid_to = rule.valid_from, rule.valid_to
    tariff.is_active = is_active
    tariff.clean_fields()
    tariff.save()
    tariff.zones.all().delete()
    TariffZone.objects.bulk_create(
        TariffZone(
            tariff=tariff,
            name=zone.name,
            weekdays="".join(str(day) for day in sorted(zone.weekdays)),
            start=zone.start,
            end=zone.end,
            price_per_kwh=zone.price_per_kwh,
        )
        for zone in rule.zones
    )
    logger.info("tariff %s %r is valid %s", tariff.pk, tariff.name, validity_text(rule))
    return Tariff.objects.prefetch_related("zones").get(pk=tariff.pk)
