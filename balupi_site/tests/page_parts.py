"""The page's parts as its script gets them."""

from __future__ import annotations

import re

from django.test import Client

from balupi_site.page import parts


def part(client: Client, name: str, query: str = "") -> str:
    """Return a part drawn anew, as the page gets it."""
    parts.forget()
    html = client.get(f"/live/?{query}").content.decode()
    found = re.search(rf'<div data-part="{name}".*?(?=<div data-part=|\Z)', html, re.DOTALL)
    assert found is not None, html[:500]
    return found[0]


def versions(html: str) -> str:
    """Return what a page with these parts says it has."""
    found = re.findall(r'data-part="(\w+)" data-version="(\w+)"', html)
    return ",".join(f"{name}:{version}" for name, version in found)
