"""Which tables are moved, as models: what the code reads of them is what must be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.apps.registry import Apps
from django.db import models

Model = type[models.Model]
if TYPE_CHECKING:
    Field = models.Field[Any, Any]  # only the stubs know its parameters
else:
    Field = models.Field


class CountedAttempt(models.Model):
    """A counted attempt at logging in; Django's cache has the table, but no model for it."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField()

    class Meta:
        """Seen by nobody else, migrations included."""

        app_label = "backup"
        apps = Apps()
        db_table = "balupi_throttle"  # as in the settings' CACHES
        managed = False

    def __str__(self) -> str:
        return self.cache_key


def moved_models() -> list[Model]:
    """Return a model for each table with content, by the table's name; what has run is not content."""
    known = apps.get_models(include_auto_created=True)
    found = [model for model in known if _has_table(model)]
    return sorted([*found, CountedAttempt], key=table_of)


def table_of(model: Model) -> str:
    """Return the name of a model's table."""
    return model._meta.db_table  # noqa: SLF001  # public API


def fields_of(model: Model) -> list[Field]:
    """Return the fields that are columns, in a fixed order."""
    return list(model._meta.concrete_fields)  # noqa: SLF001  # public API


def key_of(model: Model) -> Field:
    """Return the field that tells a table's rows apart."""
    return next(field for field in fields_of(model) if field.primary_key)


def _has_table(model: Model) -> bool:
    options = model._meta  # noqa: SLF001  # public API
    return options.managed and not options.proxy
