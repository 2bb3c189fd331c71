"""The admin's pages of this app."""

from handshake.admin import calls, inbox, runs
from handshake.admin.inbox import inbox_badge

__all__ = ["calls", "inbox", "inbox_badge", "runs"]
