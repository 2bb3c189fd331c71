"""URLs of this app's API, below ``/api/``."""

from django.urls import URLPattern

from balupi_site.lib.api import route
from energy.api import anomaly_views, history_views, price_views, unlock_views, views

urlpatterns: list[URLPattern] = [
    route("energy/current", views.CurrentView.as_view(), "energy-current"),
    route("energy/history", history_views.HistoryView.as_view(), "energy-history"),
    route("energy/costs", history_views.CostsView.as_view(), "energy-costs"),
    route("energy/export.csv", history_views.ExportView.as_view(), "energy-export"),
    route("energy/prices", price_views.PriceListView.as_view(), "energy-prices"),
    route("energy/prices/<price_id>", price_views.PriceView.as_view(), "energy-price"),
    route("energy/anomalies", anomaly_views.AnomalyListView.as_view(), "energy-anomalies"),
    route("tapo/devices", views.PlugListView.as_view(), "plugs"),
    route("tapo/devices/discover", views.DiscoverView.as_view(), "plug-discover"),
    route("tapo/devices/<device_id>", views.PlugView.as_view(), "plug"),
    route("tapo/devices/<device_id>/unlock", unlock_views.UnlockView.as_view(), "plug-unlock"),
    *(
        route(
            f"tapo/devices/<device_id>/{action}",
            views.SwitchView.as_view(action=action),
            f"plug-{action}",
        )
        for action in ("on", "off", "toggle")
    ),
]
