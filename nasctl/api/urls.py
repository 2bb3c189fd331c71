"""URLs of this app's API, below ``/api/``."""

from balupi_site.lib.api import route
from nasctl.api.energy_views import NasEnergyView, SummaryView
from nasctl.api.timeline_views import TimelineFileView, TimelineView
from nasctl.api.views import StatusView, WakeOnLanView, WakeView

urlpatterns = [
    # Here and not in energy: what it says of the NAS, energy does not know.
    route("energy/summary", SummaryView.as_view(), "energy-summary"),
    route("nas/energy", NasEnergyView.as_view(), "nas-energy"),
    route("nas/status", StatusView.as_view(), "nas-status"),
    route("nas/timeline", TimelineView.as_view(), "nas-timeline"),
    route(r"nas/timeline\.csv", TimelineFileView.as_view(), "nas-timeline-csv"),
    route("nas/wakes/<wake_id>", WakeView.as_view(), "nas-wake"),
    route("nas/wol", WakeOnLanView.as_view(), "nas-wol"),
]
