"""Show the plugs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from balupi_site.lib.kept import retold
from balupi_site.lib.words import showable
from energy.services import PlugLatest, latest_readings

_ROW = "{:20.20} {:8} {:>9} {:>8} {:6} {:16} {:8} {}"


class Command(BaseCommand):
    help = (
        "List all plugs with their latest power and its age. Values with a * are too old to be "
        "the present; 'off' and 'on' are the relay."
    )

    def handle(self, **_options: Any) -> None:  # noqa: ANN401
        latest = latest_readings(timezone.now(), with_disabled=True)
        if not latest:
            self.stdout.write("There are no plugs yet. Find them with: sudo balupi discover_plugs")
            return
        self.stdout.write(
            _ROW.format("NAME", "ROLE", "POWER", "AGE", "RELAY", "ADDRESS", "SITE", "STATUS")
        )
        for each in latest:
            self.stdout.write(_row(each))


def _row(latest: PlugLatest) -> str:
    plug, reading = latest.plug, latest.reading
    power = "-" if latest.power_w is None else f"{latest.power_w:.1f} W"
    age = "-" if latest.age_s is None else f"{latest.age_s:.0f} s{'*' if latest.is_stale else ''}"
    relay = {True: "on", False: "off", None: "-"}[reading.relay_on if reading else None]
    status = retold(plug.status_message) or str(plug.get_status_display())
    if not plug.enabled:
        status = f"not polled; {status}"
    row = _ROW.format(plug.name, plug.role, power, age, relay, plug.host, plug.site or "-", status)
    return showable(row)
