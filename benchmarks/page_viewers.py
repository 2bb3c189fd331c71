"""What many open dashboards cost: viewers that behave exactly as live.js, and two real browsers."""

from __future__ import annotations

import contextlib
import re
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import requests
from requests.cookies import RequestsCookieJar

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.trial import Trial

#: As live.js: the next question comes so long after the answer; sooner while the NAS wakes up.
_EVERY_S, _BUSY_S = 5.0, 2.0
_BROWSERS = 2
_SETTLE_S = 20.0
_PART = re.compile(r'<div data-part="(\w+)" data-version="(\w+)"')
#: What somebody else asks meanwhile.
_OTHERS = ("/api/health", "/api/nas/status", "/api/energy/current", "/dashboard/login")


@dataclass
class Told:
    """What the viewers and the others have seen; of all threads."""

    answers_s: list[float] = field(default_factory=list)
    bytes: int = 0
    failures: list[str] = field(default_factory=list)
    others_s: list[tuple[float, str]] = field(default_factory=list)
    looks_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def versions(html: str) -> dict[str, str]:
    """Return the parts of a page and their versions."""
    return dict(_PART.findall(html))


def new_session() -> requests.Session:
    """Return a session that asks nobody else, whatever the environment says of proxies."""
    session = requests.Session()
    session.trust_env = False
    return session


def sign_in(trial: dict[str, Any]) -> requests.Session:
    """Return a session of the owner, as a browser has it."""
    session = new_session()
    page = session.get(f"{trial['url']}/dashboard/login", timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    if token is None:
        raise RuntimeError(f"there is no sign-in at {trial['url']}")
    form = {
        "username": trial["user"],
        "password": trial["password"],
        "csrfmiddlewaretoken": token[1],
        "next": "/dashboard/",
    }
    login = f"{trial['url']}/dashboard/login"
    answer = session.post(login, data=form, timeout=30, allow_redirects=False)
    if answer.status_code != requests.codes.found:
        raise RuntimeError(f"the sign-in answered {answer.status_code}")
    return session


def viewers(bench: Bench) -> Iterator[Figure]:
    """Leave dashboards open for some minutes, and ask for other things meanwhile."""
    trial, _site = bench.aged_trial()
    minutes, count = min(bench.minutes, 5.0), bench.rounds(4, 20)
    clients = count - _BROWSERS
    web = psutil.Process(trial.pid("web"))
    bench.say("one calm minute")
    calm = _cpu_share(web, 60.0)
    told = Told()
    bench.say(f"{count} open dashboards for {minutes:g} minutes")
    threads_before, share = _watch_viewers(bench, trial, web, told, clients, minutes)
    how = (
        f"{clients} clients that ask as live.js does and {_BROWSERS} Chromium have the dashboard open "
        f"for {minutes:g} minutes, while somebody asks for something else five times a second."
    )
    found: dict[str, tuple[float, str]] = {
        "CPU of web, with nobody": (calm * 60, "s/min"),
        "CPU of web, each viewer": ((share - calm) * 60 / count, "s/min"),
        "threads of web before": (threads_before, ""),
        "threads of web after": (web.num_threads(), ""),
        "PSS of web": (web.memory_full_info().pss / 2**20, "MiB"),
        "live answers": (len(told.answers_s), ""),
        "live answer, median": (_ms(statistics.median(told.answers_s)), "ms"),
        "live answer, slowest": (_ms(max(told.answers_s)), "ms"),
        "sent to each viewer": (told.bytes / 1000 / clients / minutes, "kB/min"),
        "other answer, median": (_ms(statistics.median(each for each, _ in told.others_s)), "ms"),
        "other answer, slowest": (_ms(max(told.others_s)[0]), "ms"),
        "failures": (len(told.failures), ""),
        "oldest look at the NAS": (max(told.looks_s), "s"),
    }
    for name, (value, unit) in found.items():
        yield Figure(f"{count} viewers: {name}", "figure", round(value, 3), unit, how)


def _watch_viewers(
    bench: Bench, trial: Trial, web: psutil.Process, told: Told, clients: int, minutes: float
) -> tuple[int, float]:
    """Have the dashboards open; return the threads of web at first and the share of a core it takes."""
    from tests.browser import open_browser  # noqa: PLC0415  # selenium, which a Pi has not

    over, facts = threading.Event(), trial.facts
    cookies = sign_in(facts).cookies
    jobs = [
        threading.Thread(target=_view, args=(facts, cookies, told, over, n)) for n in range(clients)
    ]
    jobs.append(threading.Thread(target=_ask_others, args=(facts, told, over)))
    with contextlib.ExitStack() as stack:
        for number in range(_BROWSERS):
            browser = stack.enter_context(open_browser(trial.url, bench.folder))
            browser.open(f"/dashboard/?period={('week', 'month')[number]}")
            browser.sign_in(facts["user"], facts["password"])
        for job in jobs:
            job.start()
        time.sleep(_SETTLE_S)
        told.others_s.clear()
        threads_before, share = web.num_threads(), _cpu_share(web, minutes * 60)
        over.set()
        for job in jobs:
            job.join()
    return threads_before, share


def _view(
    trial: dict[str, Any],
    cookies: RequestsCookieJar,
    told: Told,
    over: threading.Event,
    number: int,
) -> None:
    """Keep a dashboard open: ask, note what changed, wait."""
    session = new_session()
    session.cookies.update(cookies)
    over.wait(number * _EVERY_S / 20)  # people do not open it at one moment
    page = session.get(f"{trial['url']}/dashboard/", timeout=30).text
    have = versions(page)
    while not over.wait(_BUSY_S if "data-busy" in page else _EVERY_S):
        query = {"have": ",".join(f"{name}:{it}" for name, it in have.items())}
        start_s = time.perf_counter()
        try:
            answer = session.get(f"{trial['url']}/live/", params=query, timeout=8)
        except requests.RequestException as error:
            told.failures.append(str(error))
            continue
        with told.lock:
            told.answers_s.append(time.perf_counter() - start_s)
            told.bytes += len(answer.content)
            if not answer.ok:
                told.failures.append(f"/live/: {answer.status_code}")
        have |= versions(answer.text)
        page = answer.text or page


def _ask_others(trial: dict[str, Any], told: Told, over: threading.Event) -> None:
    """Ask for something else five times a second, and look how punctual the worker is."""
    session = sign_in(trial)
    number = 0
    while not over.wait(0.2):
        path = _OTHERS[number % len(_OTHERS)]
        number += 1
        start_s = time.perf_counter()
        try:
            answer = session.get(trial["url"] + path, timeout=20)
        except requests.RequestException as error:
            told.failures.append(f"{path}: {error}")
            continue
        told.others_s.append((time.perf_counter() - start_s, path))
        if path == "/api/nas/status" and (look := answer.json()["evidence"]["presence"]):
            told.looks_s.append(look["age_s"])


def _cpu_share(process: psutil.Process, seconds: float) -> float:
    """Return the processor seconds per second of some time from now on."""
    before, start_s = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after = process.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return used_s / (time.monotonic() - start_s)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
