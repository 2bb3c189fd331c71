"""Why the inbox is not moved, each cause with its cure; codes are stored, sentences made to read."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext, gettext_noop

from balupi_site.lib.errors import TransientError
from balupi_site.lib.kept import kept


class Trouble(StrEnum):
    """What holds up the inbox; none of them is ever a file's own fault."""

    NOT_SET_UP = "not_set_up"
    NO_DISK = "no_disk"
    BUSY = "busy"
    ASLEEP = "asleep"
    NO_PROGRAM = "no_program"
    NO_KEY = "no_key"
    NOT_PINNED = "not_pinned"
    OTHER_HOST_KEY = "other_host_key"
    UNREACHABLE = "unreachable"
    KEY_REFUSED = "key_refused"
    NO_FOLDER = "no_folder"
    NO_MARKER = "no_marker"
    NAS_BUSY = "nas_busy"
    NAS_FULL = "nas_full"
    NAS_IO = "nas_io"
    NAS_NOT_WRITABLE = "nas_not_writable"
    NO_ANSWER = "no_answer"
    TOO_SLOW = "too_slow"
    STOPPED = "stopped"
    LOCAL = "local"
    BROKEN = "broken"


#: Told in the reader's language by ``sentence``.
_SENTENCES: dict[Trouble, str] = {
    Trouble.NOT_SET_UP: gettext_noop(
        "The inbox is not set up. Run 'sudo balupi connect_inbox' to let files be left here for the NAS."
    ),
    Trouble.NO_DISK: gettext_noop(
        "The disk of the inbox is not mounted: %(detail)s is missing. Mount it; on a new disk make "
        "that file with 'sudo balupi connect_inbox'."
    ),
    Trouble.BUSY: gettext_noop("The inbox is being moved already."),
    Trouble.ASLEEP: gettext_noop("The NAS is not awake; the files go to it as soon as it is."),
    Trouble.NO_PROGRAM: gettext_noop(
        "%(detail)s is not installed on this Pi; install it with apt."
    ),
    Trouble.NO_KEY: gettext_noop(
        "There is no ssh key for the NAS yet. Run 'sudo balupi connect_inbox' and put the line that "
        "it prints into the NAS's authorized_keys."
    ),
    Trouble.NOT_PINNED: gettext_noop(
        "The NAS's ssh host key is not known yet. Run 'sudo balupi connect_inbox' while it is awake."
    ),
    Trouble.OTHER_HOST_KEY: gettext_noop(
        "Another host key than the known one answers at the NAS's address. If the NAS was set up "
        "anew, run 'sudo balupi connect_inbox --forget'; otherwise another machine has its address."
    ),
    Trouble.UNREACHABLE: gettext_noop(
        "The NAS takes no ssh connection (%(detail)s). Is its ssh service on, and are "
        "BALUPI_NAS_IP and BALUPI_NAS_SSH_PORT right?"
    ),
    Trouble.KEY_REFUSED: gettext_noop(
        "The NAS refuses our ssh key. Put the line that 'sudo balupi connect_inbox' prints into "
        "authorized_keys of the user BALUPI_NAS_SSH_USER on the NAS."
    ),
    Trouble.NO_FOLDER: gettext_noop(
        "The NAS has no folder for the inbox: what rrsync in its authorized_keys names does not exist."
    ),
    Trouble.NO_MARKER: gettext_noop(
        "The NAS's inbox folder has no marker .balupi-inbox, so its disk may not be mounted. If it "
        "is, make the marker there ('touch'); check that authorized_keys restricts our key with "
        "rrsync to that folder."
    ),
    Trouble.NAS_BUSY: gettext_noop(
        "On the NAS an earlier transfer is still ending; it is tried again."
    ),
    Trouble.NAS_FULL: gettext_noop(
        "The NAS's disk is full. Make room on it; nothing is lost here."
    ),
    Trouble.NAS_IO: gettext_noop(
        "The NAS failed to write what it was sent. Its disk is full or faulty; nothing is lost here."
    ),
    Trouble.NAS_NOT_WRITABLE: gettext_noop(
        "The NAS does not let us write into its inbox folder (%(detail)s). The folder must belong "
        "to the user BALUPI_NAS_SSH_USER."
    ),
    Trouble.NO_ANSWER: gettext_noop(
        "The NAS stopped answering during the transfer; it is tried again."
    ),
    Trouble.TOO_SLOW: gettext_noop(
        "The transfer took longer than it may; it goes on with the next one."
    ),
    Trouble.STOPPED: gettext_noop(
        "BaluPi was stopped during the transfer; it goes on after the start."
    ),
    Trouble.LOCAL: gettext_noop(
        "This Pi itself fails: %(detail)s. Look at its disks and its memory."
    ),
    Trouble.BROKEN: gettext_noop("rsync failed: %(detail)s"),
}

#: No failure worth telling: it is as it should be, or passes by itself.
QUIET = frozenset({Trouble.NOT_SET_UP, Trouble.BUSY, Trouble.ASLEEP, Trouble.STOPPED})


#: Says nothing of a NAS that sleeps by now: it was on its way.
PASSING = frozenset(
    {
        Trouble.UNREACHABLE,
        Trouble.NAS_BUSY,
        Trouble.NO_ANSWER,
        Trouble.TOO_SLOW,
        Trouble.BROKEN,
    }
)


class InboxError(TransientError):
    """The inbox cannot be moved now; ``detail`` fills in the sentence."""

    def __init__(self, code: Trouble, detail: str = "") -> None:
        text = _SENTENCES[code]
        super().__init__(kept(text, detail=detail) if "%(detail)s" in text else text)
        self.code, self.detail = code, detail


def sentence(code: str, detail: str) -> str:
    """Return what failed, why and what to do; "" for no trouble, the code where it is not ours."""
    if code not in list(Trouble):
        return code
    return gettext(_SENTENCES[Trouble(code)]) % {"detail": detail}
