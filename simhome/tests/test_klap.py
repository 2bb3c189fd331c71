"""KLAP as the plug speaks it, against python-kasa's own half of the encryption."""

from datetime import UTC, datetime

import pytest

from simhome.clock import ManualClock
from simhome.klap import MAX_SESSIONS, SESSION_S, KlapCipher, KlapError, KlapSessions, auth_hash

LOCAL, REMOTE = bytes(range(16)), bytes(range(16, 32))
AUTH = auth_hash("Owner@example.com", "Correct horse 7")


def make_sessions() -> tuple[KlapSessions, ManualClock]:
    clock = ManualClock(datetime(2026, 1, 15, tzinfo=UTC))
    return KlapSessions(AUTH, clock), clock


def log_in(sessions: KlapSessions) -> str:
    """Do both handshakes as python-kasa does; return the cookie."""
    from kasa.transports import KlapTransportV2

    cookie, reply = sessions.handshake1(LOCAL)
    remote, proof = reply[:16], reply[16:]
    assert proof == KlapTransportV2.handshake1_seed_auth_hash(LOCAL, remote, AUTH)
    mine = KlapTransportV2.handshake2_seed_auth_hash(LOCAL, remote, AUTH)
    assert sessions.handshake2(cookie, mine)
    return cookie


def test_the_account_is_hashed_as_the_client_hashes_it() -> None:
    from kasa import Credentials
    from kasa.transports import KlapTransportV2

    theirs = KlapTransportV2.generate_auth_hash(Credentials("Owner@example.com", "Correct horse 7"))
    assert theirs == AUTH


def test_what_the_client_encrypts_is_read_and_the_other_way_round() -> None:
    from kasa.transports.klaptransport import KlapEncryptionSession

    client, plug = KlapEncryptionSession(LOCAL, REMOTE, AUTH), KlapCipher(LOCAL, REMOTE, AUTH)
    for number, text in enumerate((b'{"method":"x"}', b"", b"x" * 1000), start=1):
        body, sequence = client.encrypt(text)
        assert sequence == plug.first_sequence + number
        assert plug.decrypt(sequence, body) == text
        assert client.decrypt(plug.encrypt(sequence, text)) == text.decode()


@pytest.mark.parametrize("sequence", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_sequence_numbers_are_signed(sequence: int) -> None:
    cipher = KlapCipher(LOCAL, REMOTE, AUTH)
    assert cipher.decrypt(sequence, cipher.encrypt(sequence, b"text")) == b"text"


GOOD = KlapCipher(LOCAL, REMOTE, AUTH).encrypt(7, b"text")


@pytest.mark.parametrize(
    ("sequence", "body"),
    [
        pytest.param(8, GOOD, id="another sequence number"),
        pytest.param(2**31, GOOD, id="a number too large"),
        pytest.param(7, GOOD[:-1], id="cut off"),
        pytest.param(7, b"!" + GOOD[1:], id="another signature"),
        pytest.param(7, b"", id="empty"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(sequence: int, body: bytes) -> None:
    with pytest.raises(KlapError):
        KlapCipher(LOCAL, REMOTE, AUTH).decrypt(sequence, body)


def test_a_login_opens_a_session() -> None:
    sessions, _ = make_sessions()
    cookie = log_in(sessions)
    assert sessions.cipher(cookie) is not None
    assert len(sessions) == 1


def test_nothing_is_open_before_the_second_handshake_or_after_a_wrong_one() -> None:
    sessions, _ = make_sessions()
    cookie, _ = sessions.handshake1(LOCAL)
    assert sessions.cipher(cookie) is None
    assert not sessions.handshake2(cookie, b"?" * 32)
    assert not sessions.handshake2("unknown", b"?" * 32)
    assert sessions.cipher(cookie) is None
    assert sessions.cipher("unknown") is None
    assert len(sessions) == 0


def test_a_session_lives_for_a_day() -> None:
    sessions, clock = make_sessions()
    cookie = log_in(sessions)
    clock.advance(SESSION_S - 0.001)
    assert sessions.cipher(cookie) is not None
    clock.advance(0.001)
    assert sessions.cipher(cookie) is None


def test_with_a_single_session_a_login_ends_the_one_before_but_an_attempt_does_not() -> None:
    sessions, _ = make_sessions()
    sessions.single = True
    first = log_in(sessions)
    attempt, _ = sessions.handshake1(LOCAL)
    assert not sessions.handshake2(attempt, b"?" * 32)
    assert sessions.cipher(first) is not None
    second = log_in(sessions)
    assert sessions.cipher(first) is None
    assert sessions.cipher(second) is not None


def test_the_oldest_session_makes_room() -> None:
    sessions, _ = make_sessions()
    cookies = [log_in(sessions) for _ in range(MAX_SESSIONS + 1)]
    assert sessions.cipher(cookies[0]) is None
    assert all(sessions.cipher(cookie) for cookie in cookies[1:])


def test_dropped_sessions_are_gone() -> None:
    sessions, _ = make_sessions()
    cookie = log_in(sessions)
    sessions.drop_all()
    assert sessions.cipher(cookie) is None
