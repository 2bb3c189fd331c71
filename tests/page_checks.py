"""What every page must be: free of violations, of shifts, of traffic to others, of sideways scrolling."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from tests.browser import Browser
from tests.page_site import OWNER, PASSWORD

#: WCAG 2.2 A and AA, and what axe calls good practice.
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_WATCH = """
(() => {
  window.shifts = [];
  new PerformanceObserver(list => list.getEntries().forEach(entry => window.shifts.push({
    at: entry.startTime,
    value: entry.value,
    moved: entry.sources.map(source => source.node && (source.node.outerHTML || source.node.data || "")
      .slice(0, 120)),
  }))).observe({type: "layout-shift", buffered: true});
})();
"""


def watch(browser: Browser) -> None:
    """Have all pages from now on note what shifts in them."""
    browser.tell("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)


def sign_in(browser: Browser) -> None:
    """Sign in as the owner; the dashboard is open then."""
    browser.speak("en")
    browser.open("/dashboard/login?next=/dashboard/")
    browser.sign_in(OWNER, PASSWORD)
    assert browser.path() == "/dashboard/"


def shifts(browser: Browser) -> list[dict[str, Any]]:
    """Return what shifted in this page since all of it was there.

    Of a page that comes in two pieces the browser may show the first, and what is at the right grows.
    """
    found: list[dict[str, Any]] = browser.run(
        "const whole = performance.getEntriesByType('navigation')[0].domInteractive;"
        "return window.shifts.filter(each => each.at >= whole)"
    )
    return [each for each in found if each["value"] > 0.0005]  # a pixel that rounds


def violations(browser: Browser) -> list[str]:
    """Return what axe-core finds in this page, each with its elements."""
    browser.run(_axe())
    found = browser.driver.execute_async_script(
        "const [tags, done] = arguments;"
        "axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"
        ".then(result => done(result.violations), error => done(String(error)));",
        list(_RULES),
    )
    assert isinstance(found, list), found
    return [
        f"{rule['id']}: {node['target']} {node['html'][:140]} {node['failureSummary'][:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


def strangers(browser: Browser) -> list[str]:
    """Return what this page asked of anybody but its own site."""
    found: list[str] = browser.run(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
        ".filter(name => !name.startsWith(location.origin) && !name.startsWith('data:'))"
    )
    return found


def sideways(browser: Browser) -> list[str]:
    """Return what makes this page wider than its window; the window may be scrolled down only."""
    found: list[str] = browser.run(
        """
        const wide = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= wide) return [];
        return Array.from(document.body.querySelectorAll("*"))
          .filter(el => el.checkVisibility() && el.getBoundingClientRect().right > wide + 0.5)
          .map(el => el.outerHTML.slice(0, 140)).slice(0, 6);
        """
    )
    return found


def untold_language(browser: Browser, language: str) -> list[str]:
    """Return what this page calls its language where that is not the one that was chosen."""
    told = browser.run("return document.documentElement.lang")
    return [] if told == language else [f"lang={told!r}"]


@cache
def _axe() -> str:
    # The package is for another driver of browsers; of it, only the script is used.
    return files("axe_playwright_python").joinpath("axe.min.js").read_text()
