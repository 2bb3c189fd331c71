"""Telling the service manager how we are: sd_notify(3), one datagram per message."""

from __future__ import annotations

import logging
import os
import socket

logger = logging.getLogger(__name__)

#: What is said; the words are systemd's.
READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"
#: "I am stuck": does at once what silence would do after WatchdogSec.
STUCK = "WATCHDOG=trigger"


def status(text: str) -> str:
    """Return the message whose text ``systemctl status`` shows."""
    return f"STATUS={text}"


def notify(*messages: str) -> bool:
    """Send messages to whoever started this process; False where nobody asked for them or listens.

    The place is told by ``NOTIFY_SOCKET``: a path, or "@name" for an abstract socket.
    """
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return False
    address = "\0" + place[1:] if place.startswith("@") else place
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto("\n".join(messages).encode(), address)
    except OSError as error:  # the service manager is being restarted; the next message is soon
        logger.warning("the service manager was not told %s: %s", messages[0], error)
        return False
    return True
