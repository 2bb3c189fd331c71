"""What must hold of a tariff, in itself and beside the others that count; told by field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from balupi_site.lib.words import showable
from energy.tariffs import TariffRule, ZoneRule, overlapping, overlapping_zones

#: Days that every time zone can express; nobody measured before.
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(2999, 12, 31)


def check_tariff(wanted: TariffRule, others: Sequence[TariffRule], *, is_active: bool) -> None:
    """Tell whether a tariff can be among the others that count.

    Raises:
        ValidationError: no; the first thing that is wrong, by field.
    """
    _check_days(wanted)
    check_zones(wanted.zones)
    if not is_active:
        return
    for other in others:
        if other.currency != wanted.currency:
            text = _(
                'The currency of "%(name)s" is %(currency)s; all tariffs that count must have the '
                "same. To change it, first let only this one count."
            )
            facts = {"name": showable(other.name), "currency": other.currency}
            raise ValidationError({"currency": text % facts})
    other_or_none = overlapping(wanted, others)
    if other_or_none is not None:
        raise ValidationError({_clashing_field(wanted, other_or_none): _clash(other_or_none)})


def check_zones(zones: Sequence[ZoneRule]) -> None:
    """Tell whether these can be the zones of one tariff.

    Raises:
        ValidationError: no, with the zones' names; its field is ``zones``.
    """
    for zone in zones:
        if any(at.second or at.microsecond for at in (zone.start, zone.end)):
            text = _('The zone "%(name)s" must begin and end at a full minute.')
            raise ValidationError({"zones": text % {"name": zone.name}})
    pair = overlapping_zones(zones)
    if pair is not None:
        text = _('The zones "%(one)s" and "%(other)s" overlap; give them other days or times.')
        raise ValidationError({"zones": text % {"one": pair[0].name, "other": pair[1].name}})


def validity_text(rule: TariffRule) -> str:
    """Return when a tariff is valid, such as ``from 2026-01-01 until before 2026-07-01``."""
    start = _("from %s") % rule.valid_from if rule.valid_from else _("since ever")
    end = _("until before %s") % rule.valid_to if rule.valid_to else _("until further notice")
    return f"{start} {end}"


def _check_days(wanted: TariffRule) -> None:
    for field, day in (("valid_from", wanted.valid_from), ("valid_to", wanted.valid_to)):
        if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
            text = _("The day must be between %(first)s and %(last)s.")
            raise ValidationError({field: text % {"first": _FIRST_DAY, "last": _LAST_DAY}})
    if wanted.valid_from and wanted.valid_to and wanted.valid_to <= wanted.valid_from:
        text = _("The end, the day after the last one, must be after the first day, %s.")
        raise ValidationError({"valid_to": text % wanted.valid_from})


def _clashing_field(wanted: TariffRule, other: TariffRule) -> str:
    """Return the field to change: the end where the other one begins later, else the start."""
    starts_later = other.valid_from is not None and (
        wanted.valid_from is None or wanted.valid_from < other.valid_from
    )
    return "valid_to" if starts_later else "valid_from"


def _clash(other: TariffRule) -> str:
    text = _('It overlaps with "%(name)s", valid %(dates)s; end one before the other begins.')
    return text % {"name": showable(other.name), "dates": validity_text(other)}
