"""Tapo plugs over the local network: the only file that knows python-kasa.

kasa is imported inside the functions: it costs 20 to 34 MiB (Tapo notes, section 5), and only the
worker talks to plugs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept
from energy.readings import FailureKind, normal_mac

#: One POST per poll; ``update()`` can hang for minutes after one hiccup (Tapo notes, sections 1.4 and 2).
#: get_device_time is left out on purpose: some firmware never answers it (section 7).
_LEAN_QUERY = ("get_device_info", "get_energy_usage", "get_emeter_data")
#: Once more at once: the plug closes idle connections, and another program's login ends our session.
_RETRIES = 1
#: Longer than any deadline of ours, which always ends the waiting first.
_KASA_TIMEOUT_S = 90
#: The interval of get_energy_data that means hours (notes, section 3).
_HOURLY_MIN = 60
_PLUG_TYPES = ("SMART.TAPOPLUG", "SMART.KASAPLUG")

_NO_THIRD_PARTY = gettext_noop(
    'Switch on "Third-Party Compatibility" in the Tapo app (Me > Third-Party Services); '
    "where it is on already, switch it off and on again. The plug said: %(raw)s"
)
_OTHER_PROTOCOL = gettext_noop(
    "It announces the protocol %(protocol)s, which is not supported. Switch on "
    '"Third-Party Compatibility" in the Tapo app (Me > Third-Party Services); where it is on '
    "already, switch it off and on again."
)
_SESSION_ENDED = gettext_noop(
    "The plug ends our session each time. Does another program talk to it all the time?"
)
NO_SENSE = gettext_noop("The plug's answer makes no sense (%(what)s).")
LOGIN_HINT = gettext_noop(
    "The plug refused the login. BALUPI_TAPO_USERNAME and BALUPI_TAPO_PASSWORD must be those of the "
    "Tapo app; both are case-sensitive, the e-mail address too."
)


@dataclass(frozen=True, slots=True)
class Login:
    """The Tapo account; both parts are case-sensitive."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A device that answered a discovery probe.

    Attributes:
        connection: how to connect, for ``Target.connection``; empty where it cannot be used.
        problem: why it cannot be used, "" where it can.
    """

    host: str
    mac: str
    model: str
    connection: Mapping[str, Any]
    problem: str = ""


class PlugError(Exception):
    """A plug did not do what was asked; the text is a kept sentence for the person who must act.

    Attributes:
        is_refused: the connection was refused: the host lives, its port is closed.
    """

    def __init__(self, kind: FailureKind, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.is_refused = is_refused


class PlugSession:
    """One plug's connection, kept from poll to poll: a plug has one session (notes, section 7).

    Belongs to the event loop it is first used in. After any error it must be closed and dropped: a
    hiccup changes how the protocol object works for the rest of its life (notes, section 1.4).
    """

    def __init__(self, *, host: str, connection: Mapping[str, Any], login: Login) -> None:
        """Prepare a connection, without talking yet; PlugError where its type is not supported."""
        from kasa import (  # noqa: PLC0415  # heavy, see the top of this file
            Credentials,
            DeviceConfig,
            DeviceConnectionParameters,
        )
        from kasa.device_factory import get_protocol  # noqa: PLC0415

        with _as_plug_errors():
            config = DeviceConfig(
                host=host,
                timeout=_KASA_TIMEOUT_S,
                credentials=Credentials(login.username, login.password),
                connection_type=DeviceConnectionParameters.from_dict(dict(connection)),
            )
            protocol = get_protocol(config)
        if protocol is None:
            text = gettext_noop("Cannot talk to a device of the kind %(kind)s.")
            raise PlugError(FailureKind.UNREACHABLE, kept(text, kind=str(connection)[:200]))
        self._protocol = protocol
        self._methods = list(_LEAN_QUERY)

    async def read(self) -> dict[str, Any]:
        """Return the answers by method; a method that failed is missing.

        Raises:
            PlugError: the plug gave no usable answer at all.
        """
        with _as_plug_errors():
            try:
                answers = await self._query(self._methods)
            except json.JSONDecodeError:
                # Negative power makes get_emeter_data invalid JSON (notes, section 7).
                answers = await self._query(["get_device_info", "get_energy_usage"])
            if "get_energy_usage" not in answers and "get_emeter_data" not in answers:
                answers |= await self._query_power_in_whole_w()
            return answers

    async def energy_data(self, *, start_s: int, end_s: int) -> Mapping[str, Any] | int:
        """Return what the plug remembers of its hours, or the error code with which it refuses.

        A refusal costs nothing: the session stays.

        Args:
            start_s: the first second of a day by the plug's clock.
            end_s: the last second of a day, at most eight days after it.

        Raises:
            PlugError: the plug gave no usable answer at all.
        """
        from kasa.exceptions import SmartErrorCode  # noqa: PLC0415  # heavy

        params = {"start_timestamp": start_s, "end_timestamp": end_s, "interval": _HOURLY_MIN}
        with _as_plug_errors():
            # Never alone: python-kasa would end the session where a single method is refused.
            request = {"get_device_info": None, "get_energy_data": params}
            answer = (await self._protocol.query(request, _RETRIES))["get_energy_data"]
        if isinstance(answer, SmartErrorCode):
            return int(answer)
        return answer if isinstance(answer, dict) else {}

    async def set_relay(self, *, on: bool) -> None:
        """Switch the relay; PlugError where the plug did not accept it."""
        with _as_plug_errors():
            await self._protocol.query({"set_device_info": {"device_on": on}}, _RETRIES)

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        await self._protocol.close()

    async def _query(self, methods: list[str]) -> dict[str, Any]:
        from kasa.exceptions import SmartErrorCode  # noqa: PLC0415  # heavy

        answers = await self._protocol.query(dict.fromkeys(methods), _RETRIES)
        for method, value in answers.items():
            if value is SmartErrorCode.UNKNOWN_METHOD_ERROR and method in self._methods:
                self._methods.remove(method)  # old firmware, or no meter: ask it no more
        return {method: value for method, value in answers.items() if isinstance(value, dict)}

    async def _query_power_in_whole_w(self) -> dict[str, Any]:
        from kasa.exceptions import DeviceError  # noqa: PLC0415  # heavy

        try:
            return await self._query(["get_current_power"])
        except DeviceError:  # no meter at all, as in a P100
            return {}


def load() -> None:
    """Import python-kasa now: in an event loop it would hold up everything there for seconds."""
    import kasa  # noqa: F401, PLC0415  # heavy, see the top of this file


async def discover(target: str, *, timeout_s: int) -> list[Announcement]:
    """Return the devices that answer a probe sent to ``target``, in no special order.

    Args:
        target: a broadcast address, or one device's address (it then ends with its answer).
        timeout_s: how long to listen.
    """
    from kasa import Discover  # noqa: PLC0415  # heavy
    from kasa.discover import DiscoveredRaw  # noqa: PLC0415

    raw: list[DiscoveredRaw] = []
    devices = await Discover.discover(
        target=target, discovery_timeout=timeout_s, on_discovered_raw=raw.append
    )
    connections = {}
    for host, device in devices.items():
        connections[host] = device.config.connection_type.to_dict()
        await device.disconnect()
    found = (
        _announcement(each["meta"]["ip"], each["discovery_response"], connections) for each in raw
    )
    return [announcement for announcement in found if announcement is not None]


def _announcement(
    host: str, response: object, connections: Mapping[str, Mapping[str, Any]]
) -> Announcement | None:
    """Return what a device said of itself, or None where that is unusable (notes, section 4.2)."""
    result = _part(response, "result")
    legacy = _part(_part(response, "system"), "get_sysinfo")
    mac = normal_mac(str(result.get("mac") or legacy.get("mac")))
    if not mac:
        return None
    model = str(result.get("device_model") or legacy.get("model")).partition("(")[0]
    problem = _problem(result, is_connectable=host in connections)
    return Announcement(host, mac, model, {} if problem else connections[host], problem)


def _problem(result: Mapping[str, Any], *, is_connectable: bool) -> str:
    """Return why a device that announced ``result`` cannot be used, "" where it can."""
    if not result:
        return gettext_noop("An older Kasa device, which speaks another protocol.")
    if result.get("device_type") not in _PLUG_TYPES:
        return kept(
            gettext_noop("Not a smart plug (%(kind)s)."), kind=str(result.get("device_type"))[:40]
        )
    if is_connectable:
        return ""
    kind = str(_part(result, "mgt_encrypt_schm").get("encrypt_type"))[:20]
    return kept(_OTHER_PROTOCOL, protocol=kind)


def _part(whole: object, key: str) -> Mapping[str, Any]:
    """Return the object under ``key``, an empty one where there is none: anybody may answer a probe."""
    part = whole.get(key) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}


@contextmanager
def _as_plug_errors() -> Iterator[None]:
    """Turn whatever python-kasa raises into PlugError; cancelling and our deadline pass through."""
    try:
        yield
    except PlugError:
        raise
    except Exception as error:
        # JSONDecodeError, KeyError and AttributeError leak out of it too (notes, section 1.4).
        raise _plug_error(error) from error


def _plug_error(error: Exception) -> PlugError:
    """Sort an error by who must act (notes, sections 1.4 and 7)."""
    from kasa import exceptions as kasa  # noqa: PLC0415  # heavy

    raw = re.sub(r" with seq -?\d+", "", str(error))[:120]  # or the text would change at each poll
    if isinstance(error, kasa.AuthenticationError):
        return PlugError(FailureKind.LOGIN_REFUSED, LOGIN_HINT)
    if isinstance(error, kasa.UnsupportedDeviceError) or "403 to handshake1" in raw:
        # The raw text is kept: the switch in the app did not help everybody.
        return PlugError(FailureKind.NEEDS_SETTING, kept(_NO_THIRD_PARTY, raw=raw))
    if isinstance(error, kasa._ConnectionError):  # noqa: SLF001  # has no public name
        is_refused = _is_caused_by(error, ConnectionRefusedError)
        message = (
            gettext_noop("The plug refuses connections. Is it powered and in the Wi-Fi?")
            if is_refused
            else gettext_noop(
                "The plug cannot be reached, or hangs up. Is it powered and in the Wi-Fi?"
            )
        )
        return PlugError(FailureKind.UNREACHABLE, message, is_refused=is_refused)
    if isinstance(error, kasa._RetryableError):  # noqa: SLF001  # has no public name
        return PlugError(FailureKind.UNREACHABLE, _SESSION_ENDED)
    what = raw if type(error) is kasa.KasaException else f"{type(error).__name__}: {raw}"
    return PlugError(FailureKind.UNREACHABLE, kept(NO_SENSE, what=what.strip()))


def _is_caused_by(error: BaseException | None, kind: type[OSError]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
