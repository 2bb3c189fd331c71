"""``manage.py wake_nas``: wake the NAS and, with ``--wait``, tell how it goes."""

from __future__ import annotations

import argparse
import getpass
import time

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.lib.errors import BaluPiError, RefusedError
from balupi_site.lib.queue import enqueue
from nasctl import services
from nasctl.models import Wake, WakeResult
from nasctl.tasks import switch_names, watch_nas

_FAILED, _REFUSED = 1, 2
_POLL_S = 0.5


class Command(BaseCommand):
    """Exit code 0: signal sent, with --wait: awake; 1: not awake in time; 2: refused."""

    help = (
        "Send the NAS the signal to wake up. Exit code 0: sent (with --wait: it is awake); 1: it did not "
        "wake up; 2: refused, for it makes no sense now."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--wait", action="store_true", help="wait until it is awake, and tell each stage"
        )
        parser.add_argument(
            "--anyway",
            action="store_true",
            help="send it even if the NAS is awake or starting already",
        )

    def handle(self, *, wait: bool, anyway: bool, **_options: object) -> None:
        try:
            wake = services.request_wake(
                requested_by=getpass.getuser(),
                requested_from="command",
                anyway=anyway,
                now=timezone.now(),
            )
        except RefusedError as error:
            hint = "" if anyway else " --anyway sends the signal all the same."
            raise CommandError(f"{error}{hint}", returncode=_REFUSED) from error
        except BaluPiError as error:
            raise CommandError(str(error), returncode=_FAILED) from error
        self._told: set[str] = set()
        self._tell(wake)
        enqueue(watch_nas)
        if wait:
            self._wait(wake)

    def _wait(self, wake: Wake) -> None:
        """Tell each stage as it comes; where no worker watches the NAS, watch it from here."""

        def is_over() -> bool:
            wake.refresh_from_db()
            self._tell(wake)
            return wake.result != WakeResult.RUNNING

        try:
            while not is_over():
                # The plug belongs to the worker: from here only its last reading is looked at.
                if not services.watch(names_changed=switch_names, is_over=is_over, asks_plug=False):
                    time.sleep(_POLL_S)
        except KeyboardInterrupt:
            self._end_progress()
            self.stdout.write("Not waiting any longer; the wake goes on.")
            return
        self._end_progress()
        if wake.result == WakeResult.FAILED:
            why = services.wake_overview(wake, timezone.now()).message
            raise CommandError(f"The NAS did not wake up. {why}", returncode=_FAILED)
        self.stdout.write(self.style.SUCCESS("The NAS is awake."))

    def _tell(self, wake: Wake) -> None:
        known = services.wake_overview(wake, timezone.now())
        for stage in known.stages:
            if stage.status == "done" and stage.stage not in self._told:
                self._told.add(stage.stage)
                self._end_progress()
                self.stdout.write(f"{stage.after_s or 0.0:5.1f} s  {stage.label}")
        if known.remaining_s is not None and self.stdout.isatty():
            left = f"given up in {known.remaining_s:.0f} s"
            self.stdout.write(f"\r{known.age_s:5.0f} s  waiting, {left} ", ending="")
            self.stdout.flush()

    def _end_progress(self) -> None:
        if self.stdout.isatty():
            self.stdout.write("\r\033[K", ending="")
