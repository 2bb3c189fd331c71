"""What every answer of ours has in common."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from rest_framework.exceptions import ValidationError

from balupi_site.lib.api import exception_handler
from balupi_site.lib.errors import PermanentError, RefusedError, TransientError
from balupi_site.lib.waiting import waiting_for_outside


@pytest.mark.parametrize("path", ["/api/health", "/api/health/", "/api/ping"])
def test_health_and_ping_need_no_login_and_no_database(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["X-BaluPi"]


def test_health_says_who_answers(client: Client) -> None:
    body = client.get("/api/health").json()
    assert (body["status"], body["service"]) == ("ok", "balupi")
    assert {"version", "hostname", "cache_enabled", "energy_enabled"} <= body.keys()


@pytest.mark.django_db
def test_system_status_needs_a_login(client: Client) -> None:
    answer = client.get("/api/system/status")
    assert answer.status_code == 401
    assert answer.json()["errors"] == {}


@pytest.mark.django_db
def test_system_status_is_open_when_the_owner_says_so(client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True
    body = client.get("/api/system/status").json()
    assert isinstance(body["cpu_percent"], float)
    assert body["memory_total_mb"] > 0
    assert "temperature_c" in body
    assert body["hostname"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", ["[" * 60_000, "{", "\x00", "[" * 900 + "]" * 900, "NaN", "\udcff"]
)
def test_a_body_that_is_no_good_json_is_400(admin_client: Client, body: str) -> None:
    answer = admin_client.post(
        "/api/pihole/dns", body.encode("utf-8", "surrogateescape"), "application/json"
    )
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.django_db
def test_user_and_password_work_for_scripts(client: Client) -> None:
    User.objects.create_user("someone", password="right")
    good = {"Authorization": "Basic c29tZW9uZTpyaWdodA=="}
    bad = {"Authorization": "Basic c29tZW9uZTp3cm9uZw=="}
    assert client.get("/api/system/status", headers=good).status_code == 200
    refused = client.get("/api/system/status", headers=bad)
    assert refused.status_code == 401
    assert "Basic" not in refused["WWW-Authenticate"]  # or browsers pop up a form of their own


@pytest.mark.parametrize("path", ["/api/nothing", "/api/nothing/at/all", "/api"])
def test_an_unknown_api_path_is_json_404(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert path in answer.json()["detail"]


def test_an_unknown_api_path_is_404_for_a_post_without_a_csrf_token_too() -> None:
    assert (
        Client(enforce_csrf_checks=True).post("/api/nothing", "{}", "application/json").status_code
        == 404
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(RefusedError("no", code="already_online"), 409, id="makes no sense now"),
        pytest.param(TransientError("later"), 503, id="may work later"),
        pytest.param(PermanentError("never"), 502, id="somebody must act"),
        pytest.param(ValidationError({"target": ["bad"]}), 400, id="bad input"),
        pytest.param(OperationalError("database is locked"), 503, id="the database fails"),
    ],
)
def test_errors_have_one_shape(error: Exception, code: int) -> None:
    answer = exception_handler(error, {})
    assert answer is not None
    assert answer.status_code == code
    assert isinstance(answer.data["detail"], str)
    assert isinstance(answer.data["errors"], dict)
    json.dumps(answer.data)


def test_bad_input_names_the_field() -> None:
    answer = exception_handler(ValidationError({"target": ["must be nas or pi"]}), {})
    assert answer is not None
    assert answer.data["errors"] == {"target": ["must be nas or pi"]}
    assert "target" in answer.data["detail"]


def test_an_unexpected_error_is_not_dressed_up() -> None:
    assert exception_handler(RuntimeError("bug"), {}) is None


def test_only_two_requests_wait_for_the_outside_at_a_time() -> None:
    with waiting_for_outside(), waiting_for_outside():
        with pytest.raises(TransientError), waiting_for_outside():
            pass
    with waiting_for_outside():
        pass


@pytest.mark.parametrize("host", ["baluhost.local", "baluhost.local:8000"])
def test_a_switched_name_is_never_cached(client: Client, host: str) -> None:
    assert client.get("/api/health", headers={"host": host})["Cache-Control"] == "no-store"


def test_the_server_tells_no_software_version_beyond_ours(client: Client) -> None:
    assert not re.search("waitress|python", str(client.get("/api/ping").headers), re.IGNORECASE)
