"""URLs of this app's API, below ``/api/``."""

from balupi_site.lib.api import route
from pihole.api.views import DnsView, StatsView, StatusView

urlpatterns = [
    route("pihole/status", StatusView.as_view(), "pihole-status"),
    route("pihole/stats", StatsView.as_view(), "pihole-stats"),
    route("pihole/dns", DnsView.as_view(), "pihole-dns"),
]
