"""GET /api/energy/history: energy over time, of each plug and of the house."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from balupi_site.tests.examples import share_of_examples
from energy.models import EnergyHour, PowerSample, SmartPlug
from energy.sample_buffer import SampleBuffer
from energy.services import store_samples
from energy.tests.factories import id_of, make_plug, make_reading
from energy.tests.history_helpers import HOUR, answer, cents, reader, store_hours

pytestmark = pytest.mark.django_db
#: A Wednesday, 15:30 in Berlin.
NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 3, 23, tzinfo=UTC)


@pytest.fixture
def api(no_redis: None) -> APIClient:
    return reader()


def history(api: APIClient, **parameters: Any) -> dict[str, Any]:
    parameters = {name.rstrip("_"): value for name, value in parameters.items()}
    found: dict[str, Any] = answer(api, "history", NOW, **parameters)
    return found


def test_a_day_has_the_hours_so_far_with_all_that_is_known_of_them(api: APIClient) -> None:
    plug = make_plug(name="Freezer")
    store_hours(plug, MIDNIGHT, 15, 30.0)
    store_hours(plug, MIDNIGHT + HOUR * 15, 1, 10.0, coverage=0.5, power_avg_w=20.0)
    found = history(api, device_id=plug.device_id, period="day")
    assert (found["device_id"], found["device_name"]) == (id_of(101), "Freezer")
    assert (found["period"], found["resolution"], found["time_zone"]) == (
        "day",
        "hour",
        "Europe/Berlin",
    )
    assert (found["from"], found["to"]) == (
        "2026-03-04T00:00:00+01:00",
        "2026-03-05T00:00:00+01:00",
    )
    assert len(found["data"]) == 16
    assert found["data"][0] == {
        "timestamp": "2026-03-04T00:00:00+01:00",
        "until": "2026-03-04T01:00:00+01:00",
        "device_id": id_of(101),
        "device_name": "Freezer",
        "avg_power_w": 30.0,
        "max_power_w": 30.0,
        "min_power_w": 30.0,
        "energy_wh": 30.0,
        "filled_wh": 0.0,
        "coverage": 1.0,
        "known": 1.0,
        "source": "measured",
        "cost": cents(0.0096),
    }
    assert found["data"][-1]["coverage"] == 1.0  # half of the hour is over, and was measured
    assert found["total"]["energy_wh"] == 15 * 30.0 + 10.0
    assert found["devices"] == []


def test_without_a_plug_it_is_the_house_and_every_row_names_its_plug(api: APIClient) -> None:
    """PREDECESSOR 23: the same time came three times, without a plug and in no order."""
    for number, name in ((101, "NAS"), (102, "Freezer"), (103, "Monitor")):
        store_hours(make_plug(number, name=name), MIDNIGHT, 3, float(number))
    found = history(api, period="day")
    assert [row["energy_wh"] for row in found["data"][:4]] == [306.0, 306.0, 306.0, None]
    stamps = [row["timestamp"] for row in found["data"]]
    assert stamps == sorted(set(stamps))
    assert {(it["device_name"], it["data"][0]["device_name"]) for it in found["devices"]} == {
        ("NAS", "NAS"),
        ("Freezer", "Freezer"),
        ("Monitor", "Monitor"),
    }
    assert sum(it["total"]["energy_wh"] for it in found["devices"]) == found["total"]["energy_wh"]


def test_hours_without_data_are_missing_and_not_nothing(api: APIClient) -> None:
    plug = make_plug(created_at=MIDNIGHT)
    store_hours(plug, MIDNIGHT, 1)
    store_hours(plug, MIDNIGHT + HOUR * 2, 1, 40.0, source="plug", coverage=0.0, power_avg_w=None)
    rows = history(api, device_id=plug.device_id, period="day")["data"]
    assert [row["energy_wh"] for row in rows[:3]] == [30.0, None, 40.0]
    assert [row["coverage"] for row in rows[:3]] == [1.0, 0.0, 0.0]
    assert [row["known"] for row in rows[:3]] == [1.0, 0.0, 1.0]
    assert [row["source"] for row in rows[:3]] == ["measured", None, "plug"]
    assert rows[1]["cost"] is None


@pytest.mark.parametrize(
    ("period", "at", "rows", "energy_wh"),
    [
        pytest.param("day", "2026-03-29", 23, 23, id="a day of 23 hours"),
        pytest.param("day", "2025-10-26", 25, 25, id="a day of 25 hours"),
        pytest.param("week", "2026-02-11", 7, 168, id="a week"),
        pytest.param("month", "2026-02-11", 28, 672, id="a month"),
        pytest.param("year", "2025-07-01", 12, 8760, id="a year"),
    ],
)
def test_periods_of_the_past_are_whole(
    api: APIClient, period: str, at: str, rows: int, energy_wh: float
) -> None:
    """PREDECESSOR 20: days were UTC's."""
    plug = make_plug()
    first = datetime(2024, 12, 31, 22, tzinfo=UTC)
    store_hours(plug, first, 24 * 500, 1.0)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    found = answer(api, "history", now, device_id=plug.device_id, period=period, at=at)
    assert len(found["data"]) == rows
    assert found["total"]["energy_wh"] == energy_wh
    assert sum(row["energy_wh"] for row in found["data"]) == energy_wh


