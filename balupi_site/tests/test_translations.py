"""German and English are complete, and agree with the code."""

from __future__ import annotations

import datetime as dt
import gettext as gnu
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext, ngettext

from balupi_site.lib.errors import TransientError
from balupi_site.lib.kept import kept, retold, retold_facts, unpacked
from balupi_site.page import parts
from energy.models import Anomaly, EnergyHour, PlugRole, PlugStatus, PowerSample, Tariff
from energy.plug_link import NO_ANSWER
from energy.tests.factories import make_plug
from nasctl.models import NasStatus
from nasctl.moments import moment_at
from nasctl.services.moves import change_state
from nasctl.state import Reason

CATALOG = settings.LOCALE_PATHS[0] / "de" / "LC_MESSAGES" / "django.po"
SOURCES = ("balupi_site", "energy", "handshake", "nasctl", "pihole", "templates")
_GAP = re.compile(r"%\(\w+\)[+.\d]*[a-z]|(?<!\{)\{\w+\}|</?\w+")
HELP = "Add the text in the catalog, or run deploy/messages.sh."


def tool(name: str, *args: str | Path) -> tuple[int, str]:
    """Run a program of GNU gettext; return its exit code and all that it said."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing; install the package gettext.")
    done = subprocess.run(  # noqa: S603  # an argv list
        [path, *map(str, args)], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def messages(mo: Path) -> dict[Any, str]:
    """Return what a compiled catalog says, by text, or by text and number of the form."""
    with mo.open("rb") as file:
        found: dict[Any, str] = gnu.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # private
    return {key: text for key, text in found.items() if key}


def flaws(po: Path, texts: Path, mo: Path, tmp: Path) -> Iterator[str]:
    """Name all that is wrong with a catalog, measured against the texts of the code."""
    for choice in ("--only-fuzzy", "--only-obsolete", "--untranslated"):
        found = tool("msgattrib", choice, "--no-wrap", po)[1]
        if "msgid" in found:
            yield f"{choice}: {found}"
    code, said = tool("msgcmp", "--use-untranslated", "--use-fuzzy", po, texts)
    if code or "not used" in said:
        yield f"msgcmp: {said}"
    code, said = tool("msgfmt", "--check-format", "-o", tmp / "fresh.mo", po)
    if code:
        yield f"msgfmt: {said}"
        return
    fresh = messages(tmp / "fresh.mo")
    if fresh != messages(mo):
        yield "the .mo is not what the .po compiles to"
    for key, text in fresh.items():
        is_plural = isinstance(key, tuple)  # whose forms msgfmt compares
        if not is_plural and sorted(_GAP.findall(key)) != sorted(_GAP.findall(text)):
            yield f"other gaps than in {key!r}: {text!r}"


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the texts as they are marked in the code now."""
    tool("xgettext", "--version")
    root: Path = tmp_path_factory.mktemp("marked")
    for source in SOURCES:
        hidden = shutil.ignore_patterns("tests", "locale", "static", "__pycache__")
        shutil.copytree(settings.BASE_DIR / source, root / source, ignore=hidden)
    folder = root / "texts" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(settings, "LOCALE_PATHS", [root / "texts"])
        call_command("makemessages", locale=["de"], keep_pot=True, no_location=True, verbosity=0)
    return root / "texts" / "django.pot"


def test_german_has_all_that_the_code_says_and_nothing_else(texts: Path, tmp_path: Path) -> None:
    found = list(flaws(CATALOG, texts, CATALOG.with_suffix(".mo"), tmp_path))
    assert found == [], HELP


def _without_one(po: str) -> str:
    start = po.index('msgid "Only an admin may do this."')
    return po[:start] + po[po.index("\n\n", start) + 2 :]


def _instead(old: str, new: str) -> Callable[[str], str]:
    def replace(po: str) -> str:
        assert old in po
        return po.replace(old, new, 1)

    return replace


