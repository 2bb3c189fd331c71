"""Runs a program with a wall clock that a file sets: ``shifted_clock.py FILE manage.py run_web``.

The file holds the seconds by which the clock is wrong, such as ``-3600``. Only what tells the time
of day is shifted, for all threads at once; what measures how long things take goes on as it is, as
on a Pi whose clock is set. (Debian's libfaketime was tried: with it ``time.sleep`` fails as soon as
the clock is wrong, and Redis does not start.)
"""

from __future__ import annotations

import datetime as dt
import runpy
import sys
import threading
import time
from pathlib import Path

import time_machine

_LOOK_S = 0.1


def follow(path: Path) -> None:
    """Set this process's clock as the file says, for ever."""
    shift_s, clock = 0.0, None
    while True:
        wanted_s = float(path.read_text() or 0)
        if wanted_s != shift_s:
            if clock is not None:
                clock.stop()
            clock = None
            if wanted_s:
                now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wanted_s)
                clock = time_machine.travel(now, tick=True)
                clock.start()
            shift_s = wanted_s
        time.sleep(_LOOK_S)


def main() -> None:
    """Run the program; its arguments are those after its name."""
    path, *command = sys.argv[1:]
    threading.Thread(target=follow, args=(Path(path),), name="clock", daemon=True).start()
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).resolve().parent))
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
