"""Rule: what can happen. The word before the dot is the group that a list is filtered by."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What happened; values are kept in the database and told by the API, so they never change."""

    NAS_STATE = "nas.state", _("state of the NAS")
    NAS_CALL = "nas.call", _("call of the NAS")
    NAS_CALL_REFUSED = "nas.call_refused", _("call refused")
    WAKE_REQUESTED = "wake.requested", _("wake asked for")
    WAKE_STAGE = "wake.stage", _("stage of a wake")
    WAKE_ENDED = "wake.ended", _("end of a wake")
    NAMES_SWITCHED = "names.switched", _("names switched")
    NAMES_OVERRIDDEN = "names.overridden", _("names held by hand")
    NAMES_RELEASED = "names.released", _("names released")
    INBOX_MOVED = "inbox.moved", _("inbox moved")
    INBOX_HELD_UP = "inbox.held_up", _("inbox held up")
    INBOX_RECOVERED = "inbox.recovered", _("inbox moves again")
    INBOX_RETRIED = "inbox.retried", _("files tried again")
    PLUG_ANOMALY = "plug.anomaly", _("something unusual")
    PLUG_ANOMALY_OVER = "plug.anomaly_over", _("as usual again")
    PLUG_SWITCHED = "plug.switched", _("plug switched")
    PLUG_UNLOCKED = "plug.unlocked", _("plug unlocked")
    BACKUP_FAILED = "backup.failed", _("backup failed")
    BACKUP_RECOVERED = "backup.recovered", _("backups work again")
    LOGIN = "login.accepted", _("login")
    LOGIN_REFUSED = "login.refused", _("login refused")
    TOKEN_MADE = "token.made", _("token made")  # a word, no secret
    TOKEN_REVOKED = "token.revoked", _("token revoked")
    CHANGE_ADDED = "change.added", _("added")
    CHANGE_EDITED = "change.edited", _("changed")
    CHANGE_DELETED = "change.deleted", _("deleted")
    CHANGE_COMMAND = "change.command", _("command run")


#: The groups, in the order of the kinds.
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(kind.value.partition(".")[0] for kind in Kind))

#: Who signed in, who holds which key, who changed what: for admins, beyond that it happened.
PRIVATE_GROUPS = frozenset({"login", "token", "change"})


def group_of(kind: str) -> str:
    """Return the group of a kind."""
    return kind.partition(".")[0]


def kinds_of(word: str) -> frozenset[Kind]:
    """Return the kinds of a group, or the kind itself; none where nothing is called so."""
    return frozenset(kind for kind in Kind if word in (kind.value, group_of(kind.value)))
