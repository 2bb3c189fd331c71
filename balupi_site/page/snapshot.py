"""What the NAS told of itself before it slept: never live, always with its age."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from balupi_site.lib.words import NBSP, clock, count, day_and_clock, shown_size, span
from balupi_site.page.choice import Choice
from balupi_site.page.long_names import name_of
from handshake.services import latest_snapshot

_ARRAYS, _DISKS = 6, 8
#: As BaluHost calls them, but for the healthy one (see ``handshake.snapshot.served``).
_HEALTHY, _CHECKING = "active", "checking"
_PASSED = "PASSED"
#: °C from which a hard disk ages faster, by what their makers allow (50 to 60).
_WARM_C = 50
_BACKUP_DONE = {"completed", "success", "ok"}
_GIB = 1024**3


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"snapshot": snapshot(now)}


def snapshot(now: dt.datetime) -> dict[str, Any] | None:
    """Return the context of what the NAS told last before it slept; None: nothing yet.

    Only what ``handshake.snapshot`` demands is sure to be there; the rest may be missing or of any kind.
    """
    newest = latest_snapshot(now)
    if newest is None:
        return None
    arrays = sorted(map(_array, newest["storage"]["arrays"]), key=lambda row: not row["is_bad"])
    health = _part(newest, "smart_health")
    disks = [_disk(name, disk) for name, disk in health.items()]
    return {
        "at": newest["received_at"],
        "title": _title(newest["received_at"], now),
        **_storage(newest["storage"]),
        "arrays": arrays[:_ARRAYS],
        "more_arrays": _more(len(arrays) - _ARRAYS),
        "disks": _in_short(disks),
        "each_disk": disks[:_DISKS],
        "backup": _backup(_part(newest, "services", "backups"), now),
        "more": _more_facts(newest),
    }


def _title(at: dt.datetime, now: dt.datetime) -> str:
    if timezone.localtime(at).date() == timezone.localtime(now).date():
        return _("NAS at %(clock)s") % {"clock": clock(at)}
    return _("NAS, %(when)s") % {"when": day_and_clock(at, now)}


def _storage(storage: Mapping[str, Any]) -> dict[str, Any]:
    used_bytes, total_bytes = storage["used_bytes"], storage["total_bytes"]
    (used, unit), total = shown_size(used_bytes).split(NBSP), shown_size(total_bytes)
    is_one_unit = total.endswith(NBSP + unit)  # then once is enough
    words = {"total": total, "unit": unit}
    return {
        "used": used,
        "of": (_("of %(total)s used") if is_one_unit else _("%(unit)s of %(total)s used")) % words,
        "fill": f"{min(100 * used_bytes / total_bytes, 100.0):.1f}" if total_bytes else None,
    }


def _array(array: Mapping[str, Any]) -> dict[str, Any]:
    state = array["state"].lower()
    words = {
        _HEALTHY: _("in order"),
        _CHECKING: _("being checked"),
        "rebuilding": _("rebuilding"),
        "degraded": _("a disk is missing"),
        "inactive": _("inactive"),
    }
    level = re.sub(r"(?i)^raid[ _-]?(\d+)$", rf"RAID{NBSP}\1", array["level"])
    return {
        "name": name_of(", ".join(filter(None, (level, array["name"])))),
        "state": words.get(state, array["state"]),
        "is_healthy": state == _HEALTHY,
        "is_bad": state not in {_HEALTHY, _CHECKING},
        "devices": _devices(array),
    }


def _devices(array: Mapping[str, Any]) -> str:
    """Return how large an array is and of what it is made."""
    size_bytes, devices = _number(array.get("size_bytes")), array.get("devices")
    names = [_text(name) for name in devices or ()] if isinstance(devices, list) else []
    return ", ".join(filter(None, ("" if size_bytes is None else shown_size(size_bytes), *names)))


def _disk(name: str, disk: Mapping[str, Any]) -> dict[str, Any]:
    status, celsius = disk["status"], _number(disk.get("temperature_c"))
    hours = _number(disk.get("power_on_hours"))
    is_warm = celsius is not None and celsius >= _WARM_C
    temperature = "" if celsius is None else f"{celsius:.0f}{NBSP}°C"
    is_bad = status.upper() != _PASSED
    if is_bad:
        state = _("test says %(status)s") % {"status": status}
    elif is_warm:
        state = _("%(temperature)s, warm") % {"temperature": temperature}
    else:
        state = temperature or _("in order")
    return {
        "name": name_of(name.removeprefix("/dev/")),
        "state": state,
        "temperature": temperature,
        "hours": "" if hours is None else _("%(span)s in use") % {"span": span(hours * 3600)},
        "is_bad": is_bad,
        "is_warm": is_warm and not is_bad,
    }


def _in_short(disks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all healthy disks in one line, and each of the others in its own."""
    odd = [disk for disk in disks if disk["is_bad"] or disk["is_warm"]]
    calm = [disk for disk in disks if disk not in odd]
    text = ngettext("%(n)s disk", "%(n)s disks", len(calm))
    if odd:
        text = ngettext("%(n)s other disk", "%(n)s other disks", len(calm))
    temperatures = [disk["temperature"] for disk in calm if disk["temperature"]]
    return {
        "odd": odd[:_DISKS],
        "count": text % {"n": len(calm)} if calm else "",
        "temperatures": ", ".join(temperatures[:_DISKS]) or _("in order"),
    }


