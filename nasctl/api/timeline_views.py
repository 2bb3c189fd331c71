"""``/api/nas/timeline`` and the log of events as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone, translation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.access import Need, caller_of, may
from balupi_site.events.kinds import Kind, kinds_of
from balupi_site.events.reading import Choice, EventItem, every, item_of
from balupi_site.lib.clock import household_zone
from balupi_site.lib.csv_lines import csv_blocks, in_a_place, no_formula
from nasctl import services
from nasctl.api.serializers import LogQuery, PageQuery

_COLUMNS = (
    "at", "kind", "subject", "sentence", "duration_s", "who", "via", "address", "is_trouble",
    "facts",
)  # fmt: skip


class TimelineView(APIView):
    """The history."""

    def get(self, request: Request) -> Response:
        """Answer a page of it, newest first.

        ``kind``: groups (nas, wake, names, inbox, plug, login, token, change) or exact kinds, repeated
        or with commas; left out: everything. The groups nas and wake answer states and wakes as items
        of their own; by their exact kinds they are events like all others. ``trouble=true``: only
        events that somebody may want to do something about. ``since`` (included), ``before`` (not
        included), ``limit``: a page is longer where several things happened at once. Durations in s.

        Addresses are told to admins only; so is who it was, of logins, tokens and changes.
        """
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        page = services.timeline(
            timezone.now(),
            limit=asked["limit"],
            before=asked["before"],
            since=asked["since"],
            parts=services.parts_of(asked["kind"], only_trouble=asked["trouble"]),
            for_admin=_is_admin(request),
        )
        return Response(asdict(page))


class TimelineFileView(APIView):
    """The log of events as a file."""

    def get(self, request: Request) -> StreamingHttpResponse:
        """Return it as CSV, newest first, sent as it is read.

        Parameters as for the timeline; without ``limit``, all of it. States of the NAS and stages of
        wakes are rows like all others. Times have the offset of the household's zone.
        """
        query = LogQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        blocks = in_a_place(_blocks(query.validated_data, for_admin=_is_admin(request)))
        return StreamingHttpResponse(blocks, headers=_headers())

    def head(self, request: Request) -> HttpResponse:
        """Return what comes before the file; the web server would send a streamed body after it."""
        LogQuery(data=request.query_params).is_valid(raise_exception=True)
        return HttpResponse(headers=_headers())


def _is_admin(request: Request) -> bool:
    return may(caller_of(request), Need.ADMIN)


def _headers() -> dict[str, str]:
    day = timezone.localdate().isoformat()
    return {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="timeline_{day}.csv"',
    }


def _blocks(asked: dict[str, Any], *, for_admin: bool) -> Iterator[str]:
    language = translation.get_language()
    events = islice(every(_choice(asked)), asked["limit"])
    rows = (_row(item_of(event, for_admin=for_admin)) for event in events)
    # The file is sent after the request has ended, and with it its language.
    with translation.override(language):
        yield from csv_blocks(chain([_COLUMNS], rows))


def _choice(asked: dict[str, Any]) -> Choice:
    kinds: frozenset[Kind] = frozenset(kind for word in asked["kind"] for kind in kinds_of(word))
    return Choice(
        kinds=kinds or None,
        only_trouble=asked["trouble"],
        since=asked["since"],
        before=asked["before"],
    )


def _row(item: EventItem) -> tuple[object, ...]:
    texts = (item.event_kind, item.subject, item.sentence)
    duration_s = "" if item.duration_s is None else round(item.duration_s, 3)
    return (
        item.at.astimezone(household_zone()).isoformat(),
        *(no_formula(text) for text in texts),
        duration_s,
        *(no_formula(text) for text in (item.who, item.via, item.address)),
        "true" if item.is_trouble else "false",
        json.dumps(item.facts, ensure_ascii=False, sort_keys=True),
    )
