"""``manage.py sign_call``: what it prints is the NAS's call."""

from __future__ import annotations

import io
import json
import shlex
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from handshake.models import NasCall, Snapshot
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from handshake.tests.conftest import Stored
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, SECRET, SNAPSHOT, VECTORS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "names")]


class Curl:
    """What a printed command would send."""

    def __init__(self, line: str) -> None:
        words = shlex.split(line)
        assert words[:4] == ["curl", "-sS", "-X", "POST"]
        self.url = words[4]
        options = list(zip(words[5::2], words[6::2], strict=True))
        self.headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
        self.body = next((value for name, value in options if name == "--data-binary"), None)
        assert {name for name, _value in options} <= {"-H", "--data-binary"}

    def send(self, stdin: bytes = b"") -> Any:
        """Send it; "@-" is what stands in ``stdin``."""
        body = b""
        if self.body is not None:
            assert self.body.startswith("@")
            body = stdin if self.body == "@-" else Path(self.body[1:]).read_bytes()
        return call(self.url.removeprefix("http://127.0.0.1:8000"), self.headers, body)


def call(path: str, headers: dict[str, str], body: bytes) -> Any:
    kind = headers.pop("Content-Type", "application/json")
    return Client().generic("POST", path, body, content_type=kind, headers=headers)


def printed(*arguments: str) -> str:
    output = io.StringIO()
    call_command("sign_call", *arguments, stdout=output)
    return output.getvalue()


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.fixture(autouse=True)
def _listen(settings: Any) -> None:
    settings.LISTEN = ("127.0.0.1:8000",)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my snapshot's file.json"
    path.write_bytes(SNAPSHOT)
    return path


def test_a_call_of_coming_online_is_accepted() -> None:
    curl = Curl(printed("coming-online"))
    assert (curl.url, curl.body) == (f"http://127.0.0.1:8000{COMING_ONLINE}", None)
    assert curl.send().json()["acknowledged"] is True
    assert curl.send().status_code == 401, "it is good for one call"


def test_a_call_of_going_offline_with_a_file_is_accepted(file: Path) -> None:
    curl = Curl(printed("going-offline", "--body", str(file)))
    assert (curl.url, curl.body) == (f"http://127.0.0.1:8000{GOING_OFFLINE}", f"@{file}")
    assert curl.send().json() == {"acknowledged": True, "dns_switched": True}
    assert json.loads(Snapshot.objects.get().content) == json.loads(SNAPSHOT)


def test_a_call_with_standard_input_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, SNAPSHOT)
    curl = Curl(printed("going-offline", "--body", "-"))
    assert curl.body == "@-"
    assert curl.send(SNAPSHOT).status_code == 200


def test_the_headers_alone_are_enough(file: Path) -> None:
    lines = printed("going-offline", "--body", str(file), "--headers").splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    assert list(headers) == [TIMESTAMP_HEADER, SIGNATURE_HEADER]
    assert call(GOING_OFFLINE, headers, SNAPSHOT).status_code == 200


@pytest.mark.parametrize(
    "body", [SNAPSHOT, VECTORS["offline-nonascii-httpx028"].body, SNAPSHOT + b"\n"]
)
def test_it_signs_as_balu_host_does(
    body: bytes, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the sorted, compact form: the very mistake that receivers make does not go unseen."""
    file.write_bytes(body)
    curl = Curl(printed("going-offline", "--body", str(file)))
    monkeypatch.setattr("handshake.signature.canonical", lambda _body: None)
    assert curl.send().status_code == 401
    monkeypatch.undo()


def test_it_signs_the_real_vector(file: Path) -> None:
    vector = VECTORS["offline-real-httpx027"]
    with time_machine.travel(int(vector.timestamp), tick=False):
        text = printed("going-offline", "--body", str(file))
    assert Curl(text).headers[SIGNATURE_HEADER] == vector.signature


@pytest.mark.parametrize("body", [b"junk", b"", b"{", b"\xff", b"[" * 100_000])
def test_any_file_can_be_signed_to_see_it_refused(body: bytes, file: Path) -> None:
    file.write_bytes(body)
    answer = Curl(printed("going-offline", "--body", str(file))).send()
    assert answer.status_code == 400, "well signed, no snapshot"


@pytest.mark.parametrize(("later_s", "status"), [(60, 200), (61, 401)])
def test_it_is_good_for_a_minute(later_s: int, status: int) -> None:
    now = timezone.now().replace(microsecond=0)
    with time_machine.travel(now, tick=False):
        curl = Curl(printed("coming-online"))
    with time_machine.travel(now + timedelta(seconds=later_s), tick=False):
        assert curl.send().status_code == status


def test_it_calls_where_the_web_process_listens(settings: Any) -> None:
    settings.LISTEN = ("127.0.0.1:8123", "127.0.0.1:9")
    assert Curl(printed("coming-online")).url == f"http://127.0.0.1:8123{COMING_ONLINE}"


def test_without_a_secret_there_is_nothing_to_sign_with(settings: Any) -> None:
    settings.HANDSHAKE_SECRET = ""
    with pytest.raises(CommandError, match="BALUPI_HANDSHAKE_SECRET is not set"):
        printed("coming-online")


@pytest.mark.parametrize("name", ["missing.json", ".", ""])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / name) if name else ""
    with pytest.raises(CommandError, match=r"cannot be read: (No such file|Is a directory)"):
        printed("going-offline", "--body", path)


@pytest.mark.parametrize("arguments", [[], ["good-bye"], ["nas-going-offline"]])
def test_other_calls_are_unknown(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        printed(*arguments)


@pytest.mark.parametrize("headers", [[], ["--headers"]])
def test_the_secret_is_never_printed(
    headers: list[str], file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = printed("going-offline", "--body", str(file), *headers)
    text += printed("coming-online", *headers)
    text += "".join(capfd.readouterr())
    assert SECRET not in text


def test_printing_a_call_is_not_making_it(file: Path, stored: Stored) -> None:
    before = stored()
    printed("going-offline", "--body", str(file))
    assert stored() == before
    assert not NasCall.objects.exists()
