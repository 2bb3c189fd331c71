"""Whatever is changed in the admin is in the log of events, of any model; and the log's own pages."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from balupi_site.events.admin_site import LoggedPage
from balupi_site.events.commands import record_run
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from energy.models import Tariff
from energy.tests.factories import make_plug

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", password="secret"))
    return client


def events() -> list[Event]:
    return list(Event.objects.order_by("pk"))


def test_every_page_of_the_admin_writes_to_the_log() -> None:
    assert len(admin.site._registry) > 15
    assert all(isinstance(page, LoggedPage) for page in admin.site._registry.values())


def test_a_group_is_told_when_it_is_added_changed_and_deleted(owner: Client) -> None:
    owner.post(reverse("admin:auth_group_add"), {"name": "family"})
    group = Group.objects.get()
    url = reverse("admin:auth_group_change", args=[group.pk])
    owner.post(url, {"name": "household"})
    owner.post(url, {"name": "household"})  # nothing is changed
    owner.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    told = [(it.kind, it.subject, it.facts.get("changes")) for it in events()]
    assert told == [
        ("change.added", "family", {"name": ["", "family"]}),
        ("change.edited", "household", {"name": ["family", "household"]}),
        ("change.deleted", "household", None),
    ]
    assert {(it.who, it.via, it.address) for it in events()} == {("owner", "admin", "127.0.0.1")}
    assert {it.facts["what"] for it in events()} == {"group"}


def test_many_that_are_deleted_at_once_are_one_row(owner: Client) -> None:
    groups = [Group.objects.create(name=f"group {number:02}") for number in range(30)]
    owner.post(
        reverse("admin:auth_group_changelist"),
        {
            "action": "delete_selected",
            "post": "yes",
            "_selected_action": [group.pk for group in groups],
        },
    )
    [event] = events()
    assert (event.kind, event.facts["count"]) == ("change.deleted", 30)
    assert event.subject.startswith("group 00, group 01")
    assert not Group.objects.exists()


def test_a_deletion_that_cannot_be_written_down_does_not_happen(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError("the log is broken")

    group = Group.objects.create(name="family")
    monkeypatch.setattr(Event.objects, "create", fail)
    delete = {"action": "delete_selected", "post": "yes", "_selected_action": [group.pk]}
    owner.raise_request_exception = False
    assert owner.post(reverse("admin:auth_group_changelist"), delete).status_code == 503
    change = reverse("admin:auth_group_change", args=[group.pk])
    assert owner.post(change, {"name": "other"}).status_code == 503
    assert Group.objects.get().name == "family"


def test_a_password_is_told_as_changed_and_no_more(owner: Client) -> None:
    user = User.objects.create_user("kim", password="old-Passw0rd!")
    secret = "a-long-new-passphrase"
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    owner.post(url, {"password1": secret, "password2": secret, "usable_password": "true"})
    add = {"username": "alex", "password1": secret, "password2": secret, "usable_password": "true"}
    owner.post(reverse("admin:auth_user_add"), add)
    changed, added = events()
    assert (changed.kind, changed.subject) == ("change.edited", "kim")
    assert changed.facts["changes"]["password"] == ["", "***"]
    assert added.facts["changes"]["username"] == ["", "alex"]
    assert secret not in repr(list(Event.objects.values()))


def test_the_actions_of_other_packages_are_told(owner: Client) -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    task = PeriodicTask.objects.create(name="poll", task="x", interval=every)
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    form = {"action": "disable_tasks", "_selected_action": [task.pk]}
    assert "Disable these tasks?" in owner.post(url, form).content.decode()
    task.refresh_from_db()
    assert (task.enabled, events()) == (True, [])
    owner.post(url, {**form, "confirmed": "yes"})
    task.refresh_from_db()
    assert task.enabled is False
    [event] = events()
    assert (event.kind, event.facts["action"]) == ("change.edited", "disable_tasks")
    assert event.subject.startswith("poll")


@pytest.mark.parametrize(
    ("index", "chosen"),
    [("0", ["toggle_tasks", ""]), ("1", ["", "toggle_tasks"]), ("7", ["", "toggle_tasks"])],
)
def test_whichever_of_the_page_s_buttons_was_pushed_the_action_is_told(
    owner: Client, index: str, chosen: list[str]
) -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    task = PeriodicTask.objects.create(name="poll", task="x", interval=every)
    PeriodicTask.objects.create(name="other", task="y", interval=every)
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    form = {"action": chosen, "index": index, "_selected_action": [task.pk], "confirmed": "yes"}
    owner.post(url, form)
    task.refresh_from_db()
    assert task.enabled is False
    [event] = events()
    assert (event.facts["action"], event.facts["count"]) == ("toggle_tasks", 1)


def test_a_task_that_is_run_by_hand_is_told(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    every = IntervalSchedule.objects.create(every=1, period="days")
    name = "balupi_site.events.tasks.prune_events"
    task = PeriodicTask.objects.create(name="prune", task=name, interval=every)
    sent: list[object] = []

    def send(*_args: object, **_options: object) -> Any:
        sent.append(None)
        return SimpleNamespace(task_id="1")

    monkeypatch.setattr("celery.app.task.Task.apply_async", send)
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    form = {"action": "run_tasks", "_selected_action": [task.pk], "confirmed": "yes"}
    owner.post(url, form)
    [event] = events()
    assert len(sent) == 1
    assert (event.kind, event.who) == ("change.command", "owner")
    assert event.subject.startswith("run_tasks: prune")


def test_the_own_password_is_told_as_changed_when_it_is(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, url = "a-long-new-passphrase", reverse("admin:password_change")
    wrong = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert owner.get(url).status_code == owner.post(url, wrong).status_code == 200
    assert events() == []
    right = {**wrong, "old_password": "secret"}
    create = Event.objects.create
    monkeypatch.setattr(Event.objects, "create", _fail)
    owner.raise_request_exception = False
    assert owner.post(url, right).status_code == 503
    assert User.objects.get().check_password("secret")
    monkeypatch.setattr(Event.objects, "create", create)
    assert owner.post(url, right).status_code == 302
    [event] = events()
    assert (event.kind, event.subject, event.who) == ("change.edited", "owner", "owner")
    assert event.facts == {"what": "user", "changes": {"password": ["", "***"]}}


def _fail(*_args: Any, **_kwargs: Any) -> None:
    raise DatabaseError("the log is broken")


def test_a_related_row_is_told_by_its_name_before_as_after(owner: Client) -> None:
    daily = IntervalSchedule.objects.create(every=1, period="days")
    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    task = PeriodicTask.objects.create(name="poll", task="x", interval=daily)
    url = reverse("admin:django_celery_beat_periodictask_change", args=[task.pk])
    form = {"name": "poll", "regtask": "", "task": "x", "interval": hourly.pk, "args": "[]",
            "kwargs": "{}", "headers": "{}", "enabled": "on"}  # fmt: skip
    assert owner.post(url, form).status_code == 302
    [event] = events()
    assert event.facts["changes"]["interval"] == [str(daily), str(hourly)]


def test_plugs_and_tariffs_are_told_once(owner: Client) -> None:
    plug = make_plug(101, name="Lamp")
    url = reverse("admin:energy_smartplug_change", args=[plug.pk])
    form = {"name": "Fridge", "role": "generic", "enabled": "on", "host": plug.host}
    owner.post(url, form)
    owner.post(reverse("admin:energy_smartplug_delete", args=[plug.pk]), {"post": "yes"})
    tariff = Tariff.objects.create(name="Day", price_per_kwh="0.30", is_active=False)
    owner.post(reverse("admin:energy_tariff_delete", args=[tariff.pk]), {"post": "yes"})
    told = [(it.kind, it.subject, it.who) for it in events()]
    assert told == [
        ("change.edited", "Fridge", "owner"),
        ("change.deleted", "Fridge", "owner"),
        ("change.deleted", "Day", "owner"),
    ]
    assert events()[0].facts["changes"] == {"name": ["Lamp", "Fridge"]}


def test_django_s_own_commands_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "root-like")
    record_run(["manage.py", "changepassword", "kim"])
    record_run(["manage.py", "createsuperuser", "--email", "x@example.org"])
    first, second = events()
    assert (first.kind, first.subject, first.who) == (
        "change.command",
        "changepassword",
        "root-like",
    )
    assert (first.facts, second.facts) == ({"user": "kim"}, {"user": ""})


@pytest.mark.parametrize(
    ("typed", "user"),
    [
        pytest.param("changepassword --database default eve", "eve", id="after an option"),
        pytest.param("changepassword", "me", id="whoever runs it"),
        pytest.param("createsuperuser --username eve", "eve", id="an option"),
        pytest.param("createsuperuser --database default", "newest", id="asked for"),
    ],
)
def test_the_user_that_a_command_was_about_is_told(
    typed: str, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    User.objects.create_superuser("newest")
    User.objects.create_user("nobody's superuser")
    record_run(["manage.py", *typed.split()])
    assert events()[0].facts == {"user": user}


def test_a_superuser_of_before_is_not_taken_for_a_new_one() -> None:
    User.objects.create_superuser("old", date_joined=timezone.now() - timedelta(hours=1))
    record_run(["manage.py", "createsuperuser", "--noinput"])
    assert events()[0].facts == {"user": ""}


# --- the log in the admin -----------------------------------------------------------------------


def fill(count: int) -> None:
    now = timezone.now()
    Event.objects.bulk_create(
        Event(at=now - timedelta(minutes=number), kind=kind, who="kim", via="api", facts={"n": 1})
        for number in range(count)
        for kind in Kind
    )


def test_the_log_is_listed_without_a_query_for_each_row(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    fill(4)
    with django_assert_max_num_queries(9):
        page = owner.get(reverse("admin:events_event_changelist"))
    assert page.status_code == 200
    assert b"kim" in page.content


@pytest.mark.parametrize(
    "query", ["group=plug", "is_trouble__exact=1", "q=kim", "group=nothing", "at__year=2026"]
)
def test_it_is_filtered_and_searched(owner: Client, query: str) -> None:
    fill(1)
    assert owner.get(f"{reverse('admin:events_event_changelist')}?{query}").status_code == 200


def test_the_list_does_not_look_through_the_whole_log_for_its_days(owner: Client) -> None:
    fill(1)
    with CaptureQueriesContext(connection) as seen:
        owner.get(reverse("admin:events_event_changelist"))
    assert "MIN(" not in "".join(query["sql"] for query in seen.captured_queries)


def test_the_nas_s_own_calls_are_the_nas_s_and_refused_ones_a_visitor_s() -> None:
    page: Any = admin.site._registry[Event]
    event = Event(kind="nas.call", via="nas", address="192.168.178.53")
    assert page.by(event) == "the NAS"
    event.kind = "nas.call_refused"
    assert page.by(event) == "a visitor"


def test_nobody_edits_or_deletes_it(owner: Client) -> None:
    fill(1)
    event = Event.objects.earliest("pk")
    assert owner.get(reverse("admin:events_event_change", args=[event.pk])).status_code == 200
    assert owner.get(reverse("admin:events_event_add")).status_code == 403
    for name in ("change", "delete"):
        url = reverse(f"admin:events_event_{name}", args=[event.pk])
        assert owner.post(url, {"post": "yes", "subject": "x"}).status_code == 403
    assert Event.objects.count() == len(Kind)
