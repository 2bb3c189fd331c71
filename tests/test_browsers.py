"""Two real browsers at once, of a user and of an admin: each sees what it may, and stays signed in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.browser import PHONE, Browser
from tests.conftest import Trial
from tests.test_login_household import ASLEEP, restart, user_of_nas

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

#: Pages of the admin site with scripts of their own: lists, forms, a date's calendar.
ADMIN_PAGES = (
    "/admin/",
    "/admin/energy/smartplug/",
    "/admin/energy/tariff/add/",
    "/admin/accounts/token/",
    "/admin/events/event/",
    "/admin/nasctl/statechange/",
)

OpenBrowser = Callable[..., Browser]


def sign_in(browser: Browser, name: str, password: str) -> None:
    browser.open("/")
    browser.sign_in(name, password)
    browser.wait_for("Sign out")


def reload(browser: Browser) -> None:
    browser.open("/")
    browser.wait_for("Sign out")


def test_user_and_admin_each_see_what_they_may_and_stay_signed_in(
    trial: Trial, browsers: OpenBrowser
) -> None:
    user, admin = browsers(size=PHONE), browsers()
    with ThreadPoolExecutor(2) as at_once:

        def both(*does: Callable[[], None]) -> None:
            for each in [at_once.submit(do) for do in does]:
                each.result()

        both(
            lambda: sign_in(user, *user_of_nas(trial, "family")),
            lambda: sign_in(admin, *user_of_nas(trial, "admin")),
        )
        assert_console_tells(user)
        user.picture("user")
        admin.picture("admin")
        assert user.link("Admin") is None
        assert admin.link("Admin") is not None

        both(lambda: look_around_as_user(user), lambda: look_around_as_admin(admin))

        trial.simhome("nas", "crash")
        both(lambda: reload(user), lambda: reload(admin))
        trial.wait_until(lambda: trial.nas_state() == "offline", "the crash is seen")
        both(lambda: user.wait_for(ASLEEP), lambda: admin.wait_for(ASLEEP))  # by themselves
        restart(trial, "web")
        both(lambda: reload(user), lambda: reload(admin))

        user.press("Sign out")
        user.open("/")
        assert user.path().startswith("/dashboard/login")
        reload(admin)
        admin.open("/admin/")
        admin.wait_for("Administration")


def assert_console_tells(browser: Browser) -> None:
    """Show that a script that is not ours would be refused, and that ``troubles`` would tell."""
    browser.driver.execute_script(
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
    )
    assert any("Content Security Policy" in each for each in browser.troubles())


def look_around_as_user(browser: Browser) -> None:
    for path in ("/admin/", "/admin/accounts/token/"):
        browser.open(path)
        assert "This is not for you from here." in browser.text()
        status = browser.driver.execute_script(
            "return performance.getEntriesByType('navigation')[0].responseStatus"
        )
        assert status == 403
    reload(browser)


def look_around_as_admin(browser: Browser) -> None:
    for path in ADMIN_PAGES:
        browser.open(path)
        browser.wait_for("Administration|Home")
        assert browser.troubles() == [], path
    browser.picture("admin-site")
    reload(browser)
