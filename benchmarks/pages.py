#!/usr/bin/env python3
"""Measure how fast the pages open in a real browser on a slow phone, and what 20 open ones cost.

Starts a trial of its own (deploy/try.py's machinery: real web, worker and Redis, three simulated
plugs), gives it a year of history, and opens the dashboard and the wake page in Chromium with the
processor slowed down by DevTools. The server is not slowed down; its times stand beside.

    .venv/bin/python benchmarks/pages.py [--runs 5] [--json FILE]
    .venv/bin/python benchmarks/pages.py --viewers 20 --minutes 5
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.page_viewers import (  # noqa: E402  # found by the line above
    measure_viewers,
    new_session,
    sign_in,
    versions,
    viewers_table,
)
from tests.browser import PHONE, Browser, open_browser  # noqa: E402

SLOWDOWN = 4
DAYS = 365
#: After this, what a page does by itself at first is done.
_SETTLED_MS = 2500
_WATCH = """
(() => {
  window.found = {longTasks: [], lcp: 0, cls: 0};
  const watch = (type, note) =>
    new PerformanceObserver(list => list.getEntries().forEach(note)).observe({type, buffered: true});
  watch("longtask", entry => window.found.longTasks.push(entry.duration));
  watch("largest-contentful-paint", entry => { window.found.lcp = entry.startTime; });
  watch("layout-shift", entry => { window.found.cls += entry.hadRecentInput ? 0 : entry.value; });
})();
"""
_READ = """
const [page] = performance.getEntriesByType("navigation");
const paint = performance.getEntriesByName("first-contentful-paint")[0];
const files = performance.getEntriesByType("resource")
  .filter(entry => entry.initiatorType !== "fetch");
const kinds = {html: page.transferSize};
for (const entry of files) {
  const kind = new URL(entry.name).pathname.split(".").pop();
  kinds[kind] = (kinds[kind] || 0) + entry.transferSize;
}
return {
  fcp_ms: paint.startTime, lcp_ms: window.found.lcp, cls: window.found.cls,
  wait_ms: page.responseStart - page.requestStart, load_ms: page.loadEventEnd,
  long_tasks: window.found.longTasks.length,
  long_tasks_ms: window.found.longTasks.reduce((sum, each) => sum + each, 0),
  requests: files.length + 1, bytes: Object.values(kinds).reduce((sum, each) => sum + each, 0),
  kinds, elements: document.querySelectorAll("*").length,
};
"""


def main() -> int:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="loads of each page (5)")
    parser.add_argument("--slowdown", type=float, default=SLOWDOWN, help="of the browser (4)")
    parser.add_argument("--viewers", type=int, default=0, help="open dashboards; 0: not measured")
    parser.add_argument("--minutes", type=float, default=5, help="how long they stay open (5)")
    parser.add_argument("--days", type=int, default=DAYS, help="of history (365)")
    parser.add_argument("--port", type=int, default=8910, help="port of the trial (8910)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="balupi-pages-") as folder,
        running_trial(Path(folder) / "data", options.port) as trial,
    ):
        load_history(trial, options.days)
        figures: dict[str, Any] = {
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
            "days_of_history": options.days,
            "server_ms": measure_server(trial),
            "pages": measure_pages(trial, Path(folder), options.runs, options.slowdown),
        }
        print(tables(figures, options.slowdown), flush=True)
        if options.viewers:
            count, minutes = options.viewers, options.minutes
            figures["viewers"] = measure_viewers(trial, Path(folder), count, minutes)
            print(viewers_table(figures["viewers"]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


@contextlib.contextmanager
def running_trial(data_dir: Path, port: int) -> Iterator[dict[str, Any]]:
    """Run a trial until its plugs live; yields its try.json."""
    environment = {**os.environ, "BALUPI_DATA_DIR": str(data_dir), "BALUPI_PORT": str(port)}
    log_path = data_dir.with_suffix(".log")
    with log_path.open("wb") as log:
        command = [sys.executable, str(ROOT / "deploy" / "try.py")]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            deadline_s = time.monotonic() + 240
            while b"BaluPi is running" not in log_path.read_bytes():
                if process.poll() is not None or time.monotonic() > deadline_s:
                    said = log_path.read_text(errors="replace")[-3000:]
                    sys.exit(f"The trial did not start:\n{said}")
                time.sleep(0.5)
            yield json.loads((data_dir / "try.json").read_text())
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def load_history(trial: dict[str, Any], days: int) -> None:
    """Give the trial's plugs a longer past; the worker rests meanwhile."""
    data_dir = Path(trial["data_dir"])
    past = data_dir / "year.ndjson"
    config = data_dir / "home" / "home.json"
    command = [sys.executable, "-m", "simhome.history", "--days", str(days), "--seed", "1"]
    with past.open("wb") as file:
        subprocess.run(
            [*command, "--config", str(config)], cwd=ROOT, check=True, stdout=file, timeout=600
        )
    environment = {**os.environ, "BALUPI_ENV_FILE": trial["env_file"]}
    for words in (
        [*trial["supervisorctl"], "stop", "worker"],
        [*trial["manage"], "load_history", "--replace", str(past)],
        [*trial["supervisorctl"], "start", "worker"],
        [*trial["supervisorctl"], "restart", "web"],
    ):
        subprocess.run(
            words, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=600
        )
    past.unlink()
    _wait_for_web(trial)


