"""The dashboard in use: live without a jump, without a script, by keyboard, and while the Pi is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests import page_checks
from tests.browser import PHONE, Browser
from tests.conftest import free_port
from tests.page_checks import sign_in
from tests.page_site import PageSite, running_sites, shared_template

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

OpenAt = Callable[..., Browser]
#: Over the wire, everything that the first visit asks for.
FIRST_LOAD_BYTES = 150_000
#: A page asks every 5 s.
ASKS_EVERY_S = 5
_COUNT = "window.patches = 0; document.addEventListener('balupi:patched', () => window.patches++);"
_HIDE = """
Object.defineProperty(document, 'hidden', {configurable: true, get: () => arguments[0]});
document.dispatchEvent(new Event('visibilitychange'));
"""
_FOCUS = """
const el = document.activeElement, style = getComputedStyle(el);
return {
  skip: el.matches(".skip"), wake: el.matches(".btn.go"), slider: el.matches("[role=slider]"),
  tab: el.matches(".tabs a"), over: el === document.body, told: el.outerHTML.slice(0, 120),
  seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
    && el.getBoundingClientRect().width > 0,
};
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PageSite]]:
    homes = {home: free_port() for home in ("full", "awake", "waking", "woken")}
    with running_sites(homes, shared_template(tmp_path_factory)) as running:
        yield running


def questions(browser: Browser) -> int:
    """Return how often this page has asked what changed."""
    count: int = browser.run(
        "return performance.getEntriesByType('resource')"
        ".filter(entry => entry.name.includes('/live/')).length"
    )
    return count


def reading(browser: Browser) -> str:
    """Return what the band says to who cannot see it."""
    return browser.find("#day [role=slider]").get_attribute("aria-valuetext") or ""


def running_animations(browser: Browser) -> list[str]:
    found: list[str] = browser.run(
        "return document.getAnimations().filter(each => each.playState === 'running')"
        ".map(each => each.animationName || each.transitionProperty)"
    )
    return found


