"""Checks that ask others, against the simulated Pi-hole and servers on loopback."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest
from django.db import DatabaseError
from django.utils import translation

from balupi_site.doctor import inbox, names, nas
from balupi_site.doctor import pihole as pihole_checks
from balupi_site.doctor.known import Known
from balupi_site.doctor.tests.conftest import said
from balupi_site.lib.locks import file_lock
from handshake.tests.inbox_home import running_home
from pihole import dns_query
from pihole.dns_query import AnswerKind, DnsAnswer, ask_until
from pihole.services import TALK_LOCK
from pihole.tests.raw_server import raw_server
from pihole.tests.sim import Pihole
from pihole.tests.test_dns_query import dns_server

pytestmark = pytest.mark.enable_socket

JSON = b"HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def nas_says(reply: bytes) -> Any:
    def script(connection: socket.socket, _number: int) -> None:
        if connection.recv(4096):
            connection.sendall(reply)

    return raw_server(lambda _server: script)


def point_at(port: int, settings: Any) -> None:
    settings.NAS_URL, settings.NAS_PORT = f"http://127.0.0.1:{port}", port


def test_a_nas_that_sleeps_is_left_out_and_one_that_is_gone_is_wrong(known: Known) -> None:
    assert said(nas.address(known))[0] == "skipped"
    assert said(nas.health(known))[0] == said(nas.web(known))[0] == "skipped"
    assert said(nas.address(replace(known, nas_is_awake=True)))[0] == "fail"
    level, words = said(nas.address(replace(known, nas_draws_power=True)))
    assert (level, "BALUPI_NAS_IP" in words) == ("fail", True)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(JSON, ("ok", "HTTP 401"), id="BaluHost"),
        pytest.param(JSON.replace(b"401", b"503"), ("fail", "HTTP 503"), id="its proxy alone"),
        pytest.param(
            JSON.replace(b"application/json", b"text/html"),
            ("fail", "no JSON"),
            id="another server",
        ),
        pytest.param(
            JSON.replace(b"\r\n\r\n", b"\r\nX-BaluPi: 1\r\n\r\n"), ("fail", "itself"), id="the Pi"
        ),
        pytest.param(b"HTT", ("fail", "no whole answer"), id="half an answer"),
    ],
)
def test_it_must_be_baluhost_that_answers(
    reply: bytes, expected: tuple[str, str], known: Known, settings: Any
) -> None:
    with nas_says(reply) as server:
        point_at(server.port, settings)
        assert said(nas.address(known))[0] == "ok"
        level, words = said(nas.health(known))
    assert (level, expected[1] in words) == (expected[0], True), words


@pytest.mark.parametrize(
    ("head", "level"),
    [
        pytest.param(b"200 OK\r\n", "ok", id="plain http"),
        pytest.param(b"301 No\r\nLocation: https://baluhost.local/\r\n", "fail", id="on to https"),
        pytest.param(b"302 No\r\nLocation: /login\r\n", "ok", id="on to its login"),
        pytest.param(b"200 OK\r\nstrict-transport-security: max-age=9\r\n", "fail", id="HSTS"),
        pytest.param(b"200 OK\r\nStrict-Transport-Security: Max-Age=0; x\r\n", "ok", id="HSTS off"),
    ],
)
def test_a_nas_that_insists_on_https_cannot_take_over(
    head: bytes, level: str, known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nas, "_HTTPS", 9)  # nobody there
    with nas_says(b"HTTP/1.1 " + head + b"Content-Length: 0\r\n\r\n") as server:
        point_at(server.port, settings)
        assert said(nas.web(known))[0] == level
    settings.NAS_URL = "https://127.0.0.1"
    assert said(nas.web(known))[0] == "warn"


def test_the_mac_address_is_compared_with_the_neighbour_s(
    known: Known, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "arp"
    monkeypatch.setattr(nas, "_ARP", table)
    settings.NAS_MAC_ADDRESS = "aa:bb:cc:dd:ee:01"
    assert "not seen" in said(nas.mac(known))[1]
    head = "IP address       HW type     Flags       HW address            Mask     Device\n"
    table.write_text(head + "127.0.0.1  0x1  0x2  AA:BB:CC:DD:EE:01  *  eth0\n")
    assert said(nas.mac(known))[0] == "ok"
    table.write_text(head + "127.0.0.1  0x1  0x2  aa:bb:cc:dd:ee:99  *  eth0\n")
    assert "BALUPI_NAS_MAC_ADDRESS=aa:bb:cc:dd:ee:99" in said(nas.mac(known))[1]
    table.write_text(head + "127.0.0.1  0x1  0x0  00:00:00:00:00:00  *  eth0\n")
    assert said(nas.mac(known))[0] == "ok"
    for wrong in ("", "00:00:00:00:00:00", "01:00:5e:00:00:fb"):
        settings.NAS_MAC_ADDRESS = wrong
        assert said(nas.mac(known))[0] == "fail"


def test_magic_packets_need_a_route(
    known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WOL_BROADCAST = "127.255.255.255"
    assert said(nas.wake_route(known))[0] == "ok"
    settings.IS_PROD, settings.NAS_IP = True, "198.51.100.53"
    assert "same network" in said(nas.wake_route(known))[1]
    monkeypatch.setattr(nas, "_has_route", lambda _target: False)
    assert said(nas.wake_route(known))[0] == "fail"


def look(known: Known) -> Any:
    return pihole_checks.visit(known)


def test_pihole_is_written_to_and_left_as_it_was(known: Known, pihole: Pihole) -> None:
    before = pihole.hosts
    found = [said(each) for each in look(known)]
    assert [level for level, _words in found] == ["ok", "ok", "ok"], found
    assert "answered by DNS" in found[2][1]
    assert pihole.hosts == before


def test_pihole_is_left_out_while_the_database_that_has_its_lock_is_away(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("refused")

    monkeypatch.setattr(pihole_checks, "household_lock", away)
    assert [said(each)[0] for each in look(known)] == ["skipped"]


def test_a_run_that_is_cut_off_begins_no_write(known: Known, pihole: Pihole) -> None:
    before = pihole.hosts
    found = look(replace(known, is_cut_off=lambda: True))
    assert [each.level for each in found] == ["ok", "ok", "skipped"]
    assert pihole.hosts == before


def test_what_an_earlier_check_left_behind_is_removed(known: Known, pihole: Pihole) -> None:
    pihole.store(["192.0.2.77 doctor-check.balupi.invalid", "10.9.9.9 printer.lan"])
    assert [each.level for each in look(known)] == ["ok", "ok", "ok"]
    assert pihole.hosts == ["10.9.9.9 printer.lan"]


def test_a_record_that_dns_does_not_answer_is_told_and_taken_away(
    known: Known, pihole: Pihole, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pihole_checks, "_DNS_S", 0.2)
    before = pihole.hosts
    settings.PIHOLE_DNS = ("127.0.0.1", 9)
    assert "BALUPI_PIHOLE_DNS" in said(look(known)[2])[1]
    assert pihole.hosts == before


@pytest.mark.parametrize(
    ("fault", "name", "expected"),
    [
        pytest.param("read_only", "write", "misc.readOnly", id="read only"),
        pytest.param("seats_full", "", "no free session", id="no seat"),
        pytest.param("down", "", "No connection", id="down"),
    ],
)
def test_each_fault_of_pihole_has_its_own_cure(
    fault: str, name: str, expected: str, known: Known, pihole: Pihole
) -> None:
    pihole.break_with(fault)
    last = look(known)[-1]
    level, words = said(last)
    assert (level, last.about) == ("fail", name)
    assert expected in words


def test_a_wrong_password_is_told_without_the_password(
    known: Known, pihole: Pihole, settings: Any
) -> None:
    settings.PIHOLE_PASSWORD = "not-the-right-one"
    found = [said(each) for each in look(known)]
    assert [level for level, _words in found] == ["fail"]
    assert "BALUPI_PIHOLE_PASSWORD" in found[0][1]
    assert "not-the-right-one" not in found[0][1]


def test_pihole_is_not_disturbed_while_another_process_talks_to_it(
    known: Known, pihole: Pihole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pihole_checks, "_LOCK_S", 0.05)
    with file_lock(TALK_LOCK):
        assert [said(each)[0] for each in look(known)] == ["skipped"]


def test_full_sessions_are_told_before_the_last_one(
    known: Known, pihole: Pihole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pihole_checks, "_SEATS_WARN", 1 / 16)
    assert "max_sessions" in said(look(known)[1])[1]


def test_dns_is_pihole_s_and_the_names_lead_where_they_should(
    known: Known, pihole: Pihole, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(pihole_checks.dns(known))[0] == "ok"
    pihole.store([f"{settings.PI_IP} baluhost.local", "10.0.0.1 baluhost.lan"])
    ask_until("baluhost.local", settings.PI_IP, pihole.dns, within_s=5)
    found = names.answers(replace(known, wanted="pi"))
    assert [said(each)[0] for each in found] == ["ok", "fail"], found
    assert [said(each)[0] for each in names.answers(known)] == ["skipped", "skipped"]
    with dns_server(lambda query, _n: dns.message.make_response(query)) as other:
        settings.PIHOLE_DNS = other
        assert "no Pi-hole" in said(pihole_checks.dns(known))[1]
    settings.PIHOLE_DNS = ("127.0.0.1", 9)
    monkeypatch.setattr(pihole_checks, "_DNS_S", 0.2)
    monkeypatch.setattr(names, "_DNS_S", 0.2)
    assert said(pihole_checks.dns(known))[0] == "fail"
    assert [said(each)[0] for each in names.answers(known)] == ["skipped", "skipped"]


def test_who_answers_a_question_by_multicast_announces_the_name() -> None:
    def announce(query: dns.message.Message, _number: int) -> dns.message.Message:
        reply = dns.message.make_response(query)
        name = query.question[0].name
        reply.answer.append(dns.rrset.from_text(name, 120, "IN", "A", "10.0.0.53"))
        return reply

    with dns_server(announce) as group:
        found = names.who_announces("baluhost.local", "127.0.0.3", group, within_s=0.5)
        assert found == ["127.0.0.1"]
    with dns_server(lambda query, _n: dns.message.make_response(query)) as group:
        assert names.who_announces("baluhost.local", "127.0.0.3", group, within_s=0.2) == []
    with dns_server(lambda _query, _n: b"junk") as group:
        assert names.who_announces("baluhost.local", "127.0.0.3", group, within_s=0.2) == []


def test_a_name_that_is_announced_past_pihole_is_wrong(
    known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(names.announced(known))[0] == said(names.resolver(known))[0] == "skipped"
    settings.IS_PROD = True
    heard: list[str] = []
    monkeypatch.setattr(names, "who_announces", lambda *_args, **_options: heard)
    assert "never ask a Pi-hole" in said(names.announced(known))[1]
    settings.DNS_NAMES = ("baluhost.local", "baluhost.lan")
    assert said(names.announced(known))[0] == "ok"
    heard.append("192.168.178.53")
    assert said(names.announced(known))[0] == "fail"
    settings.DNS_NAMES = ("baluhost.lan",)
    assert said(names.announced(known))[0] == "ok"


def test_an_address_that_is_not_ours_is_told_once(known: Known, settings: Any) -> None:
    settings.IS_PROD, settings.PI_IP = True, "192.0.2.1"
    assert said(names.pi_address(known))[0] == "fail"
    assert said(names.announced(known))[0] == "skipped"


def test_what_dns_answers_is_told_in_the_language_of_the_reader(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = DnsAnswer(AnswerKind.NXDOMAIN)
    monkeypatch.setattr(dns_query, "ask", lambda *_args, **_options: unknown)
    wanted = replace(known, wanted="pi")
    # "auto" would end what somebody holds by hand.
    assert "switch_dns status" in said(names.answers(wanted)[0])[1]
    with translation.override("de"):
        assert "such name" not in said(names.answers(wanted)[0])[1]


def test_what_this_pi_itself_believes(
    known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IS_PROD, wanted = True, replace(known, wanted="pi")
    believed = [(socket.AF_INET, ("127.66.0.2", 80))]
    monkeypatch.setattr(names, "resolve", lambda *_args, **_options: believed)
    assert said(names.resolver(wanted))[0] == "ok"
    believed[0] = (socket.AF_INET, ("10.0.0.53", 80))
    assert "127.0.0.1" in said(names.resolver(wanted))[1]

    def unknown(*_args: Any, **_options: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(names, "resolve", unknown)
    assert said(names.resolver(wanted))[0] == "warn"


def test_the_way_to_the_nas_s_inbox(known: Known, settings: Any, tmp_path: Path) -> None:
    with running_home(tmp_path / "home", settings) as home:
        assert said(inbox.way(known))[0] == "skipped"
        awake = replace(known, nas_is_awake=True)
        assert said(inbox.way(awake))[0] == "ok"
        (home.ssh.inbox / ".balupi-inbox").unlink()
        assert ".balupi-inbox" in said(inbox.way(awake))[1]
        settings.NAS_SSH_KNOWN_HOSTS.unlink()
        assert "connect_inbox" in said(inbox.way(awake))[1]
