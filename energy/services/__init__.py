"""What the other apps and the edges call: polling, latest values, switching, discovery."""

from energy.plug_pool import close_connections
from energy.services.discovery import discover_plugs
from energy.services.latest import (
    PlugLatest,
    latest_of_plugs,
    latest_of_role,
    latest_readings,
    read_role_now,
    relay_of_role_now,
)
from energy.services.plugs import delete_plug, edit_plug
from energy.services.polling import poll_plugs, read_plugs_now
from energy.services.samples import store_samples
from energy.services.switching import register_switch_guard, switch_plug

__all__ = [
    "PlugLatest",
    "close_connections",
    "delete_plug",
    "discover_plugs",
    "edit_plug",
    "latest_of_plugs",
    "latest_of_role",
    "latest_readings",
    "poll_plugs",
    "read_plugs_now",
    "read_role_now",
    "register_switch_guard",
    "relay_of_role_now",
    "store_samples",
    "switch_plug",
]
