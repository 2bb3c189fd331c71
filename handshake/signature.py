"""Rules: whether a call is the NAS's. The wire format is the NAS's and fixed.

BaluHost hashes the *sorted, compact* JSON of its body but sends other bytes of the same value, so
either form of the body may be what was signed. ``handshake/vectors.json`` is the golden test.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from enum import StrEnum

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept, retold

TIMESTAMP_HEADER = "X-Balupi-Timestamp"
SIGNATURE_HEADER = "X-Balupi-Signature"
#: How far the clocks may be apart, each way.
WINDOW_S = 60

_SIGNATURE = re.compile(r"[0-9a-f]{64}")
#: ``int`` would take "1_0", " 1" and "٣" too. Ten digits last until the year 2286.
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}")


class Flaw(StrEnum):
    """Why a call is refused; a stable word for programs."""

    NO_TIMESTAMP = "no_timestamp"
    NO_SIGNATURE = "no_signature"
    BAD_TIMESTAMP = "bad_timestamp"
    CLOCKS_DIFFER = "clocks_differ"
    WRONG_SIGNATURE = "wrong_signature"
    USED_BEFORE = "used_before"


#: Told in the reader's language: whoever calls may not be who reads of it later.
_SENTENCES = {
    Flaw.NO_TIMESTAMP: gettext_noop("The header X-Balupi-Timestamp is missing."),
    Flaw.NO_SIGNATURE: gettext_noop("The header X-Balupi-Signature is missing."),
    Flaw.BAD_TIMESTAMP: gettext_noop("X-Balupi-Timestamp must be whole unix seconds, in digits."),
    Flaw.WRONG_SIGNATURE: gettext_noop(
        "The signature is wrong: NAS and Pi need the same secret (BALUPI_HANDSHAKE_SECRET), and "
        "method, path and body must arrive as they were signed."
    ),
    Flaw.USED_BEFORE: gettext_noop(
        "This call was accepted before; each needs a signature of its own."
    ),
}
_TOO_OLD = gettext_noop(
    "The call is %(age_s)s s old; %(window_s)s s are allowed. If it was sent just now, the NAS's clock "
    "is %(age_s)s s behind the Pi's: have both set by NTP."
)
_TOO_YOUNG = gettext_noop(
    "The call is %(age_s)s s in the future; %(window_s)s s are allowed. If it was sent just now, the "
    "NAS's clock is %(age_s)s s ahead of the Pi's: have both set by NTP."
)


class SignatureError(Exception):
    """The call is not to be believed; the text says why and helps nobody to forge one.

    ``kept`` is the text as it is kept (``lib/kept.py``).
    """

    def __init__(self, flaw: Flaw, message: str = "") -> None:
        self.kept = message or _SENTENCES[flaw]
        super().__init__(self.kept)
        self.flaw = flaw

    def __str__(self) -> str:
        """Return the text, in the reader's language."""
        return retold(self.kept)


def sign(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a call: hex HMAC-SHA256, 64 lower-case digits."""
    digest = hashlib.sha256(body).hexdigest()
    message = f"{method}:{path}:{timestamp}:{digest}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def check_signature(
    secret: str,
    method: str,
    path: str,
    *,
    timestamp: str,
    signature: str,
    body: bytes,
    now_s: float,
) -> None:
    """Do nothing where a call is signed with our secret and new enough.

    Args:
        secret: ours, never empty.
        method: as received; BaluHost signs it in capitals.
        path: without query, as received.
        timestamp: its header, "" where missing.
        signature: its header, "" where missing.
        body: the bytes as received.
        now_s: unix seconds.

    Raises:
        SignatureError: it is not.
        ValueError: there is no secret; a caller's mistake.
    """
    if not secret:
        raise ValueError("without a secret nothing can be checked")
    if not timestamp:
        raise SignatureError(Flaw.NO_TIMESTAMP)
    if not signature:
        raise SignatureError(Flaw.NO_SIGNATURE)
    if not _UNIX_SECONDS.fullmatch(timestamp):
        raise SignatureError(Flaw.BAD_TIMESTAMP)
    _check_age(int(now_s) - int(timestamp))
    # What cannot be one costs no hash of a large body.
    if not _SIGNATURE.fullmatch(signature) or not any(
        hmac.compare_digest(signature, sign(secret, method, path, timestamp, form))
        for form in _forms(body)
    ):
        raise SignatureError(Flaw.WRONG_SIGNATURE)


def canonical(body: bytes) -> bytes | None:
    """Return the form of a JSON body that BaluHost signs; None where it is no JSON in UTF-8."""
    try:
        value = json.loads(body.decode())  # decoded first: from bytes it would take UTF-16, too
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None


def _forms(body: bytes) -> Iterator[bytes]:
    yield body
    form = canonical(body) if body else None
    if form is not None:
        yield form


def _check_age(age_s: int) -> None:
    if abs(age_s) <= WINDOW_S:
        return
    text = _TOO_OLD if age_s > 0 else _TOO_YOUNG
    raise SignatureError(Flaw.CLOCKS_DIFFER, kept(text, age_s=abs(age_s), window_s=WINDOW_S))
