"""The REST API of energy history and costs."""

from __future__ import annotations

import datetime as dt

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.lib.clock import household_zone
from balupi_site.lib.csv_lines import in_a_place
from energy.api.export import ExportQuery, export_blocks
from energy.api.history_json import costs_json, history_json, samples_json
from energy.api.queries import Asked, asked
from energy.models import PowerSample
from energy.periods import Period, Resolution, local_day
from energy.services.figures import PriceBook
from energy.services.history import History, history, period_history, samples_between


class HistoryView(APIView):
    """Energy over time."""

    def get(self, request: Request) -> Response:
        """Return energy, power, coverage and cost in buckets of a period or a span.

        ``device_id`` (left out: all plugs), ``period`` (day, week, month, year) with ``at`` (a day
        of it), or ``from`` and ``to``; ``resolution`` (hour, day, month; raw: the samples).
        """
        now = timezone.now()
        question = asked(request.query_params, now, household_zone(), default=Period.DAY)
        book = PriceBook.read()
        if question.resolution is None:
            return Response(samples_json(question, _samples(question), book))
        found = _history(question, now, book, question.resolution)
        return Response(history_json(question, found))


class CostsView(APIView):
    """What energy costs."""

    def get(self, request: Request) -> Response:
        """Return the costs of exactly the range asked for, by price and by plug.

        Parameters as for the history, without ``resolution``; the default is this month.
        """
        now = timezone.now()
        question = asked(request.query_params, now, household_zone(), default=Period.MONTH)
        found = _history(question, now, PriceBook.read(), Resolution.MONTH)
        return Response(costs_json(question, found, now))


class ExportView(APIView):
    """The history as a file."""

    def get(self, request: Request) -> StreamingHttpResponse:
        """Return it as CSV, sent as it is read.

        Parameters as for the history, any number of rows; ``decimal`` (point or comma; with comma
        the columns are separated by semicolons, as spreadsheets set to German expect).
        """
        question, now, decimal = _export_question(request)
        blocks = in_a_place(export_blocks(question, now, PriceBook.read(), decimal=decimal))
        return StreamingHttpResponse(blocks, headers=_export_headers(question))

    def head(self, request: Request) -> HttpResponse:
        """Return what comes before the file; the web server would send a streamed body after it."""
        question, _now, _decimal = _export_question(request)
        return HttpResponse(headers=_export_headers(question))


def _export_question(request: Request) -> tuple[Asked, dt.datetime, str]:
    now, parameters = timezone.now(), request.query_params
    question = asked(parameters, now, household_zone(), default=Period.MONTH, max_rows=None)
    query = ExportQuery(data=parameters.dict())
    query.is_valid(raise_exception=True)
    return question, now, query.validated_data["decimal"]


def _export_headers(question: Asked) -> dict[str, str]:
    zone, last = household_zone(), question.span.end - dt.timedelta(microseconds=1)
    days = [local_day(at, zone).isoformat() for at in (question.span.start, last)]
    return {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="energy_{"_".join(days)}.csv"',
    }


def _history(question: Asked, now: dt.datetime, book: PriceBook, resolution: Resolution) -> History:
    if question.period:
        return period_history(question.plugs, question.period, question.day, now, book, resolution)
    return history(question.plugs, question.span, resolution, now, book)


def _samples(question: Asked) -> list[PowerSample]:
    return list(samples_between(question.plugs, question.span))
