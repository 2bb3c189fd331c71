"""All pages in a real browser: full, waking up, empty, stale and failing, in both languages and lights.

``--pictures DIR`` keeps what they look like; ``--every-look`` looks at all combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import pytest

from tests import page_checks
from tests.browser import DESK, PHONE, SMALL, SMALLEST, Browser
from tests.conftest import free_port
from tests.page_checks import sign_in
from tests.page_site import PageSite, running_sites, shared_template

OpenAt = Callable[..., Browser]
Looks = Callable[[tuple["Look", ...]], tuple["Look", ...]]
pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

NAME = "baluhost.local"
HOMES = ("full", "awake", "waking", "empty", "stale", "failing")


class Look(NamedTuple):
    """How a page is looked at."""

    language: str
    theme: str
    size: tuple[int, int]


#: Each language in each light, each size in both.
LOOKS = (
    Look("en", "dark", DESK),
    Look("de", "light", DESK),
    Look("de", "dark", SMALL),
    Look("en", "light", PHONE),
)
#: For pages of which less can go wrong.
FEW_LOOKS = (Look("en", "dark", DESK), Look("de", "light", SMALL))
EVERY_LOOK = tuple(
    Look(*each) for each in product(("de", "en"), ("dark", "light"), (DESK, PHONE, SMALL))
)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PageSite]]:
    homes = {home: free_port() for home in HOMES}
    with running_sites(homes, shared_template(tmp_path_factory)) as running:
        yield running


@pytest.fixture
def looks(request: pytest.FixtureRequest) -> Looks:
    """Give these looks, or all where all are asked for."""
    is_every = request.config.getoption("--every-look")
    return lambda usual: EVERY_LOOK if is_every else usual


def look_at(browser: Browser, path: str, look: Look, picture: str) -> list[str]:
    """Open a page as somebody would who looks at it so; what is wrong with it."""
    browser.speak(look.language)
    browser.wish(prefers_color_scheme=look.theme)
    browser.resize(look.size)
    browser.open(path)
    label = f"{picture}-{look.language}-{look.theme}-{look.size[0]}"
    wrong = {
        "shifted": [str(shift) for shift in page_checks.shifts(browser)],
        "axe": page_checks.violations(browser),
        "asked of others": page_checks.strangers(browser),
        "too wide": page_checks.sideways(browser),
        "console": browser.troubles(),
        "language": page_checks.untold_language(browser, look.language),
    }
    browser.whole_picture(label)
    browser.resize(SMALLEST)
    wrong["too wide at 320"] = page_checks.sideways(browser)
    return [f"{label}: {what}: {each}" for what, found in wrong.items() for each in found]


@pytest.mark.parametrize("home", HOMES)
def test_the_dashboard_is_in_order_in_every_state_language_light_and_size(
    home: str, sites: dict[str, PageSite], open_at: OpenAt, looks: Looks
) -> None:
    browser = open_at(sites[home].url)
    sign_in(browser)
    wanted = LOOKS if home in {"full", "stale", "failing"} else FEW_LOOKS
    wrong = [
        each
        for look in looks(wanted)
        for each in look_at(browser, "/dashboard/", look, f"dashboard-{home}")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("home", "wanted"), [("full", FEW_LOOKS[:1]), ("failing", FEW_LOOKS)])
def test_the_admins_first_page_and_the_doctor_are_in_order(
    home: str,
    wanted: tuple[Look, ...],
    sites: dict[str, PageSite],
    open_at: OpenAt,
    looks: Looks,
) -> None:
    browser = open_at(sites[home].url)
    sign_in(browser)
    pages = {"admin": "/admin/", "doctor": "/admin/doctor/"}
    wrong = [
        each
        for look in looks(wanted)
        for name, path in pages.items()
        for each in look_at(browser, path, look, f"{name}-{home}")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("home", HOMES)
def test_the_wake_page_is_in_order_in_every_state(
    home: str, sites: dict[str, PageSite], open_at: OpenAt, looks: Looks
) -> None:
    browser = open_at(f"http://{NAME}:{sites[home].port}", names=(NAME,))
    wrong = [
        each
        for look in looks(FEW_LOOKS)
        for each in look_at(browser, "/photos/summer%202026?sort=date", look, f"wake-{home}")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_sign_in_and_a_page_that_is_not_there_are_in_order(
    sites: dict[str, PageSite], open_at: OpenAt, looks: Looks
) -> None:
    browser = open_at(sites["full"].url)
    wrong = [
        each
        for look in looks(FEW_LOOKS)
        for each in look_at(browser, "/dashboard/login", look, "sign-in")
    ]
    sign_in(browser)
    wrong += [
        each
        for look in looks(FEW_LOOKS)
        for each in look_at(browser, "/not/here", look, "not-there")
        if "status of 404" not in each
    ]
    assert not wrong, "\n".join(wrong)


def test_what_looks_at_the_pages_finds_what_is_wrong(
    sites: dict[str, PageSite], open_at: OpenAt
) -> None:
    browser = open_at(sites["full"].url)
    browser.open("/dashboard/login")
    assert page_checks.shifts(browser) == []
    browser.run(
        """
        const wrong = document.createElement("div");
        wrong.className = "wrong";
        wrong.innerHTML = "<img src='http://nas.example/x.png'><button></button>";
        document.body.prepend(wrong);
        document.styleSheets[0].insertRule(".wrong { width: 2000px; height: 300px; }");
        """
    )
    browser.wait(lambda: page_checks.shifts(browser), "a shift")
    found = " ".join(page_checks.violations(browser))
    assert "image-alt" in found
    assert "button-name" in found
    assert page_checks.sideways(browser)
    assert page_checks.untold_language(browser, "de")
    assert any("Content Security Policy" in each for each in browser.troubles())
