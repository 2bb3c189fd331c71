"""How fast the pages open in a real browser on a slow phone, and the server's part of it.

The browser's processor is slowed down by DevTools; the server is not. No nginx is in front, so the
HTML is not compressed.
"""

from __future__ import annotations

import datetime as dt
import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.household import answers
from benchmarks.kernel_counters import CPU_OF_EACH, cpu_s
from benchmarks.page_viewers import sign_in, versions
from benchmarks.trial import Trial, wait_for

if TYPE_CHECKING:
    from tests.browser import Browser

_SLOWDOWN = 4
_SCREEN = (390, 844)
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
return {
  fcp_ms: paint.startTime, lcp_ms: window.found.lcp, cls: window.found.cls,
  long_tasks: window.found.longTasks.length,
  requests: files.length + 1,
  bytes: files.reduce((sum, each) => sum + each.transferSize, page.transferSize),
  elements: document.querySelectorAll("*").length,
};
"""
_TOLD = {
    "fcp_ms": ("first paint", "ms"),
    "lcp_ms": ("largest paint", "ms"),
    "bytes": ("over the wire", "kB"),
    "requests": ("requests", ""),
    "long_tasks": ("long tasks", ""),
    "cls": ("layout shift", ""),
    "elements": ("elements", ""),
}
_AGAIN = 20
_SERVER = "The web process over loopback, a kept connection"


def pages(bench: Bench) -> Iterator[Figure]:
    """Open the dashboard and the wake page as a phone does."""
    from tests.browser import open_browser  # noqa: PLC0415  # selenium, which a Pi has not

    trial, _site = bench.aged_trial()
    name, port = trial.facts["dns_names"][0], trial.url.rpartition(":")[2]
    runs = bench.rounds(1, 7)
    bench.say("the dashboard in Chromium")
    with open_browser(trial.url, bench.folder, size=_SCREEN) as browser:
        browser.open("/dashboard/")
        browser.sign_in(trial.facts["user"], trial.facts["password"])
        yield from _opened(browser, "dashboard", "/dashboard/", runs)
    bench.say("the wake page in Chromium")
    with open_browser(
        f"http://{name}:{port}", bench.folder, size=_SCREEN, names=(name,)
    ) as browser:
        yield from _opened(browser, "wake page", "/photos/summer", runs)


def drawing(bench: Bench) -> Iterator[Figure]:
    """Ask the web process for pages, whose parts it draws anew or has kept."""
    trial, _site = bench.aged_trial()
    trial.supervisor("restart", "web")
    wait_for(lambda: answers(trial.url), "the web process answers")
    session = sign_in(trial.facts)
    draw = partial(_drawn, trial, session)
    first = f"{_SERVER}; the first after a start."
    anew = f"{_SERVER}; a day each time that nobody has looked at yet, so nothing is kept; median."
    kept = f"{_SERVER}; the same again, median of {_AGAIN}."
    yield from draw("dashboard, first after the start", ["/dashboard/"], first)
    days = [dt.datetime.now(dt.UTC).date() - dt.timedelta(days=n) for n in range(2, 22)]
    paths = [f"/dashboard/?day={day}" for day in days]
    yield from draw("dashboard, all parts drawn anew", paths, anew)
    for period in ("day", "week", "month", "year"):
        bench.say(f"what changed, {period}")
        paths = [
            f"/live/?day={day - dt.timedelta(days=30)}&period={period}&have="
            for day in days[: bench.rounds(3, 20)]
        ]
        yield from draw(f"what changed, all parts of the {period} drawn anew", paths, anew)
    yield from draw("dashboard, parts kept", ["/dashboard/"] * _AGAIN, kept)
    page = session.get(f"{trial.url}/dashboard/", timeout=30).text
    have = ",".join(f"{name}:{it}" for name, it in versions(page).items())
    yield from draw("what changed, parts kept", [f"/live/?have={have}"] * _AGAIN, kept)
    session.cookies.clear()
    name = trial.facts["dns_names"][0]
    yield from draw("wake page", ["/photos"] * _AGAIN, kept, host=name)


def _drawn(
    trial: Trial, session: requests.Session, name: str, paths: list[str], how: str, host: str = ""
) -> Iterator[Figure]:
    web = trial.pid("web")
    before_s = cpu_s(web)
    times_ms = [_ms(session, trial, path, host) for path in paths]
    spent_ms = (cpu_s(web) - before_s) * 1000 / len(paths)
    yield Figure(name, "median", round(statistics.median(times_ms), 1), "ms", how)
    yield Figure(name, "CPU", round(spent_ms, 1), "ms", CPU_OF_EACH)


def _ms(session: requests.Session, trial: Trial, path: str, host: str = "") -> float:
    headers = {"Accept": "text/html", **({"Host": host} if host else {})}
    start_s = time.perf_counter()
    answer = session.get(trial.url + path, headers=headers, timeout=60, allow_redirects=False)
    if answer.status_code not in {200, 204, 503}:
        sys.exit(f"{path} answered {answer.status_code}")
    return (time.perf_counter() - start_s) * 1000


def _opened(browser: Browser, page: str, path: str, runs: int) -> Iterator[Figure]:
    browser.tell("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
    browser.tell("Emulation.setCPUThrottlingRate", rate=_SLOWDOWN)
    browser.tell("Network.enable")
    how = (
        f"Debian's Chromium as a phone of {_SCREEN[0]} x {_SCREEN[1]}, its processor slowed down "
        f"{_SLOWDOWN} times; median of {runs}."
    )
    for visit, is_first in (("first visit", True), ("again", False)):
        looks: list[dict[str, Any]] = []
        for _ in range(runs):
            browser.tell("Network.setCacheDisabled", cacheDisabled=is_first)
            browser.open(path)
            browser.driver.execute_async_script(f"setTimeout(arguments[0], {_SETTLED_MS})")
            looks.append(browser.run(_READ))
        for key, (what, unit) in _TOLD.items():
            value = statistics.median(look[key] for look in looks)
            value = value / 1000 if unit == "kB" else value
            yield Figure(f"{page}, {visit}", what, round(value, 3), unit, how)
    browser.tell("Emulation.setCPUThrottlingRate", rate=1)
