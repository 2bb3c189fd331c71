"""A real browser that wants the NAS and meets what can go otherwise than by the story of the wake."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser import PHONE, Browser
from tests.conftest import Trial, leads_to
from tests.crossing import NAME, Crossing, crossing_of, trial_port

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

WANTED = "/photos/summer%202026?sort=date"
#: Loopback, like everything of a trial; nothing else is there.
STRANGER = "127.77.0.9"

OpenBrowser = Callable[..., Browser]


@pytest.fixture
def crossing(trial: Trial) -> Iterator[Crossing]:
    with crossing_of(trial) as crossing:
        yield crossing


class Stranger(BaseHTTPRequestHandler):
    """Answers a page to everything; asked how it is, first like any server, then like BaluHost."""

    server_version = "nginx"
    health = ("text/html", "<html><body>It works</body></html>")

    def do_GET(self) -> None:  # named by the library
        """Answer."""
        kind, text = ("text/html", "<html><title>Somebody</title><body>A page</body></html>")
        if self.path == "/api/health":
            kind, text = self.health
            asked.set()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


asked = threading.Event()


@pytest.fixture
def stranger(trial: Trial) -> Iterator[type[Stranger]]:
    """Have somebody else at an address of the house."""
    handler = type("Handler", (Stranger,), {})
    with ThreadingHTTPServer((STRANGER, trial_port(trial)), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        asked.clear()
        yield handler
        server.shutdown()


def test_without_a_script_the_page_refreshes_itself(
    trial: Trial, crossing: Crossing, browsers: OpenBrowser
) -> None:
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name leads to the Pi")
    browser = browsers(crossing.site, size=PHONE, names=(NAME,))
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.open(WANTED)
    browser.find("form button").click()
    browser.wait_for("Signal sent")
    browser.picture("without-script")
    browser.wait_for("BaluHost(?! is ready)", 60)
    assert browser.path() == WANTED


def test_it_goes_to_nobody_but_baluhost(
    trial: Trial, crossing: Crossing, browsers: OpenBrowser, stranger: type[Stranger]
) -> None:
    crossing.remembered = trial.facts["pi_ip"]  # whatever the NAS does meanwhile
    browser = browsers(crossing.site, names=(NAME,))
    browser.open(WANTED)
    assert browser.driver.title.endswith("BaluPi")
    crossing.remembered = STRANGER
    assert asked.wait(30), "the page has not asked who answers"
    browser.wait_for("Something answers under this name that is not BaluHost", 40)
    assert browser.driver.title.endswith("BaluPi")
    stranger.health = ("application/json", '{"status": "ok", "version": "1.0.0"}')
    browser.wait(lambda: browser.driver.title == "Somebody", "the page of whoever is BaluHost")
    assert browser.path() == WANTED


def test_a_form_that_was_meant_for_the_nas_is_not_sent_again(
    trial: Trial, crossing: Crossing, browsers: OpenBrowser
) -> None:
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name leads to the Pi")
    browser = browsers(crossing.site, names=(NAME,))
    browser.open("/photos")
    browser.driver.execute_script(
        "document.body.insertAdjacentHTML('beforeend', '<form method=post action=/upload id=sent>"
        "</form>'); document.getElementById('sent').submit()"
    )
    browser.wait_for("What you have just sent did not reach the NAS")
    trial.simhome("nas", "power_on")
    browser.wait_for("This is the NAS", 60)
    assert browser.path() == "/"
