"""The doctor's page and command: the same findings for people, programs and scripts."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from balupi_site.doctor import Area, Finding, Level, views
from balupi_site.doctor.background import Progress
from balupi_site.management.commands import doctor as command

pytestmark = pytest.mark.django_db

FINE = Finding("clock", "Clock", Level.OK, "It is right.", "", Area.PI)
LOOK = Finding("space", "Room <for> data", Level.WARN, "Little is free.", "Run 'du -x /'.", Area.PI)
WRONG = Finding("redis", "Redis", Level.FAIL, "It is away.", "Start it.", Area.STORES)


class Stand:
    """Stands in for the run beside the answers."""

    def __init__(self) -> None:
        self.progress, self.started = Progress(), 0

    def start(self) -> bool:
        self.started += 1
        return True


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand = Stand()
    monkeypatch.setattr(views, "background", stand)
    monkeypatch.setattr(views, "quick_findings", lambda _now: [FINE, LOOK])
    return stand


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner"))
    return client


def text_of(client: Client) -> str:
    response = client.get(reverse("admin:doctor"))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    return response.content.decode()


def test_the_page_shows_at_once_what_can_be_said_at_once(owner: Client, stand: Stand) -> None:
    text = text_of(owner)
    assert "Check everything" in text
    assert "Run <code>du -x /</code>." in text
    assert "Room &lt;for&gt; data" in text
    assert 'http-equiv="refresh"' not in text


def test_a_full_run_is_begun_by_a_post_with_a_token_and_its_end_is_awaited(
    owner: Client, stand: Stand
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="owner"))
    assert strict.post(reverse("admin:doctor")).status_code == 403
    assert stand.started == 0
    assert owner.post(reverse("admin:doctor")).headers["Location"] == reverse("admin:doctor")
    assert stand.started == 1
    stand.progress = Progress(is_running=True, done=3, count=40)
    text = text_of(owner)
    assert 'http-equiv="refresh"' in text
    assert '<progress id="doctor-progress" max="40" value="3">' in text


def test_a_full_run_s_findings_are_shown_worst_first_with_their_age(
    owner: Client, stand: Stand
) -> None:
    stand.progress = Progress(findings=[FINE, LOOK, WRONG], at=timezone.now())
    text = text_of(owner)
    assert text.index("Start it.") < text.index("<code>du -x /</code>")
    assert "Everything was checked" in text
    assert "It is right." in text


def test_the_page_works_without_redis_and_worker(owner: Client, no_redis: None) -> None:
    assert "Redis does not answer" in text_of(owner)


def test_commands_look_like_what_one_types() -> None:
    assert views._with_commands("Run 'a <b>' under „Steckdosen“, or „sudo x“.") == (
        "Run <code>a &lt;b&gt;</code> under „Steckdosen“, or <code>sudo x</code>."
    )
    assert views._with_commands("the NAS's or the Pi's") == "the NAS&#x27;s or the Pi&#x27;s"


def test_the_page_is_for_admins(client: Client, stand: Stand) -> None:
    assert client.get(reverse("admin:doctor")).status_code == 302
    client.force_login(User.objects.create_user("kim"))
    assert client.get(reverse("admin:doctor")).status_code == 403
    assert client.post(reverse("admin:doctor")).status_code == 403
    assert stand.started == 0


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the command's run finds."""
    findings = [FINE, LOOK]
    monkeypatch.setattr(command, "run", lambda _now, **_options: findings)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    return findings


def told(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("doctor", *arguments, stdout=out, no_color=True, **options)
    return out.getvalue()


def test_the_command_prints_a_table_with_cures(found: list[Finding]) -> None:
    text = told()
    assert "look at it    Room <for> data         Little is free." in text
    assert "-> Run 'du -x /'." in text
    assert text.endswith("Wrong: 0, look at it: 1, fine: 1, left out: 0\n")
    assert "\x1b" not in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_for_root_the_command_looks_as_the_user_whom_the_data_belong_to(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, and the services could not open what it makes."""
    users: list[tuple[int, ...]] = []

    def look(*_args: Any, **_options: Any) -> list[Finding]:
        users.append((*os.getresuid()[:2], *os.getresgid()[:2]))
        return [FINE]

    os.chown(settings.DATA_DIR, 12345, 12346)
    monkeypatch.setattr(command, "run", look)
    call_command("doctor", stdout=io.StringIO())
    assert users == [(12345, 12345, 12346, 12346)]
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_the_command_ends_with_1_where_something_is_wrong(found: list[Finding]) -> None:
    found.append(WRONG)
    with pytest.raises(SystemExit) as end:
        told()
    assert end.value.code == 1


def test_the_command_ends_with_2_where_it_is_used_wrongly(found: list[Finding]) -> None:
    with pytest.raises(CommandError, match="nonsense") as end:
        told("--only", "nonsense")
    assert end.value.returncode == 2


def test_a_quick_run_that_checks_nothing_does_not_say_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "run", lambda _now, **_options: [])
    with pytest.raises(CommandError, match="leave out --quick") as end:
        call_command("doctor", "--quick", "--only", "pihole", stdout=io.StringIO())
    assert end.value.returncode == 2


def test_programs_get_json(found: list[Finding]) -> None:
    answer = json.loads(told("--json"))
    assert answer["counts"] == {"ok": 1, "warn": 1, "fail": 0, "skipped": 0}
    assert answer["findings"][1] == {
        "name": "space",
        "title": "Room <for> data",
        "level": "warn",
        "found": "Little is free.",
        "cure": "Run 'du -x /'.",
        "area": "pi",
    }


@pytest.mark.parametrize(
    ("spoken", "language"),
    [
        pytest.param("de_DE.UTF-8", "de", id="German"),
        pytest.param("de_AT", "de", id="Austrian"),
        pytest.param("C.UTF-8", "en", id="none"),
        pytest.param("fr_FR.UTF-8", "en", id="not ours"),
    ],
)
def test_the_command_speaks_the_shell_s_language(
    spoken: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", spoken)
    assert command._language_of_shell() == language
