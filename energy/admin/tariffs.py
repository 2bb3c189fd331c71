"""The admin's pages of tariffs: what changes the past is shown first and asked back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import Tone, badge
from balupi_site.lib.words import count
from energy.admin.tariff_forms import (
    WEEKDAYS,
    NewTariffForm,
    TariffForm,
    ZoneForm,
    ZoneFormSet,
)
from energy.metering import HOUR
from energy.models import Tariff, TariffZone
from energy.services import tariffs
from energy.services.price_preview import PricePreview, preview_of
from energy.services.tariff_checks import validity_text
from energy.tariffs import as_shown

if TYPE_CHECKING:
    _TariffAdmin = admin.ModelAdmin[Tariff]
    _ZoneInline = admin.TabularInline[TariffZone, Tariff]
else:  # these take no parameters at run time
    _TariffAdmin, _ZoneInline = admin.ModelAdmin, admin.TabularInline


class ZoneInline(_ZoneInline):
    """The zones of a tariff, on its page."""

    model = TariffZone
    form = ZoneForm
    formset = ZoneFormSet
    extra = 0


@admin.register(Tariff)
class TariffAdmin(_TariffAdmin):
    """Tariffs: what is in force, and what a change of them does to the past."""

    form = TariffForm
    inlines = [ZoneInline]
    list_display = ["name", "state_badge", "price", "zones_text", "validity", "base_fee"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    nothing = _("There is no tariff yet: costs are counted with the price of the settings.")
    delete_confirmation_template = "admin/energy/tariff/delete_confirmation.html"
    deletions_are_recorded = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tariff]:
        """Fetch the zones of the whole list at once."""
        return super().get_queryset(request).prefetch_related("zones")

    def get_form(
        self,
        request: HttpRequest,
        obj: Tariff | None = None,
        change: bool = False,
        **kwargs: Any,  # noqa: ANN401  # as Django's
    ) -> type[forms.ModelForm[Tariff]]:
        """Offer to end the one before, for a new one only."""
        if obj is None:
            kwargs["form"] = NewTariffForm
        return super().get_form(request, obj, change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose that the first is valid since ever and any other one from today on."""
        proposed: dict[str, Any] = {"currency": tariffs.household_currency()}
        if tariffs.active_tariffs():
            proposed["valid_from"] = timezone.localdate()
        return {**proposed, **super().get_changeform_initial_data(request)}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Delete one at a time, as its page shows what that re-prices."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.display(description=_("price"), ordering="price_per_kwh")
    def price(self, tariff: Tariff) -> str:
        """Show the price with its unit."""
        return f"{_short(tariff.price_per_kwh)} {tariff.currency}/kWh"

    @admin.display(description=_("zones"))
    def zones_text(self, tariff: Tariff) -> str:
        """Show the zones, such as ``NT 22:00-06:00 Mon Tue: 0.25``."""
        return "; ".join(_zone_text(zone) for zone in tariff.zones.all()) or "-"

    @admin.display(description=_("valid"), ordering="valid_from")
    def validity(self, tariff: Tariff) -> str:
        """Show from when to when."""
        return validity_text(tariffs.rule_of(tariff))

    @admin.display(description=_("base fee"), ordering="base_fee_per_month")
    def base_fee(self, tariff: Tariff) -> str:
        """Show the fee with its unit."""
        fee = number_format(tariff.base_fee_per_month)
        return gettext("%(fee)s %(currency)s a month") % {"fee": fee, "currency": tariff.currency}

    @admin.display(description=_("state"))
    def state_badge(self, tariff: Tariff) -> SafeString:
        """Show whether it is in force now."""
        tone, text = _state(tariff, timezone.localdate())
        return badge(tone, text)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # as Django's
        """Keep others out between the check and the write; remember what counted before."""
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        with tariffs.tariffs_locked():
            request.tariffs_before = tariffs.active_tariffs()  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def response_add(
        self, request: HttpRequest, obj: Tariff, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Ask back where it changes the past."""
        return self._question(request) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Tariff) -> HttpResponse:
        """Ask back where it changes the past."""
        return self._question(request) or super().response_change(request, obj)

    def save_model(
        self, request: HttpRequest, obj: Tariff, form: forms.ModelForm[Tariff], change: bool
    ) -> None:
        """Save, and end the one before where that is wanted."""
        if isinstance(form, NewTariffForm):
            tariffs.end_tariff(form.ended)
        super().save_model(request, obj, form, change)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401  # as Django's
        """Show what the deletion does to the past beside Django's question."""
        context = dict(extra_context or {})
        if request.method != "POST" and self.has_delete_permission(request):
            before = tariffs.active_tariffs()
            after = [rule for rule in before if str(rule.tariff_id) != object_id]
            context["effects"] = _effects(preview_of(before, after, timezone.now()))
        return super().delete_view(request, object_id, context)

    def delete_model(self, request: HttpRequest, obj: Tariff) -> None:
        """Delete a tariff."""
        tariffs.delete_tariff(obj)

    def _question(self, request: HttpRequest) -> HttpResponse | None:
        """Take the save back and ask, unless it leaves the past alone or was confirmed."""
        before = request.tariffs_before  # type: ignore[attr-defined]  # set by changeform_view
        preview = preview_of(before, tariffs.active_tariffs(), timezone.now())
        if "_confirmed" in request.POST or not preview.changes_the_past:
            return None
        passed_on = [
            (name, value)
            for name, values in request.POST.lists()
            for value in values
            if name not in ("csrfmiddlewaretoken", "_edit")
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Change what past hours cost?"),
            "effects": _effects(preview),
            "passed_on": passed_on,
            "opts": self.opts,
        }
        transaction.set_rollback(True)  # only what this request has saved
        return TemplateResponse(request, "admin/energy/tariff/confirm_change.html", context)


def _effects(preview: PricePreview) -> list[str]:
    """Return what a change does to the past in sentences; none where it leaves it alone."""
    sentences = []
    was, becomes = preview.currency_before, preview.currency_after
    if preview.first is not None and preview.last is not None:
        text = ngettext(
            "It re-prices %(hours)s hour from %(first)s to %(last)s: %(before)s → %(after)s.",
            "It re-prices %(hours)s hours from %(first)s to %(last)s: %(before)s → %(after)s.",
            preview.hours,
        )
        last = preview.last + HOUR
        facts = {
            "hours": count(preview.hours),
            "first": timezone.localtime(preview.first).strftime("%Y-%m-%d %H:%M"),
            "last": timezone.localtime(last).strftime("%Y-%m-%d %H:%M"),
            "before": f"{as_shown([preview.before])[0]} {was}",
            "after": f"{as_shown([preview.after])[0]} {becomes}",
        }
        sentences.append(text % facts)
    if preview.fee_before != preview.fee_after:
        text = gettext("Base fees until now: %(before)s → %(after)s.")
        before, after = as_shown([preview.fee_before])[0], as_shown([preview.fee_after])[0]
        sentences.append(text % {"before": f"{before} {was}", "after": f"{after} {becomes}"})
    return sentences


def _state(tariff: Tariff, today: date) -> tuple[Tone, str]:
    if not tariff.is_active:
        return Tone.OFF, gettext("not counted with")
    if tariff.valid_to is not None and tariff.valid_to <= today:
        return Tone.OFF, gettext("over")
    if tariff.valid_from is not None and tariff.valid_from > today:
        return Tone.BUSY, gettext("later")
    return Tone.GOOD, gettext("in force now")


def _zone_text(zone: TariffZone) -> str:
    is_daily = len(set(zone.weekdays)) == len(WEEKDAYS)
    names = [str(name) for digit, name in WEEKDAYS if digit in zone.weekdays]
    days = gettext("daily") if is_daily else " ".join(names)
    price = _short(zone.price_per_kwh)
    return f"{zone.name} {zone.start:%H:%M}-{zone.end:%H:%M} {days}: {price}"


def _short(price: Decimal) -> str:
    """Return a price without needless zeros, but with its cents."""
    exponent = price.normalize().as_tuple().exponent
    return number_format(price, decimal_pos=max(2, -int(exponent)))  # cents
