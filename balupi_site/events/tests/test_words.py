"""Every event is a sentence, and a reader is told no more of it than is for all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from balupi_site.events.kinds import GROUPS, Kind, kinds_of
from balupi_site.events.models import Event
from balupi_site.events.plain import LONGEST_TEXT, differences, plain
from balupi_site.events.reading import item_of
from balupi_site.events.words import SENTENCES, sentence

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def event(kind: str, subject: str = "", **fields: Any) -> Event:
    return Event(at=NOW, kind=kind, subject=subject, **fields)


def test_every_kind_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_row_without_facts_is_a_sentence_too(kind: Kind) -> None:
    assert sentence(event(kind)).strip()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(
            event(
                "nas.state", duration_s=7200.0,
                facts={"from_state": "offline", "to_state": "online", "why": "BaluHost answers."},
            ),
            "The NAS is awake. BaluHost answers. Before: asleep for 2 h.",
            id="a state",
        ),
        pytest.param(
            event("wake.requested", address="192.168.178.20"),
            "192.168.178.20 asked to wake the NAS.",
            id="a visitor's wake",
        ),
        pytest.param(
            event("wake.requested"),
            "A visitor asked to wake the NAS.",
            id="a visitor's wake, as everybody reads it",
        ),
        pytest.param(
            event("wake.requested", facts={"is_repeated": True}),
            "A visitor had the signal sent again.",
            id="a visitor's second try",
        ),
        pytest.param(
            event("wake.stage", duration_s=31.4, facts={"stage": "healthy"}),
            "BaluHost is ready, 31 s after it was asked for.",
            id="a stage",
        ),
        pytest.param(
            event("wake.ended", is_trouble=True, facts={"why": "It drew no power."}),
            "The NAS did not wake up. It drew no power.",
            id="a wake that failed",
        ),
        pytest.param(
            event("names.switched", "baluhost.local", duration_s=1.0, facts={"target": "pi"}),
            "baluhost.local: now on the Pi. It took 1 s.",
            id="names",
        ),
        pytest.param(
            event("inbox.moved", facts={"files": 2, "bytes": 2048, "failed": 1}),
            "2 files (2.0 kB) moved to the NAS. 1 file failed.",
            id="the inbox",
        ),
        pytest.param(
            event("plug.anomaly_over", "Freezer", duration_s=600.0, facts={"anomaly": "plug_lost"}),
            "Freezer answers again. It lasted 10 min.",
            id="a plug that is back",
        ),
        pytest.param(
            event("plug.switched", "Lamp", facts={"outcome": "refused", "why": "Not now."}),
            "The plug Lamp was not switched. Not now.",
            id="a plug that was not switched",
        ),
        pytest.param(
            event("change.edited", "Day", facts={"what": "tariff", "changes": {"name": ["a", "b"]}}),
            "Changed: tariff Day. (name)",
            id="a change",
        ),
        pytest.param(event("of.old", "x"), "of.old x", id="a kind of another release"),
        pytest.param(event("login.refused", "100 %s"), "A login as 100 %s was refused.", id="a %"),
    ],
)  # fmt: skip
def test_it_says_what_happened(told: Event, expected: str) -> None:
    assert sentence(told).replace("\xa0", " ") == expected


@pytest.mark.parametrize("kind", ["login.refused", "login.accepted", "token.made", "token.revoked"])
def test_a_reader_is_not_told_who_it_was(kind: str) -> None:
    told = item_of(
        event(
            kind,
            "hunter2",
            who="kim",
            via="api",
            address="192.168.178.20",
            facts={"why": "hunter2"},
        ),
        for_admin=False,
    )
    assert (told.subject, told.who, told.via, told.address, told.facts) == ("", "", "", "", {})
    assert "hunter2" not in repr(told)
    assert "kim" not in repr(told)
    assert told.event_kind == kind


def test_a_reader_is_told_what_was_changed_but_not_by_whom_or_how() -> None:
    row = event(
        "change.edited", "Day", who="kim", via="admin", address="10.0.0.7",
        facts={"what": "tariff", "changes": {"price_per_kwh": ["0.30", "0.31"]}},
    )  # fmt: skip
    told = item_of(row, for_admin=False)
    assert told.sentence == "Changed: tariff Day."
    assert (told.who, told.via, told.address, told.facts) == ("", "", "", {"what": "tariff"})
    assert item_of(row, for_admin=True).facts["changes"]["price_per_kwh"] == ["0.30", "0.31"]


def test_a_reader_is_told_no_address_of_anything() -> None:
    row = event("nas.call_refused", address="10.0.0.7", facts={"why": "Wrong."})
    assert "10.0.0.7" not in repr(item_of(row, for_admin=False))
    assert "10.0.0.7" in item_of(row, for_admin=True).sentence


def test_groups_and_kinds_are_found_by_their_words() -> None:
    assert kinds_of("names") == {Kind.NAMES_SWITCHED, Kind.NAMES_OVERRIDDEN, Kind.NAMES_RELEASED}
    assert kinds_of("nas.call") == {Kind.NAS_CALL}
    assert kinds_of("") == kinds_of("nas.") == kinds_of("all") == frozenset()
    assert all(kinds_of(group) for group in GROUPS)


def test_facts_are_plain_and_short() -> None:
    facts = plain({"at": NOW, "bad": "a\0b\ud800", "many": range(3), "all": {"x": [1, None, True]}})
    assert facts == {
        "at": str(NOW), "bad": "a\N{REPLACEMENT CHARACTER}b?", "many": "range(0, 3)",
        "all": {"x": [1, None, True]},
    }  # fmt: skip
    assert len(str(plain("x" * 5000))) == LONGEST_TEXT


@pytest.mark.parametrize(
    "field", ["password", "password1", "secret_key", "token", "api_key", "pass"]
)
def test_of_a_secret_only_the_change_is_told(field: str) -> None:
    changes = differences({field: "old-one"}, {field: "new-one"})
    if field == "pass":  # no word that anybody uses for a secret here
        assert changes == {"pass": ["old-one", "new-one"]}
    else:
        assert changes == {field: ["***", "***"]}


def test_what_did_not_change_is_not_told() -> None:
    assert differences({"a": 1, "b": None}, {"a": 1, "b": None}) == {}
    assert differences({}, {"a": 1, "b": None}) == {"a": ["", "1"]}
