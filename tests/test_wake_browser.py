"""A real browser that wants the NAS: it finds the wake page, wakes the NAS, and ends up there."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.conftest import Trial, free_port, leads_to

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

NAME = "baluhost.local"
WANTED = "/photos/summer%202026?sort=date"


class Crossing:
    """Stands at one address for the name: each new connection goes where the name leads just then."""

    def __init__(self, where: Callable[[], str], port: int) -> None:
        self._where, self._target_port = where, port
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(browser,), daemon=True).start()

    def _join(self, browser: socket.socket) -> None:
        with browser, contextlib.suppress(OSError):
            with socket.create_connection((self._where(), self._target_port), 5) as server:
                back = threading.Thread(target=_copy, args=(server, browser), daemon=True)
                back.start()
                _copy(browser, server)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def site(trial: Trial) -> Iterator[str]:
    """Give the NAS's name as the household has it."""
    crossing = Crossing(lambda: leads_to(trial), int(trial.facts["url"].rpartition(":")[2]))
    yield f"{NAME}:{crossing.port}"
    crossing.close()


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=390,844",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


def wait_for(browser: webdriver.Chrome, text: str, seconds: float = 30) -> None:
    """Wait until the page says it; the page may change under the look, then it looks again."""
    _patient(browser, seconds).until(
        lambda driver: re.search(text, driver.find_element(By.TAG_NAME, "body").text),
        f"no {text!r} on the page",
    )


def press(browser: webdriver.Chrome) -> None:
    """Press the button, as a person would: once, on whatever stands there at last."""

    def pressed(driver: webdriver.Chrome) -> bool:
        driver.find_element(By.CSS_SELECTOR, "form button").click()
        return True

    _patient(browser, 10).until(pressed)


def _patient(browser: webdriver.Chrome, seconds: float) -> WebDriverWait[webdriver.Chrome]:
    return WebDriverWait(browser, seconds, 0.2, ignored_exceptions=[StaleElementReferenceException])


def test_a_visitor_wakes_the_nas_from_his_bookmark_and_ends_up_where_he_wanted(
    trial: Trial, site: str, browser: webdriver.Chrome
) -> None:
    trial.simhome("nas", "shutdown")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name leads to the Pi")
    browser.get(f"http://{site}{WANTED}")
    wait_for(browser, "The NAS (is going to sleep|has been asleep)")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the NAS sleeps")
    wait_for(browser, "The NAS has been asleep since")  # by itself
    wait_for(browser, "You wanted /photos/summer 2026;")
    press(browser)
    wait_for(browser, "The NAS is waking up")
    wait_for(browser, "Signal sent")
    assert browser.current_url.endswith(WANTED)
    troubles = [
        entry["message"]
        for entry in browser.get_log("browser")  # type: ignore[no-untyped-call]
        if not re.search("status of 503|Cross-Origin-Opener-Policy", entry["message"])
    ]
    assert not troubles, troubles
    wait_for(browser, "BaluHost(?! is ready)", 60)  # the NAS's own page
    assert browser.title.endswith("BaluHost")
    assert browser.current_url == f"http://{site}{WANTED}"


def test_without_a_script_the_page_refreshes_itself(
    trial: Trial, site: str, browser: webdriver.Chrome
) -> None:
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name leads to the Pi")
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(f"http://{site}{WANTED}")
    press(browser)
    wait_for(browser, "Signal sent")
    wait_for(browser, "BaluHost(?! is ready)", 60)
    assert browser.current_url == f"http://{site}{WANTED}"
