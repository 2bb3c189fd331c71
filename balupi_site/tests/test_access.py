"""Who may do what: every URL, every method, every kind of caller, asked through the whole stack.

What is expected is written by hand in ``access_expected.py``. ``docs/access.md`` shows the answers;
``pytest balupi_site/tests/test_access.py --write-docs`` writes it anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Task
from django.db import connection
from django.utils import timezone
from kombu.exceptions import OperationalError

from balupi_site import access
from balupi_site.tests.access_expected import KINDS, SETTINGS, expected
from balupi_site.tests.callers import CALLERS, METHODS, Asker, make_people, secret_of
from balupi_site.tests.url_map import Endpoint, endpoints
from energy.models import Tariff
from energy.tests.factories import id_of, make_plug
from handshake.tests.vectors import SECRET
from nasctl.models import Wake
from nasctl.services import wakes

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("_home"),
    pytest.mark.sqlite_is_enough("who may what is not for it to say"),
]

#: What a refusal may write all the same.
NOTES_OF_REFUSALS = {"accounts_token", "django_session", "events_event"}
#: Which setting is asked about with whom.
CHANGES = [
    *(("PUBLIC_READ", who) for who in ("near", "far", "wake", "gone")),
    *(("PUBLIC_WAKE", who) for who in ("near", "far", "user")),
    *(("ADMIN_PRIVATE_ONLY", who) for who in ("far", "user", "afar")),
]
SECTIONS: dict[str, Callable[[Endpoint], bool]] = {
    "API": lambda endpoint: endpoint.is_api,
    "Pages": lambda endpoint: not endpoint.is_api and not endpoint.is_admin,
    "Admin site": lambda endpoint: endpoint.is_admin,
}
INTRODUCTION = """# Who may do what

Made by `pytest balupi_site/tests/test_access.py --write-docs` from what BaluPi really answered;
do not edit it.

**ok**: let in. **401**: sign in first, or the token opens nothing. **403**: known, but not for
this. **login**: led to the sign-in page. A visitor *at home* calls from a private address, one *from
outside* does not. HEAD is as GET; any other method is refused to all. Pages know sessions, no tokens:
to them who brings a token is a visitor. The admin site's pages answer **405** and **403** to an admin
too where there is nothing to send or only facts to look at. Where the page that the NAS built is
installed, it is open at `/` and `/login`: it holds nothing and asks the API, as this table allows.
"""
DOCS = Path(__file__).resolve().parents[2] / "docs" / "access.md"


@dataclass
class Asked:
    """What came of asking for everything.

    Attributes:
        answers: (path as shown, method) -> answer.
        changed: tables that refused calls have changed.
        leaks: refused calls that reached a worker or the network.
    """

    answers: dict[tuple[str, str], str]
    changed: set[str]
    leaks: list[str]


#: Asking takes seconds: (caller, changed setting) -> what came of it.
_asked: dict[tuple[str, str], Asked] = {}
#: Gives what came of a caller's asking.
Ask = Callable[..., Asked]


class Outside:
    """What would have left this process."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def enqueue(self, task: Task[Any, Any]) -> None:
        self.sent.append(task.name)
        raise OperationalError("no worker here")

    def send_packets(self, mac: str, **_where: object) -> list[str]:
        self.sent.append(mac)
        return ["127.255.255.255"]


@pytest.fixture
def _home(settings: Any, no_redis: None, monkeypatch: pytest.MonkeyPatch, outside: Outside) -> None:
    """A home with one of each, where nothing is switched and nobody is throttled."""
    settings.HANDSHAKE_SECRET = SECRET
    settings.NAS_MAC_ADDRESS = "02:00:00:00:00:53"
    settings.CACHES = {
        **settings.CACHES,
        "throttle": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }
    monkeypatch.setattr(Task, "apply_async", lambda task, **_options: outside.enqueue(task))
    monkeypatch.setattr(wakes, "send_magic_packets", outside.send_packets)
    monkeypatch.setattr("balupi_site.doctor.views.background.start", lambda: True)
    make_people()
    make_plug()
    Tariff.objects.create(name="Day", price_per_kwh="0.30")
    now = timezone.now()
    Wake.objects.create(requested_by="kim", requested_at=now, deadline_at=now, result="failed")


@pytest.fixture
def outside() -> Outside:
    return Outside()


def all_endpoints() -> list[Endpoint]:
    """Return the URL map, with paths that lead to what is there, and without what another URL hides."""
    found = endpoints(
        {
            "device_id": id_of(101),
            "price_id": str(Tariff.objects.get().pk),
            "wake_id": str(Wake.objects.get().pk),
            "part": "nas",
            "_0": "/nothing",
            "object_id": "1",
        }
    )
    return list({endpoint.path: endpoint for endpoint in reversed(found)}.values())[::-1]


@pytest.fixture
def ask(settings: Any, outside: Outside) -> Ask:
    """Have a caller ask for everything there is, once in all tests of this process."""

    def asked(who: str, changed: str = "") -> Asked:
        if (who, changed) not in _asked:
            if changed:
                setattr(settings, changed, SETTINGS[changed][0])
            _asked[who, changed] = _ask_for_everything(who, changed, outside)
        return _asked[who, changed]

    return asked


def _ask_for_everything(who: str, changed: str, outside: Outside) -> Asked:
    asker = Asker(CALLERS[who], secret_of(CALLERS[who]))
    before = stored()
    answers, leaks = {}, []
    for endpoint, method in calls(who, changed):
        outside.sent.clear()
        answer = asker.ask(endpoint, method)
        answers[endpoint.shown, method] = answer
        if answer != "ok" and outside.sent:
            leaks.append(f"{method} {endpoint.shown}: {outside.sent}")
    after = stored()
    return Asked(answers, {table for table in before if before[table] != after[table]}, leaks)


