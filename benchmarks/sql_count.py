"""Counts the SQL of calls within one process; run by ``calls.py`` with a trial's settings.

Reads a JSON list of [method, path, body] from standard input, writes a JSON list of numbers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import django


def main() -> int:
    """Count, each call once to warm up and once again."""
    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415  # after django.setup()
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    count = 0

    def counting(execute: Callable[..., object], *rest: object) -> object:
        nonlocal count
        count += 1
        return execute(*rest)

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.filter(is_superuser=True).first() or User())
    counts = []
    for method, path, body in json.load(sys.stdin):
        for _number in range(2):
            count = 0
            with connection.execute_wrapper(counting):
                response: Any = client.generic(method, path, body, "application/json")
                b"".join(response.streaming_content if response.streaming else [response.content])
        counts.append(count)
    json.dump(counts, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
