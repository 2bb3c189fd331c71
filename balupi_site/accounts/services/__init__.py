"""What may be done with accounts and tokens."""

from balupi_site.accounts.services.accounts import account_of, end_logins, forget_offline_login
from balupi_site.accounts.services.bearers import user_of
from balupi_site.accounts.services.login import LoggedIn, check_local, log_in, verify_code
from balupi_site.accounts.services.shown import shown_user
from balupi_site.accounts.services.tokens import find_token, make_login_token, make_token, revoke

__all__ = [
    "LoggedIn",
    "account_of",
    "check_local",
    "end_logins",
    "find_token",
    "forget_offline_login",
    "log_in",
    "make_login_token",
    "make_token",
    "revoke",
    "shown_user",
    "user_of",
    "verify_code",
]
