"""Rules: what a plug's answers mean. Plain data in, plain data out."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

_MILLI = 1000
#: No plug of this kind carries more (16 A at 250 V); a broken firmware may say anything, such as a
#: negative number read as a huge one, and it would be in the sums for ever.
_MOST_W = 5_000.0
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
#: What the database has room for.
_MAX_TEXT, _MAX_MODEL = 64, 32


class FailureKind(StrEnum):
    """Why a plug gave no reading; the words are those of ``models.PlugStatus``."""

    UNREACHABLE = "unreachable"
    LOGIN_REFUSED = "login_refused"
    NEEDS_SETTING = "needs_setting"
    WRONG_DEVICE = "wrong_device"


@dataclass(frozen=True, slots=True)
class Target:
    """A plug to talk to.

    Attributes:
        mac: ``aa:bb:cc:dd:ee:ff``; with ``device_id`` it says which plug is meant.
        device_id: "" where it is not known yet.
        host: where the plug was last seen.
        connection: how python-kasa connects, as discovery found it; empty: not known.
    """

    mac: str
    device_id: str
    host: str
    connection: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one plug measured at one time; None where the plug did not say.

    Attributes:
        today_energy_wh: the plug's own counter since its own midnight.
    """

    device_id: str
    at: dt.datetime
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    today_energy_wh: float | None
    relay_on: bool | None
    rssi: int | None

    def to_line(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps({**asdict(self), "at": self.at.isoformat()}, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> Reading | None:
        """Return the reading of ``to_line``, or None where the text is nothing of the kind."""
        try:
            values = json.loads(line)
            reading = cls(**{**values, "at": dt.datetime.fromisoformat(values["at"])})
        except (ValueError, TypeError, KeyError):
            return None
        return reading if reading.at.tzinfo else None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a plug says about itself."""

    device_id: str
    mac: str
    alias: str
    model: str
    firmware_version: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A plug that answered, and the address that worked."""

    target: Target
    identity: Identity
    reading: Reading


@dataclass(frozen=True, slots=True)
class Failure:
    """A plug that gave no reading.

    Attributes:
        message: for the person who must act; a kept sentence (``lib/kept.py``).
        is_first: it answered the time before; perhaps only a packet was lost.
    """

    target: Target
    kind: FailureKind
    message: str
    is_first: bool = False


def normal_mac(mac: str) -> str:
    """Return a MAC address as ``aa:bb:cc:dd:ee:ff``, or "" where it is none.

    Plugs write it with dashes and capitals.
    """
    normal = mac.strip().lower().replace("-", ":")
    return normal if _MAC.fullmatch(normal) else ""


def is_same_plug(target: Target, identity: Identity) -> bool:
    """Tell whether the plug that answered is the one that was meant."""
    same_id = bool(target.device_id) and target.device_id.lower() == identity.device_id.lower()
    return same_id or normal_mac(target.mac) == identity.mac


def identity_from(answers: Mapping[str, Any]) -> Identity:
    """Return who answered, from ``get_device_info``.

    Raises:
        ValueError: the answer names no device id or no MAC address.
    """
    info = _answer(answers, "get_device_info")
    device_id, mac = _text(info, "device_id")[:_MAX_TEXT], normal_mac(_text(info, "mac"))
    if not device_id or not mac:
        raise ValueError("the plug did not say who it is")
    return Identity(
        device_id=device_id,
        mac=mac,
        alias=_alias(_text(info, "nickname"))[:_MAX_TEXT],
        model=_text(info, "model")[:_MAX_MODEL],
        firmware_version=_text(info, "fw_ver")[:_MAX_TEXT],
    )


def reading_from(answers: Mapping[str, Any], *, device_id: str, at: dt.datetime) -> Reading:
    """Return the values of one round of answers.

    A method that failed (its value is then no object) leaves its values unknown. Which power
    figure is the best, and the units: Tapo notes, sections 1.2 and 3.
    """
    info = _answer(answers, "get_device_info")
    usage, emeter = _answer(answers, "get_energy_usage"), _answer(answers, "get_emeter_data")
    relay_on, rssi = info.get("device_on"), _number(info, "rssi")
    today_wh = _scaled(usage, "today_energy_mwh")  # P116M, firmware 1.4.4; others: whole Wh
    return Reading(
        device_id=device_id,
        at=at,
        power_w=power_from(answers),
        voltage_v=_scaled(emeter, "voltage_mv"),
        current_a=_scaled(emeter, "current_ma"),
        today_energy_wh=_number(usage, "today_energy") if today_wh is None else today_wh,
        relay_on=relay_on if isinstance(relay_on, bool) else None,
        rssi=None if rssi is None else int(rssi),
    )


def local_time_from(answers: Mapping[str, Any]) -> str:
    """Return the time on the plug's own clock as it writes it, "" where it did not say."""
    return _text(_answer(answers, "get_energy_usage"), "local_time")


def region_from(answers: Mapping[str, Any]) -> str:
    """Return the time zone that the plug was set up for, "" where it did not say."""
    return _text(_answer(answers, "get_device_info"), "region")


def power_from(answers: Mapping[str, Any]) -> float | None:
    """Return the best power figure in W, or None where no method gave one."""
    power_w = _scaled(_answer(answers, "get_emeter_data"), "power_mw")
    if power_w is None:
        power_w = _scaled(_answer(answers, "get_energy_usage"), "current_power")
    if power_w is None:
        power_w = _number(_answer(answers, "get_current_power"), "current_power")  # whole W
    return power_w if power_w is not None and abs(power_w) <= _MOST_W else None


def _answer(answers: Mapping[str, Any], method: str) -> Mapping[str, Any]:
    value = answers.get(method)
    return value if isinstance(value, Mapping) else {}


def _number(values: Mapping[str, Any], key: str) -> float | None:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a number of hundreds of digits
        return None


def _scaled(values: Mapping[str, Any], key: str) -> float | None:
    value = _number(values, key)
    return None if value is None else value / _MILLI


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _alias(nickname: str) -> str:
    """Return the name given in the Tapo app; plugs send it in base64."""
    try:
        return base64.b64decode(nickname, validate=True).decode().replace("\0", "").strip()
    except (binascii.Error, UnicodeDecodeError):
        return nickname
