"""What is asked of the worker that talks to the plugs, whichever way somebody asks: page, API, command."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from energy import services, tasks
from energy.answers import ask_worker
from energy.models import SmartPlug

#: How long an answer is waited for, in seconds.
_WAIT_S = 10
#: The search itself listens for 5 s.
_SEARCH_WAIT_S = 15
#: Plugs are slow to tell what they remember.
_FILL_WAIT_S = 30


def ask_to_switch(plug: SmartPlug, action: str) -> bool:
    """Have a plug switched ("on", "off", "toggle") and return whether it is on now; raises BaluPiError.

    Where no answer comes, that is written into the log.
    """
    with services.told_if_unanswered(plug, action):
        return bool(
            ask_worker(tasks.switch_plug, plug.device_id, action, wait_s=_WAIT_S, site=plug.site)
        )


def ask_to_read(device_ids: Iterable[str], *, site: str) -> int:
    """Have plugs of a site read at once and return how many answered; raises BaluPiError."""
    return int(ask_worker(tasks.read_plugs_now, *device_ids, wait_s=_WAIT_S, site=site))


def ask_to_search(
    target: str = "", *, site: str = "", wait_s: int = _SEARCH_WAIT_S
) -> list[dict[str, str]]:
    """Have plugs searched for and return ``discovery.Found`` of each device; raises BaluPiError.

    Args:
        target: as ``discover_plugs`` takes it.
        site: "" is home.
        wait_s: how long to wait for the answer.
    """
    found: list[dict[str, str]] = ask_worker(tasks.discover_plugs, target, wait_s=wait_s, site=site)
    return found


def ask_to_fill(*, site: str) -> list[dict[str, Any]]:
    """Have missing hours filled and return ``filling.Filled`` of each plug; raises BaluPiError."""
    filled: list[dict[str, Any]] = ask_worker(tasks.fill_hours_now, wait_s=_FILL_WAIT_S, site=site)
    return filled
