"""What edges and the other apps call: the NAS's state, waking it, watching it."""

from nasctl.services.arrivals import register_arrival, tell_arrival
from nasctl.services.energy import NasEnergy, nas_energy
from nasctl.services.guard import refuse_to_cut_power
from nasctl.services.moves import Noted, note_coming_online, note_going_offline
from nasctl.services.nas_hours import split_hours
from nasctl.services.overview import (
    NasOverview,
    WakeOverview,
    nas_overview,
    wake_overview,
    watched_until,
)
from nasctl.services.summary import Summary, summary
from nasctl.services.timeline import Parts, Timeline, parts_of, timeline
from nasctl.services.wakes import estimated_boot_s, request_wake
from nasctl.services.watching import stop_watching, watch

__all__ = [
    "NasEnergy",
    "NasOverview",
    "Noted",
    "Parts",
    "Summary",
    "Timeline",
    "WakeOverview",
    "estimated_boot_s",
    "nas_energy",
    "nas_overview",
    "note_coming_online",
    "note_going_offline",
    "parts_of",
    "refuse_to_cut_power",
    "register_arrival",
    "request_wake",
    "split_hours",
    "stop_watching",
    "summary",
    "tell_arrival",
    "timeline",
    "wake_overview",
    "watch",
    "watched_until",
]
