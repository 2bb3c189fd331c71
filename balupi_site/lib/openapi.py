"""How an endpoint is described: each app says it in a ``schema.py``, which only the generator reads.

The web process never imports these files: what is served was made from them beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers

#: What ``fields.YEARS`` says.
YEARS_PATTERN = "^(20[0-9]{2}|2100)-"

#: A serializer's class or instance; None: no body; a text: a media type that is no JSON.
Shape = Any


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one URL, as its reader needs it; the rest follows from code and docstrings.

    Attributes:
        id: the operationId, for generated clients; never changes.
        tag: the topic.
        summary: one line.
        text: what the view's docstring does not say.
        answers: status -> body.
        body: what may be sent.
        is_body_optional: nothing need be sent.
        query: a serializer whose fields are the parameters.
        errors: that can come beside those that follow from who may and what is sent.
    """

    id: str
    tag: str
    summary: str
    text: str = ""
    answers: Mapping[int, Shape] = field(default_factory=lambda: {200: None})
    body: Shape = None
    is_body_optional: bool = False
    query: type[serializers.Serializer[Any]] | None = None
    errors: tuple[int, ...] = ()


#: URL name -> method -> description.
Operations = Mapping[str, Mapping[str, Operation]]


def get(*, id: str, tag: str, summary: str, answer: Shape, **more: Any) -> dict[str, Operation]:  # noqa: A002, ANN401  # as in Operation
    """Return the description of a URL that only tells: GET, and one good answer."""
    return {"GET": Operation(id=id, tag=tag, summary=summary, answers={200: answer}, **more)}


class ErrorSerializer(serializers.Serializer[Any]):
    """Why a request was not answered as asked."""

    detail = serializers.CharField(help_text="One sentence for a person.")
    errors = serializers.DictField(  # type: ignore[assignment]  # a word of DRF's too
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What is wrong with each field, by its name; empty where no field is to blame.",
    )


class RefusalSerializer(ErrorSerializer):
    """Why something makes no sense now."""

    code = serializers.CharField(help_text="A stable word for programs.")
