"""The API's description: complete, without a warning, as the code is, and no burden to those who serve it."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from rest_framework import serializers

from balupi_site.access import RULES
from balupi_site.api.docs import SCHEMA
from balupi_site.api.schema import PiStatusSerializer
from balupi_site.events import reading
from balupi_site.monitor import samples
from balupi_site.monitor.api import answer_serializers as monitor_answers
from balupi_site.monitor.status import PiStatus
from balupi_site.tests.url_map import endpoints
from energy.api import answer_serializers as energy_answers
from energy.services import discovery
from handshake.api import answer_serializers as handshake_answers
from handshake.services import overview as inbox
from handshake.services import progress
from nasctl.api import answer_serializers as nas_answers
from nasctl.api import timeline_answers
from nasctl.services import overview, state_items
from nasctl.services.timeline import Timeline, WakeItem
from pihole import ftl
from pihole import overview as names
from pihole.api import serializers as names_answers

WRITE_IT = "run: pytest balupi_site/tests/test_schema.py --write-docs"
NAMES = {"price_id": "{price_id}", "device_id": "{device_id}", "wake_id": "{wake_id}"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """What the product serves."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text())
    return schema


def properties(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every field of every answer and body."""
    for name, shape in described["components"]["schemas"].items():
        for field, value in shape.get("properties", {}).items():
            yield f"{name}.{field}", value


def test_it_is_made_without_a_warning_and_is_what_we_serve(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    path = tmp_path / "openapi.json"
    call_command(
        *("spectacular", "--validate", "--fail-on-warn"),
        *("--format", "openapi-json", "--file", str(path)),
    )
    made = json.dumps(json.loads(path.read_text()), indent=1, ensure_ascii=False) + "\n"
    if pytestconfig.getoption("--write-docs"):
        SCHEMA.write_text(made)
    assert made == SCHEMA.read_text(), WRITE_IT


def test_every_endpoint_of_the_url_map_is_in_it(described: dict[str, Any]) -> None:
    wanted = {
        (endpoint.path, method)
        for endpoint in endpoints(NAMES)
        if endpoint.is_api and endpoint.name != "api-unknown"
        for method in RULES[endpoint.name]
    }
    found = {
        (path, method.upper()) for path, methods in described["paths"].items() for method in methods
    }
    assert len(wanted) > 55
    assert found == wanted


def test_every_endpoint_says_who_may_what_goes_wrong_and_what_is_told(
    described: dict[str, Any],
) -> None:
    operations = [each for methods in described["paths"].values() for each in methods.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)
    for each in operations:
        last = each["description"].split("\n\n")[-1]
        assert re.match("(For|Open to) (everybody|all|admins|the NAS)", last), each["operationId"]
        assert bool(each.get("security")) == ("401" in each["responses"]) or "login" in each["tags"]
        assert {code for code in each["responses"] if code < "300"}
        for code, answer in each["responses"].items():
            assert code < "400" or answer["$ref"].startswith("#/components/responses/")


def test_every_measure_says_its_unit_in_its_name_or_description(described: dict[str, Any]) -> None:
    unit = re.compile(r"_(w|wh|kwh|v|a|s|h|ms|mbps|mb|iops|mhz|percent|celsius|bytes|cost)$|^cost")
    unsaid = [
        name
        for name, shape in properties(described)
        if "number" in (shape.get("type") or [])
        and not shape.get("description")
        and not unit.search(name.split(".")[-1])
        and not name.startswith("Snapshot")
    ]
    assert unsaid == []


@pytest.mark.parametrize(
    ("serializer", "told"),
    [
        (energy_answers.FoundDeviceSerializer, discovery.Found),
        (handshake_answers.InboxSerializer, inbox.InboxOverview),
        (handshake_answers.InboxFileSerializer, inbox.FileView),
        (handshake_answers.InboxRunSerializer, inbox.RunView),
        (handshake_answers.InboxTroubleSerializer, inbox.TroubleView),
        (handshake_answers.InboxProgressSerializer, progress.Progress),
        (monitor_answers.CpuSerializer, samples.CpuSample),
        (monitor_answers.MemorySerializer, samples.MemorySample),
        (monitor_answers.NetworkSerializer, samples.NetworkSample),
        (monitor_answers.DiskSerializer, samples.DiskSample),
        (monitor_answers.UptimeSerializer, samples.UptimeSample),
        (nas_answers.NasStatusSerializer, overview.NasOverview),
        (nas_answers.EvidenceSerializer, overview.Evidence),
        (nas_answers.SightingSerializer, overview.Sighting),
        (nas_answers.WakeSerializer, overview.WakeOverview),
        (nas_answers.WakeStageSerializer, overview.StageOverview),
        (nas_answers.WakeRefusalSerializer, overview.Refusal),
        (timeline_answers.TimelineSerializer, Timeline),
        (timeline_answers.StateItemSerializer, state_items.StateItem),
        (timeline_answers.WakeItemSerializer, WakeItem),
        (timeline_answers.EventItemSerializer, reading.EventItem),
        (names_answers.OverviewSerializer, names.Overview),
        (names_answers.NameSerializer, names.NameView),
        (names_answers.OverrideSerializer, names.Override),
        (names_answers.FiguresSerializer, ftl.Statistics),
        (PiStatusSerializer, PiStatus),
    ],
    ids=lambda it: it.__name__,
)
def test_an_answer_is_described_with_the_fields_that_it_has(
    serializer: type[serializers.Serializer[Any]], told: Any
) -> None:
    # Domains are shown on the page, permitted ones to admins.
    not_told = {"top_blocked", "top_permitted"}
    fields = {field.name for field in dataclasses.fields(told)} - not_told
    assert set(serializer().fields) == fields


def test_whoever_serves_it_does_not_make_it() -> None:
    script = (
        "import django, sys; django.setup(); import balupi_site.urls;"
        "print([name for name in sys.modules if name.startswith('drf_spectacular.')])"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script],
        env={
            "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
            "BALUPI_PROCESS": "web",
            "BALUPI_DATA_DIR": str(settings.DATA_DIR),
            "BALUPI_ENV_FILE": "/dev/null",
        },
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.django_db
def test_the_description_is_told_to_those_who_may_read(
    client: Client, admin_client: Client, described: dict[str, Any]
) -> None:
    assert client.get("/api/schema").status_code == 401
    answer = admin_client.get("/api/schema")
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == described


@pytest.mark.django_db
def test_the_page_to_read_it_needs_nothing_from_outside_and_no_script_in_itself(
    client: Client, admin_client: Client
) -> None:
    assert client.get("/api/docs")["Location"] == "/dashboard/login?next=/api/docs"
    answer = admin_client.get("/api/docs")
    page = answer.content.decode()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) >= 4
    assert all(source.startswith(("/static/", "/api/schema")) for source in sources)
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=", page)
    policy = answer["Content-Security-Policy"].split("; ")  # in any order
    assert "script-src 'self'" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "'unsafe-inline'" not in client.get("/dashboard/login")["Content-Security-Policy"]