ADMIN = 'msgid "Only an admin may do this."\nmsgstr "Das darf nur ein Admin."'


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        pytest.param(_without_one, "msgcmp", id="a text of the code is missing"),
        pytest.param(
            lambda po: po + '\nmsgid "Nobody says this."\nmsgstr "Das sagt niemand."\n',
            "msgcmp",
            id="a text that the code has no more",
        ),
        pytest.param(
            lambda po: po + '\n#~ msgid "Gone."\n#~ msgstr "Weg."\n', "obsolete", id="obsolete"
        ),
        pytest.param(
            _instead(ADMIN, ADMIN.replace("Das darf nur ein Admin.", "")),
            "untranslated",
            id="empty",
        ),
        pytest.param(_instead(ADMIN, "#, fuzzy\n" + ADMIN), "fuzzy", id="fuzzy"),
        pytest.param(
            _instead('"vor %(span)s"', '"vor %(zeit)s"'), "msgfmt", id="another placeholder"
        ),
        pytest.param(
            lambda po: po + '\nmsgid "a <b>c</b>"\nmsgstr "a c"\n', "gaps", id="a tag left out"
        ),
        pytest.param(
            _instead(ADMIN, ADMIN.replace("nur ein", "bloß ein")), "the .mo", id="not compiled"
        ),
    ],
)
def test_a_spoilt_catalog_is_noticed(
    spoil: Callable[[str], str], word: str, texts: Path, tmp_path: Path
) -> None:
    spoilt = tmp_path / "spoilt.po"
    spoilt.write_text(spoil(CATALOG.read_text()))
    found = list(flaws(spoilt, texts, CATALOG.with_suffix(".mo"), tmp_path))
    assert [flaw for flaw in found if word in flaw], found


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(pytest.fail.Exception, match="install the package gettext"):
        tool("msgfmt")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["0 files are tried again.", "1 file is tried again.", "2 files are tried again."]),
        (
            "de",
            [
                "0 Dateien werden noch einmal versucht.",
                "1 Datei wird noch einmal versucht.",
                "2 Dateien werden noch einmal versucht.",
            ],
        ),
    ],
)
def test_one_and_many_are_told_apart(language: str, expected: list[str]) -> None:
    one, many = "%(n)s file is tried again.", "%(n)s files are tried again."
    with translation.override(language):
        assert [ngettext(one, many, n) % {"n": n} for n in range(3)] == expected


def test_every_plural_has_both_forms() -> None:
    keys = [key for key in messages(CATALOG.with_suffix(".mo")) if isinstance(key, tuple)]
    assert {(text, 1 - form) for text, form in keys} == set(keys) != set()


# --- sentences that are kept ----------------------------------------------------------------------

ASLEEP = "The NAS sleeps; wake it and look again."
LOST = "%(plug)s does not answer."


@pytest.mark.parametrize(
    ("stored", "english", "german"),
    [
        pytest.param(kept(ASLEEP), ASLEEP, "Der NAS schläft; wecke ihn", id="without gaps"),
        pytest.param(
            kept(LOST, plug="100 % {x}"), "100 % {x} does not answer.", "100 % {x} antwortet nicht.",
            id="with a gap",
        ),
        pytest.param("It was [so].", "It was [so].", "It was [so].", id="of an older release"),
        pytest.param('["cut', '["cut', '["cut', id="cut off"),
        pytest.param('["a %(b)s", {}]', "a %(b)s", "a %(b)s", id="of another release"),
        pytest.param('["a"]', '["a"]', '["a"]', id="somebody else's list"),
        pytest.param('["' + "[" * 100_000, '["[', '["[', id="nested without end"),
        pytest.param("", "", "", id="nothing"),
    ],
)  # fmt: skip
def test_a_kept_sentence_is_told_in_the_language_of_its_reader(
    stored: str, english: str, german: str
) -> None:
    for language, expected in (("en", english), ("de", german)):
        with translation.override(language):
            assert retold(stored).startswith(expected)
            assert retold(unpacked(stored)) == retold(stored)
            assert str(TransientError(stored)) == retold(stored)


def test_facts_of_a_row_are_told_wherever_they_are() -> None:
    facts = {"n": 1, "figures": {"status_message": unpacked(kept(LOST, plug="NAS"))}, "why": ASLEEP}
    with translation.override("de"):
        told = retold_facts(facts)
    assert told["figures"] == {"status_message": "NAS antwortet nicht."}
    assert (told["n"], told["why"]) == (1, "Der NAS schläft; wecke ihn und sieh noch einmal nach.")


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, "There is no /api/nothing here.", id="a program asks for none"),
        pytest.param({"Accept-Language": "fr"}, "There is no /api/nothing here.", id="French"),
        pytest.param(
            {"Accept-Language": "de-AT,de;q=0.9"}, "/api/nothing gibt es hier nicht.", id="German"
        ),
    ],
)
def test_an_answer_speaks_the_language_it_was_asked_in(
    client: Client, asked: dict[str, str], expected: str
) -> None:
    assert client.get("/api/nothing", headers=asked).json()["detail"] == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"host": "stranger.example"}, "BaluPi is not known by", id="unknown name"),
        pytest.param({"content-length": "99999999"}, "The body may have", id="too long"),
    ],
)
def test_what_is_refused_at_once_speaks_its_own_visitors_language(
    client: Client, asked: dict[str, str], expected: str
) -> None:
    client.get("/api/health", headers={"Accept-Language": "de"})
    length = asked.get("content-length", "0")
    answer = client.get(
        "/api/health", headers={"host": "localhost", **asked}, CONTENT_LENGTH=length
    )
    assert answer.json()["detail"].startswith(expected)


