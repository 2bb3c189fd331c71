"""Admin: tokens and the NAS's accounts; facts, but for revoking and forgetting."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.accounts import services
from balupi_site.accounts.models import NasAccount, Token
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.admin import FactsAdmin


@admin.register(Token)
class TokenAdmin(FactsAdmin):
    """Who holds a key to BaluPi, and when it was last used."""

    list_display = [
        "hint",
        "user",
        "kind",
        "label",
        "scopes_text",
        "state",
        "last_used_at",
        "last_used_from",
        "expires_at",
        "created_at",
    ]
    list_filter = ["kind", "user"]
    list_select_related = ["user"]
    search_fields = ["label", "user__username", "last_used_from"]
    fields = [
        "hint",
        "user",
        "kind",
        "how",
        "label",
        "scopes_text",
        "state",
        "days",
        "created_at",
        "last_used_at",
        "last_used_from",
        "expires_at",
        "revoked_at",
    ]
    actions = ["revoke_tokens"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that it goes with its user; otherwise it is revoked."""
        return goes_with_user(request)

    @admin.display(description=_("scopes"))
    def scopes_text(self, token: Token) -> str:
        """Return what it may be used for."""
        if token.scopes is None:
            return gettext("all that the user may")
        return ", ".join(sorted(token.scopes)) or gettext("nothing")

    @admin.display(description=_("state"))
    def state(self, token: Token) -> str:
        """Return whether it opens anything, in a sign and a word."""
        if token.revoked_at is not None:
            return gettext("✗ revoked")
        if timezone.now() >= token.expires_at:
            return gettext("◌ expired")
        return gettext("✓ good") if token.user.is_active else gettext("✗ user not active")

    @admin.action(description=_("Revoke the chosen tokens"))
    def revoke_tokens(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        """Revoke tokens; who uses them has to log in again."""
        count = services.revoke(tokens.select_related("user"), timezone.now())
        text = ngettext("%(n)s token is revoked.", "%(n)s tokens are revoked.", count)
        self.message_user(request, text % {"n": count})


@admin.register(NasAccount)
class NasAccountAdmin(FactsAdmin):
    """Whom the NAS has let in here, and who can come in without it."""

    list_display = ["user", "role", "has_2fa", "is_active", "confirmed_at", "offline"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = ["user", "nas_user_id", "role", "has_2fa", "is_active", "confirmed_at", "offline"]
    actions = ["forget_offline_logins", "end_logins"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that it goes with its user, and only so."""
        return goes_with_user(request)

    @admin.display(description=_("active"), boolean=True)
    def is_active(self, account: NasAccount) -> bool:
        """Return whether the NAS last said so."""
        return account.user.is_active

    @admin.display(description=_("works without the NAS until"))
    def offline(self, account: NasAccount) -> str:
        """Return until when the password works while the NAS sleeps."""
        until = account.offline_until
        if until is None:
            return gettext("needs the NAS")
        return _short(until) if timezone.now() < until else gettext("no longer")

    @admin.action(description=_("Forget the password's copy: the next login needs the NAS"))
    def forget_offline_logins(self, request: HttpRequest, chosen: QuerySet[NasAccount]) -> None:
        """Drop the copies of the passwords."""
        now = timezone.now()
        for account in chosen.select_related("user"):
            services.forget_offline_login(account)
            record(Kind.CHANGE_EDITED, now, subject=str(account), what="offline login forgotten")
        self.message_user(request, gettext("The next login of these users needs the NAS."))

    @admin.action(description=_("End all that these users have open: tokens, sessions"))
    def end_logins(self, request: HttpRequest, chosen: QuerySet[NasAccount]) -> None:
        """Sign them out everywhere."""
        now = timezone.now()
        for account in chosen.select_related("user"):
            services.end_logins(account.user, now)
        self.message_user(request, gettext("These users are signed out everywhere."))


def goes_with_user(request: HttpRequest) -> bool:
    """Tell whether it is the page where users are deleted that asks."""
    match = request.resolver_match
    return match is not None and (match.url_name or "").startswith("auth_user_")


def _short(at: datetime) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
