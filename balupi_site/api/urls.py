"""URLs of what no other app answers, below ``/api/``."""

from balupi_site.api import docs, views
from balupi_site.frontend import shell
from balupi_site.lib.api import route

urlpatterns = [
    route("health", views.HealthView.as_view(), "health"),
    route("ping", views.PingView.as_view(), "ping"),
    route("system/status", views.SystemStatusView.as_view(), "system-status"),
    route("updates/version", shell.VersionView.as_view(), "updates-version"),
    route("system/mode", shell.ModeView.as_view(), "system-mode"),
    route("setup/status", shell.SetupView.as_view(), "setup-status"),
    route("system/sleep/presence", shell.PresenceView.as_view(), "sleep-presence"),
    route("system/statusbar/state", shell.StatusBarView.as_view(), "statusbar-state"),
    route("smart-devices", shell.SmartDevicesView.as_view(), "smart-devices"),
    route("schema", docs.SchemaView.as_view(), "schema"),
    route("docs", docs.docs, "docs"),
]
