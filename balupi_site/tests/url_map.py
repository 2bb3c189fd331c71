"""Every URL of the product, found in Django's URL map, with a path that can be asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils.regex_helper import normalize


@dataclass(frozen=True)
class Endpoint:
    """One URL.

    Attributes:
        name: of the URL, "" where it has none.
        path: to be asked, with real values.
        shown: the path with its variables' names, as people read it.
        is_admin: one of the admin site's.
        is_api: answers a refusal with a status, not with a page.
    """

    name: str
    path: str
    shown: str
    is_admin: bool

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api") and self.name != "docs"


def endpoints(values: Mapping[str, str]) -> list[Endpoint]:
    """Return every URL of the map.

    Args:
        values: for the variables in the paths, by name; "_0" is an expression's first nameless part.
    """
    return list(_walk(get_resolver().url_patterns, "/", (), values))


def _walk(
    patterns: Iterable[URLPattern | URLResolver],
    before: str,
    namespaces: tuple[str, ...],
    values: Mapping[str, str],
) -> Iterator[Endpoint]:
    for each in patterns:
        template = before + _template(each.pattern)
        if isinstance(each, URLResolver):
            inner = (*namespaces, each.namespace or "")
            yield from _walk(each.url_patterns, template, inner, values)
            continue
        names = re.findall(r"%\((\w+)\)s", template)
        yield Endpoint(
            name=each.name or "",
            path=template % {name: values.get(name, "nothing") for name in names},
            shown=template % {name: "…" if name[0] == "_" else f"<{name}>" for name in names},
            is_admin="admin" in namespaces,
        )


def _template(pattern: object) -> str:
    """Return the pattern as ``path/%(variable)s``; what may be left out is left out."""
    if isinstance(pattern, RegexPattern):
        return str(normalize(str(pattern).removeprefix("^"))[0][0])
    return re.sub(r"<(?:\w+:)?(\w+)>", r"%(\1)s", str(pattern))
