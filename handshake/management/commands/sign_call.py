"""``manage.py sign_call``: a call as the NAS signs it, for people who test by curl."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from handshake.models import CallKind
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, WINDOW_S, canonical, sign

_KINDS = {"going-offline": CallKind.GOING_OFFLINE, "coming-online": CallKind.COMING_ONLINE}


class Command(BaseCommand):
    help = (
        "Print a curl command that calls this BaluPi as the NAS would. It is good for "
        f"{WINDOW_S} s and for one call. The body of going-offline is the snapshot."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("call", choices=_KINDS)
        parser.add_argument(
            "--body", metavar="FILE", help="the snapshot as JSON, - for standard input"
        )
        parser.add_argument("--headers", action="store_true", help="only the two headers")

    def handle(self, *, call: str, body: str | None, headers: bool, **_options: object) -> None:
        if not settings.HANDSHAKE_SECRET:
            raise CommandError(
                "BALUPI_HANDSHAKE_SECRET is not set. It is what the NAS signs with (docs/nas.md)."
            )
        path = f"/api/handshake/{_KINDS[call]}"
        timestamp = str(int(time.time()))
        data = self._read(body)
        # As BaluHost does it: over the sorted, compact form, whatever bytes are sent.
        signed = canonical(data) if data else None
        signature = sign(
            settings.HANDSHAKE_SECRET, "POST", path, timestamp, data if signed is None else signed
        )
        lines = [f"{TIMESTAMP_HEADER}: {timestamp}", f"{SIGNATURE_HEADER}: {signature}"]
        if headers:
            self.stdout.write("\n".join(lines))
            return
        words = ["curl", "-sS", "-X", "POST", f"http://{settings.LISTEN[0]}{path}"]
        for line in [*lines, "Content-Type: application/json"]:
            words += ["-H", line]
        if body:
            words += ["--data-binary", f"@{body}"]
        self.stdout.write(shlex.join(words))

    def _read(self, body: str | None) -> bytes:
        if body is None:
            return b""
        try:
            return sys.stdin.buffer.read() if body == "-" else Path(body).read_bytes()
        except OSError as error:
            raise CommandError(f"{body} cannot be read: {error.strerror}.") from error
