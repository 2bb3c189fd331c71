"""The API as its description says, asked by schemathesis: whatever is sent, nothing fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from balupi_site.api.docs import SCHEMA
from tests.conftest import ROOT, Trial, running_trial

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

#: What comes from the NAS, and is told as it came.
OPEN_SHAPES = ("NeedsCode", "Snapshot")
#: Cases beside the thousands that schemathesis derives from the description itself.
FEW = 3


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A household of its own: nothing in it is as it was afterwards."""
    with running_trial(tmp_path_factory.mktemp("openapi") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def strict_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description, with every answer that has more fields than it says a mistake."""
    schema = json.loads(SCHEMA.read_text())
    for name, shape in schema["components"]["schemas"].items():
        is_answer = shape.get("type") == "object" and not name.endswith("Request")
        if is_answer and not name.startswith(OPEN_SHAPES):
            shape.setdefault("additionalProperties", False)
    path = tmp_path_factory.mktemp("schema") / "openapi.json"
    path.write_text(json.dumps(schema))
    return path


def ask_everything(
    trial: Trial, schema: Path, folder: Path, *, authorization: str, examples: int
) -> dict[str, Any]:
    """Run schemathesis; its report."""
    report = folder / "report.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TRIAL_URL": trial.facts["url"],
        "TRIAL_AUTHORIZATION": authorization,
        "TRIAL_HANDSHAKE_SECRET": trial.facts["handshake_secret"],
    }
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--no-color"),
        *("--config-file", str(ROOT / "tests" / "schemathesis.toml"), "run", str(schema)),
        *("--max-examples", str(examples)),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    done = subprocess.run(  # noqa: S603
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def check(found: dict[str, Any], who: str) -> None:
    """Everything was asked for, and nothing failed."""
    operations, cases = found["operations"], found["test_cases"]
    print(f"\n{who}: {operations['tested']} operations, {cases['generated']} cases")
    schema = json.loads(SCHEMA.read_text())
    count = sum(len(methods) for methods in schema["paths"].values())
    assert operations["tested"] == operations["selected"] == operations["total"] == count
    assert cases["generated"] > 10 * count
    assert found["failures"] == found["errors"] == []
    assert found["complete"]


def test_an_admin_is_answered_as_described_whatever_is_sent(
    trial: Trial, strict_schema: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    code, body = trial.post(
        "/api/auth/login",
        {"username": trial.facts["user"], "password": trial.facts["password"]},
        login=False,
    )
    assert code == 200
    examples = pytestconfig.getoption("--openapi-examples")
    authorization = f"Bearer {body['access_token']}"
    check(
        ask_everything(
            trial, strict_schema, tmp_path, authorization=authorization, examples=examples
        ),
        "an admin",
    )
    assert trial.get("/api/health")[0] == 200
    assert "Traceback" not in trial.log.read_text(errors="replace")


def test_a_visitor_is_answered_as_described_whatever_is_sent(
    trial: Trial, strict_schema: Path, tmp_path: Path
) -> None:
    found = ask_everything(
        trial, strict_schema, tmp_path, authorization="Bearer of-nobody", examples=FEW
    )
    check(found, "a visitor")


def test_a_description_that_is_wrong_is_found_out(
    trial: Trial, strict_schema: Path, tmp_path: Path
) -> None:
    schema = json.loads(strict_schema.read_text())
    schema["paths"] = {"/api/health": schema["paths"]["/api/health"]}
    health = schema["components"]["schemas"]["Health"]
    del health["properties"]["hostname"]
    health["required"].remove("hostname")
    wrong = tmp_path / "openapi.json"
    wrong.write_text(json.dumps(schema))
    with pytest.raises(AssertionError, match="Response violates schema"):
        ask_everything(trial, wrong, tmp_path, authorization="Bearer of-nobody", examples=FEW)