def test_the_first_load_of_the_dashboard_is_small(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.tell("Network.setCacheDisabled", cacheDisabled=True)
    browser.open("/dashboard/")
    sizes: dict[str, int] = browser.run(
        "return Object.fromEntries(['navigation', 'resource']"
        ".flatMap(type => performance.getEntriesByType(type))"
        ".map(entry => [entry.name, entry.transferSize]))"
    )
    assert len(sizes) > 3, sizes  # the page, its style and its scripts
    assert 0 < sum(sizes.values()) < FIRST_LOAD_BYTES, sizes


def test_what_changes_moves_nothing_and_leaves_the_focus_where_it_is(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["awake"].url)
    browser.resize(PHONE)
    sign_in(browser)
    browser.run(_COUNT)
    before = browser.find("#inbox").text
    browser.run("window.kept = document.querySelector('#energy .tabs a'); window.kept.focus();")
    browser.wait(lambda: browser.run("return window.patches") >= 3, "three live updates")
    assert browser.find("#inbox").text != before
    assert browser.run("return document.activeElement === window.kept")
    assert page_checks.shifts(browser) == []


def test_a_tab_chosen_by_a_click_changes_its_part_and_the_address_but_not_the_page(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.run("window.stayed = true;")
    browser.find("#energy .tabs a[href*=month]").click()
    browser.wait(
        lambda: browser.find("#energy .tabs a[href*=month]").get_attribute("aria-current"),
        "the month",
    )
    assert browser.path() == "/dashboard/?period=month"
    assert browser.run("return window.stayed")


def test_a_hidden_tab_asks_nothing_and_asks_at_once_when_it_is_seen_again(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.wait(lambda: questions(browser) >= 1, "a question")
    browser.driver.execute_script(_HIDE, True)
    # The question that may just be under way ends first.
    browser.driver.execute_async_script("setTimeout(arguments[0], 1000)")
    asked = questions(browser)
    browser.driver.execute_async_script(f"setTimeout(arguments[0], {ASKS_EVERY_S * 1000 + 2000})")
    assert questions(browser) == asked
    browser.driver.execute_script(_HIDE, False)
    browser.wait(lambda: questions(browser) > asked, "a question at once", ASKS_EVERY_S - 1)


def test_a_page_whose_pi_is_away_says_so_greys_its_values_and_recovers_by_itself(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    site = sites["waking"]
    browser = open_at(site.url)
    sign_in(browser)
    assert not browser.find("#lost").is_displayed()
    site.stop_web()
    try:
        browser.wait(lambda: browser.find("#lost").is_displayed(), "no connection")
        browser.wait(
            lambda: (
                not browser.run(
                    "return document.querySelector('[data-stale-at]:not([data-stale])')"
                )
            ),
            "grey values",
        )
        browser.whole_picture("dashboard-no-connection")
    finally:
        site.start_web("--again")
        site.wait()
    browser.wait(lambda: not browser.find("#lost").is_displayed(), "the connection")
    browser.wait(
        lambda: browser.run("return document.querySelector('#pi:not([data-stale])')"),
        "fresh values",
    )


def test_without_a_script_all_can_be_read_and_chosen_and_the_nas_be_woken(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["woken"].url)
    browser.tell("Emulation.setScriptExecutionDisabled", value=True)
    sign_in(browser)
    for words in ("The NAS has been asleep since", "Together", "files waiting", "RAID", "47"):
        assert words in browser.text()
    chosen = ("#energy .tabs a[href*=year]", "#events .tabs a[href*=inbox]", "#day a[href*='day=']")
    for link in chosen:
        browser.find(link).click()
    for word in ("period=year", "events=inbox", "day="):
        assert word in browser.path()
    assert "12 files delivered" not in browser.find("#events").text  # it was on another day
    browser.press("DE")
    assert browser.find("html").get_attribute("lang") == "de"
    browser.press("EN")
    browser.press("Wake the NAS")
    assert "Signal sent" in browser.find("#nas").text


def test_the_keyboard_reaches_everything_and_its_place_is_seen(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    stops: list[dict[str, Any]] = []
    while not stops or not stops[-1]["over"]:
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        stops.append(browser.run(_FOCUS))
        assert len(stops) < 200, stops[-1]
    assert stops[0]["skip"]
    assert any(stop["slider"] for stop in stops)
    assert any(stop["wake"] for stop in stops)
    assert sum(stop["tab"] for stop in stops) > 4
    assert [stop["told"] for stop in stops[:-1] if not stop["seen"]] == []


def test_the_band_is_read_by_the_arrow_keys(sites: dict[str, PageSite], open_at: OpenAt) -> None:
    browser = open_at(sites["awake"].url)
    sign_in(browser)
    browser.find("#day [role=slider]").send_keys(Keys.END)
    at_the_end = reading(browser)
    browser.find("#day [role=slider]").send_keys(Keys.ARROW_LEFT)
    browser.wait(lambda: reading(browser) != at_the_end, "another time")
    assert "W" in reading(browser)


def test_who_wants_no_motion_gets_none_and_forced_colours_keep_the_bars(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["waking"].url)
    sign_in(browser)
    assert running_animations(browser)
    browser.wish(prefers_reduced_motion="reduce")
    browser.open("/dashboard/")
    browser.run(_COUNT)
    browser.wait(lambda: browser.run("return window.patches") >= 1, "a live update")
    assert running_animations(browser) == []
    browser.wish(forced_colors="active")
    browser.open("/dashboard/")
    bar, ground = browser.run(
        "return [getComputedStyle(document.querySelector('#energy .bars rect.b')).fill,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    assert bar != ground
    browser.whole_picture("dashboard-forced-colours")


_ANSWER = """
const [status, headers, body] = arguments;
window.fetch = () => Promise.resolve(new Response(body, {status, headers}));
"""


def release(browser: Browser) -> str:
    told: str = browser.run("return document.getElementById('main').dataset.release")
    return told


def test_the_page_follows_the_clock_of_the_pi(sites: dict[str, PageSite], open_at: OpenAt) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.open("/dashboard/")
    later: str = browser.run(
        "return new Date((+document.getElementById('main').dataset.now + 600) * 1000).toUTCString()"
    )
    browser.run(_ANSWER, 204, {"X-BaluPi": release(browser), "Date": later}, None)
    browser.wait(lambda: "10 min" in browser.find("#pi header .age").text, "ages")
    assert browser.find("#plugs").get_attribute("data-stale") is not None or browser.find(
        "#plugs li[data-stale]"
    )


def test_another_server_under_this_name_is_no_connection(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.open("/dashboard/")
    browser.run(_ANSWER, 200, {"Content-Type": "text/html"}, "<html>BaluHost</html>")
    browser.wait(lambda: browser.find("#lost").is_displayed(), "the line that says so")


def test_an_update_of_the_pi_reloads_the_page(sites: dict[str, PageSite], open_at: OpenAt) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.open("/dashboard/")
    browser.run("window.isOld = true")
    browser.run(_ANSWER, 204, {"X-BaluPi": "99.0.0"}, None)
    browser.wait(lambda: not browser.run("return window.isOld"), "a reload")


def test_what_was_opened_stays_open_where_a_line_comes_before_it(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.open("/dashboard/")
    html: str = browser.run(
        """
        const part = document.querySelector('[data-part=snapshot]'), fresh = part.cloneNode(true);
        const details = part.querySelector('details');
        details.open = true;
        details.querySelector('summary').focus();
        fresh.dataset.version = 'another';
        const line = document.createElement('p');
        line.textContent = 'A line more.';
        fresh.querySelector('details').before(line);
        return fresh.outerHTML;
        """
    )
    browser.run(_ANSWER, 200, {"X-BaluPi": release(browser)}, html)
    browser.wait_for("A line more.")
    assert browser.run("return document.querySelector('[data-part=snapshot] details').open")
    assert browser.run("return document.activeElement.nodeName") == "SUMMARY"


def test_an_hour_of_the_axis_zooms_without_leaving_the_page(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    sign_in(browser)
    browser.open("/dashboard/?part=1200-1800")
    browser.run("window.isSame = true")
    browser.run(
        "document.querySelector('.axis a text')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))"
    )
    browser.wait(lambda: "part=1200-1300" in browser.path(), "the hour in the address")
    assert browser.run("return window.isSame")