def _numbers_of(value: object) -> object:
    """Return JSON with its texts left out."""
    if isinstance(value, dict):
        return {key: _numbers_of(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers_of(each) for each in value]
    return None if isinstance(value, str) else value


NOW = dt.datetime(2026, 11, 23, 11, 40, tzinfo=dt.UTC)
PATHS = [
    "/api/energy/current",
    "/api/energy/history?from=2026-11-22&to=2026-11-24&resolution=hour",
    "/api/energy/costs?period=day",
    "/api/energy/summary",
    "/api/energy/anomalies",
    "/api/energy/prices",
    "/api/tapo/devices",
    "/api/nas/status",
    "/api/nas/energy?period=day",
    "/api/nas/timeline",
    "/api/handshake/status",
    "/api/handshake/inbox",
    "/api/pihole/status",
    "/api/pihole/stats",
]


@pytest.fixture
def owner(client: Client) -> Client:
    """Give the browser of an admin, on a day of fractions."""
    client.force_login(User.objects.create_superuser("owner"))
    nas = make_plug(101, name="NAS", role=PlugRole.NAS, status=PlugStatus.UNREACHABLE,
                    status_message=NO_ANSWER, status_since=NOW - dt.timedelta(hours=1.5))  # fmt: skip
    Tariff.objects.create(name="Green", price_per_kwh=Decimal("0.3217"), base_fee_per_month=9)
    for number in range(30):
        hour = NOW.replace(minute=0) - dt.timedelta(hours=number + 1)
        EnergyHour.objects.create(
            plug=nas, hour=hour, energy_wh=36.93 + number, power_min_w=3.1, power_avg_w=36.93,
            power_max_w=61.25, coverage=0.97,
        )  # fmt: skip
    PowerSample.objects.bulk_create(
        PowerSample(plug=nas, at=NOW - dt.timedelta(minutes=7.5 * number), power_w=36.93 + number)
        for number in range(90)
    )
    Anomaly.objects.create(plug=nas, kind="plug_lost", began_at=NOW - dt.timedelta(hours=1.5),
                           facts={"status": "unreachable", "status_message": NO_ANSWER})  # fmt: skip
    moment = moment_at(NOW - dt.timedelta(hours=2.3))
    change_state(NasStatus.current(moment), Reason.ANSWERS, now=moment)
    return client


def _in_both(client: Client, path: str) -> list[Any]:
    found = []
    for language in ("en", "de"):
        parts.forget()
        with time_machine.travel(NOW, tick=False):
            found.append(client.get(path, headers={"Accept-Language": language}))
    assert [answer.status_code for answer in found] == [200, 200], found[0].content
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_numbers_of_the_api_are_the_same_in_any_language(owner: Client, path: str) -> None:
    english, german = (answer.json() for answer in _in_both(owner, path))
    assert _numbers_of(english) == _numbers_of(german)


@pytest.mark.django_db
def test_files_of_the_api_are_the_same_in_any_language(owner: Client) -> None:
    answers = _in_both(owner, "/api/energy/export.csv?period=day")
    english, german = (b"".join(answer.streaming_content) for answer in answers)
    assert english == german
    assert b"36.93" in english


@pytest.mark.django_db
def test_an_answer_tells_a_kept_sentence_to_its_reader(owner: Client) -> None:
    english, german = (answer.json() for answer in _in_both(owner, "/api/tapo/devices"))
    assert english[0]["status_message"] == NO_ANSWER
    assert german[0]["status_message"].startswith("Die Steckdose antwortet nicht.")


@pytest.mark.django_db
def test_drawings_are_the_same_in_any_language(owner: Client) -> None:
    drawn = []
    for answer in _in_both(owner, "/dashboard/?period=week"):
        html = answer.content.decode()
        shapes = re.findall(r"<(?:svg|rect|path|line|circle|ellipse|use|g|stop)\b[^>]*", html)
        drawn.append([re.sub(r' (aria-|data-word)[\w-]*="[^"]*"', "", shape) for shape in shapes])
    english, german = drawn
    assert english == german
    assert re.search(r'"\d+\.\d', " ".join(english)), "nothing with a fraction is drawn"


def test_no_text_of_the_settings_is_lost() -> None:
    assert [code for code, _name in settings.LANGUAGES] == ["de", "en"]
    assert settings.LANGUAGE_CODE == "en"
    with translation.override("de"):
        assert gettext("Wake the NAS") == "NAS wecken"
