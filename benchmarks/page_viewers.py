"""What many open dashboards cost: viewers that behave exactly as live.js, and two real browsers."""

from __future__ import annotations

import contextlib
import re
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests
from requests.cookies import RequestsCookieJar

from tests.browser import open_browser

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
    unchanged: int = 0
    failures: list[str] = field(default_factory=list)
    others_s: list[tuple[float, str]] = field(default_factory=list)
    looks_s: list[float] = field(default_factory=list)
    probes_s: list[float] = field(default_factory=list)
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


def measure_viewers(
    trial: dict[str, Any], folder: Path, viewers: int, minutes: float
) -> dict[str, Any]:
    """Return what so many open dashboards cost the web process in so many minutes."""
    web = _web_process(trial)
    calm = _cpu_share(web, 60.0)
    told, over = Told(), threading.Event()
    clients = max(viewers - _BROWSERS, 0)
    cookies = sign_in(trial).cookies
    jobs = [
        threading.Thread(target=_view, args=(trial, cookies, told, over, n)) for n in range(clients)
    ]
    jobs.append(threading.Thread(target=_ask_others, args=(trial, told, over)))
    with contextlib.ExitStack() as stack:
        for number in range(min(viewers, _BROWSERS)):
            browser = stack.enter_context(open_browser(trial["url"], folder))
            browser.open(f"/dashboard/?period={('week', 'month')[number]}")
            browser.sign_in(trial["user"], trial["password"])
        for job in jobs:
            job.start()
        time.sleep(_SETTLE_S)
        told.others_s.clear()
        threads_before, share = web.num_threads(), _cpu_share(web, minutes * 60)
        over.set()
        for job in jobs:
            job.join()
    return {
        "viewers": viewers,
        "of_them_browsers": min(viewers, _BROWSERS),
        "minutes": minutes,
        "web_cpu_calm_s_per_min": round(calm * 60, 2),
        "web_cpu_s_per_min": round(share * 60, 2),
        "web_cpu_s_per_viewer_and_min": round((share - calm) * 60 / max(viewers, 1), 3),
        "web_threads": [threads_before, web.num_threads()],
        "web_pss_mib": round(web.memory_full_info().pss / (1 << 20), 1),
        "live_answers": len(told.answers_s),
        "live_unchanged": told.unchanged,
        "live_kb_per_viewer_and_min": round(told.bytes / 1000 / max(clients, 1) / minutes, 1),
        "live_ms_median": _ms(statistics.median(told.answers_s)),
        "live_ms_slowest": _ms(max(told.answers_s)),
        "others": len(told.others_s),
        "others_ms_median": _ms(statistics.median(each for each, _ in told.others_s)),
        "others_ms_slowest": _ms(max(told.others_s)[0]),
        "slowest_other": max(told.others_s)[1],
        "failures": told.failures[:10],
        "oldest_look_at_the_nas_s": round(max(told.looks_s), 1),
        "oldest_probe_of_the_nas_s": round(max(told.probes_s), 1) if told.probes_s else None,
    }


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
            told.unchanged += answer.status_code == requests.codes.no_content
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
        if path == "/api/nas/status":
            _note_ages(answer.json(), told)


def _note_ages(status: dict[str, Any], told: Told) -> None:
    evidence = status["evidence"]
    for sighting, ages in (("presence", told.looks_s), ("probe", told.probes_s)):
        if evidence.get(sighting):
            ages.append(evidence[sighting]["age_s"])


def _web_process(trial: dict[str, Any]) -> psutil.Process:
    env_file = trial["env_file"]
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                "run_web" in process.cmdline()
                and process.environ().get("BALUPI_ENV_FILE") == env_file
            ):
                return process
    raise LookupError("the trial's web process does not run")


def _cpu_share(process: psutil.Process, seconds: float) -> float:
    """Return the processor seconds per second of some time from now on."""
    before, start_s = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after = process.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return used_s / (time.monotonic() - start_s)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def viewers_table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    head = (
        f"\n| {figures['viewers']} open dashboards, {figures['minutes']:g} minutes | |\n|---|---|"
    )
    return "\n".join([head, *(f"| {name} | {value} |" for name, value in figures.items())])
