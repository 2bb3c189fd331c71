"""The pages of the login: name and password, then a code where the NAS asks for one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import login as start_session
from django.contrib.auth import views as auth_views
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from balupi_site.accounts import services
from balupi_site.accounts.forms import CodeForm, LoginForm
from balupi_site.accounts.models import How
from balupi_site.accounts.nas_answers import NeedsCode
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.accounts.services import LoggedIn
from balupi_site.lib.errors import TooManyAttemptsError, TransientError
from balupi_site.lib.hosts import is_own_path
from balupi_site.lib.network import client_address

if TYPE_CHECKING:
    _FormView = FormView[CodeForm]
else:
    _FormView = FormView  # takes no parameter at run time

_BACKEND = "balupi_site.accounts.backend.NasBackend"
_PENDING = "login_pending"
#: BaluHost's token between password and code lives as long.
_CODE_WITHIN = timedelta(minutes=5)


class LoginPage(auth_views.LoginView):
    """Name and password."""

    template_name = "login.html"
    authentication_form = LoginForm

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401  # a LoginForm
        """Start the session, or ask for the code."""
        if isinstance(form.outcome, NeedsCode):
            self.request.session[_PENDING] = {
                "token": form.outcome.pending_token,
                "until": (timezone.now() + _CODE_WITHIN).timestamp(),
                "next": self.get_success_url(),
            }
            return redirect("login-code")
        _start(self.request, form.outcome)
        return HttpResponseRedirect(self.get_success_url())


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class CodePage(_FormView):
    """The code of a second factor; only for who has just given the right password."""

    template_name = "login_code.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Send whoever has no login under way, or waited too long, to its beginning."""
        pending = request.session.get(_PENDING)
        if not pending or pending["until"] < timezone.now().timestamp():
            request.session.pop(_PENDING, None)
            return redirect("login")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Start the session, or say why not."""
        pending = self.request.session[_PENDING]
        try:
            outcome = services.verify_code(
                pending["token"],
                form.cleaned_data["code"],
                address=client_address(self.request),
                now=timezone.now(),
            )
        except (LoginRefusedError, TooManyAttemptsError, TransientError) as error:
            form.add_error(None, str(error))
            return self.form_invalid(form)
        del self.request.session[_PENDING]
        _start(self.request, outcome)
        return HttpResponseRedirect(pending["next"])


def admin_login(request: HttpRequest) -> HttpResponse:
    """Send the admin site's login to ours, which knows codes and the NAS."""
    wanted = request.GET.get("next", "")
    target = wanted if is_own_path(wanted) else reverse("admin:index")
    return redirect(f"{reverse('login')}?{urlencode({'next': target})}")


def _start(request: HttpRequest, logged_in: LoggedIn) -> None:
    """Start a session; one without the NAS ends where the NAS's last word does."""
    start_session(request, logged_in.user, backend=_BACKEND)
    if logged_in.how is How.OFFLINE:
        request.session.set_expiry(_offline_expiry_s(logged_in.user))


def _offline_expiry_s(user: User) -> int:
    account = services.account_of(user)
    until = account.offline_until if account is not None else None
    left_s = (until - timezone.now()).total_seconds() if until is not None else 0
    return int(min(max(left_s, 60), settings.SESSION_COOKIE_AGE))
