"""How this app's API is described; only the generator reads it."""

from __future__ import annotations

from balupi_site.lib.openapi import Operation, Operations, get
from handshake.api import answer_serializers as answers

_HANDSHAKE = "handshake"
_SIGNED = (
    "Headers `X-Balupi-Timestamp`: whole unix seconds, at most 60 off; `X-Balupi-Signature`: hex "
    "HMAC-SHA256 of `POST:<path>:<timestamp>:<hex SHA-256 of the body>`; each counts once."
)

OPERATIONS: Operations = {
    "nas-going-offline": {
        "POST": Operation(
            id="nas_going_offline",
            tag=_HANDSHAKE,
            summary="The NAS goes down",
            text=_SIGNED,
            body=answers.SentSnapshotSerializer,
            answers={200: answers.GoodbyeSerializer},
        )
    },
    "nas-coming-online": {
        "POST": Operation(
            id="nas_coming_online",
            tag=_HANDSHAKE,
            summary="BaluHost is starting",
            text=f"A body is signed, but not looked at. {_SIGNED}",
            answers={200: answers.HelloSerializer},
        )
    },
    "handshake-status": get(
        id="handshake_status",
        tag=_HANDSHAKE,
        summary="State, snapshot and inbox at a glance",
        answer=answers.HandshakeStatusSerializer,
    ),
    "handshake-snapshot": get(
        id="handshake_snapshot",
        tag=_HANDSHAKE,
        summary="What the NAS told of itself",
        text="404: it has not sent a snapshot yet.",
        answer=answers.SnapshotSerializer,
        errors=(404,),
    ),
    "handshake-inbox": get(
        id="handshake_inbox",
        tag=_HANDSHAKE,
        summary="The files that wait for the NAS",
        answer=answers.InboxSerializer,
    ),
}
