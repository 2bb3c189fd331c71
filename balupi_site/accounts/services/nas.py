"""Asking the NAS, when it is worth it, and in few enough threads."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from balupi_site.accounts import nas_auth
from balupi_site.accounts.nas_answers import Verdict
from balupi_site.lib.errors import TransientError
from balupi_site.lib.throttle import Limit
from balupi_site.lib.waiting import waiting_for_outside
from nasctl.models import NasStatus
from nasctl.moments import present_moment
from nasctl.state import NasState


def ask_nas(question: Callable[[], Verdict], limit: Limit) -> Verdict:
    """Return the NAS's answer.

    Where the NAS is not known to be online, half a second first finds out whether anybody is there:
    what is known of it may be stale, and a login is worth that look.

    Args:
        question: of ``nas_auth``.
        limit: how often it takes such a question; more would have it refuse everybody of ours.

    Raises:
        NoAnswerError: it is not there, or says nothing of use.
        TransientError: it was asked too often, or too many wait for an answer.
    """
    with waiting_for_outside():
        state = NasStatus.current(present_moment()).state
        if state != NasState.ONLINE and not nas_auth.takes_connections():
            raise nas_auth.NoAnswerError(_("The NAS is not there."))
        if limit.take("nas"):
            raise TransientError(_("The NAS was asked too often just now."))
        return question()
