"""Commands of the inbox, run for tests."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command


def run(command: str, *arguments: str) -> str:
    """Return what a command says where all goes well."""
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def failed(command: str, *arguments: str) -> tuple[str, str]:
    """Return what a command says, and why it ends with exit code 1."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command(command, *arguments, stdout=out)
    assert error.value.returncode == 1
    return out.getvalue(), str(error.value)
