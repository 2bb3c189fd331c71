"""What the admin's pages of all apps share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:
    _ModelAdmin = admin.ModelAdmin  # takes no parameter at run time


class FactsAdmin(_ModelAdmin):
    """Rows that only BaluPi itself writes: nothing can be added, edited or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell that nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that nobody may."""
        return False
