"""URLs of the System Monitor, below ``/api/``."""

from balupi_site.lib.api import route
from balupi_site.monitor.api import views

urlpatterns = [
    route("monitoring/cpu/current", views.CpuView.as_view(), "monitor-cpu"),
    route("monitoring/cpu/history", views.CpuHistoryView.as_view(), "monitor-cpu-history"),
    route("monitoring/memory/current", views.MemoryView.as_view(), "monitor-memory"),
    route("monitoring/memory/history", views.MemoryHistoryView.as_view(), "monitor-memory-history"),
    route("monitoring/network/current", views.NetworkView.as_view(), "monitor-network"),
    route(
        "monitoring/network/history", views.NetworkHistoryView.as_view(), "monitor-network-history"
    ),
    route("monitoring/disk-io/current", views.DisksView.as_view(), "monitor-disks"),
    route("monitoring/disk-io/history", views.DisksHistoryView.as_view(), "monitor-disks-history"),
    route("monitoring/uptime/current", views.UptimeView.as_view(), "monitor-uptime"),
    route("monitoring/uptime/history", views.UptimeHistoryView.as_view(), "monitor-uptime-history"),
]
