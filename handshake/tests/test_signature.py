"""The rule that tells the NAS's calls from others."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from handshake.signature import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Flaw,
    SignatureError,
    canonical,
    check_signature,
    sign,
)
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, PARAMS, SECRET, SNAPSHOT, Vector

NOW = 1_795_450_972


def check(**changes: Any) -> None:
    """Check a good call of going-offline with changes."""
    call: dict[str, Any] = {"timestamp": str(NOW), "body": SNAPSHOT, "now_s": NOW} | changes
    signature = sign(SECRET, "POST", GOING_OFFLINE, call["timestamp"], call["body"])
    check_signature(SECRET, "POST", GOING_OFFLINE, **{"signature": signature} | call)


def refusal(**changes: Any) -> SignatureError:
    with pytest.raises(SignatureError) as caught:
        check(**changes)
    return caught.value


def is_believed(vector: Vector, secret: str) -> bool:
    try:
        check_signature(
            secret,
            vector.method,
            vector.path,
            timestamp=vector.timestamp,
            signature=vector.signature,
            body=vector.body,
            now_s=vector.now,
        )
    except SignatureError:
        return False
    return True


def test_there_are_all_vectors() -> None:
    assert len(PARAMS) == 54


@pytest.mark.parametrize("vector", PARAMS)
def test_a_vector(vector: Vector) -> None:
    if not vector.secret:
        with pytest.raises(ValueError, match="without a secret"):
            is_believed(vector, vector.secret)
        return
    believed = is_believed(vector, vector.secret)
    assert vector.is_optional or believed == vector.is_accepted


@pytest.mark.parametrize("vector", PARAMS)
def test_no_vector_is_believed_with_another_secret(vector: Vector) -> None:
    assert not is_believed(vector, SECRET[::-1])


def test_a_good_call_is_believed() -> None:
    check()


def test_a_signature_is_the_hmac_of_what_the_wire_format_says() -> None:
    body_digest = hashlib.sha256(b"{}").hexdigest()
    message = f"POST:/path:17:{body_digest}".encode()
    expected = hmac.new(b"secret", message, "sha256").hexdigest()
    assert sign("secret", "POST", "/path", "17", b"{}") == expected
    assert expected == expected.lower()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("secret2", "POST", "/path", "17", b"{}"), id="secret"),
        pytest.param(("secret", "GET", "/path", "17", b"{}"), id="method"),
        pytest.param(("secret", "POST", "/path2", "17", b"{}"), id="path"),
        pytest.param(("secret", "POST", "/path", "18", b"{}"), id="timestamp"),
        pytest.param(("secret", "POST", "/path", "17", b"{ }"), id="body"),
    ],
)
def test_everything_is_signed(other: tuple[str, str, str, str, bytes]) -> None:
    assert sign(*other) != sign("secret", "POST", "/path", "17", b"{}")


def test_a_secret_or_path_beyond_ascii_can_sign() -> None:
    assert len(sign("Schlüssel", "POST", "/ä\ufffd", "17", b"")) == 64


@pytest.mark.parametrize("away_s", [0, 1, 59, 60, -1, -59, -60])
def test_clocks_may_be_a_minute_apart(away_s: int) -> None:
    check(now_s=NOW + away_s)


@pytest.mark.parametrize(
    ("away_s", "words"),
    [
        pytest.param(61, ("61 s old", "the NAS's clock is 61 s behind the Pi's"), id="old"),
        pytest.param(
            -61, ("61 s in the future", "the NAS's clock is 61 s ahead of the Pi's"), id="future"
        ),
        pytest.param(86400, ("86400 s old", "86400 s behind"), id="a day"),
    ],
)
def test_a_refusal_says_how_far_the_clocks_are_apart_and_which_is_behind(
    away_s: int, words: tuple[str, ...]
) -> None:
    error = refusal(now_s=NOW + away_s)
    assert error.flaw is Flaw.CLOCKS_DIFFER
    assert all(word in str(error) for word in (*words, "60 s are allowed", "NTP"))


def test_the_age_is_counted_in_whole_seconds() -> None:
    """The NAS cuts its time off, too."""
    check(now_s=NOW + 60.999)
    assert refusal(now_s=NOW + 61.0).flaw is Flaw.CLOCKS_DIFFER


@pytest.mark.parametrize(
    ("missing", "header", "flaw"),
    [
        ("timestamp", TIMESTAMP_HEADER, Flaw.NO_TIMESTAMP),
        ("signature", SIGNATURE_HEADER, Flaw.NO_SIGNATURE),
    ],
)
def test_a_missing_header_is_named(missing: str, header: str, flaw: Flaw) -> None:
    error = refusal(**{missing: ""})
    assert error.flaw is flaw
    assert header in str(error)
    assert "missing" in str(error)


@pytest.mark.parametrize(
    "timestamp",
    [
        "abc",
        f"{NOW}.5",
        f" {NOW}",
        f"{NOW} ",
        f"{NOW}\n",
        f"+{NOW}",
        f"-{NOW}",
        "1_795_450_972",
        "1.795450972e9",
        "inf",
        "nan",
        "0x6b049b5c",
        "١٧٩٥٤٥٠٩٧٢",
        "9" * 400,
        "9" * 5000,
    ],
)
def test_a_timestamp_is_plain_digits_even_if_it_is_signed(timestamp: str) -> None:
    error = refusal(timestamp=timestamp)
    assert error.flaw is Flaw.BAD_TIMESTAMP
    assert "digits" in str(error)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("0" * 64, id="another"),
        pytest.param("é" * 64, id="not ASCII"),
        pytest.param("\ud800" * 64, id="a lone surrogate"),
        pytest.param("0" * 100_000, id="long"),
        pytest.param("x", id="short"),
        pytest.param("\0", id="NUL"),
    ],
)
def test_a_wrong_signature_is_refused_whatever_it_is(signature: str) -> None:
    assert refusal(signature=signature).flaw is Flaw.WRONG_SIGNATURE


def test_nothing_but_the_exact_signature_is_taken() -> None:
    """Else a replay would only need another spelling."""
    right = sign(SECRET, "POST", GOING_OFFLINE, str(NOW), SNAPSHOT)
    for other in (right.upper(), f" {right}", f"{right} ", right[:-1], f"{right}0", f"{right}\n"):
        assert refusal(signature=other).flaw is Flaw.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": ""},
        {"signature": ""},
        {"timestamp": "x"},
        {"now_s": NOW + 100},
        {"signature": "0" * 64},
        {"body": b"{}", "signature": "0" * 64},
    ],
)
def test_no_refusal_helps_to_forge_a_call(changes: dict[str, Any]) -> None:
    text = str(refusal(**changes))
    body = changes.get("body", SNAPSHOT)
    timestamp = changes.get("timestamp", str(NOW))
    forms = [body, canonical(body) or b"", b""]
    right = [sign(SECRET, "POST", GOING_OFFLINE, timestamp, form) for form in forms]
    digests = [hashlib.sha256(form).hexdigest() for form in forms]
    assert not [secret for secret in [SECRET, *right, *digests] if secret in text]


def test_each_flaw_has_a_sentence_for_people() -> None:
    for flaw in set(Flaw) - {Flaw.CLOCKS_DIFFER}:
        assert str(SignatureError(flaw)).endswith(".")


def test_a_wrong_signature_names_what_to_compare() -> None:
    text = str(refusal(signature="0" * 64))
    assert "BALUPI_HANDSHAKE_SECRET" in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"b": 1, "a": [1, 2]}', b'{"a":[1,2],"b":1}', id="sorted and compact"),
        pytest.param('{"a":"ü"}'.encode(), b'{"a":"\\u00fc"}', id="escaped"),
        pytest.param(b'{"a":1,"a":2}', b'{"a":2}', id="the last of two keys"),
        pytest.param(b"[2.0, 1e-07, 1E16]", b"[2.0,1e-07,1e+16]", id="floats as Python has them"),
        pytest.param(b' "text" ', b'"text"', id="not only objects"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"{", None, id="no JSON"),
        pytest.param(b'{"a":"\xff"}', None, id="not UTF-8"),
        pytest.param('{"a":1}'.encode("utf-16"), None, id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', None, id="a mark of byte order"),
        pytest.param(b"[" * 200_000, None, id="nested too deeply to be read"),
        pytest.param(b"[" * 5000 + b"]" * 5000, None, id="nested too deeply to be written"),
        pytest.param(b"9" * 5000, None, id="too long a number"),
    ],
)
def test_the_canonical_form(body: bytes, expected: bytes | None) -> None:
    assert canonical(body) == expected


def test_the_canonical_form_is_that_of_balu_host() -> None:
    value = json.loads(SNAPSHOT)
    form = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    assert canonical(SNAPSHOT) == form != SNAPSHOT


def test_an_empty_body_and_an_empty_object_are_two_things() -> None:
    timestamp = str(NOW)
    for signed, sent in ((b"", b"{}"), (b"{}", b"")):
        signature = sign(SECRET, "POST", COMING_ONLINE, timestamp, signed)
        with pytest.raises(SignatureError):
            check_signature(
                SECRET,
                "POST",
                COMING_ONLINE,
                timestamp=timestamp,
                signature=signature,
                body=sent,
                now_s=NOW,
            )
