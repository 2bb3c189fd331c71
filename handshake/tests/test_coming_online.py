"""The NAS says that it starts: the names stay until it answers, the inbox moves then."""

from __future__ import annotations

import pytest
import time_machine
from django.utils import timezone

from handshake.models import CallKind, NasCall, Snapshot
from handshake.tests.conftest import Enqueued, Names, NasCaller
from handshake.tests.nas_stands import RECONCILE, WATCH, S, be_online, status
from handshake.tests.vectors import COMING_ONLINE, SNAPSHOT
from nasctl import services as nasctl
from pihole.models import NameStatus

pytestmark = pytest.mark.django_db


def test_coming_online_is_answered_with_the_five_fields(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    answer = nas.come_online()
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "acknowledged": True,
        "inbox_flushed": False,
        "files_transferred": 0,
        "dns_switched": False,
        "flush_queued": True,
    }
    assert NasCall.objects.get().kind == CallKind.COMING_ONLINE


@pytest.mark.parametrize("was_probed", [True, False])
def test_coming_online_leaves_the_names_at_the_pi_until_a_good_probe(
    was_probed: bool, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """It calls before it serves."""
    be_online(probed=was_probed)
    nas.come_online()
    assert (status().state, status().probed) == (S.ONLINE, False)
    assert NameStatus.current().wanted == "pi"


def test_coming_online_waits_for_nothing_outside(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """The predecessor moved the inbox within the request, and the NAS gave up."""
    nas.go_offline()
    names.calls.clear()
    enqueued.clear()
    assert nas.come_online().status_code == 200
    assert names.calls == []
    assert enqueued == [(WATCH,)]


def test_names_that_lead_to_a_nas_that_starts_again_are_due(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    be_online()
    nas.come_online()
    assert enqueued == [(WATCH,), (RECONCILE,)]


@pytest.mark.parametrize("body", [b"{}", b"junk", SNAPSHOT])
def test_a_signed_body_of_coming_online_is_not_read(
    body: bytes, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    assert nas.call(COMING_ONLINE, body).status_code == 200
    assert not Snapshot.objects.exists()


def test_a_restart_of_the_service_is_a_pair_of_calls(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """Both within one second."""
    be_online()
    with time_machine.travel(timezone.now(), tick=False):
        assert nas.go_offline().status_code == nas.come_online().status_code == 200
    assert (status().state, NasCall.objects.count()) == (S.ONLINE, 2)


def test_the_inbox_is_moved_when_balu_host_answers_whoever_noticed_it(enqueued: Enqueued) -> None:
    """Not by the call: the NAS does not serve yet then, and may come up without one."""
    nasctl.tell_arrival()
    assert enqueued == [("handshake.tasks.flush_inbox", "arrival")]
