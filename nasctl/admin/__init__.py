"""The admin's pages of this app."""

from nasctl.admin import state, wakes
from nasctl.admin.state import state_badge

__all__ = ["state", "state_badge", "wakes"]
