"""``/api/nas/energy`` and ``/api/energy/summary``, which need the NAS's state."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.clock import household_zone
from energy.periods import Period, local_day
from energy.services.figures import Figure
from energy.tariffs import as_shown
from nasctl import services
from nasctl.api.serializers import NasEnergyQuery
from nasctl.energy_split import HOUR_STATE_LABELS, HourState
from nasctl.services.energy import NasEnergy, Saved
from nasctl.services.stretches import Stretch
from nasctl.services.summary import Summary

#: Places of an amount of money, as in energy's answers: an hour of standby is less than a cent.
_PLACES = 4


class NasEnergyView(APIView):
    """The NAS's energy by state."""

    def get(self, request: Request) -> Response:
        """Answer a day, week, month or year, and what sleeping saved in it."""
        query = NasEnergyQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        now = timezone.now()
        day = query.validated_data["at"] or local_day(now, household_zone())
        found = services.nas_energy(Period(query.validated_data["period"]), day, now)
        if found is None:
            raise Http404(_("No plug has the role NAS; give it to the plug of the NAS."))
        return Response(_nas_energy_json(found))


class SummaryView(APIView):
    """The house at a glance."""

    def get(self, _request: Request) -> Response:
        """Answer the figures of the house; the first five fields are those of BaluPi 0.1."""
        return Response(_summary_json(services.summary(timezone.now())))


def _nas_energy_json(found: NasEnergy) -> dict[str, Any]:
    zone = found.book.zone
    costs = _shown_costs(found.whole)
    name = "per_month" if found.period is Period.YEAR else "per_day"
    parts = {} if found.period is Period.DAY else {name: _parts(found)}
    return {
        "period": found.period.value,
        "from": found.span.start.astimezone(zone).isoformat(),
        "to": found.span.end.astimezone(zone).isoformat(),
        "time_zone": zone.key,
        "currency": found.book.currency,
        "states": [_state(found.whole, state, costs[state]) for state in HourState],
        "total": {
            "hours": _hours(sum(found.whole.sums(state).duration_h for state in HourState)),
            "known_h": _hours(found.whole.known_h),
            "energy_kwh": _kwh(found.whole.energy_wh),
            "cost": None if found.whole.energy_wh is None else float(sum(costs.values())),
        },
        "coverage": None if found.coverage is None else round(found.coverage, 4),
        "saved": _saved(found.saved, found.book.currency),
        **parts,
    }


def _state(stretch: Stretch, state: HourState, cost: Decimal) -> dict[str, Any]:
    sums, energy_wh = stretch.sums(state), stretch.state_wh(state)
    return {
        "state": state.value,
        "label": str(HOUR_STATE_LABELS[state]),
        "hours": _hours(sums.duration_h),
        "known_h": _hours(sums.known_h),
        "energy_kwh": _kwh(energy_wh),
        "cost": None if energy_wh is None else float(cost),
    }


def _parts(found: NasEnergy) -> list[dict[str, Any]]:
    saved_costs = as_shown([it.cost or Decimal(0) for it in found.saved_parts], _PLACES)
    return [
        {
            "date": local_day(part.span.start, found.book.zone).isoformat(),
            "asleep_h": _hours(part.asleep.duration_h),
            "energy_kwh": _kwh(part.energy_wh),
            "energy_kwh_by_state": {state.value: _kwh(part.state_wh(state)) for state in HourState},
            "saved_kwh": _kwh(saved.energy_wh),
            "saved_cost": None if saved.cost is None else float(shown),
        }
        for part, saved, shown in zip(found.parts, found.saved_parts, saved_costs, strict=True)
    ]


def _saved(saved: Saved, currency: str) -> dict[str, Any]:
    return {
        "energy_kwh": _kwh(saved.energy_wh),
        "cost": _money(saved.cost),
        "currency": currency,
        "asleep_h": _hours(saved.asleep_h),
        "idle_power_w": _watts(saved.idle_power_w),
        "asleep_power_w": _watts(saved.asleep_power_w),
        "formula": saved.formula,
        "reason": saved.reason,
    }


def _summary_json(found: Summary) -> dict[str, Any]:
    cents = found.month_cost and found.month_cost * 100
    return {
        "total_devices": found.devices,
        "total_power_w": round(found.power_w or 0.0, 3),
        "avg_daily_kwh": _kwh(found.daily.energy_wh) or 0.0,
        "monthly_cost_estimate_cents": round(cents or 0),
        "nas_state": found.nas_power_state.value,
        "nas_public_state": found.nas_state,
        "total_power_w_known": found.power_w is not None,
        "avg_daily_kwh_known": found.daily.energy_wh is not None,
        "monthly_cost_estimate_cents_known": found.month_cost is not None,
        "days_counted": found.daily.days,
        "currency": found.currency,
        "today": _figure(found.today),
        "yesterday": _figure(found.yesterday),
        "this_month": _figure(found.this_month),
        "last_month": _figure(found.last_month),
        "saved_today": _brief(found.saved_today),
        "saved_this_month": _brief(found.saved_this_month),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"energy_kwh": _kwh(figure.energy_wh), "cost": _money(figure.cost)}


def _brief(saved: Saved | None) -> dict[str, Any]:
    """Return nulls where there is no NAS to save with."""
    if saved is None:
        return {"energy_kwh": None, "cost": None}
    return {"energy_kwh": _kwh(saved.energy_wh), "cost": _money(saved.cost)}


def _shown_costs(stretch: Stretch) -> dict[HourState, Decimal]:
    """Return the costs by state so that they add up as they are shown."""
    states: Sequence[HourState] = list(HourState)
    return dict(
        zip(states, as_shown([stretch.cost(state) for state in states], _PLACES), strict=True)
    )


def _money(amount: Decimal | None) -> float | None:
    return None if amount is None else float(as_shown([amount], _PLACES)[0])


def _kwh(energy_wh: float | None) -> float | None:
    return None if energy_wh is None else round(energy_wh / 1000, 6)


def _hours(hours: float) -> float:
    return round(hours, 4)


def _watts(power_w: float | None) -> float | None:
    return None if power_w is None else round(power_w, 3)