def test_this_month_has_today_in_it(api: APIClient) -> None:
    """PREDECESSOR 24: the month had no today."""
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 72, 72 + 15)
    found = history(api, device_id=plug.device_id, period="month")
    assert [row["energy_wh"] for row in found["data"]] == [720.0, 720.0, 720.0, 450.0]


def test_it_is_compared_with_the_same_part_of_the_period_before(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 24, 24, 20.0)
    store_hours(plug, MIDNIGHT, 15, 30.0)
    store_hours(plug, MIDNIGHT + HOUR * 15, 1, 15.0, coverage=0.5)
    compared = history(api, device_id=plug.device_id, period="day")["comparison"]
    assert (compared["from"], compared["to"]) == (
        "2026-03-03T00:00:00+01:00",
        "2026-03-03T15:30:00+01:00",
    )
    assert compared["energy_wh"] == 310.0
    assert compared["difference_percent"] == 50.0


def test_too_little_knowledge_is_not_compared(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 24, 4, 20.0)
    store_hours(plug, MIDNIGHT, 15, 30.0)
    compared = history(api, device_id=plug.device_id, period="day")["comparison"]
    assert compared["energy_wh"] == 80.0
    assert compared["difference_percent"] is None


def test_a_span_begins_and_ends_where_it_is_asked_to(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT, 15)
    found = history(
        api, device_id=plug.device_id, from_="2026-03-04", to="2026-03-04T02:30", resolution="hour"
    )
    assert [row["energy_wh"] for row in found["data"]] == [30.0, 30.0, 15.0]
    assert found["period"] is None
    assert found["comparison"] is None


def test_a_plus_that_has_become_a_blank_is_read_as_a_plus(api: APIClient) -> None:
    make_plug()
    found = history(api, from_="2026-03-04T01:00 01:00", to="2026-03-04T02:00+01:00")
    assert found["from"] == "2026-03-04T01:00:00+01:00"


def test_the_samples_themselves_can_be_had_for_a_day(api: APIClient) -> None:
    plug = make_plug(name="NAS")
    for seconds in (0, 30):
        at = MIDNIGHT + timedelta(seconds=seconds)
        PowerSample.objects.create(plug=plug, at=at, power_w=34.5, voltage_v=230.0)
    found = history(api, period="day", resolution="raw")
    assert found["resolution"] == "raw"
    assert found["data"][1] == {
        "timestamp": "2026-03-04T00:00:30+01:00",
        "device_id": id_of(101),
        "device_name": "NAS",
        "power_w": 34.5,
        "voltage_v": 230.0,
        "current_a": None,
    }
    refused = answer(api, "history", NOW, period="week", resolution="raw", status=400)
    assert "export.csv" in refused["errors"]["resolution"][0]


def test_an_unknown_plug_is_not_found(api: APIClient) -> None:
    for device_id in ("nothing", "a\x00b", "../x"):
        answer(
            api, "history", NOW, device_id=device_id, status=404 if "\x00" not in device_id else 400
        )


