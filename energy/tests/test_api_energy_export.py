"""GET /api/energy/export.csv: the history as a file, sent as it is read."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from energy.models import PowerSample, Tariff
from energy.tests.factories import id_of, make_plug
from energy.tests.history_helpers import HOUR, reader, store_hours

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 14, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 3, 23, tzinfo=UTC)


@pytest.fixture
def api(no_redis: None) -> APIClient:
    return reader()


def download(api: APIClient, *, delimiter: str = ",", **parameters: Any) -> list[dict[str, str]]:
    parameters = {name.rstrip("_"): value for name, value in parameters.items()}
    with time_machine.travel(NOW, tick=False):
        response = api.get("/api/energy/export.csv", parameters)
        assert response.status_code == 200
        assert response.streaming
        text = b"".join(response).decode()
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_each_row_says_unit_zone_coverage_and_source(api: APIClient) -> None:
    plug = make_plug(name="Freezer")
    store_hours(plug, MIDNIGHT, 2, 30.5)
    store_hours(plug, MIDNIGHT + HOUR * 2, 1, 12.0, coverage=0.25, source="mixed", power_avg_w=16.0)
    rows = download(api, period="day", resolution="hour")
    assert rows[0] == {
        "start": "2026-03-04T00:00:00+01:00",
        "end": "2026-03-04T01:00:00+01:00",
        "time_zone": "Europe/Berlin",
        "device_id": id_of(101),
        "device_name": "Freezer",
        "energy": "30.5",
        "unit": "Wh",
        "filled": "0.0",
        "power_min_w": "30.5",
        "power_avg_w": "30.5",
        "power_max_w": "30.5",
        "coverage": "1.0",
        "source": "measured",
        "cost": "0.0098",
        "currency": "EUR",
        "tariff": "default",
        "price_per_kwh": "0.32",
    }
    assert (rows[2]["filled"], rows[2]["coverage"], rows[2]["source"]) == ("8.0", "0.25", "mixed")
    assert (rows[3]["energy"], rows[3]["source"], rows[3]["cost"]) == ("", "", "")
    assert len(rows) == 15


def test_a_spreadsheet_set_to_german_reads_it(api: APIClient) -> None:
    store_hours(make_plug(), MIDNIGHT, 2, 30.5)
    rows = download(api, delimiter=";", period="day", resolution="hour", decimal="comma")
    assert (rows[0]["energy"], rows[0]["cost"]) == ("30,5", "0,0098")
    assert rows[0]["start"] == "2026-03-04T00:00:00+01:00"


def test_a_name_that_looks_like_a_formula_is_only_text(api: APIClient) -> None:
    store_hours(make_plug(name="=1+1"), MIDNIGHT, 1)
    Tariff.objects.create(name="@sum", price_per_kwh="0.3")
    rows = download(api, period="day", resolution="hour")
    assert (rows[0]["device_name"], rows[0]["tariff"]) == ("'=1+1", "'@sum")


@pytest.mark.parametrize(
    ("resolution", "rows"), [("hour", 24 * 89 + 15 - 1), ("day", 90), ("month", 4)]
)
def test_a_long_span_is_read_in_turns_without_gap_or_repetition(
    api: APIClient, resolution: str, rows: int
) -> None:
    plug = make_plug()
    first = datetime(2025, 12, 4, 23, tzinfo=UTC)
    store_hours(plug, first, 24 * 89 + 15, 1.0)
    found = download(api, from_="2025-12-05T01:00", to="2027-01-01", resolution=resolution)
    assert len(found) == rows
    assert sum(float(row["energy"]) for row in found) == 24 * 89 + 15 - 1
    edges = [(row["start"], row["end"]) for row in found]
    assert all(one[1] == two[0] for one, two in pairwise(edges))


def test_the_samples_themselves_can_be_had(api: APIClient) -> None:
    plug = make_plug(name="NAS")
    PowerSample.objects.bulk_create(
        PowerSample(plug=plug, at=MIDNIGHT + timedelta(seconds=30 * n), power_w=n / 2)
        for n in range(-3000, 20)
    )
    rows = download(api, from_="2026-03-01", to="2026-03-05", resolution="raw")
    assert len(rows) == 3020
    assert rows[3001] == {
        "time": "2026-03-04T00:00:30+01:00",
        "time_zone": "Europe/Berlin",
        "device_id": id_of(101),
        "device_name": "NAS",
        "power": "0.5",
        "unit": "W",
        "voltage_v": "",
        "current_a": "",
    }


def test_samples_end_with_what_was_asked_for_and_with_the_present(api: APIClient) -> None:
    plug = make_plug()
    asked, next_day, ahead = MIDNIGHT - timedelta(hours=1), MIDNIGHT, NOW + timedelta(hours=1)
    PowerSample.objects.bulk_create(
        PowerSample(plug=plug, at=at, power_w=7) for at in (asked, next_day, ahead)
    )
    rows = download(api, from_="2026-03-03", to="2026-03-04", resolution="raw")
    assert [row["time"] for row in rows] == ["2026-03-03T23:00:00+01:00"]
    rows = download(api, from_="2026-03-04", to="2026-03-05", resolution="raw")
    assert [row["time"] for row in rows] == ["2026-03-04T00:00:00+01:00"]


def test_bad_questions_are_refused_before_anything_is_sent(api: APIClient) -> None:
    for parameters, field in (({"decimal": "dot"}, "decimal"), ({"period": "x"}, "period")):
        response = api.get("/api/energy/export.csv", parameters)
        assert response.status_code == 400
        assert field in response.json()["errors"]


def test_head_tells_about_the_file_without_it(api: APIClient) -> None:
    store_hours(make_plug(), MIDNIGHT, 2)
    with time_machine.travel(NOW, tick=False):
        response = api.head("/api/energy/export.csv", {"period": "day"})
        assert api.head("/api/energy/export.csv", {"period": "x"}).status_code == 400
    assert (response.status_code, response.content) == (200, b"")
    assert 'filename="energy_2026-03-04_2026-03-04.csv"' in response["Content-Disposition"]


def test_there_are_no_rows_of_a_time_before_the_plugs(api: APIClient) -> None:
    store_hours(make_plug(), MIDNIGHT, 2)
    rows = download(api, from_="2001-01-01", resolution="hour")
    assert len(rows) == 15
    assert download(api, from_="2001-01-01", resolution="raw") == []


def test_the_years_to_come_are_not_asked_for(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    store_hours(make_plug(), MIDNIGHT, 2)
    with django_assert_max_num_queries(20):
        rows = download(api, from_="2026-03-04", to="2065-01-01", resolution="hour")
    assert len(rows) == 15


def test_small_numbers_are_written_without_an_exponent(api: APIClient) -> None:
    store_hours(make_plug(), MIDNIGHT, 1, 0.000002)
    assert download(api, period="day", resolution="hour")[0]["energy"] == "0.000002"


def test_a_third_file_is_refused_while_two_are_being_sent(api: APIClient) -> None:
    store_hours(make_plug(), MIDNIGHT, 2)
    with time_machine.travel(NOW, tick=False):
        sent = [api.get("/api/energy/export.csv", {"period": "day"}) for _number in range(2)]
        refused = api.get("/api/energy/export.csv", {"period": "day"})
        assert (refused.status_code, "try again" in refused.json()["detail"]) == (503, True)
        assert [len(b"".join(answer).splitlines()) for answer in sent] == [16, 16]
        assert b"".join(api.get("/api/energy/export.csv", {"period": "day"}))
