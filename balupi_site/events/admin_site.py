"""The admin site: what is added, changed or deleted on any page of it is in the log of events.

Also for models of other packages, and in the transaction of the change itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError, transaction
from django.db.models import Model, QuerySet
from django.forms import BaseForm, Field, ModelChoiceField, ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_noop

from balupi_site.events.kinds import Kind
from balupi_site.events.plain import differences
from balupi_site.events.services import record, record_change
from balupi_site.lib.admin import is_confirmed
from balupi_site.lib.errors import TransientError

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:
    _ModelAdmin = admin.ModelAdmin  # takes no parameter at run time

#: django-celery-beat's actions tell nobody: what they do, once they were confirmed.
_SILENT_ACTIONS = {
    "enable_tasks": Kind.CHANGE_EDITED,
    "disable_tasks": Kind.CHANGE_EDITED,
    "toggle_tasks": Kind.CHANGE_EDITED,
    "run_tasks": Kind.CHANGE_COMMAND,
}
_MOST_NAMED = 20
#: Where a request keeps what its form has changed.
_CHANGES = "balupi.changes"


class LoggedPage(_ModelAdmin):
    """Writes to the log what a page of the admin does.

    Attributes:
        deletions_are_recorded: the page has it, and True, where its service writes them down itself.
    """

    deletions_are_recorded: bool

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,  # noqa: ANN401  # Django's types are of its stubs only
        formsets: Any,  # noqa: ANN401
        add: bool = False,
    ) -> Any:  # noqa: ANN401
        """Remember what the form changes; Django asks for the message of its own log right before."""
        parts = [_changes(it) for formset in formsets or () for it in _changed_forms(formset)]
        request.META[_CHANGES] = {"changes": _changes(form), "parts": [it for it in parts if it]}
        return super().construct_change_message(request, form, formsets, add)

    def get_changelist_instance(self, request: HttpRequest) -> Any:  # noqa: ANN401  # of the stubs only
        """Return the list; a filter that means no day or number is one that the page does not know.

        Django lets through what only fails in the database: the year 100000, numbers of 30 digits.
        """
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError) as error:
            if not request.GET:
                raise
            raise IncorrectLookupParameters(error) from error

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:  # noqa: ANN401
        """Write down an addition."""
        self._record(Kind.CHANGE_ADDED, obj, **_remembered(request))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:  # noqa: ANN401
        """Write down a change, unless nothing was changed."""
        facts = _remembered(request)
        if facts["changes"] or facts["parts"]:
            self._record(Kind.CHANGE_EDITED, obj, **facts)
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete and write it down, both or neither."""
        with transaction.atomic():
            if not getattr(self, "deletions_are_recorded", False):
                self._record(Kind.CHANGE_DELETED, obj)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Delete and write it down, a row for all that go at once."""
        with transaction.atomic():
            if not getattr(self, "deletions_are_recorded", False):
                self._record_all(Kind.CHANGE_DELETED, queryset)
            super().delete_queryset(request, queryset)

    def get_actions(self, request: HttpRequest) -> Any:  # noqa: ANN401  # of the stubs only
        """Return the actions; those that tell nobody are written down where they are done."""
        found: Any = super().get_actions(request)
        return {
            name: (self._logged(name, act) if name in _SILENT_ACTIONS else act, *labels)
            for name, (act, *labels) in found.items()
        }

    def _logged(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def logged(page: Any, request: HttpRequest, rows: QuerySet[Model]) -> Any:  # noqa: ANN401
            if not is_confirmed(request):
                return act(page, request, rows)  # which asks first
            with transaction.atomic():
                self._record_all(_SILENT_ACTIONS[name], rows, action=name)
                return act(page, request, rows)

        return logged

    def _record(self, kind: Kind, obj: Model, **facts: Any) -> None:  # noqa: ANN401  # passed on
        record(kind, timezone.now(), subject=str(obj), what=self._what(), **facts)

    def _record_all(
        self,
        kind: Kind,
        rows: QuerySet[Model],
        **facts: Any,  # noqa: ANN401  # passed on
    ) -> None:
        names = [str(obj) for obj in rows[: _MOST_NAMED + 1]]
        if names:
            shown = ", ".join(names[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")
            if kind == Kind.CHANGE_COMMAND:
                shown = f"{facts['action']}: {shown}"
            facts = {"count": rows.count(), "names": names[:_MOST_NAMED], **facts}
            record(kind, timezone.now(), subject=shown, what=self._what(), **facts)

    def _what(self) -> str:
        """Return what kind of thing it is, in English: it is translated when it is shown."""
        with translation.override(None):
            return str(self.opts.verbose_name)


class LoggedAdminSite(AdminSite):
    """The admin site all of whose pages write to the log."""

    def register(
        self,
        model_or_iterable: Any,  # noqa: ANN401  # as Django's
        admin_class: type[Any] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Register a model's page, as one that writes to the log."""
        page = admin_class or admin.ModelAdmin
        logged = type(page.__name__, (LoggedPage, page), {"__module__": page.__module__})
        super().register(model_or_iterable, logged, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: ANN401  # as Django's
        """Return the view as one that says when it is only busy: hashing passwords has two places."""
        guarded = super().admin_view(view, cacheable)

        @functools.wraps(guarded)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
            try:
                response: HttpResponse = guarded(request, *args, **kwargs)
            except TransientError as error:
                return self._busy(request, error)
            return response

        return answer

    def _busy(self, request: HttpRequest, error: TransientError) -> HttpResponse:
        context = {
            **self.each_context(request),
            "title": gettext("Not now"),
            "message": str(error),
            "back": request.get_full_path(),
        }
        response = TemplateResponse(request, "admin/busy.html", context, status=503)
        response["Retry-After"] = "10"
        return response.render()

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401  # of the stubs only
        """Let a user change the own password; write it down, both or neither."""
        user = request.user.get_username()
        with transaction.atomic():
            response = super().password_change(request, extra_context)
            if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
                record_change("user", user, timezone.now(), before={}, after={"password": "new"})
        return response


def _changed_forms(formset: Any) -> Iterable[BaseForm]:  # noqa: ANN401  # as above
    return (form for form in formset.forms if form.has_changed())


def _changes(form: BaseForm) -> dict[str, list[str]]:
    """Return old and new of the fields that a form has changed."""
    old, new = form.initial, form.cleaned_data
    names = form.changed_data
    # The form that sets a password calls it changed and keeps it to itself.
    after = {name: _shown(new.get(name, gettext_noop("changed"))) for name in names}
    before = {name: _shown(_row_of(form.fields.get(name), old.get(name))) for name in names}
    return differences(before, after)


def _row_of(field: Field | None, value: object) -> object:
    """Return the row that a form calls by its key; where there is none (any more), the value itself."""
    if not isinstance(field, ModelChoiceField) or isinstance(field, ModelMultipleChoiceField):
        return value
    if value in (None, "") or isinstance(value, Model) or field.queryset is None:
        return value
    return field.queryset.filter(**{field.to_field_name or "pk": value}).first() or value


def _shown(value: object) -> object:
    """Return a field's value as people call it: of related rows their names."""
    if isinstance(value, QuerySet | list | tuple):
        return ", ".join(sorted(str(each) for each in value))
    return value if value not in (None, "") else None


def _remembered(request: HttpRequest) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = request.META.get(_CHANGES, {"changes": {}, "parts": []})
    return facts
