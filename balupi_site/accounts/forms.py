"""The forms of the login's pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from balupi_site.accounts import services
from balupi_site.accounts.nas_answers import NeedsCode
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.accounts.services import LoggedIn
from balupi_site.lib.errors import TooManyAttemptsError, TransientError
from balupi_site.lib.network import client_address


class LoginForm(AuthenticationForm):
    """Name and password; ``outcome`` is what the login came to."""

    outcome: LoggedIn | NeedsCode

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Log in, or say why not."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password:
            return self.cleaned_data
        try:
            self.outcome = services.log_in(
                name, password, address=client_address(self.request), now=timezone.now()
            )
        except LoginRefusedError as error:
            is_typo = error.reason == "password"
            text = _("Check the name and the password; both are case-sensitive.")
            raise ValidationError(text if is_typo else str(error), code="refused") from error
        except (TooManyAttemptsError, TransientError) as error:
            raise ValidationError(str(error), code="later") from error
        if isinstance(self.outcome, LoggedIn):
            self.user_cache = self.outcome.user
        return self.cleaned_data


class CodeForm(forms.Form):
    """The code of a second factor."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "inputmode": "text"}
        ),
    )
