"""Figures, ages and durations in words and in the reader's way of writing numbers."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

#: No-break space: a figure and its unit stay together.
NBSP = "\N{NO-BREAK SPACE}"
UNKNOWN = "–"
_DAY_S = 86_400
_SIZE_STEP = 1000
#: Characters that break a line, turn its direction or command a terminal; a name may have any of them.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}


def showable(line: str) -> str:
    """Return a line that shows what it says, whatever names are in it, on a page or in a terminal."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", line)


def watts(power_w: float | None) -> str:
    """Return W without the unit: one decimal below 100, none above; a dash where not known."""
    if power_w is None:
        return UNKNOWN
    shown = round(power_w, 1)
    return formats.number_format(shown, decimal_pos=1 if abs(shown) < 100 else 0)  # noqa: PLR2004  # see above


def kilowatt_hours(energy_wh: float | None) -> str:
    """Return kWh without the unit: two decimals below 10, one below 100, none above."""
    if energy_wh is None:
        return UNKNOWN
    kwh = energy_wh / 1000
    decimals = 2 if kwh < 10 else 1 if kwh < 100 else 0  # noqa: PLR2004  # see above
    return formats.number_format(round(kwh, decimals), decimal_pos=decimals, force_grouping=True)


def money(amount: Decimal | None, currency: str) -> str:
    """Return money with two decimals and its sign, such as "€0.15"; a dash where not known.

    Args:
        amount: in whole units of the currency.
        currency: three capitals; those without a sign of their own are written as they are.
    """
    if amount is None:
        return UNKNOWN
    rounded = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    shown = formats.number_format(rounded, decimal_pos=2, force_grouping=True)
    sign = _SIGNS.get(currency, f"{currency}{NBSP}")
    # Translators: money; German puts the sign after the number.
    return (_("%(sign)s%(amount)s") % {"sign": sign, "amount": shown}).strip(NBSP)


def percent(share: float) -> str:
    """Return a share of 1 as whole percent, with one decimal below 1."""
    decimals = 1 if 0 < share < 0.01 else 0  # noqa: PLR2004  # see above
    shown = formats.number_format(round(100 * share, decimals), decimal_pos=decimals)
    # Translators: percent; German has a no-break space between.
    return _("%(number)s%%") % {"number": shown}


def ago(age_s: float | None) -> str:
    """Return "6 s ago", "12 min ago", "3 h ago" or "2 days ago"; empty where not known."""
    if age_s is None:
        return ""
    if age_s >= 2 * _DAY_S:
        days = int(age_s) // _DAY_S
        return ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days}
    return _("%(span)s ago") % {"span": span(age_s)}


def ahead(in_s: float) -> str:
    """Return how long until a time to come: "in 6 s", "in 3 h", "in 2 days"."""
    if in_s >= 2 * _DAY_S:
        days = int(in_s) // _DAY_S
        # Translators: a time to come; German says "in 3 Tagen".
        return ngettext("in %(n)s day", "in %(n)s days", days) % {"n": days}
    return _("in %(span)s") % {"span": span(in_s)}


def span(seconds: float) -> str:
    """Return a duration in its largest fitting units: "71 s", "5 min", "5 h 34 min", "3 days"."""
    whole_s = max(0, int(seconds))
    if whole_s < 120:  # noqa: PLR2004  # seconds say more than "1 min"
        return f"{whole_s}{NBSP}s"
    minutes = whole_s // 60
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes}{NBSP}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004  # two days
        return f"{hours}{NBSP}h {minutes}{NBSP}min" if minutes else f"{hours}{NBSP}h"
    days = hours // 24
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


def clock(at: dt.datetime) -> str:
    """Return the household's time of day, 22:14."""
    return timezone.localtime(at).strftime("%H:%M")


def day_and_clock(at: dt.datetime, now: dt.datetime) -> str:
    """Return 22:14 today, "Saturday 22:14" within a week, "3 November 22:14" before that."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    if local.date() == today:
        return clock(at)
    age_days = (today - local.date()).days
    if 0 < age_days < 7:  # noqa: PLR2004  # a weekday is unambiguous for a week
        return f"{weekday(local)} {clock(at)}"
    return f"{day_of_month(local, today)} {clock(at)}"


def weekday(day: dt.date) -> str:
    """Return "Saturday"."""
    return formats.date_format(day, "l")


def day_of_month(day: dt.date, today: dt.date | None = None) -> str:
    """Return "21 November"; with the year where that is another one than today's."""
    if today is not None and day.year != today.year:
        # Translators: a date, in the letters of Django's date filter; "j. F Y" in German.
        return formats.date_format(day, pgettext("date", "j F Y"))
    # Translators: a date, in the letters of Django's date filter; "j. F" in German.
    return formats.date_format(day, pgettext("date", "j F"))


def long_day(day: dt.date) -> str:
    """Return "Saturday 21 November"; an aware time must be local already."""
    # Translators: a date, in the letters of Django's date filter; "l, j. F" in German.
    return formats.date_format(day, pgettext("date", "l j F"))


def month_and_year(day: dt.date) -> str:
    """Return "November 2026"."""
    return formats.date_format(day, "F Y")


def count(number: float | None) -> str:
    """Return a whole number in groups of three, such as "18,412"; a dash where not known."""
    return UNKNOWN if number is None else formats.number_format(round(number), force_grouping=True)


def size_text(size_bytes: float) -> str:
    """Return "0 B", "4.2 kB", "950 MB": three figures, in steps of 1000 as disks are sold; in English."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < _SIZE_STEP:
            break
        size, unit = size / _SIZE_STEP, larger
    digits = 1 if 0 < size < 100 and unit != "B" else 0  # noqa: PLR2004  # three figures
    return f"{size:.{digits}f} {unit}"


def shown_size(size_bytes: float) -> str:
    """Return an amount of bytes in the reader's way of writing, "36.1 MB"."""
    point = formats.get_format("DECIMAL_SEPARATOR")
    return size_text(size_bytes).replace(".", point).replace(" ", NBSP)
