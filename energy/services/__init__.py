"""What the other apps and the edges call: polling, latest values, switching, discovery."""

from energy.plug_pool import close_connections
from energy.services.anomalies import (
    AnomalyDetector,
    anomaly_duration_s,
    anomaly_text,
    look_for_anomalies,
    register_anomaly_detector,
)
from energy.services.discovery import discover_plugs
from energy.services.filling import fill_hours
from energy.services.latest import (
    PlugLatest,
    latest_of_plugs,
    latest_of_role,
    latest_readings,
    read_role_now,
)
from energy.services.plugs import (
    delete_plug,
    edit_plug,
    refuse_to_lose_role,
    register_role_guard,
)
from energy.services.polling import poll_plugs, read_plugs_now
from energy.services.samples import store_samples
from energy.services.sites import known_sites, other_sites
from energy.services.switching import register_switch_guard, switch_plug, told_if_unanswered
from energy.services.tariffs import active_tariffs, household_currency
from energy.services.unlocking import unlock_left_s, unlock_plug

__all__ = [
    "AnomalyDetector",
    "PlugLatest",
    "active_tariffs",
    "anomaly_duration_s",
    "anomaly_text",
    "close_connections",
    "delete_plug",
    "discover_plugs",
    "edit_plug",
    "fill_hours",
    "household_currency",
    "known_sites",
    "latest_of_plugs",
    "latest_of_role",
    "latest_readings",
    "look_for_anomalies",
    "other_sites",
    "poll_plugs",
    "read_plugs_now",
    "read_role_now",
    "refuse_to_lose_role",
    "register_anomaly_detector",
    "register_role_guard",
    "register_switch_guard",
    "store_samples",
    "switch_plug",
    "told_if_unanswered",
    "unlock_left_s",
    "unlock_plug",
]
