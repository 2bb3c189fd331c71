"""Checks of the inbox: its disk here, and the way to the NAS."""

from __future__ import annotations

import stat
import time
from dataclasses import replace

from django.conf import settings
from django.utils.translation import gettext as _

from balupi_site.doctor.findings import Level, Verdict, fail, ok, skipped, told, warn
from balupi_site.doctor.host import room_on
from balupi_site.doctor.known import Known
from handshake.folder import require_disk
from handshake.models import FileStatus, InboxFile, InboxStatus
from handshake.problems import PASSING, InboxError, Trouble, sentence
from handshake.rsync_run import Stop
from handshake.services import connecting, require_set_up
from handshake.services.flushing import nas

_WAY_S = 12.0
DEADLINE_S = _WAY_S + 2
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def state(known: Known) -> Verdict:
    """Tell whether something holds up the inbox, without waking its disk."""
    if not _is_wanted():
        return skipped(_("The inbox is not set up; 'sudo balupi connect_inbox' does it."))
    now = InboxStatus.current()
    # A NAS that sleeps by now was on its way to sleep.
    if now.trouble and (known.nas_is_awake or now.trouble not in PASSING):
        return told(Level.FAIL, sentence(now.trouble, now.trouble_detail))
    if InboxFile.objects.filter(status=FileStatus.FAILED).exists():
        return warn(
            _("Some files were set aside, because they cannot be moved."),
            _("Look at them in the admin under Files of the inbox, then have them tried again."),
        )
    return ok(_("Nothing holds it up; files that wait: %(count)s.") % {"count": now.files})


def disk(_known: Known) -> Verdict:
    """Tell whether the inbox's disk is mounted and has room."""
    try:
        require_set_up(settings.INBOX_DIR)
        require_disk(settings.INBOX_DIR)
    except InboxError as trouble:
        is_unused = trouble.code is Trouble.NOT_SET_UP
        return skipped(str(trouble)) if is_unused else told(Level.FAIL, str(trouble))
    room = room_on(settings.INBOX_DIR)
    if room.level is Level.OK and connecting.is_on_system_disk(settings.INBOX_DIR):
        return warn(
            _("The inbox is on the disk of the system, on a Pi the SD card."),
            _("Mount a disk of its own and set BALUPI_INBOX_DIR to a folder on it."),
        )
    return room


def key(_known: Known) -> Verdict:
    """Tell whether our ssh key is there and ours alone, and the NAS's is known."""
    if not _is_wanted():
        return skipped(_("The inbox is not set up."))
    path = settings.NAS_SSH_KEY
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return told(Level.FAIL, str(InboxError(Trouble.NO_KEY)))
    facts = {"file": path, "mode": f"{mode:04o}"}
    if mode & _OTHERS:
        return fail(
            _("Others may read our ssh key (%(file)s, mode %(mode)s), so ssh does not use it.")
            % facts,
            _("Run 'sudo chmod 600 %(file)s'.") % facts,
        )
    if not connecting.is_pinned():
        return told(Level.FAIL, str(InboxError(Trouble.NOT_PINNED)))
    return ok(_("The key is there and ours alone (mode %(mode)s); the NAS's is known.") % facts)


def way(known: Known) -> Verdict:
    """Tell whether the NAS takes our key and has its marker: its data disk is mounted."""
    if not _is_wanted():
        return skipped(_("The inbox is not set up."))
    if not known.nas_is_awake:
        return skipped(_("The NAS sleeps; wake it and look again."))
    ends_s = time.monotonic() + _WAY_S
    target = replace(nas(), stop=lambda: Stop.ENDING if time.monotonic() > ends_s else None)
    try:
        target.require_marker()
    except InboxError as trouble:
        if trouble.code is Trouble.STOPPED:
            return told(Level.FAIL, str(InboxError(Trouble.NO_ANSWER)))
        return told(Level.FAIL, str(trouble))
    return ok(_("The NAS takes our key, and its inbox folder has its marker."))


def _is_wanted() -> bool:
    """Tell whether somebody has begun to set it up; the key is on the card, so no disk wakes."""
    return bool(settings.NAS_SSH_KEY.exists())
