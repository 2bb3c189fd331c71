"""The story of a wake, filmed: from a bookmark of the NAS that sleeps to the NAS's page at the same path.

Two devices watch it, so that each stage is seen twice: a phone in German at night and a desk in English
by day. ``--pictures FOLDER`` keeps the film.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from selenium.common.exceptions import TimeoutException

from tests.browser import PHONE, Browser
from tests.conftest import BOOT_SECONDS, Trial, leads_to
from tests.crossing import NAME, Crossing, crossing_of
from tests.test_login_household import log_in_by_api, setting, user_of_nas

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

WANTED = "/photos/summer%202026?sort=date#third"
#: Nobody is there.
NOWHERE = "127.77.0.8"

#: The bear breathes on; everything else has moved to where it belongs.
_AT_REST = "return document.getAnimations().every(it => it.animationName === 'breathe')"

OpenBrowser = Callable[..., Browser]


@pytest.fixture(autouse=True)
def _usual_boot(trial: Trial) -> Iterator[None]:
    """Have the NAS boot as fast as for other tests after this one's long look at it."""
    yield
    trial.simhome("nas", "timings", "boot_port_seconds=4", "boot_seconds=6")


@pytest.fixture
def crossings(trial: Trial) -> Iterator[tuple[Crossing, Crossing]]:
    """Give two devices their ways."""
    with crossing_of(trial) as one, crossing_of(trial) as other:
        yield one, other


def sees(browser: Browser, selector: str, seconds: float = 60) -> None:
    try:
        browser.wait(lambda: browser.find(selector).is_displayed(), selector, seconds)
    except TimeoutException:
        pytest.fail(f"{selector} is not on the page: {browser.driver.title}\n{browser.text()}")


def film(name: str, **devices: Browser) -> None:
    """Keep what the devices show, when their skies have come to rest."""
    for device, browser in devices.items():
        browser.wait(partial(browser.driver.execute_script, _AT_REST), "rest")
        browser.picture(f"story-{name}-{device}")


def test_from_a_bookmark_to_the_nas(
    trial: Trial, crossings: tuple[Crossing, Crossing], browsers: OpenBrowser
) -> None:
    ways = crossings
    phone = browsers(ways[0].site, size=PHONE, names=(NAME,), language="de", dark=True)
    desk = browsers(ways[1].site, names=(NAME,))
    both = (phone, desk)

    trial.simhome("nas", "timings", "boot_port_seconds=6", "boot_seconds=15")
    trial.simhome("nas", "shutdown")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name leads to the Pi")
    for browser in both:
        browser.open(WANTED)
        sees(browser, "[data-sky=dusk] h1")
    film("1-going-to-sleep", phone=phone, desk=desk)
    for browser in both:
        sees(browser, "[data-sky=night] form button")  # by itself
    assert "You wanted /photos/summer 2026;" in desk.text()
    film("2-asleep", phone=phone, desk=desk)

    ways[0].remembered = trial.facts["pi_ip"]  # as browsers do for a minute
    phone.find("form button").click()
    for browser in both:
        sees(browser, "[data-sky=dawn] .stages .now")
    assert phone.path() == WANTED, "the page stayed where it was"
    assert "About" in desk.text()
    assert "s · The NAS is waking up" in desk.driver.title
    film("3-signal-sent", phone=phone, desk=desk)
    for number, stage in ((2, "power"), (3, "network")):
        sees(phone, f".stages li:nth-child({number}).done")
        film(f"{number + 2}-{stage}", phone=phone)

    desk.wait_for("This is the NAS", 60)
    assert desk.driver.title.endswith("BaluHost")
    assert desk.path() == WANTED
    film("8-the-nas", desk=desk)
    sees(phone, "[data-sky=day] a.go")
    film("6-awake", phone=phone)
    sees(phone, f'a.go[href^="{trial.facts["nas_url"]}"]')  # after 15 s
    assert phone.find("a.go").get_attribute("href") == trial.facts["nas_url"] + WANTED
    film("7-still-remembers-the-pi", phone=phone)
    ways[0].remembered = ""
    phone.wait_for("This is the NAS")
    assert phone.path() == WANTED
    film("8-the-nas", phone=phone)


def test_a_wake_that_fails_by_somebody_who_has_to_sign_in_first(
    trial: Trial, crossings: tuple[Crossing, Crossing], browsers: OpenBrowser
) -> None:
    log_in_by_api(trial, "family")
    trial.simhome("nas", "no_boot")
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name leads to the Pi")
    with setting(trial, "BALUPI_PUBLIC_WAKE=false"):
        way = crossings[0]
        phone = browsers(way.site, size=PHONE, names=(NAME,), language="de")
        phone.open(WANTED)
        sees(phone, ".fields input[type=password]")
        assert not phone.driver.find_elements("css selector", "#wake")
        film("a-sign-in", phone=phone)
        name, password = user_of_nas(trial, "family")
        phone.find("input[name=username]").send_keys(name)
        phone.find("input[name=password]").send_keys(password)
        phone.find(".fields button").click()
        sees(phone, "#wake button")
        assert phone.path() == WANTED, "the sign-in leads back, to the same place on the page"
        film("b-signed-in", phone=phone)

        way.remembered = NOWHERE
        sees(phone, "#lost")
        film("c-no-connection", phone=phone)
        way.remembered = ""
        phone.wait(lambda: not phone.find("#lost").is_displayed(), "the connection is back")
        phone.troubles()  # the console tells of what was lost just now

        phone.find("#wake button").click()
        sees(phone, ".stages .now")
        sees(phone, "[data-sky=grey] .stages .bad", BOOT_SECONDS + 30)
        sees(phone, ".tips li")
        film("d-failed", phone=phone)
        assert phone.find("#wake button").is_enabled()
