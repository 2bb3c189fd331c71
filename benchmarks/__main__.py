"""All benchmarks by one command: a table and JSON, every figure with how it was taken.

    python -m benchmarks                              # all of them: some three hours
    python -m benchmarks --quick                      # minutes: that they work, what is grossly different
    python -m benchmarks --only calls sweep --json now.json
    python -m benchmarks --only calls --before then.json       # the earlier values beside the new ones
    python -m benchmarks --trial data/try-8000 --only calls    # a trial that runs already
    python -m benchmarks --server http://127.0.0.1:8000 --against http://127.0.0.1:8001

With --server and --against every call of the API that changes nothing is asked of both, A B A B, and the
answers are compared. Tokens (scope read) come from the environment: BENCH_TOKEN, and
BENCH_TOKEN_AGAINST where the other server has another one.

Everything runs on this machine and against simulated devices; what is started ends with the command.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.calls import calls, crowd
from benchmarks.figures import Figure, as_json, earlier_values, machine, table
from benchmarks.follow import follow
from benchmarks.footprint import footprint
from benchmarks.handshake import handshake
from benchmarks.inbox import inbox
from benchmarks.page_viewers import viewers
from benchmarks.pages import drawing, pages
from benchmarks.plugs import storing, sweep
from benchmarks.servers import TOKEN, compare, sites
from benchmarks.start import start

#: In the order in which they run; nearly all share one trial, which grows old at "calls".
BENCHMARKS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "start": start,
    "handshake": handshake,
    "inbox": inbox,
    "follow": follow,
    "calls": calls,
    "crowd": crowd,
    "drawing": drawing,
    "pages": pages,
    "viewers": viewers,
    "sweep": sweep,
    "storing": storing,
    "footprint": footprint,
}


def main() -> int:
    """Run what was asked for and print its tables."""
    options = _options()
    if options.list:
        for name, measure in BENCHMARKS.items():
            print(f"{name:10} {(measure.__doc__ or '').splitlines()[0]}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    earlier = earlier_values(json.loads(options.before.read_text())) if options.before else {}
    parts: dict[str, list[Figure]] = {}
    print(f"Measured on {machine()}\n", flush=True)
    for name, figures in _measured(options):
        parts[name] = figures
        print(table(name, figures, earlier), flush=True)
        if options.json:
            options.json.write_text(json.dumps(as_json(parts), indent=1) + "\n")
    return 0


def _measured(options: argparse.Namespace) -> Iterator[tuple[str, list[Figure]]]:
    with (
        tempfile.TemporaryDirectory(prefix="balupi-bench-") as folder,
        contextlib.ExitStack() as stack,
    ):
        bench = Bench(
            stack,
            Path(folder),
            is_quick=options.quick,
            minutes=options.minutes,
            match=options.match,
            given=options.trial,
        )
        if options.server:
            try:
                yield "servers", list(compare(bench, *sites(options.server, options.against)))
            except (LookupError, OSError) as error:
                sys.exit(f"{error}\nDo both run, and is {TOKEN} a token of theirs?")
            return
        for name in options.only:
            print(f"{name}:", file=sys.stderr, flush=True)
            yield name, list(BENCHMARKS[name](bench))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = list(BENCHMARKS)
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NAME", help="some of them"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, small amounts")
    parser.add_argument("--minutes", type=float, default=60, help="idle minutes of footprint (60)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument("--before", type=Path, metavar="FILE", help="such a file of an earlier run")
    parser.add_argument(
        "--trial", type=Path, metavar="FOLDER", help="data directory of a trial that runs already"
    )
    parser.add_argument(
        "--match",
        default="",
        metavar="TEXT",
        help="only calls and stories with this in their name",
    )
    parser.add_argument("--server", metavar="URL", help="compare this server with another one")
    parser.add_argument("--against", metavar="URL", help="the other one")
    options = parser.parse_args()
    if bool(options.server) != bool(options.against):
        parser.error("--server and --against go together")
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted; nothing is left running.")
