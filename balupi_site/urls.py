"""All URLs: the API, the dashboard, the admin."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path, re_path
from django.utils.translation import gettext_lazy as _

from balupi_site import admin_index
from balupi_site.accounts import views as accounts
from balupi_site.admin_site import BaluPiAdminSite
from balupi_site.doctor import views as doctor
from balupi_site.frontend.serving import elsewhere
from balupi_site.lib.api import not_found
from balupi_site.page import preferences
from balupi_site.page import views as page
from balupi_site.wake_page import views as wake_page

handler400 = "balupi_site.error_pages.bad_request"
handler403 = "balupi_site.error_pages.permission_denied"
handler404 = "balupi_site.error_pages.page_not_found"
handler500 = "balupi_site.error_pages.server_error"

admin.site.site_header = admin.site.site_title = "BaluPi"
admin.site.index_title = _("Administration")
BaluPiAdminSite.overview = staticmethod(admin_index.overview)

urlpatterns = [
    path("api/", include("balupi_site.accounts.api.urls")),
    path("api/", include("energy.api.urls")),
    path("api/", include("handshake.api.urls")),
    path("api/", include("nasctl.api.urls")),
    path("api/", include("pihole.api.urls")),
    path("api/", include("balupi_site.monitor.api.urls")),
    path("api/", include("balupi_site.api.urls")),
    re_path(r"^api(/|$)", not_found, name="api-unknown"),
    path("", page.home, name="home"),
    path("dashboard/", page.dashboard, name="dashboard"),
    path("live/", page.live, name="live"),
    path("dashboard/prefer", preferences.prefer, name="prefer"),
    path("wake", wake_page.wake, name="wake"),
    path("login", page.sign_in, name="sign-in"),
    path("dashboard/login", accounts.LoginPage.as_view(), name="login"),
    path("dashboard/login/code", accounts.CodePage.as_view(), name="login-code"),
    path("dashboard/logout", auth_views.LogoutView.as_view(), name="logout"),
    path("favicon.ico", page.favicon, name="favicon"),
    path("admin/login/", accounts.admin_login, name="admin-login"),
    path("admin/", ([*doctor.urls, *admin.site.get_urls()], "admin", admin.site.name)),
    # Last: every path that nobody has; without "$" one with a line feed too.
    re_path(r"^(?P<path>.*)", elsewhere, name="elsewhere"),
]
