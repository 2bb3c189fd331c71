"""How a user is told of."""

from __future__ import annotations

from django.contrib.auth.models import User


def shown_user(user: User) -> dict[str, object]:
    """Return a user in the shape of BaluHost's ``UserPublic`` (contract, "POST /api/auth/login").

    The number is ours. Nobody has a share of files on the Pi.
    """
    return {
        "id": user.pk,
        "username": user.get_username(),
        "email": user.email or None,
        "role": "admin" if user.is_staff else "user",
        "is_active": user.is_active,
        "smb_enabled": False,
        "created_at": user.date_joined.isoformat(),
        "updated_at": None,
    }
