"""Rules: the predecessor's prices become tariffs that do not overlap, in the room that ours leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from energy.legacy import Bad, Row, Tally, utc_time
from energy.periods import local_day
from energy.tariffs import TariffRule

_DAY = timedelta(days=1)
#: 10 EUR per kWh is a slip of the pen.
_MOST_CENTS = 1_000
_CURRENCY = "EUR"
_LONGEST_NAME = 64
#: People write 1970-01-01 or 9999-12-31 where they mean that there is no first or last day.
_SINCE_EVER_YEAR, _FOR_EVER_YEAR = 1970, 2999
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Dated:
    """A price and when it was typed in."""

    rule: TariffRule
    created_at: datetime


def old_tariffs(rows: Iterable[Row], zone: ZoneInfo, tally: Tally) -> list[TariffRule]:
    """Return the prices that counted as tariffs, rising, each ending where the next one begins.

    One without a first day begins on the day on which it was typed in; the first of all since ever. A
    last day is part of it. The one that begins later counts; of two that begin on the same day, the
    one that was typed in later.

    Args:
        rows: of ``energy_price_config``.
        zone: the household's.
        tally: is told what is left, and why.
    """
    dated: list[_Dated] = []
    for row in sorted(rows, key=lambda row: (_created(row), row["id"])):
        tally.read += 1
        found = _dated(row, zone, is_first=not dated)
        if isinstance(found, Bad):
            tally.leave(found.reason, _told(row))
        else:
            dated.append(found)
    return list(_apart(dated, tally))


def room_for(wanted: TariffRule, ours: Sequence[TariffRule]) -> list[TariffRule]:
    """Return the parts of a tariff's time in which none of ours counts, rising."""
    parts, first = [], wanted.valid_from or date.min
    end = wanted.valid_to or date.max
    for our in sorted(ours, key=lambda rule: rule.valid_from or date.min):
        our_first, our_end = our.valid_from or date.min, our.valid_to or date.max
        if our_end <= first or our_first >= end:
            continue
        parts.append((first, our_first))
        first = max(first, our_end)
    parts.append((first, end))
    return [_within(wanted, first, end) for first, end in parts if first < end]


def _within(wanted: TariffRule, first: date, end: date) -> TariffRule:
    valid_from = None if first == date.min else first
    return replace(wanted, valid_from=valid_from, valid_to=None if end == date.max else end)


def _apart(dated: Sequence[_Dated], tally: Tally) -> Iterator[TariffRule]:
    by_first: dict[date, TariffRule] = {}
    for each in dated:  # the later one typed in replaces the earlier
        first = each.rule.valid_from or date.min
        if first in by_first:
            tally.leave("another price begins on the same day", by_first[first].name)
        by_first[first] = each.rule
    firsts = sorted(by_first)
    for number, first in enumerate(firsts):
        rule = by_first[first]
        next_first = firsts[number + 1] if number + 1 < len(firsts) else date.max
        yield _within(rule, first, min(rule.valid_to or date.max, next_first))


def _dated(row: Row, zone: ZoneInfo, *, is_first: bool) -> _Dated | Bad:
    price_cents, created_at = row["price_per_kwh_cents"], _created(row)
    if row["is_active"] != 1:
        return Bad("it did not count")
    if not isinstance(price_cents, int | float) or not 0 <= price_cents <= _MOST_CENTS:
        return Bad("no price: negative, above 1,000 ct per kWh, or no number")
    first, last = _day(row["valid_from"], zone), _day(row["valid_to"], zone)
    if isinstance(first, Bad) or isinstance(last, Bad):
        return Bad("its first or last day cannot be read")
    if first is not None and first.year >= _FOR_EVER_YEAR:
        return Bad("it never begins")
    if first is None and not is_first:
        first = local_day(created_at, zone)
    if first is not None and first.year <= _SINCE_EVER_YEAR:
        first = None
    end = None if last is None or last.year >= _FOR_EVER_YEAR else last + _DAY
    if first is not None and end is not None and end <= first:
        return Bad("it ends before it begins")
    rule = TariffRule(
        tariff_id=None,
        name=(str(row["name"]).replace("\0", "").strip() or "Predecessor")[:_LONGEST_NAME],
        price_per_kwh=round(Decimal(str(price_cents)) / 100, 6),
        base_fee_per_month=Decimal(0),
        currency=_CURRENCY,
        valid_from=first,
        valid_to=end,
        zones=(),
    )
    return _Dated(rule, created_at)


def _created(row: Row) -> datetime:
    return utc_time(row["created_at"]) or _LONG_AGO


def _day(value: object, zone: ZoneInfo) -> date | Bad | None:
    """Return a day; what has an offset from UTC is a moment of the household's clock."""
    if value is None or value == "":
        return None
    at = utc_time(value)
    if at is None or not isinstance(value, str):
        return Bad("no day")
    if not _SINCE_EVER_YEAR < at.year < _FOR_EVER_YEAR:
        return at.date()
    has_offset = datetime.fromisoformat(value.strip()).tzinfo is not None
    return local_day(at, zone) if has_offset else at.date()


def _told(row: Row) -> str:
    return f"{row['name']}, {row['price_per_kwh_cents']} ct from {row['valid_from']} to {row['valid_to']}"
