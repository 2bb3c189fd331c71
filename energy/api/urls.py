"""URLs of this app's API, below ``/api/``."""

from django.urls import URLPattern

from balupi_site.lib.api import route
from energy.api import views

urlpatterns: list[URLPattern] = [
    route("energy/current", views.CurrentView.as_view(), "energy-current"),
    route("tapo/devices", views.PlugListView.as_view(), "plugs"),
    route("tapo/devices/discover", views.DiscoverView.as_view(), "plug-discover"),
    route("tapo/devices/<device_id>", views.PlugView.as_view(), "plug"),
    *(
        route(
            f"tapo/devices/<device_id>/{action}",
            views.SwitchView.as_view(action=action),
            f"plug-{action}",
        )
        for action in ("on", "off", "toggle")
    ),
]
