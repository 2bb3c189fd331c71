"""A smart plug on loopback that the real python-kasa takes for one, with faults on command."""

import hashlib
import json
from collections import Counter
from http import HTTPStatus
from zoneinfo import ZoneInfo

from simhome import plug_faults
from simhome.clock import Clock
from simhome.discovery import Address, ProbePort, announcement
from simhome.klap import SEED_BYTES, SESSION_S, KlapError, KlapSessions, auth_hash
from simhome.loads import BERLIN, Load
from simhome.loopback import require_loopback
from simhome.plug_device import PlugDevice
from simhome.plug_http import PlugHttp, Reply, Request
from simhome.plug_methods import DEVICE_TYPE, answer
from simhome.tapo_errors import TRANSPORT_UNKNOWN

COOKIE = "TP_SESSIONID"


class SimPlug(PlugDevice):
    """A plug with its network: KLAP v2 over HTTP, discovery over UDP.

    All of it runs in one event loop, and while it is started it may be used only from there.
    """

    FAULTS: tuple[str, ...] = tuple(plug_faults.FAULTS)

    def __init__(
        self,
        *,
        alias: str,
        device_id: str,
        mac: str,
        host: str,
        port: int,
        load: Load,
        credentials: tuple[str, str],
        clock: Clock,
        model: str = "P110",
        time_zone: ZoneInfo = BERLIN,
    ) -> None:
        """Make a plug that is not on the network yet; what ``PlugDevice`` takes is told there.

        ``port`` is that of its HTTP server; discovery is always on UDP 20002. ``credentials`` are
        e-mail and password of the account that owns it, both case-sensitive.

        Raises:
            ValueError: as ``PlugDevice``, and if ``host`` is not a loopback address.
        """
        require_loopback(host)
        super().__init__(
            alias=alias,
            device_id=device_id,
            mac=mac,
            host=host,
            load=load,
            clock=clock,
            model=model,
            time_zone=time_zone,
        )
        self.port = port
        self.faults: dict[str, dict[str, object]] = {}
        self.calls: Counter[str] = Counter()
        self._owner = credentials[0]
        self._sessions = KlapSessions(auth_hash(*credentials), clock)
        self._probes = ProbePort(self.probe)
        self._http: PlugHttp | None = None  # while it is on the network

    async def start(self) -> None:
        """Come onto the network; OSError if the address is taken."""
        self._probes.open(self.host)
        self._http = PlugHttp(host=self.host, port=self.port, respond=self._respond)
        try:
            self._apply_faults()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Leave the network; a second call does nothing."""
        self._probes.close()
        if self._http is not None:
            self._http.close()
            self._http = None

    async def move_to(self, host: str) -> None:
        """Take a new address, as DHCP would give it; sessions stay, connections are lost.

        Raises:
            OSError: if that address is taken; the plug then stays where it was.
            ValueError: if ``host`` is not a loopback address.
        """
        require_loopback(host)
        if self._http is None:
            self.host = host
            return
        await self.stop()
        old_host, self.host = self.host, host
        try:
            await self.start()
        except OSError:
            self.host = old_host
            await self.start()
            raise

    def set_fault(self, name: str, **parameters: object) -> None:
        """Begin a fault, beside those there are; "session_stolen" happens once and is over.

        Args:
            name: One of ``FAULTS``.
            parameters: ``kind`` (undecryptable, not_json, json_list or no_result) for "garbage",
                ``seconds`` before each answer for "slow", ``behind_s`` for "clock_wrong", the error
                ``code`` for "no_memory".

        Raises:
            ValueError: if there is no such fault or parameter, or the parameter makes no sense.
        """
        checked = plug_faults.checked_parameters(name, parameters)
        if name in plug_faults.ENDING_SESSIONS:
            self._sessions.drop_all()
        if name != "session_stolen":
            self.faults[name] = checked
        self._apply_faults()

    def clear_faults(self) -> None:
        """End all faults; who still waits for an answer is cut off and may ask again."""
        has_waiting = plug_faults.LEAVING_WAITING & self.faults.keys()
        self.faults = {}
        if has_waiting and self._http is not None:
            self._http.drop_connections()
        self._apply_faults()

    def probe(self, sender: Address) -> None:
        """Answer a discovery probe from the plug's own address."""
        if self._http is None or plug_faults.SILENT & self.faults.keys():
            return
        self.calls["probe"] += 1
        if self.faults.pop("port_closed_until_probe", None) is not None:
            self._apply_faults()
        self._probes.send(announcement(self._announced()), sender)

    def describe(self) -> dict[str, object]:
        """Return what there is to know about the plug, ready for JSON."""
        return {
            "alias": self.alias,
            "model": self.profile.model,
            "firmware": self.profile.firmware,
            "device_id": self.device_id,
            "mac": self.mac,
            "host": self.host,
            "port": self.port,
            "network": "stopped" if self._http is None else self._http.mode.value,
            "relay_on": self.relay_on,
            "power_w": self.power_w(),
            "energy_wh": self.energy_wh(),
            "sessions": len(self._sessions),
            "calls": dict(self.calls),
            "faults": dict(self.faults),
        }

    def _apply_faults(self) -> None:
        self._sessions.single = "single_session" in self.faults
        self.has_mains = "unplugged" not in self.faults
        self.clock_behind_s = float(str(self.faults.get("clock_wrong", {}).get("behind_s", 0)))
        if self._http is not None:
            self._http.hangs_up = "hangs_up" in self.faults
            self._http.delay_s = float(str(self.faults.get("slow", {}).get("seconds", 0)))
            self._http.switch(plug_faults.reachability(self.faults))

    def _announced(self) -> dict[str, object]:
        """Return the result in a discovery answer (Tapo notes, section 4.2; keys as in the dumps).

        Its device_id is not that of get_device_info: in the dumps it has 32 digits, the other 40.
        How real plugs derive it is not known; owner is the notes'.
        """
        return {
            "device_type": DEVICE_TYPE,
            "device_model": self.profile.announced_model,
            "device_id": _md5(self.device_id),
            "owner": _md5(self._owner),
            "ip": self.host,
            "mac": self.mac,
            "factory_default": False,
            "is_support_iot_cloud": True,
            "obd_src": "tplink",
            "protocol_version": 1,
            "mgt_encrypt_schm": {
                "is_support_https": False,
                "encrypt_type": "TPAP" if "tpap" in self.faults else "KLAP",
                "http_port": self.port,
                "lv": 2,
            },
        }

    def _respond(self, request: Request) -> Reply | None:
        """Answer an HTTP request (Tapo notes, section 4.1); None: never."""
        handlers = {
            "/app/handshake1": self._handshake1,
            "/app/handshake2": self._handshake2,
            "/app/request": self._request,
            "/app": _old_handshake,
        }
        handler = handlers.get(request.path)
        if handler is None or request.method != "POST":
            return Reply(HTTPStatus.NOT_FOUND)
        self.calls[request.path.removeprefix("/app/")] += 1
        if plug_faults.NEVER_ANSWERING & self.faults.keys():
            return None
        if "http_500" in self.faults:
            return Reply(HTTPStatus.INTERNAL_SERVER_ERROR)
        return handler(request)

    def _handshake1(self, request: Request) -> Reply:
        if plug_faults.FORBIDDING_LOGIN & self.faults.keys():
            return Reply(HTTPStatus.FORBIDDEN)
        if len(request.body) != SEED_BYTES:
            return Reply(HTTPStatus.BAD_REQUEST)
        cookie, body = self._sessions.handshake1(request.body)
        if "login_mismatch" in self.faults:
            body = body[:SEED_BYTES] + bytes(len(body) - SEED_BYTES)
        return Reply(body=body, headers={"Set-Cookie": f"{COOKIE}={cookie};TIMEOUT={SESSION_S}"})

    def _handshake2(self, request: Request) -> Reply:
        accepted = self._sessions.handshake2(request.cookie(COOKIE), request.body)
        return Reply() if accepted else Reply(HTTPStatus.FORBIDDEN)

    def _request(self, request: Request) -> Reply | None:
        cipher = self._sessions.cipher(request.cookie(COOKIE))
        if cipher is None or "forbidden_request" in self.faults:
            return Reply(HTTPStatus.FORBIDDEN)
        try:
            sequence = int(request.query("seq"))
            plaintext = cipher.decrypt(sequence, request.body)
        except (KlapError, ValueError):  # what real plugs say to this is not known
            return Reply(HTTPStatus.FORBIDDEN)
        if plug_faults.is_never_answered(self.faults, plaintext):
            return None
        failing = plug_faults.failing_methods(self.faults)
        reply = json.dumps(answer(self, _decoded(plaintext), failing=failing)).encode()
        if "garbage" in self.faults:
            kind = self.faults["garbage"]["kind"]
            return Reply(body=plug_faults.garbage(kind, cipher, sequence))
        if "negative_power" in self.faults:
            reply = plug_faults.as_negative_power(reply)
        return Reply(body=cipher.encrypt(sequence, reply))


def _old_handshake(_request: Request) -> Reply:
    """Answer a client of the time before KLAP (AES), as after an update that brought KLAP.

    Code 1003: Tapo notes, section 7; that it comes with status 200 is an assumption.
    """
    return Reply(body=json.dumps({"error_code": TRANSPORT_UNKNOWN}).encode())


async def swap_hosts(first: SimPlug, second: SimPlug) -> None:
    """Let two started plugs change addresses, so that each is found where the other was."""
    await first.stop()
    await second.stop()
    first.host, second.host = second.host, first.host
    await first.start()
    await second.start()


def _decoded(plaintext: bytes) -> object:
    """Return decoded JSON; None, which is no request either, if it is none."""
    try:
        decoded: object = json.loads(plaintext)
    except ValueError:
        return None
    return decoded


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
