"""``manage.py nas_status``: what is known of the NAS."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.utils import timezone

from balupi_site.lib.words import ago, span
from nasctl import services
from nasctl.services.overview import NasOverview, Sighting


class Command(BaseCommand):
    """Print the NAS's state and the evidence for it."""

    help = "Tell the NAS's state, what it is known from, and the wake that runs."

    def handle(self, **_options: object) -> None:
        known = services.nas_overview(timezone.now())
        self.stdout.write("\n".join(f"{name:10} {text}" for name, text in _lines(known)))


def _lines(known: NasOverview) -> list[tuple[str, str]]:
    evidence = known.evidence
    lasts = f" for {span(known.age_s)}" if known.age_s is not None else ""
    lines = [
        ("state", f"{known.state}{lasts}. {known.reason_text}".rstrip()),
        ("power", _power(known)),
        ("TCP", _witness(evidence.presence, evidence.presence_ok, evidence.presence_misses)),
        ("HTTP", _witness(evidence.probe, evidence.good_probe, evidence.probe_misses)),
        ("names", {"nas": "to the NAS", "pi": "to the Pi"}.get(known.wanted, "left as they are")),
    ]
    if not evidence.is_watched:
        lines.append(
            ("watch", "nobody watches the NAS now, or Redis is away; does the worker run?")
        )
    if known.wake:
        who = known.wake.requested_by or "a visitor"
        lines.append(("wake", f"since {span(known.wake.age_s)}, by {who}"))
    return lines


def _power(known: NasOverview) -> str:
    if known.power_w is None:
        return "not known"
    return f"{known.power_w:.1f} W, {ago(known.power_age_s)} ({known.power_state})"


def _witness(last: Sighting | None, good: Sighting | None, misses: int | None) -> str:
    if last is None:
        return "not known"
    text = f"{last.result} {ago(last.age_s)}"
    if misses and good:
        text += f", {misses} missed in a row, last good {ago(good.age_s)}"
    return text
