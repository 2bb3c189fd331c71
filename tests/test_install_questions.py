"""deploy/install/ask.py: where answers come from, and what the settings file then says."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = (ROOT / "deploy" / "balupi.env.example").read_text()
HOME = {"NAS_IP": "192.0.2.53", "NAS_MAC_ADDRESS": "aa:bb:cc:dd:ee:0f", "PI_IP": "192.0.2.2"}


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ask", ROOT / "deploy" / "install" / "ask.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ask"] = module
    spec.loader.exec_module(module)
    return module


ask = _load()


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nas_ip", "own_ip", "mac_address", "nas_url", "pihole_url"):
        monkeypatch.setattr(ask.find, name, lambda *_: "")
    monkeypatch.setattr(ask.find, "dns_names", lambda: "baluhost.local,baluhost.lan")


def _file_after(answers: dict[str, str], path: Path) -> dict[str, Any]:
    ask.settings_file.write(path, ask.settings_file.filled(EXAMPLE, answers))
    return dotenv_values(path, interpolate=False)


def test_without_a_person_everything_that_is_missing_is_told_at_once() -> None:
    _answers, missing = ask.collect({}, {}, None)

    assert [line.partition(":")[0] for line in missing] == [
        "BALUPI_NAS_IP",
        "BALUPI_NAS_MAC_ADDRESS",
        "BALUPI_NAS_URL",
        "BALUPI_PI_IP",
        "BALUPI_PIHOLE_URL",
    ]


def test_what_the_machine_finds_out_is_not_asked_of_a_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ask.find, "nas_ip", lambda: "192.0.2.53")
    monkeypatch.setattr(ask.find, "mac_address", lambda ip: "aa:bb:cc:dd:ee:0f" if ip else "")
    monkeypatch.setattr(ask.find, "nas_url", lambda ip: f"http://{ip}:8000")
    monkeypatch.setattr(ask.find, "own_ip", lambda _ip: "192.0.2.2")
    monkeypatch.setattr(ask.find, "pihole_url", lambda: "http://127.0.0.1:8080")

    answers, missing = ask.collect({}, {}, None)

    assert not missing
    assert answers["NAS_URL"] == "http://192.0.2.53:8000"
    assert answers["MODE"] == "prod"
    assert len(answers["SECRET_KEY"]) >= 50
    assert answers["SECRET_KEY"] != answers["HANDSHAKE_SECRET"]


def test_a_wrong_value_in_the_environment_is_refused_by_its_name() -> None:
    given_values = {**HOME, "NAS_URL": "http://192.0.2.53", "PIHOLE_URL": "http://127.0.0.1"}

    _answers, missing = ask.collect({}, {**given_values, "NAS_MAC_ADDRESS": "nonsense"}, None)

    assert missing == [
        "BALUPI_NAS_MAC_ADDRESS: must be a MAC address such as aa:bb:cc:dd:ee:ff",
    ]


def test_a_person_is_asked_again_until_the_answer_can_be_true() -> None:
    said = iter(["fritz.box", "", "192.0.2.53"])
    heard: list[tuple[str, str]] = []

    def person(question: Any, default: str, wrong: str) -> str:
        heard.append((question.name, wrong))
        if question.name == "NAS_IP":
            return next(said)
        return {"NAS_MAC_ADDRESS": "aa:bb:cc:dd:ee:0f", "PI_IP": "192.0.2.2"}.get(
            question.name, default or "http://192.0.2.53" if question.name.endswith("URL") else ""
        )

    answers, missing = ask.collect({}, {}, person)

    assert not missing
    assert answers["NAS_IP"] == "192.0.2.53"
    assert [wrong for name, wrong in heard if name == "NAS_IP"] == [
        "",
        "must be an IPv4 address such as 192.168.178.53",
        "is needed (The NAS's IPv4 address)",
    ]


def test_what_is_known_is_neither_asked_nor_changed() -> None:
    def nobody(*_question: Any) -> str:
        pytest.fail("a question whose answer is known")

    known = {question.name: "" if not question.is_asked else "x" for question in ask.QUESTIONS}
    known |= HOME | {"NAS_URL": "http://192.0.2.53", "PIHOLE_URL": "http://127.0.0.1:8080"}

    answers, missing = ask.collect(known, {}, nobody)

    assert (answers, missing) == (known, [])


def test_what_was_left_empty_is_asked_of_a_person_again() -> None:
    known = {question.name: "x" for question in ask.QUESTIONS} | HOME
    known |= {"NAS_URL": "http://192.0.2.53", "PIHOLE_URL": "http://127.0.0.1:8080"}
    known |= {"DATA_DIR": "/var/lib/balupi", "TIME_ZONE": "UTC", "TAPO_PASSWORD": ""}

    answers, _missing = ask.collect(known, {}, lambda *_question: "by now I know it")
    as_it_was, _missing = ask.collect(known, {}, None)

    assert answers["TAPO_PASSWORD"] == "by now I know it"
    assert as_it_was["TAPO_PASSWORD"] == ""


def test_nobody_is_asked_for_the_password_of_no_account() -> None:
    known = {question.name: "x" for question in ask.QUESTIONS} | HOME
    known |= {"NAS_URL": "http://192.0.2.53", "PIHOLE_URL": "http://127.0.0.1:8080"}
    known |= {"DATA_DIR": "/var/lib/balupi", "TIME_ZONE": "UTC"}
    heard = []

    def person(question: Any, *_words: str) -> str:
        heard.append(question.name)
        return ""

    answers, _missing = ask.collect(known | {"TAPO_USERNAME": "", "TAPO_PASSWORD": ""}, {}, person)

    assert heard == ["TAPO_USERNAME"]
    assert answers["TAPO_PASSWORD"] == ""


def test_a_secret_in_a_file_of_its_own_is_left_there() -> None:
    answers, _missing = ask.collect({"HANDSHAKE_SECRET_FILE": "/run/secret"}, {}, None)

    assert "HANDSHAKE_SECRET" not in answers


def test_answers_stand_where_the_example_speaks_of_them_and_nothing_else_changes() -> None:
    text = ask.settings_file.filled(EXAMPLE, {"NAS_BOOT_SECONDS": "120", "PI_IP": "192.0.2.2"})

    changed = [line for line in text.splitlines() if line not in EXAMPLE.splitlines()]
    assert changed == ["BALUPI_NAS_BOOT_SECONDS=120", "BALUPI_PI_IP=192.0.2.2"]
    assert ask.settings_file.filled(text, {"PI_IP": "192.0.2.2"}) == text


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40).map(str.strip))
def test_every_password_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    path = tmp_path_factory.mktemp("settings") / "balupi.env"

    values = _file_after({"TAPO_PASSWORD": password}, path)

    assert values["BALUPI_TAPO_PASSWORD"] == password
    assert ask.settings_file.read(path.read_text())["TAPO_PASSWORD"] == password


def test_the_settings_file_is_closed_to_others(tmp_path: Path) -> None:
    _file_after({}, tmp_path / "balupi.env")

    assert (tmp_path / "balupi.env").stat().st_mode & 0o777 == 0o640


def test_a_data_disk_is_no_disk_of_the_system_and_keeps_owners() -> None:
    def part(path: str, kind: str | None, *mounts: str, label: str | None = None) -> dict[str, Any]:
        return {
            "path": path, "uuid": f"id-of-{path[5:]}" if kind else None, "fstype": kind,
            "size": "931G", "mountpoints": list(mounts) or [None], "label": label,
        }  # fmt: skip

    card = part("/dev/mmcblk0", None) | {
        "children": [
            part("/dev/mmcblk0p1", "vfat", "/boot/firmware"),
            part("/dev/mmcblk0p2", "ext4", "/"),
            part("/dev/mmcblk0p3", "ext4"),
        ]
    }
    hard_disk = part("/dev/sda", None) | {
        "children": [part("/dev/sda1", "ext4", label="balu data"), part("/dev/sda2", "ntfs")]
    }
    whole = part("/dev/sdb", "xfs", "/mnt/old")

    report = json.dumps({"blockdevices": [card, hard_disk, whole]})

    assert ask.find.data_disks(report) == [
        "/dev/sda1 id-of-sda1 ext4 931G balu data",
        "/dev/sdb id-of-sdb xfs 931G",
    ]