def _backup(backup: Mapping[str, Any], now: dt.datetime) -> dict[str, Any] | None:
    """Return when the last backup was and whether it went well; None where the NAS did not say."""
    told, status = backup.get("last_backup"), backup.get("status")
    if not isinstance(told, str):
        return None
    try:
        at = dt.datetime.fromisoformat(told)
        if timezone.is_naive(at):  # BaluHost's are in UTC
            at = at.replace(tzinfo=dt.UTC)
        when = day_and_clock(at, now)
    except (ValueError, OverflowError):  # no time, or one that no calendar has in our zone
        return None
    is_done = not isinstance(status, str) or status.lower() in _BACKUP_DONE
    if is_done:
        return {"when": when, "status": ""}
    # Of any other word of the NAS only it knows what it means.
    return {"when": when, "status": _("failed") if status == "failed" else status}


def _more_facts(newest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rest as label and value; what the NAS did not tell is left out."""
    system, files = _part(newest, "system"), _part(newest, "files_summary")
    uptime_s, memory_gb = _number(system.get("uptime_seconds")), _number(system.get("ram_total_gb"))
    files_bytes = _number(files.get("total_size_bytes"))
    found = (
        (_("Files"), _count(files.get("total_files"))),
        (_("Size of the files"), "" if files_bytes is None else shown_size(files_bytes)),
        (_("Users"), _count(_part(newest, "users").get("total"))),
        (_("Shares"), _count(_part(newest, "services", "shares").get("active_shares"))),
        (_("VPN connections"), _count(_part(newest, "services", "vpn").get("active_clients"))),
        (_("Had been up for"), "" if uptime_s is None else span(uptime_s)),
        (_("Name"), _text(system.get("hostname"))),
        (_("Processor"), _text(system.get("cpu_model"))),
        (_("Memory"), "" if memory_gb is None else shown_size(memory_gb * _GIB)),
        ("BaluHost", _text(newest.get("baluhost_version"))),
    )
    return [(label, value) for label, value in found if value]


def _more(count: int) -> str:
    text = ngettext("and %(n)s more array", "and %(n)s more arrays", count)
    return text % {"n": count} if count > 0 else ""


def _part(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for step in path:
        inner = value.get(step)
        value = inner if isinstance(inner, dict) else {}
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value >= 0 else None


def _count(value: object) -> str:
    number = _number(value)
    return "" if number is None else count(number)


def _text(value: object) -> str:
    return name_of(value)["whole"][:80] if isinstance(value, str) else ""
