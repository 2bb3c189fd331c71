"""The admin's pages of this app."""

from energy.admin import facts, plugs

__all__ = ["facts", "plugs"]
