"""What is told at the end of a run: whether all that must hold held, and the figures."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import statistics
from collections import Counter
from collections.abc import Iterable

from tests.faults.checks import energy, history, names, processes
from tests.faults.checks.processes import Usage
from tests.faults.household import SAMPLE_INTERVAL_S
from tests.faults.play import Play

_HOUR_S = 3600.0
#: Facts that have a table of their own, and one entry in the timeline each.
_STORED = {
    "names.switched": "SELECT count(*) FROM pihole_nameswitch",
    "wake.requested": "SELECT count(*) FROM nasctl_wake",
    "wake.ended": "SELECT count(*) FROM nasctl_wake WHERE result != 'running'",
}
_LAST = {
    "change": "SELECT coalesce(max(id), 0) FROM nasctl_statechange",
    "event": "SELECT coalesce(max(id), 0) FROM events_event",
}


def counts(stored: sqlite3.Connection) -> dict[str, int]:
    """Return how many facts are stored so far, and the last rows, to tell later what is new."""
    queries = {**_STORED, **_LAST}
    return {name: int(stored.execute(query).fetchone()[0]) for name, query in queries.items()}


class Verdict:
    """The end of a run, from ``start_at`` to ``end_at`` (Unix seconds)."""

    def __init__(self, play: Play, *, start_at: float, end_at: float) -> None:
        self._play, self._home = play, play.home
        self._start_at, self._end_at = start_at, end_at
        with contextlib.closing(play.home.stored()) as stored:
            self._judge(stored)

    def _judge(self, stored: sqlite3.Connection) -> None:
        self._samples = self._read_samples(stored)
        self.energy = self._compare_energy()
        self.problems = [
            *self._play.problems,
            *self._wrong_names(),
            *self._play.wrong_files(is_over=True),
            *self._wrong_timeline(stored),
            *self._wrong_energy(stored),
            *processes.leaks(self._play.usages),
            *processes.trouble_in(self._home.trial.log.read_text(errors="replace")),
        ]

    def _wrong_names(self) -> list[str]:
        windows = self._home.windows
        found = names.wrong_answers(
            self._play.names.answers,
            addresses=(self._home.facts["nas_ip"], self._home.facts["pi_ip"]),
            away=windows.get("names", ()),
            foreign=windows.get("foreign", ()),
        )
        if crashes := self._play.watch.pihole_crashes:
            found.append(f"Pi-hole died {crashes} times of two writes at once")
        return found

    def _wrong_timeline(self, stored: sqlite3.Connection) -> list[str]:
        changes = stored.execute(
            "SELECT id, at, from_state, to_state, reason FROM nasctl_statechange"
            " WHERE id > ? ORDER BY id",
            (self._play.before["change"],),
        ).fetchall()
        events = stored.execute(
            "SELECT kind, at FROM events_event WHERE id > ?", (self._play.before["event"],)
        ).fetchall()
        told = Counter(kind for kind, _at in events)
        rows = {
            kind: count - self._play.before[kind]
            for kind, count in counts(stored).items()
            if kind in _STORED
        }
        calls = list(self._play.watch.calls.values())
        heard = sum(call["acknowledged"] for call in calls)
        return [
            *history.broken_history(
                [history.Change(*row) for row in changes],
                [at for kind, at in events if kind == "nas.state"],
                self._play.watch.departures,
            ),
            # An answer may be lost after the call was noted.
            *history.wrong_counts(
                told, {**rows, "nas.call": heard}, {**rows, "nas.call": len(calls)}
            ),
        ]

    def _read_samples(self, stored: sqlite3.Connection) -> dict[str, list[energy.Measured]]:
        """Return all samples of the run's hours, by plug."""
        found: dict[str, list[energy.Measured]] = {}
        for alias, at, power_w in stored.execute(
            "SELECT plug.name, sample.at, sample.power_w FROM energy_powersample sample"
            " JOIN energy_smartplug plug ON plug.id = sample.plug_id ORDER BY sample.at"
        ):
            found.setdefault(alias, []).append(energy.Measured(unix(at), power_w))
        return found

    def _compare_energy(self) -> dict[str, energy.EnergyFigures]:
        windows = self._home.windows
        return {
            alias: energy.compare_energy(
                alias,
                self._samples.get(alias, []),
                meter,
                gaps=[*windows.get("plugs", ()), *windows.get(f"plug {alias}", ())],
                distorted=windows.get("clock", ()),
                interval_s=SAMPLE_INTERVAL_S,
            )
            for alias, meter in self._play.watch.meters.items()
        }

    def _wrong_energy(self, stored: sqlite3.Connection) -> list[str]:
        windows = self._home.windows
        run_s = self._end_at - self._start_at
        found = energy.wrong_energy(self.energy, run_s=run_s, least_share=0.3)
        for alias, samples in self._samples.items():
            silent = [
                one
                for one in windows.get(f"silent {alias}", ())
                if not any(
                    moved.overlaps(one.start_at, one.end_at) for moved in windows.get("clock", ())
                )
            ]
            found += energy.invented_samples(alias, samples, silent)
            hours = self._hours(stored, alias)
            found += energy.unmarked_gaps(hours, samples, interval_s=SAMPLE_INTERVAL_S)
        return found

    def _hours(self, stored: sqlite3.Connection, alias: str) -> dict[float, float]:
        """Return the coverage of the run's hours that no wrong clock has touched, by their start."""
        rows = stored.execute(
            "SELECT hour.hour, hour.coverage FROM energy_energyhour hour"
            " JOIN energy_smartplug plug ON plug.id = hour.plug_id"
            " WHERE plug.name = ? AND hour.source = 'measured'",
            (alias,),
        )
        clock = self._home.windows.get("clock", [])
        return {
            start_at: coverage
            for start_at, coverage in ((unix(hour), coverage) for hour, coverage in rows)
            if self._start_at - _HOUR_S < start_at <= self._end_at
            and not any(one.overlaps(start_at - 60, start_at + _HOUR_S + 60) for one in clock)
        }

    # Figures

    def figures(self) -> str:
        """Return the figures of the run, for people."""
        play, counts_of = self._play, self._play.names.counts
        stored_wh = sum(one.stored_wh for one in self.energy.values())
        true_wh = sum(one.true_wh for one in self.energy.values())
        minutes = (self._end_at - self._start_at) / 60
        share = f" ({stored_wh / true_wh - 1:+.2%})" if true_wh else ""
        kinds = ", ".join(f"{count} x {kind}" for kind, count in counts_of.most_common())
        faults = ", ".join(f"{name} {count}" for name, count in sorted(play.applied.items()))
        lines = [
            f"{minutes:.1f} minutes, {len(play.converged_s)} episodes, {play.applied.total()} faults:",
            f"  {faults}",
            f"names: {counts_of.total()} answers: {kinds}",
            f"right again after: {_spread(play.converged_s)}",
            f"the NAS left {play.watch.departures} times and made {len(play.watch.calls)} calls",
            f"files: {len(play.put)}",
            f"energy compared: {stored_wh:.3f} Wh stored, {true_wh:.3f} Wh by the meters{share}",
            *_usage_lines(play.usages),
        ]
        return "\n".join(lines)


def unix(text: str) -> float:
    """Return a moment as SQLite has it as Unix seconds."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def _spread(seconds: Iterable[float]) -> str:
    values = list(seconds)
    if not values:
        return "never"
    return f"median {statistics.median(values):.1f} s, worst {max(values):.1f} s"


def _usage_lines(usages: Iterable[Usage]) -> list[str]:
    by_program: dict[str, list[Usage]] = {}
    for one in usages:
        by_program.setdefault(one.program, []).append(one)
    return [
        f"{program}: {len({one.pid for one in looks})} processes; first {_held(looks[0])};"
        f" last {_held(looks[-1])}; most {max(one.uss_mib for one in looks):.1f} MiB,"
        f" {max(one.descriptors for one in looks)} descriptors,"
        f" {max(one.threads for one in looks)} threads"
        for program, looks in by_program.items()
    ]


def _held(usage: Usage) -> str:
    return (
        f"{usage.uss_mib:.1f} MiB, {usage.descriptors} descriptors, {usage.threads} threads"
        f" at {usage.age_s:.0f} s"
    )
