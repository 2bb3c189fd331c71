"""The REST API of tariffs; ``?dry_run=true`` tells what a change would do and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from energy.api.price_serializers import (
    TariffSerializer,
    ended_json,
    merged,
    preview_json,
    tariff_json,
)
from energy.models import Tariff
from energy.services import tariffs
from energy.services.price_preview import preview_of

#: Longer numbers are no ids of ours.
_MAX_ID_DIGITS = 18


class PriceListView(APIView):
    """All tariffs."""

    def get(self, _request: Request) -> Response:
        """Return all tariffs, the latest first, those that do not count too."""
        stored = Tariff.objects.prefetch_related("zones")
        return Response([tariff_json(tariff) for tariff in stored])

    def post(self, request: Request) -> Response:
        """Add a tariff; the answer names the one that ends for it."""
        is_dry, now = _is_dry_run(request), timezone.now()
        serializer = TariffSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with tariffs.tariffs_locked(), _named_fields():
            changed = tariffs.add_tariff(
                serializer.rule(tariffs.household_currency()),
                is_active=serializer.validated_data["is_active"],
                now=now,
                dry_run=is_dry,
            )
        return _answer(changed, now, is_dry=is_dry, code=status.HTTP_201_CREATED)


class PriceView(APIView):
    """One tariff."""

    def get(self, _request: Request, price_id: str) -> Response:
        """Return the tariff."""
        return Response(tariff_json(_tariff_or_404(price_id)))

    def put(self, request: Request, price_id: str) -> Response:
        """Change the tariff; what is left out stays."""
        is_dry, now = _is_dry_run(request), timezone.now()
        with tariffs.tariffs_locked(), _named_fields():
            tariff = _tariff_or_404(price_id)
            serializer = TariffSerializer(data=merged(tariff, request.data))
            serializer.is_valid(raise_exception=True)
            changed = tariffs.change_tariff(
                tariff,
                serializer.rule(tariff.currency),
                is_active=serializer.validated_data["is_active"],
                dry_run=is_dry,
            )
        return _answer(changed, now, is_dry=is_dry)

    patch = put

    def delete(self, request: Request, price_id: str) -> Response:
        """Delete the tariff; its hours cost what is in force without it."""
        is_dry, now = _is_dry_run(request), timezone.now()
        with tariffs.tariffs_locked():
            changed = tariffs.delete_tariff(_tariff_or_404(price_id), dry_run=is_dry)
        return _answer(changed, now, is_dry=is_dry)


def _answer(
    changed: tariffs.TariffsChanged, now: datetime, *, is_dry: bool, code: int = status.HTTP_200_OK
) -> Response:
    """Return the tariff, if there is one now, and how many hours another price has been given."""
    preview = preview_of(changed.before, changed.after, now)
    body = {"ended": ended_json(changed.ended), "repriced_hours": preview.hours}
    if is_dry:
        return Response({"dry_run": True, **body, "preview": preview_json(preview)})
    stored = {} if changed.tariff is None else tariff_json(changed.tariff)
    return Response({**stored, **body}, status=code)


def _tariff_or_404(price_id: str) -> Tariff:
    is_id = price_id.isascii() and price_id.isdecimal() and len(price_id) <= _MAX_ID_DIGITS
    stored = Tariff.objects.prefetch_related("zones")
    tariff = stored.filter(pk=int(price_id)).first() if is_id else None
    if tariff is None:
        raise Http404(_("There is no such price."))
    return tariff


def _is_dry_run(request: Request) -> bool:
    value = request.query_params.get("dry_run", "false")
    if value not in ("true", "false"):
        raise serializers.ValidationError({"dry_run": [_("This must be true or false.")]})
    return value == "true"


@contextmanager
def _named_fields() -> Iterator[None]:
    """Let what the service refuses be a 400 that names the field."""
    try:
        yield
    except ValidationError as error:
        raise serializers.ValidationError(error.message_dict) from error
