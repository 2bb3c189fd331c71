"""``python -m tests.page_server HOME SHIFT_S [--again]``: the web process of a home that is told to be so.

The parent (``page_site.py``) gives settings by the environment. Time is shifted, so that it is the
same evening whenever it runs; a thread tells what the worker would.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable
from contextlib import ExitStack
from threading import Thread

import django
import time_machine


def main() -> None:
    """Seed the home unless it is there, then serve it until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home")
    parser.add_argument("shift_s", type=float, help="how far from the real time, in seconds")
    parser.add_argument("--again", action="store_true", help="the home is there: serve it")
    options = parser.parse_args()
    start = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=options.shift_s)
    with ExitStack() as stack:
        stack.enter_context(time_machine.travel(start, tick=True))
        django.setup()
        serve(options.home, stack, start, is_there=options.again)


def serve(name: str, stack: ExitStack, start: dt.datetime, *, is_there: bool) -> None:
    """Serve a home as ``run_web`` does."""
    from django.core.management import call_command  # after django.setup()

    from tests.page_homes import HOMES
    from tests.page_worker import Worker, pretend_to_be_a_pi

    home = HOMES[name]
    for patch in pretend_to_be_a_pi(home):
        stack.enter_context(patch)
    if not is_there:
        home.seed(start)
    worker = Worker(home, start)
    worker.begin()
    if home.is_fresh:
        Thread(target=keep_telling, args=(worker.tell,), daemon=True).start()
    call_command("run_web")


def keep_telling(tell: Callable[[dt.datetime], None]) -> None:
    """Tell every two seconds what is seen."""
    while True:
        time.sleep(2)
        tell(dt.datetime.now(dt.UTC))


if __name__ == "__main__":
    main()