@pytest.mark.parametrize(
    ("parameters", "field", "word"),
    [
        pytest.param({"period": "banana"}, "period", "day, week, month, year", id="no period"),
        pytest.param({"resolution": "minute"}, "resolution", "raw, hour", id="no resolution"),
        pytest.param({"at": "tomorrow"}, "at", "YYYY-MM-DD", id="no day"),
        pytest.param({"at": "0001-01-01"}, "at", "2000", id="a day of long ago"),
        pytest.param({"from": "x"}, "from", "2026-03-01", id="no time"),
        pytest.param({"from": "9999-12-31"}, "from", "2000", id="a time far ahead"),
        pytest.param({"from": "2026-03-01", "period": "day"}, "from", "Either", id="both"),
        pytest.param({"to": "2026-03-01"}, "to", "from", id="an end without a start"),
        pytest.param({"from": "2026-03-02", "to": "2026-03-01"}, "to", "after", id="backwards"),
        pytest.param({"from": "2026-03-05"}, "from", "past", id="the future"),
        pytest.param(
            {"from": "2001-01-01", "to": "2026-01-01", "resolution": "hour"},
            "resolution",
            "coarser",
            id="too many rows",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(
    api: APIClient, parameters: dict[str, str], field: str, word: str
) -> None:
    """PREDECESSOR 11: the period banana was a month."""
    make_plug()
    refused = answer(api, "history", NOW, status=400, **parameters)
    assert word in refused["errors"][field][0]


def test_a_reader_must_be_logged_in() -> None:
    for path in ("history", "costs", "export.csv"):
        answer_of(path)


def answer_of(path: str) -> None:
    response = APIClient().get(f"/api/energy/{path}")
    assert response.status_code == 401


@share_of_examples(0.5)
@given(
    st.dictionaries(
        st.sampled_from(["device_id", "period", "at", "from", "to", "resolution", "decimal"]),
        st.text(max_size=30) | st.sampled_from(["day", "2026-03-04", "2026-03-04T10:00Z", "all"]),
    )
)
def test_no_question_is_an_error_of_ours(api: APIClient, parameters: dict[str, str]) -> None:
    for path in ("history", "costs", "export.csv"):
        response = api.get(f"/api/energy/{path}", parameters)
        assert response.status_code in (200, 400, 404), (parameters, response.content)


def test_a_year_of_three_plugs_needs_few_queries(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    for number in (101, 102, 103):
        store_hours(make_plug(number), MIDNIGHT - HOUR * 24 * 300, 24 * 300)
    assert EnergyHour.objects.count() == 3 * 24 * 300
    with django_assert_max_num_queries(10):
        found = history(api, period="year")
    assert len(found["data"]) == 3


def test_the_present_hour_is_live(redis_server: Any) -> None:
    """What is not stored yet counts: no figure is older than the latest reading."""
    api, plug = reader(), make_plug()
    SmartPlug.objects.update(created_at=MIDNIGHT)
    for seconds in range(0, 90, 30):
        at = NOW - timedelta(seconds=90 - seconds)
        SampleBuffer().put(make_reading(101, at=at, power_w=360.0), is_sample=True)
    found = history(api, device_id=plug.device_id, period="day")
    assert found["data"][-1]["energy_wh"] == pytest.approx(6.0)  # a minute of 360 W
    assert found["total"]["energy_wh"] == pytest.approx(6.0)
    store_samples(NOW)
    again = history(api, device_id=plug.device_id, period="day")
    assert again["data"][-1] == found["data"][-1]


def test_a_plug_that_was_added_meanwhile_is_no_increase(api: APIClient) -> None:
    old, new = make_plug(101), make_plug(102)
    store_hours(old, MIDNIGHT - HOUR * 24, 24 + 15, 50.0)
    store_hours(old, MIDNIGHT + HOUR * 15, 1, 25.0, coverage=0.5)
    store_hours(new, MIDNIGHT, 15, 100.0)
    compared = history(api, period="day")["comparison"]
    assert compared["difference_percent"] == 0.0  # of the one that there was yesterday
    alone = history(api, period="day", device_id=new.device_id)["comparison"]
    assert alone["difference_percent"] is None


def test_a_plug_that_was_added_within_the_period_before_is_not_compared(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 12, 12 + 15, 100.0)  # added yesterday at noon
    compared = history(api, period="day")["comparison"]
    assert compared["energy_wh"] == 350.0
    assert compared["difference_percent"] is None


def test_what_is_not_polled_any_more_is_not_missing(api: APIClient) -> None:
    plug, old = make_plug(101), make_plug(102, enabled=False)
    store_hours(plug, MIDNIGHT - HOUR * 24, 24 + 15, 50.0)
    store_hours(old, MIDNIGHT - HOUR * 24, 20, 50.0)
    found = history(api, period="day")
    assert found["total"]["coverage"] == pytest.approx(15 / 15.5, abs=1e-4)
    yesterday = history(api, period="day", at="2026-03-03")
    assert yesterday["total"]["coverage"] == 1.0


def test_the_first_day_that_can_be_asked_for_can_be_asked_for(api: APIClient) -> None:
    make_plug()
    found = history(api, from_="2000-01-01", to="2000-01-02")
    assert found["from"] == "2000-01-01T00:00:00+01:00"
