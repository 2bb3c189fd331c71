"""``manage.py switch_dns``: lead the NAS's names somewhere, now and without the worker."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from balupi_site.lib.words import showable
from pihole import services
from pihole.dns_query import in_words
from pihole.overview import NameView, Overview
from pihole.reasons import told

_BUSY = (
    "Another process of BaluPi is talking to Pi-hole and did not finish in time. Your choice is "
    "stored and will be done by the worker; look again with 'sudo balupi switch_dns status'."
)


class Command(BaseCommand):
    help = (
        "Lead the NAS's names in Pi-hole to the NAS or to this Pi until 'auto' or the NAS's next "
        "change of state, or show where they lead. Exit code 0: as it should be; 1: a problem."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", choices=["nas", "pi", "auto", "status"])

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401  # Django's signature
        target = options["target"]
        is_choice = target != "status"
        if is_choice:
            services.set_override(target, "switch_dns", timezone.now())
        outcome = services.reconcile(timezone.now(), one_shot=True, ask_again=is_choice)
        known = services.overview(timezone.now(), outcome.look)
        self._show(known)
        if outcome.wrote:
            self.stdout.write("Pi-hole's records were changed")
        elif outcome.look and not outcome.look.problem:
            self.stdout.write("Pi-hole's records were as they should be")
        if outcome.look is None:
            raise CommandError(_BUSY)
        if outcome.look.problem:
            raise CommandError(showable(outcome.look.problem.message))

    def _show(self, known: Overview) -> None:
        target = known.target or "left as they are"
        reason = told(known.reason) or "nothing decided yet"
        self.stdout.write(showable(f"wanted: {target} ({reason})"))
        for name in known.names:
            self.stdout.write(showable(_line(name, known.age_s)))
        for warning in known.warnings:
            self.stdout.write(showable(f"warning: {warning.message}"))


def _line(name: NameView, age_s: float | None) -> str:
    if name.actual is None or name.answer is None:
        return f"{name.name}: not looked at yet"
    actual = in_words(name.answer, name.actual)
    age = f"asked {age_s:.0f} s ago" if age_s is not None else ""
    if name.wanted is None:
        return f"{name.name}: DNS answers {actual} ({age})"
    verdict = "right" if name.ok else f"should be {name.wanted}"
    return f"{name.name}: DNS answers {actual}, {verdict} ({age})"
