"""Checks of plugs, the NAS's calls and the inbox on this Pi."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from balupi_site.doctor import handshake, inbox, plugs
from balupi_site.doctor.known import Known
from balupi_site.doctor.tests.conftest import said
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.events.services import record
from energy.models import PlugRole, PlugStatus
from energy.sample_buffer import SampleBuffer
from energy.tests.factories import make_plug, make_reading
from handshake.models import CallKind, InboxStatus, NasCall
from handshake.services import connecting


@pytest.mark.django_db
def test_the_tapo_account(known: Known, settings: Any) -> None:
    settings.TAPO_USERNAME = settings.TAPO_PASSWORD = ""
    assert said(plugs.login(known))[0] == "warn"
    settings.TAPO_USERNAME = "owner@example.com"
    level, words = said(plugs.login(known))
    assert (level, "BALUPI_TAPO_PASSWORD" in words) == ("fail", True)
    settings.TAPO_PASSWORD = "correct horse"
    assert said(plugs.login(known))[0] == "ok"
    make_plug(name="Freezer", status=PlugStatus.LOGIN_REFUSED)
    level, words = said(plugs.login(known))
    assert (level, "Freezer" in words, "correct horse" in words) == ("fail", True, False)


@pytest.mark.django_db
def test_each_plug_says_when_it_was_read_and_what_hinders_it(
    known: Known, settings: Any, redis_server: Any
) -> None:
    settings.TAPO_USERNAME = "owner@example.com"
    assert [said(each)[0] for each in plugs.plugs(known)] == ["warn"]
    make_plug(101, name="A read one", role=PlugRole.NAS, status=PlugStatus.OK)
    make_plug(102, name="B never read")
    message = "No answer from 127.0.0.103. Plug it in."
    make_plug(103, name="C away", status=PlugStatus.UNREACHABLE, status_message=message)
    SampleBuffer().put(make_reading(101, at=known.now - timedelta(seconds=5)), is_sample=False)
    found = {each.title: each for each in plugs.plugs(known)}
    assert [each.level.value for each in found.values()] == ["ok", "fail", "fail"]
    assert (found["C away"].found, found["C away"].cure) == (
        "No answer from 127.0.0.103.",
        "Plug it in.",
    )
    later = Known(known.now + timedelta(hours=1))
    assert plugs.plugs(later)[0].level.value == "fail"


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param("", "fail", id="none"),
        pytest.param("k3yThatIsShort", "fail", id="short"),
        pytest.param("please-change-me-to-your-own-0123456789", "fail", id="an example"),
        pytest.param("ab" * 20, "warn", id="monotonous"),
        pytest.param("Zq8vN2xLr5TwK9sHd3MfJ7cYb1GpXa4uRe6o", "ok", id="random"),
    ],
)
def test_the_shared_secret_is_judged_and_never_told(
    secret: str, expected: str, known: Known, settings: Any
) -> None:
    settings.HANDSHAKE_SECRET = secret
    level, words = said(handshake.secret(known))
    assert level == expected
    assert not secret or secret not in words


@pytest.mark.django_db
def test_the_nas_s_calls(known: Known) -> None:
    assert said(handshake.calls(known))[0] == "warn"
    call = NasCall.objects.create(
        kind=CallKind.COMING_ONLINE,
        received_at=known.now - timedelta(hours=2),
        signed_at=known.now - timedelta(hours=2, seconds=-2),
        client="10.0.0.5",
        signature="a" * 64,
    )
    assert said(handshake.calls(known))[0] == "ok"
    NasCall.objects.filter(pk=call.pk).update(signed_at=call.received_at + timedelta(seconds=50))
    assert "time service" in said(handshake.calls(known))[1]
    refused_at = known.now - timedelta(minutes=5)
    record(Kind.NAS_CALL_REFUSED, refused_at, is_trouble=True, flaw="wrong_signature")
    level, words = said(handshake.calls(known))
    assert (level, "BALUPI_HANDSHAKE_SECRET" in words) == ("fail", True)
    Event.objects.update(address="10.0.0.99")
    assert said(handshake.calls(known))[0] == "warn", "anybody in the house can send one"


@pytest.mark.django_db
def test_the_inbox_on_this_pi(known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "is_on_system_disk", lambda _folder: False)
    for look in (inbox.state, inbox.disk, inbox.key, inbox.way):
        assert said(look(known))[0] == "skipped"
    settings.NAS_SSH_KEY.parent.mkdir()
    settings.NAS_SSH_KEY.touch(mode=0o600)
    assert said(inbox.disk(known))[0] == "fail"  # not mounted
    connecting.make_inbox()
    assert said(inbox.disk(known))[0] == "ok"
    monkeypatch.setattr(connecting, "is_on_system_disk", lambda _folder: True)
    assert said(inbox.disk(known))[0] == "warn"
    assert "host key" in said(inbox.key(known))[1]
    settings.NAS_SSH_KNOWN_HOSTS.touch()
    assert said(inbox.key(known))[0] == "ok"
    settings.NAS_SSH_KEY.chmod(0o644)
    assert "chmod 600" in said(inbox.key(known))[1]
    assert said(inbox.state(known))[0] == "ok"
    InboxStatus.objects.create(pk=1, trouble="nas_full")
    assert "Make room on it" in said(inbox.state(known))[1]
