"""What the database says of a day, and the layers, gaps and zones that it makes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import DateTimeField, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from balupi_site.lib.clock import household_zone
from balupi_site.page import band
from balupi_site.page.choice import Choice
from balupi_site.page.curves import Curves, curves
from balupi_site.page.day_words import sky_key
from balupi_site.page.window import Window, window
from energy.models import PlugRole
from energy.periods import Span, day_span, local_day
from energy.services import PlugLatest, latest_readings
from energy.services.figures import known_spans
from nasctl.energy_split import Change, HourState, state_spans
from nasctl.models import StateChange
from nasctl.services import watched_until
from nasctl.services.energy import idle_power

_MOST_LAYERS = 3
#: A gap shorter than this nobody can see.
_LEAST_GAP = dt.timedelta(minutes=3)


@dataclass(frozen=True)
class Day:
    """What the database says of a window."""

    shown: Window
    now: dt.datetime
    is_today: bool
    plugs: Sequence[PlugLatest]
    changes: Sequence[StateChange]
    curves: Curves
    known_since: dt.datetime | None

    @property
    def has_now(self) -> bool:
        """Whether the present is shown."""
        return self.shown.holds(self.now)

    @property
    def until(self) -> dt.datetime:
        """The end of what can be known."""
        return max(min(self.shown.end, self.now), self.shown.start)

    @property
    def is_live(self) -> bool:
        """Whether some plug tells of the present."""
        return self.has_now and any(not plug.is_stale for plug in self.plugs)


def look(choice: Choice, now: dt.datetime) -> Day:
    """Ask for all that the chosen window shows; seven queries."""
    zone = household_zone()
    today = local_day(now, zone)
    shown = window(choice.day or today, choice.part, zone)
    # A plug that is not polled any more was a part of the house until then.
    readings = latest_readings(now, with_disabled=choice.day is not None)
    plugs = sorted(readings, key=lambda it: it.plug.name, reverse=True)
    plugs.sort(key=lambda it: it.plug.role != PlugRole.NAS)  # the NAS at the bottom
    known = known_spans([it.plug for it in plugs], now).values()
    return Day(
        shown=shown,
        now=now,
        is_today=choice.day is None,
        plugs=plugs,
        changes=_changes(shown.day, now),
        curves=curves.get([it.plug.pk for it in plugs], shown.start, shown.end, now),
        known_since=min((span.start for span in known), default=None),
    )


def _changes(day: dt.date, now: dt.datetime) -> list[StateChange]:
    """Return the day's changes of state and the one before it, newest first."""
    span = day_span(day, household_zone())
    before = StateChange.objects.filter(at__lt=span.start).order_by("-at").values("at")[:1]
    since = Coalesce(Subquery(before), Value(span.start, DateTimeField()))
    return list(StateChange.objects.filter(at__gte=since, at__lt=min(span.end, now)))


def idle_w(found: Day) -> float | None:
    """Return what the NAS draws while it is on without work, as the section of savings knows it."""
    nas = next((it.plug for it in found.plugs if it.plug.role == PlugRole.NAS), None)
    return idle_power(nas.pk, found.now if found.is_today else found.shown.end) if nas else None


def layers_of(found: Day) -> list[band.Layer]:
    """Return the hills' layers from the bottom: the NAS, the others by name; small ones together."""
    layers = [
        band.Layer(it.plug.name, found.curves.by_plug.get(it.plug.pk, {}), _present_w(found, it))
        for it in found.plugs
        if found.is_today or it.plug.pk in found.curves.by_plug
    ]
    if len(layers) <= _MOST_LAYERS:
        return layers
    by_size = sorted(layers[1:], key=lambda layer: sum(layer.curve.values()), reverse=True)
    small = by_size[_MOST_LAYERS - 2 :]
    together = _together(small, scale_of(found))
    return [layer for layer in layers if layer not in small] + [together]


