"""Who may call: authentication and permissions of the API.

Apart from ``api.py``, because DRF imports these while its own views are still loading.
"""

from __future__ import annotations

from django.conf import settings
from django.views import View
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request


class PasswordAuthentication(BasicAuthentication):
    """User and password per request, for scripts; a browser is never asked to pop up its own form."""

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; the scheme ``Bearer`` opens no browser dialog."""
        return f'Bearer realm="{self.www_authenticate_realm}"'


class MayRead(BasePermission):
    """Read for those who are logged in, or for all with BALUPI_PUBLIC_READ; other methods: logged in."""

    def has_permission(self, request: Request, view: View) -> bool:
        """Tell whether this request may pass."""
        if request.method in SAFE_METHODS and settings.PUBLIC_READ:
            return True
        return bool(request.user and request.user.is_authenticated)


class MayAdminister(BasePermission):
    """Only for admins: what switches plugs, names or settings."""

    message = "Only an admin may do this."

    def has_permission(self, request: Request, view: View) -> bool:
        """Tell whether this request may pass."""
        return bool(request.user and request.user.is_staff)
