"""The doctor's page in the admin: what can be said at once, and the full run by a button."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from balupi_site.doctor import AREA_LABELS, Finding, Level, quick_findings
from balupi_site.doctor.background import background
from balupi_site.doctor.findings import LEVEL_WORDS, counts
from balupi_site.lib.admin import Tone, badge
from balupi_site.lib.words import ago

#: A quote of one word or more that begins and ends at a word's edge; "the NAS's" is none. In German
#: quotes, what begins with a capital is the name of a page.
_COMMAND = re.compile(r"(?<!\w)'([^']{2,}?)'(?!\w)|„([^A-ZÄÖÜ“][^“]+)“")
_TONES = {
    Level.OK: Tone.GOOD,
    Level.WARN: Tone.WARN,
    Level.FAIL: Tone.BAD,
    Level.SKIPPED: Tone.OFF,
}


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show the findings; POST begins a full run and shows how far it is."""
    if request.method == "POST":
        background.start()
        return redirect("admin:doctor")
    now = timezone.now()
    progress = background.progress
    is_full = progress.findings is not None and not progress.is_running
    findings = progress.findings if progress.findings and is_full else quick_findings(now)
    number = counts(findings)
    age_s = (now - progress.at).total_seconds() if progress.at and is_full else None
    context = {
        **admin.site.each_context(request),
        "title": _("Doctor"),
        "is_nav_sidebar_enabled": False,  # its script moves the page once it is there
        "progress": progress,
        "is_full": is_full,
        "age": ago(age_s),
        "totals": [
            (level_badge(level), number[level])
            for level in (Level.FAIL, Level.WARN, Level.OK, Level.SKIPPED)
        ],
        "todo": [_row(each) for each in _worst_first(findings) if each.cure],
        "areas": list(_areas(findings)),
    }
    return render(request, "admin/doctor.html", context)


def level_badge(level: Level) -> SafeString:
    """Return a level as a badge."""
    return badge(_TONES[level], LEVEL_WORDS[level])


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.level is not Level.FAIL)


def _areas(findings: Sequence[Finding]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for area, group in groupby(findings, key=lambda finding: finding.area):
        yield str(AREA_LABELS[area]), [_row(finding) for finding in group]


def _row(finding: Finding) -> dict[str, str | SafeString]:
    return {
        "badge": level_badge(finding.level),
        "title": finding.title,
        "area": str(AREA_LABELS[finding.area]),
        "found": finding.found,
        "cure": _with_commands(finding.cure),
        "level": finding.level.value,
    }


def _with_commands(text: str) -> SafeString:
    """Return a text in HTML whose quoted commands look like what one types."""
    parts = _COMMAND.split(text)  # plain text, what the one or the other quotes hold, and again
    plain = parts[::3]
    commands = [*(one or other for one, other in zip(parts[1::3], parts[2::3], strict=True)), ""]
    return format_html_join(
        "",
        "{}{}",
        (
            (word, format_html("<code>{}</code>", typed) if typed else "")
            for word, typed in zip(plain, commands, strict=True)
        ),
    )


#: Within the admin site, so that its door and its need (``access.py``) are this page's, too.
urls = [path("doctor/", admin.site.admin_view(page), name="doctor")]
