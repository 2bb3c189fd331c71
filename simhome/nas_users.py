"""A user of the simulated BaluHost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class NasUser:
    """A user of BaluHost; ``totp_code`` None means no second factor, otherwise the one code.

    BaluHost lets a user who is not active log in; only the answer's ``is_active`` tells (its
    ``authenticate_user``, 1.38).
    """

    id: int
    username: str
    password: str
    role: str = "user"
    totp_code: str | None = None
    is_active: bool = True

    def public(self) -> dict[str, object]:
        """Return the user as BaluHost's API shows it (``UserPublic``)."""
        return {
            "username": self.username,
            "email": f"{self.username}@home.example",
            "id": self.id,
            "role": self.role,
            "is_active": self.is_active,
            "smb_enabled": False,
            "created_at": "2026-01-05T18:30:00",
            "updated_at": None,
        }


CHANGES = ("password", "role", "totp_code", "is_active", "gone")
"""What ``changed_users`` can change; ``gone`` removes the user."""


def changed_users(users: Sequence[NasUser], options: Mapping[str, object]) -> tuple[NasUser, ...]:
    """Return the users with one of them changed; ``options`` has its ``name`` and the changes.

    Raises:
        ValueError: there is no such user, or a value that cannot be.
    """
    name = str(options.get("name", ""))
    if name not in {user.username for user in users}:
        raise ValueError(f"there is no user {name!r}")
    changes: dict[str, Any] = {}
    for key in ("password", "role", "totp_code"):
        if key in options:
            changes[key] = None if options[key] is None else str(options[key])
    for key in ("is_active", "gone"):
        if not isinstance(options.get(key, True), bool):
            raise ValueError(f"{key} must be true or false")  # noqa: TRY004  # a command's value
    if "is_active" in options:
        changes["is_active"] = options["is_active"]
    return tuple(
        replace(user, **changes) if user.username == name else user
        for user in users
        if user.username != name or not options.get("gone", False)
    )
