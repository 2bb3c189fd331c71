"""Admin: tokens and the NAS's accounts; facts, but for revoking and forgetting."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.accounts import services
from balupi_site.accounts.models import NasAccount, Token
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.admin import FactsAdmin, Tone, age, ask_first, badge

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


class _StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the choices."""
        return [("good", _("good")), ("expired", _("expired")), ("revoked", _("revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen state; nonsense chooses nothing."""
        now = timezone.now()
        chosen = {
            "good": Q(revoked_at=None, expires_at__gt=now, user__is_active=True),
            "expired": Q(revoked_at=None, expires_at__lte=now),
            "revoked": Q(revoked_at__isnull=False),
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


@admin.register(Token)
class TokenAdmin(FactsAdmin):
    """Who holds a key to BaluPi, and when it was last used."""

    list_display = [
        "hint",
        "state",
        "user",
        "kind",
        "label",
        "scopes_text",
        "used",
        "last_used_from",
        "ends",
        "created",
    ]
    list_filter = [_StateFilter, "kind", "last_used_at", "user"]
    list_select_related = ["user"]
    search_fields = ["hint", "label", "user__username", "last_used_from"]
    nothing = _("Nobody has a token so far.")
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
    def state(self, token: Token) -> SafeString:
        """Return whether it opens anything."""
        if token.revoked_at is not None:
            return badge(Tone.OFF, gettext("revoked"), icon="bad")
        if timezone.now() >= token.expires_at:
            return badge(Tone.OFF, gettext("expired"), icon="clock")
        if not token.user.is_active:
            return badge(Tone.BAD, gettext("user not active"))
        return badge(Tone.GOOD, gettext("good"))

    @admin.display(description=_("last used"), ordering="last_used_at")
    def used(self, token: Token) -> SafeString:
        """Return how long ago it was used."""
        return age(token.last_used_at, timezone.now(), gettext("never"))

    @admin.display(description=_("ends"), ordering="expires_at")
    def ends(self, token: Token) -> SafeString:
        """Return in how long it ends by itself, or how long ago it ended."""
        return age(token.revoked_at or token.expires_at, timezone.now())

    @admin.display(description=_("made"), ordering="created_at")
    def created(self, token: Token) -> SafeString:
        """Return how long ago it was made."""
        return age(token.created_at, timezone.now())

    def named(self, token: Token) -> str:
        """Return what a question calls it."""
        return gettext("%(token)s of %(user)s") % {"token": token, "user": token.user}

    @admin.action(description=_("Revoke the chosen tokens"), permissions=["act"])
    @ask_first(
        _("Revoke these tokens?"),
        _("Whoever uses one has to sign in again, or needs a new token. It cannot be taken back."),
        _("Revoke"),
    )
    def revoke_tokens(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        """Revoke tokens; who uses them has to log in again."""
        count = services.revoke(tokens.select_related("user"), timezone.now())
        text = ngettext("%(n)s token is revoked.", "%(n)s tokens are revoked.", count)
        self.message_user(request, text % {"n": count})


@admin.register(NasAccount)
class NasAccountAdmin(FactsAdmin):
    """Whom the NAS has let in here, and who can come in without it."""

    list_display = ["user", "role", "state", "has_2fa", "confirmed", "offline"]
    list_filter = ["role", "has_2fa", "user__is_active"]
    nothing = _("Nobody of the NAS has signed in here so far.")
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = ["user", "nas_user_id", "role", "has_2fa", "state", "confirmed_at", "offline"]
    actions = ["forget_offline_logins", "end_logins"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that it goes with its user, and only so."""
        return goes_with_user(request)

    @admin.display(description=_("state"), ordering="user__is_active")
    def state(self, account: NasAccount) -> SafeString:
        """Return whether the NAS last said that it is active."""
        if account.user.is_active:
            return badge(Tone.GOOD, gettext("active"))
        return badge(Tone.OFF, gettext("not active"), icon="bad")

    @admin.display(description=_("confirmed"), ordering="confirmed_at")
    def confirmed(self, account: NasAccount) -> SafeString:
        """Return how long ago the NAS last knew this user."""
        return age(account.confirmed_at, timezone.now())

    @admin.display(description=_("works without the NAS until"))
    def offline(self, account: NasAccount) -> str:
        """Return until when the password works while the NAS sleeps."""
        until = account.offline_until
        if until is None:
            return gettext("needs the NAS")
        return _short(until) if timezone.now() < until else gettext("no longer")

    @admin.action(
        description=_("Forget the password's copy: the next login needs the NAS"),
        permissions=["act"],
    )
    @ask_first(
        _("Forget the copies of these passwords?"),
        _(
            "These users cannot sign in while the NAS sleeps, until they signed in once while it is awake."
        ),
        _("Forget"),
    )
    def forget_offline_logins(self, request: HttpRequest, chosen: QuerySet[NasAccount]) -> None:
        """Drop the copies of the passwords."""
        now = timezone.now()
        for account in chosen.select_related("user"):
            services.forget_offline_login(account)
            record(Kind.CHANGE_EDITED, now, subject=str(account), what="offline login forgotten")
        self.message_user(request, gettext("The next login of these users needs the NAS."))

    @admin.action(
        description=_("End all that these users have open: tokens, sessions"), permissions=["act"]
    )
    @ask_first(
        _("Sign these users out everywhere?"),
        _("Their tokens are revoked, made ones too, and every browser has to sign in again."),
        _("Sign out everywhere"),
    )
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
