"""What a Pi's firmware says of its power: read, and remembered since the start, as the kernel forgets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from balupi_site.monitor import throttling as module
from balupi_site.monitor.throttling import Throttling, note, of_word, throttling

FINE, WEAK, HOT = "0", "1", "4"


def says(platform: Path, word: str) -> Path:
    """Have the firmware say a word, as the kernel shows it."""
    folder = platform / "soc" / "soc:firmware"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "get_throttled").write_text(f"{word}\n")
    return platform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0", Throttling(False, False, False, False, False), id="never"),
        pytest.param("50005", Throttling(True, True, True, True, False), id="weak supply"),
        pytest.param("80008", Throttling(False, False, False, False, True), id="warm"),
        pytest.param("60000", Throttling(False, False, False, True, False), id="was hot"),
        pytest.param("junk", None, id="junk"),
    ],
)
def test_the_firmware_word_is_read(
    tmp_path: Path, no_redis: None, text: str, expected: Any
) -> None:
    assert throttling(says(tmp_path, text)) == expected


def test_other_machines_have_no_such_word(tmp_path: Path) -> None:
    assert throttling(tmp_path) is None
    assert of_word(0).is_slowed is False


def test_what_was_wrong_at_a_look_is_known_after_the_firmware_has_forgotten_it(
    tmp_path: Path, redis_server: Any
) -> None:
    note(says(tmp_path, WEAK))
    note(says(tmp_path, FINE))
    later = throttling(tmp_path)
    assert later == Throttling(False, True, False, False, False)
    note(says(tmp_path, HOT))
    assert throttling(says(tmp_path, FINE)) == Throttling(False, True, False, True, False)


def test_what_the_firmware_itself_remembers_is_kept(tmp_path: Path, redis_server: Any) -> None:
    note(says(tmp_path, "10000"))
    found = throttling(says(tmp_path, FINE))
    assert found
    assert found.had_low_voltage


def test_a_start_forgets_it(
    tmp_path: Path, redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(says(tmp_path, WEAK))
    monkeypatch.setattr(module, "boot_id", lambda: "another start")
    assert throttling(says(tmp_path, FINE)) == of_word(0)


@pytest.mark.parametrize("text", ["junk", "one two three", "a xyz"])
def test_what_is_none_of_ours_counts_as_nothing(
    tmp_path: Path, redis_server: Any, text: str
) -> None:
    redis_server.set("monitor:throttled", text)
    assert throttling(says(tmp_path, FINE)) == of_word(0)


def test_a_machine_that_says_nothing_is_not_remembered(tmp_path: Path, redis_server: Any) -> None:
    note(tmp_path)
    assert redis_server.get("monitor:throttled") is None
