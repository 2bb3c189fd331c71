"""Importing plugs: which of ours is which of the predecessor's, and those that are new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import transaction

from balupi_site.events.plain import plain_text
from balupi_site.events.services import record_change
from balupi_site.lib.errors import PermanentError
from energy.addresses import flaw_of_host
from energy.legacy import Row
from energy.models import PlugRole, SmartPlug
from energy.readings import normal_mac

T = TypeVar("T")

#: Of a plug whose address nobody knows; it is not polled until a search has found it.
_NO_HOST = "0.0.0.0"  # noqa: S104  # nothing listens there
_NAS = "nas"
_ROLES = frozenset({_NAS, "monitor", "generic"})
_LONGEST_ID, _LONGEST_NAME, _LONGEST_MODEL = 64, 64, 32


@dataclass(slots=True)
class OldPlug:
    """A plug of the predecessor.

    Attributes:
        plug: ours, not stored yet where it is new; None: nobody can tell which one it is.
        how: how that is known, or that it is new.
        note: what is to be said about it; "" where nothing is.
    """

    old_id: str
    name: str
    plug: SmartPlug | None
    how: str
    note: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the plug was, or would be, added."""
        return self.how == "new"


def match_plugs(rows: Sequence[Row], same: Mapping[str, str]) -> list[OldPlug]:
    """Return the predecessor's plugs with ours; those that are new are made, but not stored.

    By what ``same`` says, else by device id, else by MAC address; never by IP address, which may be
    another plug's by now. What we know of a plug stays as it is.

    Args:
        rows: of ``tapo_devices``.
        same: id or name there, and name or device id here.

    Raises:
        PermanentError: ``same`` names a plug that is not there, or more than one.
    """
    ours = list(SmartPlug.objects.order_by("pk"))
    chosen = {_old_id(rows, there): _ours(ours, here) for there, here in same.items()}
    takes_role = not any(plug.role == PlugRole.NAS for plug in ours) and (
        sum(row["role"] == _NAS for row in rows) == 1
    )
    found = []
    for row in rows:
        old = _matched(row, chosen.get(str(row["id"])), ours, takes_role=takes_role)
        if old.is_new and old.plug is not None:
            ours.append(old.plug)
        found.append(old)
    return found


def store_plug(plug: SmartPlug, now: datetime) -> None:
    """Add a plug that is new, and write that down."""
    with transaction.atomic():
        plug.save(force_insert=True)
        told = {"host": plug.host, "model": plug.model, "device_id": plug.device_id}
        record_change("plug", plug.name, now, after={**told, "role": plug.role, "enabled": False})


def _matched(
    row: Row, chosen: SmartPlug | None, ours: Iterable[SmartPlug], *, takes_role: bool
) -> OldPlug:
    old_id, mac = str(row["id"]), normal_mac(str(row["mac_address"] or ""))
    name = plain_text(str(row["name"] or "").strip(), _LONGEST_NAME) or f"Tapo {mac or old_id}"
    if chosen is not None:
        return OldPlug(old_id, name, chosen, "as you said")
    for plug in ours:
        if plug.device_id.lower() == old_id.lower():
            return OldPlug(old_id, name, plug, "device id")
    for plug in ours:
        if mac and plug.mac == mac:
            return OldPlug(old_id, name, plug, "MAC address")
    if not mac:
        note = "its plug has no MAC address, so nobody knows which one it is; say so with --plug"
        return OldPlug(old_id, name, None, "unknown", note)
    return _new(row, old_id, name, mac, takes_role=takes_role)


def _new(row: Row, old_id: str, name: str, mac: str, *, takes_role: bool) -> OldPlug:
    host, notes = str(row["ip_address"] or "").strip(), []
    if flaw_of_host(host):
        notes.append(f"the address {host or '(none)'} is none of a plug here")
        host = _NO_HOST
    role = PlugRole.NAS if row["role"] == _NAS and takes_role else PlugRole.GENERIC
    if row["role"] == _NAS and not takes_role:
        notes.append("the role NAS is another plug's, or several claim it")
    if row["role"] not in _ROLES:
        notes.append(f"{row['role']!r} is no role")
    plug = SmartPlug(
        device_id=_plain_id(old_id) or mac.replace(":", "").upper(),
        mac=mac,
        name=name,
        model=plain_text(str(row["model"] or ""), _LONGEST_MODEL),
        firmware_version=plain_text(str(row["firmware"] or ""), _LONGEST_NAME),
        role=role,
        host=host,
        enabled=False,
    )
    return OldPlug(old_id, name, plug, "new", "; ".join(notes))


def _plain_id(old_id: str) -> str:
    """Return an id as plugs have it; "" where it is the predecessor's own, a UUID with hyphens."""
    is_plain = old_id.isascii() and old_id.isalnum() and len(old_id) <= _LONGEST_ID
    return old_id if is_plain else ""


def _old_id(rows: Iterable[Row], there: str) -> str:
    found = [str(row["id"]) for row in rows if there in {row["id"], row["name"]}]
    return _only(found, f"{there!r} in the predecessor's file")


def _ours(plugs: Iterable[SmartPlug], here: str) -> SmartPlug:
    found = [plug for plug in plugs if here in {plug.name, plug.device_id}]
    return _only(found, f"{here!r} here (list_plugs tells them)")


def _only(found: Sequence[T], what: str) -> T:
    if len(found) != 1:
        count = "no plug is called" if not found else f"{len(found)} plugs are called"
        raise PermanentError(f"--plug: {count} {what}.")
    return found[0]
