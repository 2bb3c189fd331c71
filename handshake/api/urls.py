"""URLs of this app's API, below ``/api/``."""

from balupi_site.lib.api import route
from handshake.api import views

urlpatterns = [
    route("handshake/nas-going-offline", views.GoingOfflineView.as_view(), "nas-going-offline"),
    route("handshake/nas-coming-online", views.ComingOnlineView.as_view(), "nas-coming-online"),
    route("handshake/status", views.StatusView.as_view(), "handshake-status"),
    route("handshake/snapshot", views.SnapshotView.as_view(), "handshake-snapshot"),
    route("handshake/inbox", views.InboxView.as_view(), "handshake-inbox"),
]
