"""The error page of a developer (BALUPI_DEBUG=true): what happened, without anybody's secrets."""

from __future__ import annotations

from collections.abc import ItemsView
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from balupi_site.lib.redact import Redactor


class SecretsFilter(SafeExceptionReporterFilter):
    """Hides what was posted, cookies, and variables that are named like secrets, also with DEBUG."""

    def is_active(self, request: HttpRequest | None) -> bool:
        """Say yes, always."""
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """Return only the names of what was posted."""
        posted = super().get_post_parameters(request)
        return dict.fromkeys(posted, self.cleansed_substitute)

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        """Return only the names of cookies."""
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self,
        request: Any,  # noqa: ANN401  # upstream's
        tb_frame: Any,  # noqa: ANN401
    ) -> ItemsView[str, Any]:
        """Return a frame's variables, hidden where the name tells."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        return {name: self.cleanse_setting(name, value) for name, value in found}.items()


class SecretsReporter(ExceptionReporter):
    """Goes over the finished page once more."""

    def get_traceback_data(self) -> dict[str, Any]:
        """Return what the page is made of, without the values of the query."""
        data = super().get_traceback_data()
        query = data.get("request_GET_items") or ()
        data["request_GET_items"] = [(name, self.filter.cleansed_substitute) for name, _ in query]
        return data

    def get_traceback_html(self) -> SafeString:
        """Return the page."""
        return _redact(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        """Return the page as text."""
        return _redact(super().get_traceback_text())


def _redact(text: str) -> SafeString:
    return SafeString(Redactor(settings.KNOWN_SECRETS)(text))
