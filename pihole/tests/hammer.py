"""Switch the names back and forth from several threads; a program for a test of its own.

Usage: python -m pihole.tests.hammer THREADS ROUNDS
"""

from __future__ import annotations

import sys
import threading

import django

django.setup()

from django.db import connection  # noqa: E402  # Django must be set up first
from django.utils import timezone  # noqa: E402

from pihole.services import reconcile, set_override  # noqa: E402


def main(threads: int, rounds: int) -> int:
    """Return the number of looks that found a problem or did not get their turn."""
    failures: list[str] = []

    def switch(first: int) -> None:
        for turn in range(first, first + rounds):
            set_override(("nas", "pi")[turn % 2], f"thread {first}", timezone.now())
            outcome = reconcile(timezone.now(), within_s=60.0)
            if outcome.look is None:
                failures.append("never its turn")
            elif outcome.look.problem:
                failures.append(outcome.look.problem.message)
        connection.close()

    running = [threading.Thread(target=switch, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    for failure in failures:
        print(failure)  # noqa: T201  # the test shows it
    return len(failures)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