def _wait_for_web(trial: dict[str, Any]) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        with contextlib.suppress(requests.ConnectionError):
            if new_session().get(f"{trial['url']}/api/health", timeout=5).ok:
                return
        time.sleep(0.3)
    sys.exit("The web process does not answer.")


def measure_server(trial: dict[str, Any]) -> dict[str, float]:
    """Return what the web process needs for an answer, in ms, over loopback."""
    session = sign_in(trial)
    found = {"dashboard, first after the start": _ms(session, trial, "/dashboard/")}
    # A day that nobody has looked at yet: no drawing of it is kept.
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10) for day in range(1, 11)]
    anew = [_ms(session, trial, f"/dashboard/?day={day}") for day in days]
    found["dashboard, all parts drawn anew"] = statistics.median(anew)
    for period in ("day", "week", "month", "year"):
        found[f"live, all parts of the {period} drawn anew"] = _ms(
            session, trial, f"/live/?day=2026-08-01&period={period}&have="
        )
    found["dashboard, parts kept"] = _median(session, trial, "/dashboard/")
    have = ",".join(f"{name}:{it}" for name, it in _versions(session, trial).items())
    found["live, parts kept, little changed"] = _median(session, trial, f"/live/?have={have}")
    session.cookies.clear()
    found["wake page"] = _median(session, trial, "/photos", host=trial["dns_names"][0])
    return {name: round(value, 1) for name, value in found.items()}


def _versions(session: requests.Session, trial: dict[str, Any]) -> dict[str, str]:
    return versions(session.get(f"{trial['url']}/dashboard/", timeout=30).text)


def _median(session: requests.Session, trial: dict[str, Any], path: str, host: str = "") -> float:
    return statistics.median(_ms(session, trial, path, host) for _ in range(20))


def _ms(session: requests.Session, trial: dict[str, Any], path: str, host: str = "") -> float:
    headers = {"Accept": "text/html", **({"Host": host} if host else {})}
    start_s = time.perf_counter()
    answer = session.get(trial["url"] + path, headers=headers, timeout=60, allow_redirects=False)
    if answer.status_code not in {200, 204, 503}:
        sys.exit(f"{path} answered {answer.status_code}")
    return (time.perf_counter() - start_s) * 1000


def measure_pages(
    trial: dict[str, Any], folder: Path, runs: int, slowdown: float
) -> dict[str, dict[str, Any]]:
    """Return what a phone's browser measures of each page, the median of some loads."""
    name = trial["dns_names"][0]
    port = trial["url"].rpartition(":")[2]
    with open_browser(trial["url"], folder, size=PHONE) as browser:
        browser.open("/dashboard/")
        browser.sign_in(trial["user"], trial["password"])
        own = _measured(browser, "/dashboard/", runs, slowdown)
    with open_browser(f"http://{name}:{port}", folder, size=PHONE, names=(name,)) as browser:
        wake = _measured(browser, "/photos/summer", runs, slowdown)
    return {
        f"{page}, {visit}": figures
        for page, visits in (("dashboard", own), ("wake page", wake))
        for visit, figures in visits.items()
    }


def _measured(browser: Browser, path: str, runs: int, slowdown: float) -> dict[str, dict[str, Any]]:
    browser.tell("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
    browser.tell("Emulation.setCPUThrottlingRate", rate=slowdown)
    browser.tell("Network.enable")
    found = {}
    for visit, is_first in (("first visit", True), ("again", False)):
        looks = []
        for _ in range(runs):
            browser.tell("Network.setCacheDisabled", cacheDisabled=is_first)
            browser.open(path)
            browser.driver.execute_async_script(f"setTimeout(arguments[0], {_SETTLED_MS})")
            looks.append(browser.run(_READ))
        found[visit] = _middle(looks)
    browser.tell("Emulation.setCPUThrottlingRate", rate=1)
    return found


def _middle(looks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure."""
    numbers = [name for name, value in looks[0].items() if not isinstance(value, dict)]
    found = {name: round(statistics.median(look[name] for look in looks), 4) for name in numbers}
    return {**found, "kinds": looks[-1]["kinds"]}


def tables(figures: dict[str, Any], slowdown: float) -> str:
    """Return the figures as Markdown."""
    lines = [
        f"{figures['machine']}; {figures['days_of_history']} days of history",
        f"Chromium as a phone of 390 x 844, its processor slowed down {slowdown:g} times",
        "",
        "| | first paint | largest paint | long tasks | wire | requests | shift | elements |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, page in figures["pages"].items():
        lines.append(
            f"| {name} | {page['fcp_ms']:.0f} ms | {page['lcp_ms']:.0f} ms | "
            f"{page['long_tasks']:.0f}, {page['long_tasks_ms']:.0f} ms | {page['bytes'] / 1000:.1f} kB | "
            f"{page['requests']:.0f} | {page['cls']:.3f} | {page['elements']:.0f} |"
        )
    for name, page in figures["pages"].items():
        kinds = ", ".join(f"{kind} {size / 1000:.1f} kB" for kind, size in page["kinds"].items())
        lines.append(f"\n{name}: {kinds}")
    lines += ["", "| the server's part | ms |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in figures["server_ms"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
