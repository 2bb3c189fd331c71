"""Who calls the API, by user and password.

Apart from ``api.py``, because DRF imports this while its own views are still loading.
"""

from __future__ import annotations

from rest_framework.authentication import BasicAuthentication
from rest_framework.request import Request


class PasswordAuthentication(BasicAuthentication):
    """User and password per request, for scripts; a browser is never asked to pop up its own form."""

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; the scheme ``Bearer`` opens no browser dialog."""
        return f'Bearer realm="{self.www_authenticate_realm}"'
