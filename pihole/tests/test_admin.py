"""The admin pages: facts to read, nothing to edit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pihole import services, status, tasks
from pihole.models import NameStatus, NameSwitch
from pihole.problems import ProblemCode
from pihole.reasons import PUT_BACK, held_by
from pihole.status import Complaint, Look, NameLook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nowhere", "plain_static")]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATUS, SWITCHES = "/admin/pihole/namestatus/", "/admin/pihole/nameswitch/"


@pytest.fixture
def plain_static(settings: Any) -> None:
    """Do without collected static files."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_names_are_shown_with_what_is_wrong(admin: Client, redis_server: Any) -> None:
    services.want("pi", "asleep", NOW)
    name = NameLook("baluhost.local", "addresses", ("127.66.0.53",))
    status.save(Look(at=NOW, names=(name,), problem=Complaint(ProblemCode.READ_ONLY, {}, NOW)))
    for path in (STATUS, f"{STATUS}1/change/"):
        text = page(admin, path)
        assert "baluhost.local → 127.66.0.53 <" in text
        assert "</svg>wrong</span>" in text
        assert "read-only" in text


def test_the_page_works_without_redis_and_before_anything_was_wanted(
    admin: Client, no_redis: None
) -> None:
    text = page(admin, STATUS)
    assert "baluhost.local → – <" in text
    assert "</svg>not known</span>" in text
    assert "left as they are" in text


def test_the_switches_are_listed(admin: Client) -> None:
    NameSwitch.objects.create(target="pi", address="127.66.0.2", reason="power cut", at=NOW)
    assert "power cut" in page(admin, SWITCHES)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        pytest.param("called_going_offline", "BaluHost said good-bye.", id="the NAS's state"),
        pytest.param(held_by("kim"), "override by kim", id="a person"),
        pytest.param(PUT_BACK, "put back: somebody else had changed it", id="a fight"),
    ],
)
def test_a_switch_says_why_in_words(admin: Client, reason: str, words: str) -> None:
    NameSwitch.objects.create(target="pi", address="127.66.0.2", reason=reason, at=NOW)
    text = page(admin, SWITCHES)
    assert words in text
    assert "called_going_offline" not in text


def test_the_wish_of_the_nas_s_state_is_told_in_words(admin: Client) -> None:
    services.want("pi", "called_going_offline", NOW)
    text = page(admin, f"{STATUS}1/change/")
    assert "BaluHost said good-bye." in text
    assert "called_going_offline" not in text


@pytest.mark.parametrize("path", [f"{STATUS}add/", f"{SWITCHES}add/", f"{STATUS}1/delete/"])
def test_nothing_can_be_added_or_deleted(admin: Client, path: str) -> None:
    services.want("pi", "asleep", NOW)
    assert admin.get(path).status_code == 403


def test_nothing_can_be_changed(admin: Client) -> None:
    services.want("pi", "asleep", NOW)
    assert admin.post(f"{STATUS}1/change/", {"wanted": "nas"}).status_code == 403
    assert NameStatus.current().wanted == "pi"


@pytest.mark.parametrize(
    ("has_redis", "words"), [(True, "is looking at Pi-hole"), (False, "within a minute")]
)
def test_a_look_can_be_asked_for(
    admin: Client, no_redis: None, monkeypatch: pytest.MonkeyPatch, words: str, *, has_redis: bool
) -> None:
    def send(**_call: object) -> None:
        if not has_redis:
            raise OSError("gone")

    monkeypatch.setattr(tasks.reconcile_names, "apply_async", send)
    services.want("pi", "asleep", NOW)
    answer = admin.post(STATUS, {"action": "look_now", "_selected_action": "1"}, follow=True)
    assert words in answer.content.decode()