def _together(layers: Sequence[band.Layer], scale: band.Scale) -> band.Layer:
    """Return layers as one; a poll that fell into the next bucket makes no dent in it."""
    present = [layer.now_w for layer in layers if layer.now_w is not None]
    sums = band.totals(layers, scale)
    return band.Layer(_("Others"), sums, sum(present) if present else None)


def _present_w(found: Day, plug: PlugLatest) -> float | None:
    return plug.present_power_w if found.has_now else None


def now_w(layers: Sequence[band.Layer]) -> float:
    """Return the present power of all together in W, of those that are known."""
    return sum(layer.now_w or 0.0 for layer in layers)


def scale_of(found: Day) -> band.Scale:
    """Return how time becomes width."""
    size_s = found.curves.bucket_s
    until = (found.until - found.shown.start).total_seconds() * band.UNITS_PER_BUCKET / size_s
    return band.Scale(size_s, found.curves.reach, round(until), found.curves.is_hourly)


def gaps_of(
    found: Day, totals: band.Curve, scale: band.Scale
) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return when no plug was measured that could have been."""
    start = found.shown.start
    first = max(found.known_since or found.until, start)
    last = found.until

    def at(number: int) -> dt.datetime:
        return start + dt.timedelta(seconds=number * scale.bucket_s)

    stretches = [(at(a), at(b)) for a, b in band.runs(totals, scale.reach)]
    edges = [first, *(edge for stretch in stretches for edge in stretch), last]
    found_gaps = [
        (a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > _LEAST_GAP
    ]
    is_up_to_date = found.is_live and found_gaps and found_gaps[-1][1] == last
    return found_gaps[:-1] if is_up_to_date and totals else found_gaps


def zones_of(found: Day) -> list[band.Zone]:
    """Return the states of the day, in full length, as far as they are in the window."""
    day = day_span(found.shown.day, found.shown.zone)
    zones = _zones(found.changes, day, found.now, is_today=found.is_today)
    return [it for it in zones if it.start < found.until and it.end > found.shown.start]


def zones_today(now: dt.datetime) -> tuple[band.Zone, ...]:
    """Return today's states up to now; one query."""
    zone = household_zone()
    today = local_day(now, zone)
    return _zones(_changes(today, now), day_span(today, zone), now, is_today=True)


def _zones(
    changes: Sequence[StateChange], day: Span, now: dt.datetime, *, is_today: bool
) -> tuple[band.Zone, ...]:
    """Return a day's states from its changes and the one before it, newest first."""
    moves = [(it.at, sky_key(it)) for it in reversed(changes) if it.at >= day.start]
    before = next((it for it in changes if it.at < day.start), None)
    first = sky_key(before) if before else "unknown"
    unwatched_since = watched_until(now) if is_today else None
    if unwatched_since and (not moves or unwatched_since > moves[-1][0]):
        moves.append((unwatched_since, "unknown"))  # nobody has looked since
    return band.zones(moves, first, day.start, day.end, now)


def asleep_of(found: Day, layers: Sequence[band.Layer], scale: band.Scale) -> list[tuple[int, int]]:
    """Return when the NAS slept and was measured, in units of the drawing: that is what was saved."""
    nas = found.plugs[0].plug if found.plugs else None
    if nas is None or nas.role != PlugRole.NAS or nas.pk not in found.curves.by_plug:
        return []  # and the lowest layer is another plug's
    moves = [Change(it.at, it.to_state, it.reason) for it in reversed(found.changes)]
    shown = found.shown
    asleep = [
        it for it in state_spans(moves, shown.start, found.until) if it.state is HourState.OFFLINE
    ]
    measured = [
        (first * band.UNITS_PER_BUCKET, last * band.UNITS_PER_BUCKET)
        for first, last in band.runs(layers[0].curve, scale.reach)
    ]
    ghosts = []
    for span in asleep:
        start, end = (
            scale.units((at - shown.start).total_seconds()) for at in (span.start, span.end)
        )
        cut = [(max(start, a), min(end, b)) for a, b in measured]
        ghosts += [(a, b) for a, b in cut if a < b]
    return ghosts
