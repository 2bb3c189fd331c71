"""The admin's pages of this app."""

from energy.admin import anomalies, facts, plugs, tariffs

__all__ = ["anomalies", "facts", "plugs", "tariffs"]
