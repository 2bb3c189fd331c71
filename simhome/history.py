"""``python -m simhome.history``: the past of a simulated household as BaluPi would have recorded it.

One JSON object per line: the plugs, what was noted about the NAS, an energy figure per plug and
hour, and the power samples of the last 48 hours. The same for the same arguments.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import fsum
from pathlib import Path
from random import Random

from simhome.config import ConfigError, HomeConfig, PlugConfig
from simhome.loads import BERLIN, FreezerLoad, Load, MonitorLoad, mains_voltage_v
from simhome.nas_habits import MINUTE, SUNDAY, Session, power_of, sessions
from simhome.nas_notes import Line, notes
from simhome.nas_stages import NasState

HOUR = timedelta(hours=1)
STEP = timedelta(seconds=30)
SAMPLES_KEPT = timedelta(hours=48)
_STEPS_PER_HOUR = HOUR // STEP
_GAP_CHANCE = 0.2
_AWAKE = (NasState.RUNNING, NasState.SOFT_SLEEP)

#: A stretch without samples, open at both ends: at its edges there still are some.
Gap = tuple[datetime, datetime]


def history(config: HomeConfig, *, days: int, until: datetime, seed: int) -> Iterator[Line]:
    """Yield the lines of ``days`` days up to ``until``, those of one type in order of time.

    Energy is the integral of straight lines between readings 30 s apart, as BaluPi reckons it, so
    the hours and the samples agree. An hour without a reading has no line.
    """
    start = (until - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    awake = config.nas_start_state in _AWAKE
    planned = sessions(start, until, seed=seed, ends_awake=awake)
    records = [
        PlugRecord(plug, _load(plug, planned, start, seed), gaps(plug, start, until, seed))
        for plug in config.plugs
    ]
    yield from (_plug_line(plug) for plug in config.plugs)
    yield from notes(planned, start, config)
    for record in records:
        yield from record.hours(start, until)
    for record in records:
        yield from record.samples(max(start, until - SAMPLES_KEPT), until)


@dataclass(frozen=True)
class PlugRecord:
    """What was recorded of one plug."""

    plug: PlugConfig
    load: Load
    gaps: Sequence[Gap]

    def reading_w(self, at: datetime) -> float | None:
        """Return the power in W as a plug tells it, in whole mW; None: not recorded."""
        if any(first < at < last for first, last in self.gaps):
            return None
        return round(self.load.power_w(at), 3)

    def hours(self, start: datetime, until: datetime) -> Iterator[Line]:
        """Yield a line for each hour from ``start``, the start of an hour."""
        hour, edge_w = start, self.reading_w(start)
        while hour < until:
            times = (hour + STEP * number for number in range(1, _STEPS_PER_HOUR + 1))
            readings_w = [edge_w, *(self.reading_w(at) for at in times if at <= until)]
            yield from self._hour_line(hour, readings_w)
            hour, edge_w = hour + HOUR, readings_w[-1]

    def _hour_line(self, hour: datetime, readings_w: Sequence[float | None]) -> Iterator[Line]:
        known = [(a, b) for a, b in pairwise(readings_w) if a is not None and b is not None]
        if not known:
            return
        covered_s = len(known) * STEP.total_seconds()
        lowest_w, highest_w = min(map(min, known)), max(map(max, known))
        energy_wh = fsum((a + b) / 2 * STEP.total_seconds() for a, b in known) / 3600
        yield {
            "type": "hour",
            "device_id": self.plug.device_id,
            "hour": hour.isoformat(),
            "energy_wh": energy_wh,
            "power_min_w": lowest_w,
            "power_avg_w": min(max(energy_wh * 3600 / covered_s, lowest_w), highest_w),
            "power_max_w": highest_w,
            "coverage": covered_s / 3600,
        }

    def samples(self, first: datetime, until: datetime) -> Iterator[Line]:
        """Yield a line for each reading in ``[first, until]``."""
        at = midnight = _midnight(first)
        today_wh, before_w = 0.0, self.load.power_w(at)
        while at <= until:
            power_w, reading_w = self.load.power_w(at), self.reading_w(at)
            if at > midnight:
                today_wh += (before_w + power_w) / 2 * STEP.total_seconds() / 3600
            if _midnight(at) != midnight:
                midnight, today_wh = at, 0.0
            if at >= first and reading_w is not None:
                yield self._sample_line(at, reading_w, today_wh)
            at, before_w = at + STEP, power_w

    def _sample_line(self, at: datetime, power_w: float, today_wh: float) -> Line:
        voltage_v = mains_voltage_v(at)
        return {
            "type": "sample",
            "device_id": self.plug.device_id,
            "at": at.isoformat(),
            "power_w": power_w,
            "voltage_v": voltage_v,
            "current_a": round(power_w / voltage_v, 3),
            "today_energy_wh": int(today_wh),
        }


def gaps(plug: PlugConfig, start: datetime, until: datetime, seed: int) -> list[Gap]:
    """Return when no reading of a plug was recorded: one common outage, and short ones of its own.

    The outage is a night's, from 02:10 to 04:10 on the local clock in the middle of the history;
    the short ones last 3 to 20 minutes, about one in five days.
    """
    found = [_outage(start, until)]
    for number in range((until - start).days + 1):
        midnight = _midnight(start + timedelta(days=number))
        chance = Random(f"{seed}:gap:{plug.load}:{midnight}")
        first = midnight + STEP * chance.randrange(2880)
        if chance.random() < _GAP_CHANCE:
            found.append((first, first + STEP * chance.randrange(6, 40)))
    return found


def _outage(start: datetime, until: datetime) -> Gap:
    midnight = _midnight(start + (until - start) / 2)
    if midnight.astimezone(BERLIN).weekday() == SUNDAY:  # that night the NAS wakes by itself
        midnight = _midnight(midnight + timedelta(hours=36))
    return midnight + 130 * MINUTE, midnight + 250 * MINUTE


def _midnight(at: datetime) -> datetime:
    """Return the start, in UTC, of the household's day."""
    local = at.astimezone(BERLIN)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def _load(plug: PlugConfig, planned: Sequence[Session], start: datetime, seed: int) -> Load:
    """Return what is plugged in: the curves of the running home, before its start."""
    if plug.load == "nas":
        return power_of(planned, start, seed)
    return MonitorLoad(seed) if plug.load == "monitor" else FreezerLoad(seed)


def _plug_line(plug: PlugConfig) -> Line:
    return {
        "type": "plug",
        "device_id": plug.device_id,
        "mac": plug.mac,
        "name": plug.alias,
        "host": plug.host,
        "model": plug.model,
        "role": "nas" if plug.load == "nas" else "generic",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a history; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        config = HomeConfig.from_json(json.loads(options.config.read_text()))
    except (OSError, ValueError, ConfigError) as error:
        sys.stderr.write(f"{options.config}: {error}\n")
        return 1
    seed = config.seed if options.seed is None else options.seed
    for line in history(config, days=options.days, until=options.until, seed=seed):
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simhome.history", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="home.json of the household")
    parser.add_argument("--days", type=_days, default=30, help="how long, 30 if not given")
    parser.add_argument(
        "--until",
        type=_until,
        default=datetime.now(UTC),
        help="the end, ISO 8601 with offset, now if not given",
    )
    parser.add_argument("--seed", type=int, help="of habits and curves; the household's own")
    return parser


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 3660:  # noqa: PLR2004 - ten years
        raise ValueError
    return days


def _until(text: str) -> datetime:
    until = datetime.fromisoformat(text)
    if until.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} needs an offset, such as {text}+00:00")
    return until.astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main())
