"""All URLs: the API, the dashboard, the admin."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path, re_path
from django.utils.translation import gettext_lazy as _

from balupi_site import dashboard, system
from balupi_site.lib.api import not_found, route

admin.site.site_header = admin.site.site_title = "BaluPi"
admin.site.index_title = _("Administration")

urlpatterns = [
    path("api/", include("energy.api.urls")),
    path("api/", include("handshake.api.urls")),
    path("api/", include("nasctl.api.urls")),
    path("api/", include("pihole.api.urls")),
    path(
        "api/",
        include(
            [
                route("health", system.HealthView.as_view(), "health"),
                route("ping", system.PingView.as_view(), "ping"),
                route("system/status", system.SystemStatusView.as_view(), "system-status"),
            ]
        ),
    ),
    re_path(r"^api(/|$)", not_found, name="api-unknown"),
    path("", dashboard.dashboard, name="dashboard"),
    path("live/<slug:part>", dashboard.live, name="live"),
    path("wake", dashboard.wake, name="wake"),
    path("login", auth_views.LoginView.as_view(template_name="login.html"), name="login"),
    path("logout", auth_views.LogoutView.as_view(), name="logout"),
    path("favicon.ico", dashboard.favicon, name="favicon"),
    path("admin/", admin.site.urls),
]
