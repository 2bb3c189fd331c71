"""Plays a recording against the simulated Pi-hole and tells where the answers differ."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from simhome.clock import ManualClock
from simhome.dns_zone import Upstream
from simhome.pihole import SimPihole
from simhome.pihole_config import APP_PASSWORD_HASH, password_hash
from simhome.tests.pihole_compare import Placeholders, body_differences, text_differences
from simhome.tests.pihole_helpers import (
    NOON,
    PASSWORD,
    Answered,
    exchange,
    login,
    make_pihole,
    running,
    until,
)

RECORDINGS = Path(__file__).parent / "recordings" / "pihole"

# A recorder's clock second had begun a moment before "t=+0.00s".
_INTO_THE_SECOND = 0.05


@dataclass(frozen=True)
class Setup:
    """How the recorded daemon was configured; the texts in the recordings say so.

    ``restarts`` tells before which step the recorder stopped and started the daemon, and whether
    cleanly (True) or by kill -9 (False).
    """

    password: str = PASSWORD
    app_password: str = ""
    hosts: tuple[str, ...] = ()
    upstream: Upstream = Upstream.NXDOMAIN
    totp: bool = False
    forced: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    restarts: Mapping[int, bool] = field(default_factory=dict)


def steps_of(recording: str) -> list[dict[str, object]]:
    loaded: list[dict[str, object]] = json.loads((RECORDINGS / f"{recording}.json").read_text())
    return loaded


def replay(recording: str, setup: Setup) -> list[list[str]]:
    """Return the differences of each step, [] where the answer is the recorded one."""
    return asyncio.run(_replay(recording, setup))


async def _replay(recording: str, setup: Setup) -> list[list[str]]:
    clock = ManualClock(NOON)
    pihole = make_pihole(
        clock=clock, password=setup.password, hosts=setup.hosts, upstream=setup.upstream
    )
    _configure(pihole, setup)
    found = []
    async with running(pihole):
        player = _Player(pihole, clock)
        for name in _sids_from_before(recording):
            player.known.learn(name, await login(pihole))
        for number, step in enumerate(steps_of(recording)):
            if number in setup.restarts:
                pihole.set_fault("restart", seconds=0, clean=setup.restarts[number])
            found.append(await player.play(step))
    return found


def _configure(pihole: SimPihole, setup: Setup) -> None:
    config = pihole.daemon.config
    recorded = {"dns.port": 5453, "webserver.port": "127.0.0.1:8089"}
    for path, value in (recorded | dict(setup.config)).items():
        config.fix(path, value)
    config.fix(APP_PASSWORD_HASH, password_hash(setup.app_password))
    config.totp_enabled = setup.totp
    config.forced.update(setup.forced)


def _sids_from_before(recording: str) -> list[str]:
    """Return the placeholders of sessions that were opened before the recording began."""
    seen: set[str] = set()
    before: list[str] = []
    for step in steps_of(recording):
        new = set(re.findall(r"<SID\d*>", json.dumps(step["request"]))) - seen
        before += sorted(new)
        seen |= new | set(re.findall(r"<SID\d*>", json.dumps(step["response"])))
    return before


class _Player:
    """Sends the steps and compares the answers."""

    def __init__(self, pihole: SimPihole, clock: ManualClock) -> None:
        self.known = Placeholders()
        self._pihole = pihole
        self._clock = clock
        self._group_began = 0.0

    async def play(self, step: Mapping[str, object]) -> list[str]:
        await until(lambda: self._pihole.describe()["state"] == "running")
        await self._pihole.settled()
        self._let_time_pass(str(step.get("note", "")))
        request, response = step["request"], step["response"]
        assert isinstance(request, dict)
        assert isinstance(response, dict)
        starts = self._pihole.daemon.starts
        answered = await asyncio.to_thread(self._send, request)
        if "ftl_starts" in step or request["path"] == "/api/action/restartdns":
            await until(lambda: self._pihole.daemon.starts == starts + 1)
        found = self._compare(request["path"], response, answered)
        for name, kind, expected in _lookups(step):
            found += await self._compare_lookup(name, kind, expected)
        return found

    def _let_time_pass(self, note: str) -> None:
        """Move the clock as far as the note says that the recorder waited."""
        if paused := re.search(r"([\d.]+) s (?:later|after|idle)", note):
            self._clock.advance(float(paused[1]))
        if at := re.search(r"t=\+([\d.]+)s", note):
            if float(at[1]) == 0:
                self._clock.advance(1 - self._clock.now().timestamp() % 1 + _INTO_THE_SECOND)
                self._group_began = self._clock.monotonic()
            self._clock.advance(self._group_began + float(at[1]) - self._clock.monotonic())

    def _send(self, request: Mapping[str, object]) -> Answered:
        headers = request["headers"]
        assert isinstance(headers, dict)
        body = None
        if "raw_body" in request:
            body = _raw_body(str(request["raw_body"]))
        elif request["json"] is not None:
            body = json.dumps(request["json"])
        return exchange(
            self._pihole,
            str(request["method"]),
            self.known.fill(str(request["path"])),
            {name: self.known.fill(value) for name, value in headers.items()},
            None if body is None else self.known.fill(body).encode(),
        )

    def _compare(self, path: str, recorded: Mapping[str, object], got: Answered) -> list[str]:
        found = []
        if got.status != recorded["status"]:
            found.append(f"status {got.status}, recorded {recorded['status']}")
        if recorded["json"] is None:
            found += [f"a body: {got.body!r}"] if got.body else []
        else:
            found += body_differences(path, recorded, got.json, self.known)
        headers = recorded["headers"]
        assert isinstance(headers, dict)
        for name, value in headers.items():
            if name != "content-length":  # follows from the body, which is compared
                found += text_differences(name, value, got.headers.get(name), self.known)
        added = {"set-cookie", "cache-control", "allow"} & (got.headers.keys() - headers.keys())
        return found + [f"a header {name}, none recorded" for name in added]

    async def _compare_lookup(self, name: str, kind: str, expected: list[object]) -> list[str]:
        query = dns.message.make_query(name, kind)
        host, _, port = str(self._pihole.describe()["dns"]).rpartition(":")
        response = await dns.asyncquery.udp(query, host, port=int(port), timeout=2)
        got = as_recorded(response)
        return [] if got == expected else [f"{kind} {name}: {got}, recorded {expected}"]


def as_recorded(response: dns.message.Message) -> list[object]:
    """Return [rcode, answers, authoritative]; the answers are sorted, because they rotate.

    The recorder wrote addresses as text, everything else as TYPE and hexadecimal.
    """
    answers: list[list[object]] = []
    for rrset in response.answer:
        for rdata in rrset:
            is_address = rrset.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}
            kind = dns.rdatatype.to_text(rrset.rdtype) if is_address else f"TYPE{rrset.rdtype:d}"
            value = rdata.to_text() if is_address else (rdata.to_wire() or b"").hex()
            answers.append([kind, value, rrset.ttl])
    rcode = dns.rcode.to_text(response.rcode())
    return [rcode, sorted(answers, key=str), bool(response.flags & dns.flags.AA)]


def _lookups(step: Mapping[str, object]) -> list[tuple[str, str, list[object]]]:
    """Return name, type and [rcode, answers, authoritative] of what the recorder looked up."""
    found: list[tuple[str, str, list[object]]] = []
    for key in ("dns_after_50ms", "dns", "dns_after", "dns_1s_later"):
        recorded = step.get(key, {})
        looked = recorded if isinstance(recorded, dict) else {"baluhost.local": recorded}
        found += [(name, "A", _triple(one)) for name, one in looked.items()]
    if "dns_AAAA" in step:
        found.append(("v6.local", "AAAA", _triple(step["dns_AAAA"])))
    return found


def _triple(recorded: object) -> list[object]:
    if isinstance(recorded, dict):
        recorded = [recorded["rcode"], recorded["answers"], recorded["aa"]]
    assert isinstance(recorded, list)
    rcode, answers, authoritative = recorded
    return [rcode, sorted(answers, key=str), authoritative]


def _raw_body(text: str) -> str:
    """Return what was sent; the one huge body is described, not written out."""
    return '{"password":"' + "x" * 70_000 + '"}' if "70000 x" in text else text
