"""A user of the simulated BaluHost."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NasUser:
    """A user of BaluHost; ``totp_code`` None means no second factor, otherwise the one code."""

    id: int
    username: str
    password: str
    role: str = "user"
    totp_code: str | None = None

    def public(self) -> dict[str, object]:
        """Return the user as BaluHost's API shows it (``UserPublic``)."""
        return {
            "username": self.username,
            "email": f"{self.username}@home.example",
            "id": self.id,
            "role": self.role,
            "is_active": True,
            "smb_enabled": False,
            "created_at": "2026-01-05T18:30:00",
            "updated_at": None,
        }
