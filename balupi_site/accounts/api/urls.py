"""``/api/auth/...``."""

from balupi_site.accounts.api import views
from balupi_site.lib.api import route

urlpatterns = [
    route("auth/login", views.LoginView.as_view(), "auth-login"),
    route("auth/verify-2fa", views.VerifyCodeView.as_view(), "auth-verify-2fa"),
    route("auth/me", views.MeView.as_view(), "auth-me"),
    route("auth/logout", views.LogoutView.as_view(), "auth-logout"),
]
