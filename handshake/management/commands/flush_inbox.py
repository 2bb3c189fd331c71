"""``manage.py flush_inbox``: look into the inbox and move to the NAS what is ready, now."""

from __future__ import annotations

import signal
import threading

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.lib.words import showable, size_text
from handshake import services
from handshake.folder import ignore_lease_signals
from handshake.models import AskedBy, InboxRun
from handshake.services.progress import load

_TELL_EVERY_S = 1.0


class Command(BaseCommand):
    """Exit code 0: nothing is left that is ready; 1: something holds it up, which is told."""

    help = (
        "Move the files of the inbox to the NAS now, and tell how it goes. "
        "Exit code 1: something holds it up."
    )

    def handle(self, **_options: object) -> None:
        ignore_lease_signals()
        signal.signal(signal.SIGTERM, lambda *_: services.stop_flushing())
        signal.signal(signal.SIGINT, lambda *_: services.stop_flushing())
        ended = threading.Event()
        teller = threading.Thread(target=self._tell, args=(ended,), daemon=True)
        teller.start()
        try:
            run = services.flush(AskedBy.COMMAND)
        finally:
            ended.set()
            teller.join()
        self._conclude(run)

    def _tell(self, ended: threading.Event) -> None:
        while not ended.wait(_TELL_EVERY_S):
            if not self.stdout.isatty() or (known := load()) is None:
                continue
            rate = f", {size_text(known.rate_bytes_s)}/s" if known.rate_bytes_s else ""
            left = f", {known.left_s:.0f} s left" if known.left_s is not None else ""
            done = f"{known.files_done} of {known.files_total} files"
            sent = f"{size_text(known.bytes_sent)} of {size_text(known.bytes_total)}"
            self.stdout.write(f"\r\033[K{known.phase}: {done}, {sent}{rate}{left}", ending="")
            self.stdout.flush()

    def _conclude(self, run: InboxRun | None) -> None:
        if self.stdout.isatty():
            self.stdout.write("\r\033[K", ending="")
        known = services.inbox_overview(timezone.now())
        if run is None:
            self.stdout.write(f"Nothing to move. {self._rest(known)}".strip())
            return
        if run.files_moved or not run.trouble:
            moved = f"{run.files_moved} files ({size_text(run.bytes_moved)}) moved"
            renamed = f", {run.files_renamed} under another name" if run.files_renamed else ""
            self.stdout.write(f"{moved}{renamed}. {self._rest(known)}".strip())
        if run.trouble:
            raise CommandError(showable(run.message))
        if run.files_failed:
            raise CommandError(
                f"{run.files_failed} files failed; GET /api/handshake/inbox says why."
            )

    @staticmethod
    def _rest(known: services.InboxOverview) -> str:
        lines = []
        if known.files:
            lines.append(f"{known.files} files ({size_text(known.bytes)}) wait.")
        if known.failed:
            lines.append(f"{known.failed} of them are set aside; see the admin.")
        if known.left_lying:
            lines.append(f"{known.left_lying} junk or half files stay here.")
        return " ".join(lines)
