"""What the control command tells of the NAS machine."""

from dataclasses import asdict
from datetime import datetime

from simhome.nas_actions import possible_actions
from simhome.nas_changes import Change
from simhome.nas_machine import NasMachine


def moment(at: datetime) -> str:
    """Return a moment as text that sorts as time does: ISO 8601, always with microseconds."""
    return at.isoformat(timespec="microseconds")


def machine_status(machine: NasMachine, now: datetime) -> dict[str, object]:
    """Return everything there is to know about the machine, ready for JSON."""
    machine.tick(now)
    first_good = machine.first_good_answer_at
    return {
        "state": str(machine.state),
        "since": moment(machine.since),
        "stage": machine.stage.name,
        "face": str(machine.face),
        "face_since": moment(machine.face_since),
        "first_good_answer_at": moment(first_good) if first_good else None,
        "fault": str(machine.fault) if machine.fault else None,
        "slow_seconds": machine.slow_seconds,
        "mains": machine.mains,
        "power_w": machine.power.power_w(now),
        "activity": str(machine.activity),
        "no_boot": machine.no_boot,
        "boot_stops_at": machine.boot_stops_at,
        "calls": machine.calls,
        "uptime_seconds": machine.uptime_seconds(now),
        "requests_last_minute": machine.requests_last_minute(now),
        "timings": asdict(machine.timings),
        "possible_actions": possible_actions(machine.state),
        "changes": [_change_status(change) for change in machine.changes],
    }


def _change_status(change: Change) -> dict[str, str]:
    return {
        "at": moment(change.at),
        "from": str(change.before),
        "to": str(change.after),
        "why": change.why,
    }