def calls(who: str, changed: str) -> list[tuple[Endpoint, str]]:
    """Return what a caller asks for: some everything, others what there is, a setting where it matters."""
    is_curious = who in {"near", "user", "admin"} and not changed
    is_of_admin_site = changed == "ADMIN_PRIVATE_ONLY"
    return [
        (endpoint, method)
        for endpoint, method in itertools.product(all_endpoints(), METHODS)
        if method in methods_of(endpoint)
        or (is_curious and (who == "near" or not endpoint.is_admin))
        if not changed or endpoint.is_admin == is_of_admin_site
    ]


def methods_of(endpoint: Endpoint) -> list[str]:
    """Return the methods that are worth asking for."""
    if endpoint.is_admin:
        return ["GET", "POST"]
    return [method for method in METHODS if method != "HEAD" and (endpoint.shown, method) in KINDS]


def stored() -> dict[str, list[str]]:
    """Return all rows of all tables."""
    rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute("SELECT * FROM " + connection.ops.quote_name(table))  # noqa: S608
            rows[table] = sorted(map(str, cursor.fetchall()))
    return rows


def wrong_answers(who: str, asked: Asked, changed: str) -> str:
    """Return what is not as it should be, in lines of words."""
    return "\n".join(
        f"{method} {endpoint.shown}: {answer}, should be {' or '.join(sorted(right))}"
        for endpoint, method in calls(who, changed)
        if (answer := asked.answers[endpoint.shown, method])
        not in (right := expected(endpoint, method, who, changed))
    )


def test_every_url_is_in_both_tables_and_nothing_else() -> None:
    ours = [endpoint for endpoint in all_endpoints() if not endpoint.is_admin]
    assert sorted({path for path, _method in KINDS}) == sorted(each.shown for each in ours)
    ruled = {(each.shown, method) for each in ours for method in access.RULES.get(each.name, ())}
    assert sorted(ruled) == sorted(key for key in KINDS if key[1] != "HEAD")
    assert sorted(access.RULES) == sorted(each.name for each in ours)


@pytest.mark.parametrize("who", CALLERS)
def test_everybody_is_answered_as_the_design_says(who: str, ask: Ask) -> None:
    assert wrong_answers(who, ask(who), "") == ""


@pytest.mark.parametrize(("changed", "who"), CHANGES)
def test_a_setting_changes_only_what_it_is_for(changed: str, who: str, ask: Ask) -> None:
    assert wrong_answers(who, ask(who, changed), changed) == ""


@pytest.mark.parametrize("who", CALLERS)
def test_who_is_refused_has_changed_nothing(who: str, ask: Ask) -> None:
    assert ask(who).changed <= NOTES_OF_REFUSALS
    assert ask(who).leaks == []


def test_the_printed_table_is_up_to_date(ask: Ask, request: pytest.FixtureRequest) -> None:
    """``--write-docs`` writes it anew."""
    text = "\n".join(printed_table(ask))
    if request.config.getoption("--write-docs"):
        DOCS.write_text(text)
    assert DOCS.read_text() == text, "run: pytest balupi_site/tests/test_access.py --write-docs"


def printed_table(ask: Ask) -> Iterator[str]:
    """Return docs/access.md in lines, from the answers."""
    yield INTRODUCTION
    titles = [caller.title for caller in CALLERS.values()]
    for heading, is_shown in SECTIONS.items():
        yield f"## {heading}\n"
        yield f"| method | path | {' | '.join(titles)} |"
        yield "|---" * (len(titles) + 2) + "|"
        for (paths, cells), methods in _rows(list(filter(is_shown, all_endpoints())), ask):
            yield f"| {', '.join(methods)} | {paths} | {' | '.join(cells)} |"
        yield ""
    yield "## What the settings change\n"
    yield "| setting | what | who | answer | instead of |\n|---|---|---|---|---|"
    for changed, who in CHANGES:
        usual = ask(who).answers
        calls_by_change: dict[tuple[str, str], list[str]] = {}
        for (path, method), answer in ask(who, changed).answers.items():
            if answer != usual[path, method]:
                change = (answer, usual[path, method])
                calls_by_change.setdefault(change, []).append(f"{method} {path}")
        for (answer, instead_of), changed_calls in calls_by_change.items():
            setting = f"`{changed}={str(SETTINGS[changed][0]).lower()}`"
            what = _with_more(changed_calls)
            yield f"| {setting} | {what} | {CALLERS[who].title} | {answer} | {instead_of} |"
    yield ""


def _with_more(names: list[str]) -> str:
    return f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _rows(
    shown: list[Endpoint], ask: Ask
) -> Iterable[tuple[tuple[str, tuple[str, ...]], list[str]]]:
    """Return ((paths, answers), methods): one row for methods, and for admin pages, that are as others."""
    rows: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    admin_pages: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for endpoint in shown:
        for method in methods_of(endpoint):
            cells = tuple(ask(who).answers[endpoint.shown, method] for who in CALLERS)
            if endpoint.is_admin:
                admin_pages.setdefault((method, cells), []).append(endpoint.shown)
            else:
                rows.setdefault((f"`{endpoint.shown}`", cells), []).append(method)
    for (method, cells), paths in admin_pages.items():
        rows.setdefault((_with_more(paths), cells), []).append(method)
    return rows.items()
