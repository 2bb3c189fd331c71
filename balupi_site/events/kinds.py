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
    INBOX_MOVED = "inbox.moved", _("inbox moved")
    PLUG_ANOMALY = "plug.anomaly", _("something unusual")
    PLUG_SWITCHED = "plug.switched", _("plug switched")
    PLUG_UNLOCKED = "plug.unlocked", _("plug unlocked")
    LOGIN = "login.accepted", _("login")
    LOGIN_REFUSED = "login.refused", _("login refused")
    TOKEN_MADE = "token.made", _("token made")  # a word, no secret
    TOKEN_REVOKED = "token.revoked", _("token revoked")
    CHANGE_ADDED = "change.added", _("added")
    CHANGE_EDITED = "change.edited", _("changed")
    CHANGE_DELETED = "change.deleted", _("deleted")


#: The groups, in the order of the kinds.
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(kind.value.partition(".")[0] for kind in Kind))
