"""Figures that stand above their sum: rounded so that they add up as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.utils.formats import number_format

from balupi_site.lib.words import money, watts
from energy.tariffs import as_shown

_WH_PER_KWH = 1000
_KWH_PLACES, _W_PLACES = 2, 1


def kilowatt_hours(parts_wh: Sequence[float]) -> tuple[list[str], str]:
    """Return the parts and their sum in kWh, all with two decimals and without the unit."""
    shown = as_shown([Decimal(wh) / _WH_PER_KWH for wh in parts_wh], _KWH_PLACES)
    return [_kwh(part) for part in shown], _kwh(sum(shown, Decimal(0)))


def powers(parts_w: Sequence[float]) -> tuple[list[str], str]:
    """Return the parts and their sum in W, without the unit; from 100 W on without a decimal."""
    shown = [float(part) for part in as_shown([Decimal(w) for w in parts_w], _W_PLACES)]
    return [watts(part) for part in shown], watts(sum(shown))


def moneys(parts: Sequence[Decimal], currency: str) -> tuple[list[str], str]:
    """Return the parts and their sum as money of this currency."""
    shown = as_shown(parts)
    return [money(part, currency) for part in shown], money(sum(shown, Decimal(0)), currency)


def _kwh(number: Decimal) -> str:
    return number_format(number, decimal_pos=_KWH_PLACES, force_grouping=True)
