"""What is done for accounts each day: what the NAS told of its users counts, and what is over goes."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import Q

from balupi_site.accounts.models import NasAccount, NasToken, Token
from balupi_site.accounts.services.accounts import end_logins
from handshake import services as handshake

logger = logging.getLogger(__name__)

#: How long dead tokens are listed.
_KEEP_DEAD = timedelta(days=30)


def tend(now: datetime) -> None:
    """Follow the NAS's list of users, and delete dead tokens and sessions; only by a clock that is right."""
    follow_snapshot(now)
    Token.objects.filter(
        Q(expires_at__lt=now - _KEEP_DEAD) | Q(revoked_at__lt=now - _KEEP_DEAD)
    ).delete()
    NasToken.objects.filter(expires_at__lt=now).delete()
    Session.objects.filter(expire_date__lt=now).delete()


def follow_snapshot(now: datetime) -> None:
    """Take away what the NAS's signed snapshot does not grant any more: a user, or the admin's role.

    We keep no password, so nobody can be asked about again; but the NAS names its users each time
    it goes down. A snapshot only takes away: a new role comes with the next login.
    """
    snapshot = handshake.latest_snapshot(now)
    roles = _roles(snapshot["users"]) if snapshot else {}
    if snapshot is None or not roles:
        return
    earlier = NasAccount.objects.filter(confirmed_at__lt=snapshot["received_at"])
    for account in earlier.select_related("user"):
        role = roles.get(account.user.get_username())
        if role is None:
            end_logins(account.user, now)
        elif role != "admin" and account.user.is_staff:
            account.user.is_staff = account.user.is_superuser = False
            account.user.save(update_fields=["is_staff", "is_superuser"])
            account.role = role
            account.save(update_fields=["role"])
            logger.info("%s is no admin at the NAS any more, and so not here", account)


def _roles(users: dict[str, Any]) -> dict[str, str]:
    """Return the role of each user; nothing where not all are named, which proves nothing."""
    listed = users.get("list")
    if not isinstance(listed, list):
        return {}
    roles = {
        str(user.get("username")): str(user.get("role"))
        for user in listed
        if isinstance(user, dict)
    }
    return roles if len(roles) == users["total"] else {}
