"""Asking the NAS, when it is worth it, and in few enough threads."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from balupi_site.accounts import nas_auth
from balupi_site.accounts.attempts import place_to_wait, require_patience
from balupi_site.accounts.nas_answers import Accepted, NeedsCode, Verdict
from balupi_site.accounts.refusals import BusyError
from balupi_site.lib.throttle import Limit
from nasctl.models import NasStatus
from nasctl.moments import present_moment
from nasctl.state import NasState


def ask_nas(
    question: Callable[[], Verdict], limit: Limit, *, share: Limit | None = None, address: str = ""
) -> Verdict:
    """Return the NAS's answer.

    Where the NAS is not known to be online, half a second first finds out whether anybody is there:
    what is known of it may be stale, and a login is worth that look.

    Args:
        question: of ``nas_auth``.
        limit: how often it takes such a question; more would have it refuse everybody of ours.
        share: how much of that one address may use up for nothing; None: all.
        address: where the question comes from.

    Raises:
        NoAnswerError: it is not there, or says nothing of use.
        BusyError: it was asked too often, or too many wait for an answer: that says nothing of the NAS.
        TooManyAttemptsError: this address has used up its share.
    """
    with place_to_wait():
        state = NasStatus.current(present_moment()).state
        if state != NasState.ONLINE and not nas_auth.takes_connections():
            raise nas_auth.NoAnswerError(_("The NAS is not there."))
        if limit.wait_s("nas"):  # before the share, which is for what was asked
            raise BusyError
        if share is not None:
            require_patience(share.take(address))
        if limit.take("nas"):
            raise BusyError
        verdict = question()
    if share is not None and isinstance(verdict, Accepted | NeedsCode):
        share.forget(address)
    return verdict
