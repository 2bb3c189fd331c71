"""The admin's stylesheet: the colours of the other pages, readable in both lights; icons that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from balupi_site.lib.admin import Tone, badge

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "balupi_site" / "static" / "balupi"
CSS = (STATIC / "admin.css").read_text()
TOKEN = re.compile(r"(--[\w-]+): (#[0-9A-Fa-f]{6})")


def lights(css: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the colours of light, of dark by the system, of dark by choice."""
    light, _, rest = css.partition("@media (prefers-color-scheme: dark)")
    system, _, chosen = rest.partition('[data-theme="dark"]')
    return (
        dict(TOKEN.findall(light)),
        dict(TOKEN.findall(system)),
        dict(TOKEN.findall(chosen.partition("}")[0])),
    )


LIGHT, SYSTEM_DARK, DARK = lights(CSS)


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_colours_are_those_of_the_other_pages() -> None:
    for ours, theirs in zip(lights(CSS), lights((STATIC / "balupi.css").read_text()), strict=True):
        assert len(ours) > 20
        assert {name: theirs.get(name) for name in ours} == ours
    assert SYSTEM_DARK == DARK


@pytest.mark.parametrize(
    "colours", [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]
)
def test_every_word_is_readable(colours: dict[str, str]) -> None:
    inks = [name.removesuffix("-ink") for name in colours if name.endswith("-ink")]
    pairs = [(f"{it}-ink", f"{it}-haze") for it in inks if f"{it}-haze" in colours]
    assert len(pairs) == 6
    pairs += [(f"{it}-ink", "--bg") for it in inks if it != "--act"]
    pairs += [("--ink", "--bg"), ("--ink-2", "--bg"), ("--ink-3", "--bg"), ("--ink", "--raised")]
    pairs += [
        ("--ink", "--unknown-haze"),
        ("--act-ink", "--act"),
        ("--asleep-ink", "--unknown-haze"),
    ]
    weak = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def _icons(html: str) -> set[str]:
    return set(re.findall(r'href="#(\w+)"', html))


def test_every_badge_has_an_icon_of_its_own_a_word_and_a_colour() -> None:
    badges = {tone: badge(tone, "<word>") for tone in Tone}
    assert len(_icons("".join(badges.values()))) == len(Tone)
    assert all("&lt;word&gt;" in html for html in badges.values())
    assert all(f".badge.{tone}" in CSS or tone is Tone.OFF for tone in Tone)


def test_every_icon_is_in_the_sprite() -> None:
    sprite = (ROOT / "templates" / "_icons.svg").read_text()
    pages = [
        *ROOT.glob("*/admin.py"),
        *ROOT.glob("*/admin/*.py"),
        *ROOT.glob("balupi_site/*/admin.py"),
    ]
    named = {name for page in pages for name in re.findall(r'icon="(\w+)"', page.read_text())}
    assert "server" in named
    used = named | _icons("".join(badge(tone, "") for tone in Tone))
    assert {name for name in used if f'<symbol id="{name}"' not in sprite} == set()
