"""Coming in while the NAS sleeps: what the panel is for, with real processes and a real browser."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.browser import PHONE, Browser
from tests.conftest import Trial

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

OURS = ("web", "worker", "redis")
NAME = "baluhost.local"
ASLEEP = "The NAS has been (asleep|gone) since|The NAS is running but does not answer"

OpenBrowser = Callable[..., Browser]


def user_of_nas(trial: Trial, name: str) -> tuple[str, str]:
    """Return name and password of a user of the simulated NAS."""
    [user] = [user for user in trial.facts["nas_users"] if user["username"] == name]
    return user["username"], user["password"]


def log_in_by_api(trial: Trial, name: str) -> None:
    username, password = user_of_nas(trial, name)
    code, body = trial.post(
        "/api/auth/login", {"username": username, "password": password}, login=False
    )
    assert code == 200, body
    assert body["access_token"]


def shift_login(trial: Trial, name: str, days: int) -> None:
    """Let it be days since the NAS last took this user's password."""
    shift = f"-{days} days"
    with closing(sqlite3.connect(trial.data_dir / "balupi.sqlite3", timeout=20)) as database:
        changed = database.execute(
            "UPDATE accounts_nasaccount SET confirmed_at = datetime(confirmed_at, ?),"
            " password_at = datetime(password_at, ?)"
            " WHERE user_id = (SELECT id FROM auth_user WHERE username = ?)",
            (shift, shift, name),
        )
        assert changed.rowcount == 1
        database.commit()


def web_answers(trial: Trial) -> bool:
    try:
        return trial.get("/api/health", login=False)[0] == 200
    except OSError:
        return False


@contextmanager
def setting(trial: Trial, line: str) -> Iterator[None]:
    """Have the web process run with another setting."""
    file = Path(trial.facts["env_file"])
    kept = file.read_text()
    file.write_text(f"{kept}{line}\n")
    try:
        restart(trial, "web")
        yield
    finally:
        file.write_text(kept)
        restart(trial, "web")


def restart(trial: Trial, *programs: str) -> None:
    trial.supervisor("restart", *programs)
    trial.wait_until(lambda: web_answers(trial), "the page is back")


def test_who_logged_in_last_week_comes_in_while_the_nas_sleeps_and_wakes_it(
    trial: Trial, browsers: OpenBrowser
) -> None:
    for name in ("family", "admin"):
        log_in_by_api(trial, name)
    trial.supervisor("stop", *OURS)
    trial.simhome("nas", "crash")
    shift_login(trial, "family", days=7)
    shift_login(trial, "admin", days=31)
    trial.supervisor("start", "redis", "worker", "web")
    trial.wait_until(lambda: web_answers(trial), "the page is back")

    name, password = user_of_nas(trial, "family")
    stranger = browsers(size=PHONE)
    stranger.open("/")
    stranger.sign_in(name, "not the password")
    stranger.wait_for("That did not work")
    stranger.picture("login-refused")
    stranger.open("/")
    assert stranger.path().startswith("/dashboard/login")

    late = browsers()
    late.open("/")
    late.sign_in(*user_of_nas(trial, "admin"))
    late.wait_for("That did not work")
    late.picture("login-over")
    late.open("/admin/")
    assert late.path().startswith("/dashboard/login")

    browser = browsers(size=PHONE)
    browser.open("/")
    browser.sign_in(name, password)
    browser.wait_for(ASLEEP)
    browser.wait(lambda: browser.button("Wake the NAS"), "the button")
    browser.picture("signed-in-while-asleep")
    browser.press("Wake the NAS")
    browser.wait_for("The NAS is waking up")
    browser.wait_for("The NAS has been awake since", 60)  # by itself
    trial.wait_until(lambda: trial.nas_state() == "online", "the NAS is up")
    browser.driver.refresh()
    browser.wait_for("Sign out")
    browser.wait_for("The NAS has been awake since")
    browser.picture("still-signed-in")
    assert browser.path() == "/dashboard/"


def test_a_visitor_wakes_it_from_the_wake_page_unless_the_owner_says_no(
    trial: Trial, browsers: OpenBrowser
) -> None:
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the crash is seen")
    port = trial.facts["url"].rpartition(":")[2]
    browser = browsers(f"http://{NAME}:{port}", names=(NAME,), size=PHONE)
    with setting(trial, "BALUPI_PUBLIC_WAKE='false'"):
        browser.open("/photos")
        browser.wait_for(ASLEEP)
        assert browser.button("Wake the NAS") is None
        assert browser.button("Sign in") is not None
        browser.picture("visitor-may-not-wake")
        # As his browser sent it while he still had the button.
        assert press_without_a_button(browser) in {401, 403}
        assert trial.nas_state() == "offline"
    browser.open("/photos")
    browser.find("#wake button").click()  # the page stays
    browser.wait_for("The NAS is waking up")
    browser.picture("visitor-wakes")
    trial.wait_until(lambda: trial.nas_state() == "online", "the NAS is up")


def press_without_a_button(browser: Browser) -> int:
    """Send what the wake button sends; the status that is answered, or 403 for a way to the sign-in."""
    status: int = browser.driver.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const token = (document.cookie.match(/balupi_csrf=([^;]+)/) || [])[1] || "";
        fetch("/wake", {method: "POST", redirect: "manual", headers: {"X-CSRFToken": token}})
          .then(answer => done(answer.type === "opaqueredirect" ? 403 : answer.status));
        """
    )
    return status
