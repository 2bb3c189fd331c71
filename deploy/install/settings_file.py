"""Reading and writing BaluPi's settings file, as python-dotenv reads it; standard library only."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

PREFIX = "BALUPI_"
#: What stands in the file without quotes.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@,+-]*")
_LINE = re.compile(r"\s*(?:export\s+)?(BALUPI_[A-Z_]+)\s*=\s*(.*?)\s*")


def setting_names(example: str) -> set[str]:
    """Return the names of all settings, without prefix; secrets may stand in a file instead."""
    names = set(re.findall(rf"(?m)^#?{PREFIX}([A-Z_]+)=", example))
    return names | {f"{name}_FILE" for name in names}


def read(text: str) -> dict[str, str]:
    """Return the settings of a file without their prefix, as python-dotenv reads them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match:
            found[match[1].removeprefix(PREFIX)] = _unquoted(match[2])
    return found


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return re.sub(r"\\(['\\])", r"\1", value[1:-1])
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return re.sub(r"\s+#.*", "", value)


def quoted(value: str) -> str:
    """Return a value as it stands in the file."""
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def filled(text: str, answers: Mapping[str, str]) -> str:
    """Return the file with these answers in it, each where the file speaks of it, else at its end."""
    for name, value in answers.items():
        line = f"{PREFIX}{name}={quoted(value)}"
        # The last one counts where there are several.
        places = list(
            re.finditer(rf"(?m)^(?:#|[ \t]*(?:export[ \t]+)?){PREFIX}{name}[ \t]*=.*$", text)
        )
        if places:
            text = text[: places[-1].start()] + line + text[places[-1].end() :]
        else:
            text = text.rstrip("\n") + f"\n{line}\n"
    return text


def write(path: Path, text: str) -> None:
    """Replace the file at once, readable by its owner and group only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.chown(fresh, path.stat().st_uid, path.stat().st_gid)
    fresh.chmod(0o640)
    fresh.replace(path)
