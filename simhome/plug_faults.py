"""The bad days of a plug: their names, parameters and what they make of its answers.

What each imitates: Tapo notes, sections 1.4 and 7.
"""

import secrets
from collections.abc import Iterable, Mapping

from simhome.klap import KlapCipher
from simhome.listener import Mode
from simhome.tapo_errors import JSON_DECODE_FAILED, UNKNOWN_METHOD

# With the parameters that each takes, and their defaults.
FAULTS: Mapping[str, Mapping[str, object]] = {
    "hang": {},  # accepts, never answers
    "silent": {},  # unplugged: no packet is answered
    "refuse": {},  # port closed
    "port_closed_until_probe": {},  # firmware 1.4.6 after a loss of power
    "forbidden_handshake": {},  # firmware 1.4 with third-party access switched off
    "tpap": {},  # the same, and announced with the newer protocol
    "forbidden_request": {},
    "session_stolen": {},  # once: somebody else took our session
    "single_session": {},  # every login ends the one before
    "garbage": {"kind": "undecryptable"},
    "http_500": {},
    "slow": {"seconds": 1.0},
    "missing_emeter": {},
    "clock_unset": {},
}
# Third-party access goes away with an update of the firmware, and so do the sessions.
ENDING_SESSIONS = frozenset({"session_stolen", "forbidden_handshake", "tpap"})
FORBIDDING_LOGIN = frozenset({"forbidden_handshake", "tpap"})
NEVER_ANSWERING = frozenset({"hang", "silent"})

_CLOSING = frozenset({"refuse", "port_closed_until_probe"})
_GARBAGE = {"not_json": b"power: ~", "json_list": b"[]", "no_result": b'{"error_code":0}'}
_GARBAGE_KINDS = ("undecryptable", *_GARBAGE)
_FAILING_METHODS = {
    "missing_emeter": ("get_emeter_data", UNKNOWN_METHOD),
    "clock_unset": ("get_energy_usage", JSON_DECODE_FAILED),
}


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
    if "seconds" in checked:
        seconds = float(str(checked["seconds"]))
        if not 0 <= seconds < float("inf"):
            raise ValueError("seconds must be a number, 0 or more")
        checked["seconds"] = seconds
    if "kind" in checked and checked["kind"] not in _GARBAGE_KINDS:
        raise ValueError(f"kind must be one of {', '.join(_GARBAGE_KINDS)}")
    return checked


def reachability(faults: Iterable[str]) -> Mode:
    """Return what a client meets that connects under these faults."""
    if "silent" in faults:
        return Mode.SILENT
    return Mode.REFUSED if _CLOSING.intersection(faults) else Mode.OPEN


def failing_methods(faults: Iterable[str]) -> dict[str, int]:
    """Return error codes by the methods that answer them under these faults."""
    return dict(_FAILING_METHODS[fault] for fault in faults if fault in _FAILING_METHODS)


def garbage(kind: object, cipher: KlapCipher, sequence: int) -> bytes:
    """Return the body that stands in for an answer."""
    if kind == "undecryptable":
        return secrets.token_bytes(77)  # the ciphertext is no whole number of blocks
    return cipher.encrypt(sequence, _GARBAGE[str(kind)])
