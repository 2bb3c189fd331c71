"""A real Chromium with a profile of its own, as somebody of the household would use it."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

#: Debian's; selenium would download others.
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
PHONE, DESK = (390, 844), (1280, 900)
#: The narrowest phones that the pages are made for; below, they must only stay readable.
SMALL, SMALLEST = (360, 740), (320, 568)
_NARROWEST_WINDOW = 500
#: What a page load is given on a busy machine.
PATIENCE_S = 30
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
#: What the console says of an answer that a test asks for, or of a Pi that a test stops.
_EXPECTED = re.compile(
    r"status of (403|409|429|503)|net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE)"
)


_CHANGING = (NoSuchElementException, StaleElementReferenceException)
#: How chromedriver puts it when an element goes while it is being read.
_CHANGED = "does not belong to the document"


class Browser:
    """One person's browser at one site.

    Attributes:
        driver: selenium's, for what this class does not offer.
        pictures: the folder of screenshots.
    """

    def __init__(self, driver: webdriver.Chrome, site: str, pictures: Path) -> None:
        self.driver, self.pictures = driver, pictures
        self._site = site

    def open(self, path: str) -> None:
        """Go to a path of the site."""
        self.driver.get(self._site + path)

    def sign_in(self, name: str, password: str) -> None:
        """Fill in the sign-in form that is open, and send it."""
        self.find("input[name=username]").clear()
        self.find("input[name=username]").send_keys(name)
        self.find("input[name=password]").send_keys(password)
        self.press("Sign in")

    def press(self, words: str) -> None:
        """Press the button with these words; return when another page, or the answer, is there."""
        button = self.button(words)
        assert button is not None, f"no button {words!r} in {self.text()}"
        page = self.find("html")
        button.click()
        self.wait(lambda: self._is_gone(page), f"the answer to {words!r}")

    def button(self, words: str) -> WebElement | None:
        """Return the button with these words, None where there is none."""
        found = self.driver.find_elements(By.CSS_SELECTOR, "button, input[type=submit]")
        named = (
            each for each in found if words in (each.text or each.get_attribute("value") or "")
        )
        return next(named, None)

    def link(self, words: str) -> WebElement | None:
        """Return the link with these words, None where there is none."""
        return next(iter(self.driver.find_elements(By.PARTIAL_LINK_TEXT, words)), None)

    def find(self, selector: str) -> WebElement:
        """Return the first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self) -> str:
        """Return what is to be read on the page."""
        return self.find("body").text

    def path(self) -> str:
        """Return the path and query of the page."""
        return self.driver.current_url.removeprefix(self._site)

    def wait_for(self, pattern: str, seconds: float = PATIENCE_S) -> None:
        """Wait until the page says so, by itself."""
        self.wait(lambda: re.search(pattern, self.text()), f"{pattern!r} on the page", seconds)

    def wait(self, check: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait until something holds; a page that changes meanwhile is looked at again."""

        def holds(_driver: object) -> bool:
            try:
                return bool(check())
            except WebDriverException as error:
                if isinstance(error, _CHANGING) or _CHANGED in str(error.msg):
                    return False
                raise

        WebDriverWait(self.driver, seconds, 0.1).until(holds, f"{what}; {self.driver.current_url}")

    def picture(self, name: str) -> None:
        """Keep what the window shows."""
        self.driver.save_screenshot(str(self.pictures / f"{name}.png"))

    def whole_picture(self, name: str) -> None:
        """Keep the whole page, as long as it is."""
        told = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        (self.pictures / f"{name}.png").write_bytes(base64.b64decode(told["data"]))

    def tell(self, command: str, **values: Any) -> dict[str, Any]:
        """Send a command of Chrome's DevTools protocol; its answer."""
        answer: dict[str, Any] = self.driver.execute_cdp_cmd(command, values)
        return answer

    def resize(self, size: tuple[int, int]) -> None:
        """Give the page another window, in CSS pixels; below 500 wide it is a phone's."""
        # A window is never narrower than 500 pixels, a phone is.
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size[0] < _NARROWEST_WINDOW,
        )

    def wish(self, **features: str) -> None:
        """Wish as a device does: ``prefers_color_scheme="dark"``; what is not named is as usual."""
        wishes = [{"name": name.replace("_", "-"), "value": it} for name, it in features.items()]
        self.tell("Emulation.setEmulatedMedia", features=wishes)

    def speak(self, language: str) -> None:
        """Have chosen a language; for the pages that are opened from now on."""
        self.tell("Network.setCookie", name="balupi_language", value=language, url=self._site)

    def run(self, script: str, *given: object) -> Any:
        """Run a script with ``return`` in the page, ``given`` as its arguments; what it returns."""
        return self.driver.execute_script(script, *given)

    def troubles(self) -> list[str]:
        """Return what the console complained of since the last time: scripts, policies, lost files."""
        entries: list[dict[str, str]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        told = [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]
        return [message for message in told if not _EXPECTED.search(message)]

    def _is_gone(self, page: WebElement) -> bool:
        """Tell whether a page was left and the next one, or the same anew, is complete."""
        if page in self.driver.find_elements(By.CSS_SELECTOR, "html"):
            return False
        return bool(self.driver.execute_script("return document.readyState") == "complete")


@contextlib.contextmanager
def open_browser(
    site: str,
    pictures: Path,
    *,
    size: tuple[int, int] = DESK,
    names: tuple[str, ...] = (),
    language: str = "en",
    dark: bool = False,
) -> Iterator[Browser]:
    """Open a browser with a new profile; at its end its console must be clean.

    Args:
        site: like ``http://127.0.0.1:8000``.
        pictures: where screenshots go.
        size: of the window, in CSS pixels.
        names: what leads to this machine; no other name leads anywhere.
        language: that its user reads.
        dark: whether its user wishes dark pages.
    """
    rules = [*(f"MAP {name} 127.0.0.1" for name in names), "MAP * ~NOTFOUND", "EXCLUDE 127.*"]
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *_ARGUMENTS,
        f"--host-resolver-rules={', '.join(rules)}",
        f"--window-size={size[0]},{size[1]}",
        f"--lang={language}",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    # A window is never narrower than 500 pixels, a phone is.
    screen = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    wish = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})
    browser = Browser(driver, site, pictures)
    try:
        yield browser
        assert browser.troubles() == []
    finally:
        driver.quit()
