"""The shapes of this app's input; its output are the services' dataclasses as they are."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_LONGEST_PAGE = 200


class WakeRequestSerializer(serializers.Serializer[Any]):
    """What may come with a wake; the NAS-built page sends no body at all."""

    anyway = serializers.BooleanField(default=False)


class PageSerializer(serializers.Serializer[Any]):
    """Which part of the history."""

    limit = serializers.IntegerField(default=50, min_value=1, max_value=_LONGEST_PAGE)
    before = serializers.DateTimeField(default=None)
