"""URLs of this app's API, below ``/api/``."""

from balupi_site.lib.api import route
from nasctl.api.views import StatusView, TimelineView, WakeOnLanView, WakeView

urlpatterns = [
    route("nas/status", StatusView.as_view(), "nas-status"),
    route("nas/timeline", TimelineView.as_view(), "nas-timeline"),
    route("nas/wakes/<wake_id>", WakeView.as_view(), "nas-wake"),
    route("nas/wol", WakeOnLanView.as_view(), "nas-wol"),
]
