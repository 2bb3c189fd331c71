"""A NAS that draws power for hours without answering is told; one that sleeps is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from energy.anomalies import UNTOLD, Verdict
from energy.models import Anomaly, PlugRole, PlugStatus, PowerSample, SmartPlug
from energy.services import anomalies, anomaly_text, look_for_anomalies
from nasctl.models import NasStatus, StateChange
from nasctl.services.silence import PowerSeen, nas_silent, silence
from nasctl.state import NasState

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

S = NasState
RUNNING = PowerSeen(mean_w=34.04, measured=1.0, running=1.0)
ASLEEP = PowerSeen(mean_w=1.2, measured=1.0, running=0.0)
UNMEASURED = PowerSeen(mean_w=None, measured=0.0, running=0.0)


def judged(
    state: NasState = S.OFFLINE,
    *,
    hours: float = 3,
    was_there: bool = False,
    power: PowerSeen = RUNNING,
) -> Verdict:
    since = NOON - hours * HOUR
    return silence(state, since, was_there=was_there, power=power, now=NOON)


def test_a_nas_that_runs_and_is_silent_is_told_with_its_power() -> None:
    assert judged() == Verdict(
        is_wrong=True,
        since=NOON - 3 * HOUR,
        facts={"power_w": 34.0, "since": "2026-03-02T09:00:00+00:00"},
    )


@pytest.mark.parametrize(
    ("found", "is_wrong"),
    [
        pytest.param(judged(S.ONLINE), False, id="it answers"),
        pytest.param(judged(S.SHUTTING_DOWN), False, id="it has just said good-bye"),
        pytest.param(judged(power=ASLEEP), False, id="it sleeps"),
        pytest.param(judged(S.UNKNOWN, power=ASLEEP), False, id="it sleeps, never seen"),
        pytest.param(
            judged(power=PowerSeen(30.0, 1.0, 0.89)), False, id="it went off a quarter ago"
        ),
        pytest.param(judged(power=PowerSeen(30.0, 1.0, 0.9)), True, id="nearly all of the time"),
        pytest.param(judged(power=UNMEASURED), None, id="nothing was measured"),
        pytest.param(judged(power=PowerSeen(34.0, 0.49, 1.0)), None, id="less than half was"),
        pytest.param(judged(power=PowerSeen(34.0, 0.5, 1.0)), True, id="half of it was"),
        pytest.param(judged(S.BOOTING, hours=0.01), None, id="somebody tries to wake it"),
        pytest.param(judged(hours=1, was_there=True), None, id="silent for an hour"),
        pytest.param(judged(S.UNKNOWN), None, id="never seen"),
    ],
)
def test_silence_means_that_it_runs_for_hours_and_does_not_answer(
    found: Verdict, *, is_wrong: bool | None
) -> None:
    assert found.is_wrong is is_wrong


def test_a_wake_that_failed_meanwhile_does_not_hide_it() -> None:
    found = judged(hours=0.5)
    assert (found.is_wrong, found.since) == (True, NOON - 2 * HOUR)


# --- with rows ----------------------------------------------------------------------------------


@pytest.fixture
def plug(db: None) -> SmartPlug:
    return SmartPlug.objects.create(
        device_id="8022", mac="02:00:5e:00:00:16", name="NAS", role=PlugRole.NAS,
        host="127.0.0.22", status=PlugStatus.OK, status_since=NOON - 24 * HOUR,
    )  # fmt: skip


def be(state: NasState, since: datetime) -> None:
    StateChange.objects.create(
        from_state=S.ONLINE if state == S.OFFLINE else S.OFFLINE,
        to_state=state,
        reason="",
        at=since,
    )
    NasStatus.objects.update_or_create(
        pk=1, defaults={"state": state, "since": since, "moved_at": since}
    )


def draw(plug: SmartPlug, power_w: float, start: datetime, end: datetime) -> None:
    step = timedelta(seconds=30)
    PowerSample.objects.bulk_create(
        PowerSample(plug=plug, at=start + step * number, power_w=power_w)
        for number in range((end - start) // step)
    )


def open_ones() -> list[str]:
    return list(Anomaly.objects.filter(ended_at__isnull=True).values_list("kind", flat=True))


def test_a_nas_that_hangs_is_told_after_two_hours_until_it_answers(plug: SmartPlug) -> None:
    be(S.OFFLINE, NOON)
    draw(plug, 34, NOON - HOUR, NOON + 4 * HOUR)
    look_for_anomalies(NOON + 2 * HOUR - MINUTE)
    assert open_ones() == []
    look_for_anomalies(NOON + 2 * HOUR)
    look_for_anomalies(NOON + 3 * HOUR)
    assert open_ones() == ["nas_silent"]
    row = Anomaly.objects.get()
    assert row.began_at == NOON
    assert row.facts == {"power_w": 34.0, "since": "2026-03-02T12:00:00+00:00"}
    text = "The NAS draws 34\xa0W but has not answered for 3\xa0h."
    assert anomaly_text(row, NOON + 3 * HOUR) == text
    be(S.ONLINE, NOON + 3 * HOUR + MINUTE)
    look_for_anomalies(NOON + 3 * HOUR + 5 * MINUTE)
    row.refresh_from_db()
    assert row.ended_at == NOON + 3 * HOUR + MINUTE
    text = "The NAS drew 34\xa0W without answering for 3\xa0h 1\xa0min."
    assert anomaly_text(row, NOON + 9 * HOUR) == text


def test_a_nas_that_goes_to_sleep_ends_it(plug: SmartPlug) -> None:
    be(S.OFFLINE, NOON)
    draw(plug, 34, NOON, NOON + 3 * HOUR)
    look_for_anomalies(NOON + 3 * HOUR)
    assert open_ones() == ["nas_silent"]
    draw(plug, 1.2, NOON + 3 * HOUR, NOON + 4 * HOUR)
    look_for_anomalies(NOON + 3 * HOUR + 15 * MINUTE)
    assert open_ones() == []


def test_a_wake_of_a_nas_that_hangs_does_not_end_it(plug: SmartPlug) -> None:
    be(S.OFFLINE, NOON)
    draw(plug, 34, NOON, NOON + 4 * HOUR)
    look_for_anomalies(NOON + 2 * HOUR)
    for state, minutes in ((S.BOOTING, 130), (S.OFFLINE, 132)):
        since = NOON + minutes * MINUTE
        StateChange.objects.create(from_state=S.OFFLINE, to_state=state, reason="", at=since)
        NasStatus.objects.update(state=state, since=since)
        look_for_anomalies(since + MINUTE)
    row = Anomaly.objects.get()
    assert (row.began_at, row.ended_at) == (NOON, None)


def test_one_reading_is_not_enough(plug: SmartPlug) -> None:
    be(S.OFFLINE, NOON)
    PowerSample.objects.create(plug=plug, at=NOON + 3 * HOUR, power_w=34)
    look_for_anomalies(NOON + 3 * HOUR)
    assert open_ones() == []


def test_other_plugs_say_nothing_about_the_nas(plug: SmartPlug) -> None:
    be(S.OFFLINE, NOON)
    draw(plug, 34, NOON, NOON + 3 * HOUR)
    SmartPlug.objects.update(role=PlugRole.GENERIC)
    look_for_anomalies(NOON + 3 * HOUR)
    assert open_ones() == []


def test_a_plug_that_is_no_longer_the_nas_s_ends_it(plug: SmartPlug) -> None:
    be(S.OFFLINE, NOON)
    draw(plug, 34, NOON, NOON + 3 * HOUR)
    look_for_anomalies(NOON + 3 * HOUR)
    SmartPlug.objects.update(role=PlugRole.GENERIC)
    look_for_anomalies(NOON + 3 * HOUR + MINUTE)
    assert open_ones() == []


def test_a_nas_that_was_never_seen_is_not_judged(plug: SmartPlug) -> None:
    draw(plug, 34, NOON, NOON + 3 * HOUR)
    assert nas_silent.find([plug], NOON + 3 * HOUR) == {plug.pk: UNTOLD}


def test_energy_asks_it(plug: SmartPlug) -> None:
    assert nas_silent in anomalies._detectors


def test_it_costs_three_queries(plug: SmartPlug, django_assert_num_queries: Any) -> None:
    be(S.OFFLINE, NOON)
    with django_assert_num_queries(3):
        nas_silent.find([plug], NOON)
