"""The bad days of a plug: their names, parameters and what they make of its answers.

What each imitates: Tapo notes, sections 1.4 and 7.
"""

import math
import re
import secrets
from collections.abc import Iterable, Mapping

from simhome.klap import KlapCipher
from simhome.listener import Mode
from simhome.tapo_errors import JSON_DECODE_FAILED, UNKNOWN_METHOD

# With the parameters that each takes, and their defaults.
FAULTS: Mapping[str, Mapping[str, object]] = {
    "hang": {},  # accepts, never answers
    "silent": {},  # out of the Wi-Fi: no packet is answered, and it goes on measuring
    "unplugged": {},  # without mains: silent too, and nothing is measured or remembered
    "refuse": {},  # port closed
    "port_closed_until_probe": {},  # firmware 1.4.6 after a loss of power
    "forbidden_handshake": {},  # firmware 1.4 with third-party access switched off
    "tpap": {},  # the same, and announced with the newer protocol
    "forbidden_request": {},
    "session_stolen": {},  # once: somebody else took our session
    "single_session": {},  # every login ends the one before
    "login_mismatch": {},  # the right password is refused, as if it were another's plug
    "hangs_up": {},  # closes a kept connection just when it is used again
    "garbage": {"kind": "undecryptable"},
    "http_500": {},
    "slow": {"seconds": 1.0},
    "missing_emeter": {},
    "clock_unset": {},
    "clock_wrong": {"behind_s": 20 * 365 * 86400.0},  # it tells another time than there is
    "no_memory": {"code": UNKNOWN_METHOD},  # refuses get_energy_data
    "no_device_time": {},  # firmware 1.4.3: get_device_time is never answered
    "negative_power": {},  # firmware that cannot write negative numbers
}
# Third-party access goes away with an update of the firmware, and so do the sessions.
ENDING_SESSIONS = frozenset({"session_stolen", "forbidden_handshake", "tpap", "unplugged"})
FORBIDDING_LOGIN = frozenset({"forbidden_handshake", "tpap"})
NEVER_ANSWERING = frozenset({"hang", "silent", "unplugged"})
SILENT = frozenset({"silent", "unplugged"})
LEAVING_WAITING = NEVER_ANSWERING | {"no_device_time"}

_CLOSING = frozenset({"refuse", "port_closed_until_probe"})
_GARBAGE = {"not_json": b"power: ~", "json_list": b"[]", "no_result": b'{"error_code":0}'}
_GARBAGE_KINDS = ("undecryptable", *_GARBAGE)
_FAILING_METHODS = {
    "missing_emeter": ("get_emeter_data", UNKNOWN_METHOD),
    "clock_unset": ("get_energy_usage", JSON_DECODE_FAILED),
    "no_memory": ("get_energy_data", UNKNOWN_METHOD),
}
_SECONDS = frozenset({"seconds", "behind_s"})
_NEGATIVE_POWER = re.compile(rb'("power_mw": ?)-')


def checked_parameters(name: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return all parameters of a fault, with defaults for those not given.

    Raises:
        ValueError: if there is no such fault or parameter, or the parameter makes no sense.
    """
    if name not in FAULTS:
        raise ValueError(f"Unknown fault {name}; known are {', '.join(FAULTS)}")
    if unknown := parameters.keys() - FAULTS[name].keys():
        raise ValueError(f"The fault {name} has no parameter {', '.join(sorted(unknown))}")
    checked = {**FAULTS[name], **parameters}
    for key in _SECONDS & checked.keys():
        checked[key] = number = float(str(checked[key]))
        if not 0 <= number < math.inf:
            raise ValueError(f"{key} must be a number, 0 or more")
    if "code" in checked:
        checked["code"] = int(str(checked["code"]))
    if "kind" in checked and checked["kind"] not in _GARBAGE_KINDS:
        raise ValueError(f"kind must be one of {', '.join(_GARBAGE_KINDS)}")
    return checked


def reachability(faults: Iterable[str]) -> Mode:
    """Return what a client meets that connects under these faults."""
    if SILENT.intersection(faults):
        return Mode.SILENT
    return Mode.REFUSED if _CLOSING.intersection(faults) else Mode.OPEN


def failing_methods(faults: Mapping[str, Mapping[str, object]]) -> dict[str, int]:
    """Return error codes by the methods that answer them under these faults."""
    failing = {}
    for fault in _FAILING_METHODS.keys() & faults.keys():
        method, code = _FAILING_METHODS[fault]
        failing[method] = int(str(faults[fault].get("code", code)))
    return failing


def is_never_answered(faults: Iterable[str], plaintext: bytes) -> bool:
    """Tell whether these faults leave a decrypted request without an answer."""
    return "no_device_time" in faults and b"get_device_time" in plaintext


def as_negative_power(reply: bytes) -> bytes:
    """Return an answer as firmware writes it that cannot write a negative power in mW.

    "No digit after minus sign" is what a JSON decoder said of it (python-kasa issue 1758).
    """
    return _NEGATIVE_POWER.sub(rb"\1--", reply)


def garbage(kind: object, cipher: KlapCipher, sequence: int) -> bytes:
    """Return the body that stands in for an answer."""
    if kind == "undecryptable":
        return secrets.token_bytes(77)  # the ciphertext is no whole number of blocks
    return cipher.encrypt(sequence, _GARBAGE[str(kind)])
