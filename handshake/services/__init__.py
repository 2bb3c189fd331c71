"""What edges and pages call: the NAS's calls, its snapshot, the inbox."""

from handshake.services.calls import Followed, SignedCall, believe, come_online, go_offline
from handshake.services.flushing import flush, stop_flushing
from handshake.services.ledger import retry
from handshake.services.looking import is_look_due, is_nas_awake, require_set_up
from handshake.services.overview import (
    InboxOverview,
    handshake_status,
    inbox_folder,
    inbox_overview,
)
from handshake.services.snapshots import latest as latest_snapshot

__all__ = [
    "Followed",
    "InboxOverview",
    "SignedCall",
    "believe",
    "come_online",
    "flush",
    "go_offline",
    "handshake_status",
    "inbox_folder",
    "inbox_overview",
    "is_look_due",
    "is_nas_awake",
    "latest_snapshot",
    "require_set_up",
    "retry",
    "stop_flushing",
]
