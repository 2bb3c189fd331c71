"""What is done with plugs and tariffs is in the log of events, with who did it; both or neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from balupi_site.events.models import Event
from balupi_site.lib.errors import RefusedError, TransientError
from balupi_site.lib.origin import Origin, acting_for
from energy import answers, asking, tasks
from energy.answers import NoAnswerError
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.services import (
    delete_plug,
    edit_plug,
    look_for_anomalies,
    switching,
    tariffs,
    unlock_plug,
)
from energy.tariffs import TariffRule
from energy.tests.factories import id_of, make_plug

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KIM = Origin("kim", "api", "10.0.0.7")


@pytest.fixture
def admin_api() -> APIClient:
    client = APIClient(REMOTE_ADDR="10.0.0.7")
    client.force_authenticate(User.objects.create_user("owner", is_staff=True))
    return client


def failing(*_args: Any, **_kwargs: Any) -> None:
    raise DatabaseError("the log is broken")


def test_a_change_that_cannot_be_written_down_does_not_happen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug = make_plug(101, name="Lamp")
    monkeypatch.setattr(Event.objects, "create", failing)
    for attempt in (
        lambda: edit_plug(plug, name="Fridge"),
        lambda: unlock_plug(plug, unlocked_by="kim", unlocked_from="", now=NOW),
        lambda: delete_plug(plug),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()
    plug.refresh_from_db()
    assert plug.name == "Lamp"
    assert not plug.unlocks.exists()


def test_what_fails_is_not_written_down() -> None:
    make_plug(101, role=PlugRole.NAS)
    with pytest.raises(Exception, match="role NAS"), transaction.atomic():
        edit_plug(make_plug(102), role=PlugRole.NAS)
    assert not Event.objects.exists()


def test_an_edit_tells_old_and_new_and_by_whom() -> None:
    plug = make_plug(101, name="Lamp")
    with acting_for(Origin("kim", "api", "10.0.0.7")):
        edit_plug(plug, name="Fridge", enabled=plug.enabled)
    event = Event.objects.get()
    assert (event.kind, event.subject, event.who) == ("change.edited", "Lamp", "kim")
    assert event.facts == {"what": "plug", "changes": {"name": ["Lamp", "Fridge"]}}


def test_a_new_address_is_told_as_that_and_not_as_a_change_of_credentials() -> None:
    plug = make_plug(101, host="192.168.178.40", refused_credentials="x")
    edit_plug(plug, host="192.168.178.41")
    plug.refresh_from_db()
    assert plug.refused_credentials == ""
    assert Event.objects.get().facts["changes"] == {"host": ["192.168.178.40", "192.168.178.41"]}


# --- switching ------------------------------------------------------------------------------------


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Any]:
    """Run what the worker is asked for at once, as the worker; give its replies."""
    given: list[Any] = []

    def apply_async(*, args: Any, kwargs: Any, **_options: Any) -> None:
        settings.PROCESS = "worker"
        tasks.switch_plug(*args, **kwargs)

    class Redis:
        def blpop(self, *_args: Any, **_kwargs: Any) -> Any:
            return ("", given[-1]) if given else None

        def pipeline(self, **_kwargs: Any) -> Any:
            return self

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_exc: object) -> None: ...

        def rpush(self, _key: str, text: str) -> None:
            given.append(text)

        def expire(self, *_args: Any) -> None: ...

        def execute(self) -> None: ...

    monkeypatch.setattr(tasks.switch_plug, "apply_async", apply_async)
    monkeypatch.setattr(answers, "client", lambda **_kw: Redis())
    return given


def test_who_asked_to_switch_a_plug_survives_the_queue(
    admin_api: APIClient, replies: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plug(101, name="Lamp")
    monkeypatch.setattr(switching, "_switch", lambda _plug, *, on, **_kw: on)
    answer = admin_api.post(f"/api/tapo/devices/{id_of(101)}/on")
    assert answer.status_code == 200, answer.content
    event = Event.objects.get(kind="plug.switched")
    assert (event.who, event.via, event.address) == ("owner", "api", "10.0.0.7")
    assert (event.subject, event.is_trouble) == ("Lamp", False)
    assert event.facts == {"action": "on", "outcome": "switched", "is_on": True, "overruled": ""}


@pytest.mark.parametrize(
    ("error", "outcome", "is_trouble"),
    [
        pytest.param(RefusedError("The NAS is on.", code="nas_on"), "refused", False, id="refused"),
        pytest.param(TransientError("No answer."), "failed", True, id="failed"),
    ],
)
def test_what_was_not_switched_is_told_once_with_the_reason(
    admin_api: APIClient,
    replies: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    outcome: str,
    is_trouble: bool,
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> bool:
        raise error

    make_plug(101)
    monkeypatch.setattr(switching, "_switch", fail)
    assert admin_api.post(f"/api/tapo/devices/{id_of(101)}/off").status_code in {409, 503}
    event = Event.objects.get(kind="plug.switched")
    assert (event.who, event.is_trouble) == ("owner", is_trouble)
    assert (event.facts["outcome"], event.facts["why"]) == (outcome, str(error))


def test_a_worker_that_does_not_answer_is_told_by_whoever_asked(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_args: Any, **_kwargs: Any) -> None:
        raise NoAnswerError(answers.WORKER_IS_AWAY)

    make_plug(101)
    monkeypatch.setattr(asking, "ask_worker", nobody)
    assert admin_api.post(f"/api/tapo/devices/{id_of(101)}/toggle").status_code == 503
    event = Event.objects.get()
    assert (event.who, event.facts["outcome"], event.is_trouble) == ("owner", "unanswered", True)


@pytest.mark.parametrize("error", [None, RefusedError("The NAS is on.", code="nas_on")])
def test_a_log_that_cannot_be_written_does_not_change_the_worker_s_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception | None
) -> None:
    def switch(_plug: SmartPlug, *, on: bool, **_options: Any) -> bool:
        if error is not None:
            raise error
        return on

    make_plug(101)
    monkeypatch.setattr(switching, "_switch", switch)
    monkeypatch.setattr(Event.objects, "create", failing)
    if error is None:
        assert switching.switch_plug(id_of(101), "on") is True
    else:
        with pytest.raises(RefusedError, match="The NAS is on"):
            switching.switch_plug(id_of(101), "on")
    assert "the log is broken" in caplog.text


def test_a_database_that_fails_after_the_relay_moved_does_not_change_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Pool:
        def switch(self, *_args: Any, **_options: Any) -> object:
            return object()

    monkeypatch.setattr(switching, "shared_pool", Pool)
    monkeypatch.setattr(switching, "keep_result", failing)
    make_plug(101)
    assert switching.switch_plug(id_of(101), "off") is False
    assert Event.objects.get().facts["outcome"] == "switched"


def test_a_worker_that_does_not_answer_is_told_so_also_without_a_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug = make_plug(101)
    monkeypatch.setattr(Event.objects, "create", failing)
    with pytest.raises(NoAnswerError), switching.told_if_unanswered(plug, "on"):
        raise NoAnswerError(answers.WORKER_IS_AWAY)


# --- plugs, tariffs, anomalies --------------------------------------------------------------------


def test_unlocking_and_deleting_are_told() -> None:
    plug = make_plug(101, name="Lamp")
    with acting_for(KIM):
        unlock_plug(plug, unlocked_by="kim", unlocked_from="10.0.0.7", now=NOW)
        delete_plug(plug)
    unlocked, deleted = Event.objects.order_by("pk")
    assert (unlocked.kind, unlocked.who, unlocked.facts) == (
        "plug.unlocked",
        "kim",
        {"seconds": 60},
    )
    assert (deleted.kind, deleted.subject, deleted.who) == ("change.deleted", "Lamp", "kim")
    assert deleted.facts["changes"]["device_id"] == [id_of(101), ""]
    assert not SmartPlug.objects.exists()


def rule(**fields: Any) -> TariffRule:
    plain = TariffRule(
        tariff_id=None,
        name="Day",
        price_per_kwh=Decimal("0.30"),
        base_fee_per_month=Decimal(0),
        currency="EUR",
        valid_from=None,
        valid_to=None,
        zones=(),
    )
    return replace(plain, **fields)


def test_tariffs_are_told_with_old_and_new() -> None:
    added = tariffs.add_tariff(rule(), is_active=True, now=NOW).tariff
    assert added is not None
    later = rule(name="Next", price_per_kwh=Decimal("0.40"))
    tariffs.add_tariff(later, is_active=True, now=NOW)
    added.refresh_from_db()
    wanted = rule(price_per_kwh=Decimal("0.31"), valid_to=added.valid_to)
    tariffs.change_tariff(added, wanted, is_active=True)
    tariffs.delete_tariff(added)
    told = [(it.kind, it.subject, it.facts["changes"]) for it in Event.objects.order_by("pk")]
    assert [(kind, subject) for kind, subject, _changes in told] == [
        ("change.added", "Day"),
        ("change.edited", "Day"),
        ("change.added", "Next"),
        ("change.edited", "Day"),
        ("change.deleted", "Day"),
    ]
    assert told[1][2] == {"valid_to": ["", str(date(2026, 11, 24))]}
    assert told[3][2] == {"price_per_kwh": ["0.300000", "0.310000"]}


def test_trying_out_a_tariff_is_no_event() -> None:
    tariffs.add_tariff(rule(), is_active=True, now=NOW, dry_run=True)
    assert not Event.objects.exists()


def test_a_lost_plug_is_told_when_it_goes_and_when_it_is_back() -> None:
    plug = make_plug(101, name="Lamp")
    plugs = SmartPlug.objects.filter(pk=plug.pk)
    plugs.update(status=PlugStatus.UNREACHABLE, status_since=NOW.replace(hour=10))
    look_for_anomalies(NOW)
    look_for_anomalies(NOW)
    plugs.update(status=PlugStatus.OK, status_since=NOW.replace(hour=13))
    look_for_anomalies(NOW.replace(hour=13))
    begun, over = Event.objects.filter(kind__startswith="plug.").order_by("pk")
    assert (begun.kind, begun.subject, begun.is_trouble) == ("plug.anomaly", "Lamp", True)
    assert (over.kind, over.duration_s, over.is_trouble) == ("plug.anomaly_over", 3 * 3600, False)
    assert (begun.who, begun.via) == ("", "")
