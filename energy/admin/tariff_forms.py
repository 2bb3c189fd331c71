"""The forms of a tariff and its zones in the admin; they refuse what the API refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from energy.models import Tariff, TariffZone
from energy.services import tariffs
from energy.services.tariff_checks import check_tariff, check_zones
from energy.tariffs import TariffRule

if TYPE_CHECKING:
    _TariffForm = forms.ModelForm[Tariff]
    _ZoneForm = forms.ModelForm[TariffZone]
    _ZoneFormSet = BaseInlineFormSet[TariffZone, Tariff, forms.ModelForm[TariffZone]]
else:  # these take no parameters at run time
    _TariffForm = _ZoneForm = forms.ModelForm
    _ZoneFormSet = BaseInlineFormSet

WEEKDAYS = (
    ("0", _("Mon")), ("1", _("Tue")), ("2", _("Wed")), ("3", _("Thu")), ("4", _("Fri")),
    ("5", _("Sat")), ("6", _("Sun")),
)  # fmt: skip


class TariffForm(_TariffForm):
    """A tariff as typed in; refuses what the API refuses."""

    class Meta:
        model = Tariff
        fields = [
            "name", "price_per_kwh", "base_fee_per_month", "currency", "valid_from", "valid_to",
            "is_active",
        ]  # fmt: skip
        labels = {
            "name": _("Name"),
            "price_per_kwh": _("Price per kWh"),
            "base_fee_per_month": _("Base fee per month"),
            "currency": _("Currency"),
            "valid_from": _("Valid from"),
            "valid_to": _("Valid until"),
            "is_active": _("Counted with"),
        }
        help_texts = {
            "price_per_kwh": _(
                "In the currency, such as 0.32; outside the zones below, if there are any."
            ),
            "valid_from": _("The first day; empty: since ever."),
            "valid_to": _("The day after the last one; empty: until further notice."),
            "is_active": _("Others are kept, but not counted with."),
        }

    def clean(self) -> dict[str, Any]:
        """Check it against the others, which are locked."""
        values = super().clean() or self.cleaned_data
        if "_edit" in self.data:
            raise ValidationError(gettext("Nothing is saved yet; change it and save again."))
        if self.errors:
            return values
        rule = TariffRule(
            tariff_id=self.instance.pk,
            name=values["name"],
            price_per_kwh=values["price_per_kwh"],
            base_fee_per_month=values["base_fee_per_month"],
            currency=values["currency"],
            valid_from=values["valid_from"],
            valid_to=values["valid_to"],
            zones=(),  # the form set's subject
        )
        others = [each for each in tariffs.active_tariffs() if each.tariff_id != rule.tariff_id]
        check_tariff(rule, self.others_then(rule, others), is_active=values["is_active"])
        return values

    def others_then(self, rule: TariffRule, others: list[TariffRule]) -> list[TariffRule]:
        """Return the others as they are when this one is saved."""
        return others


class NewTariffForm(TariffForm):
    """A new tariff, which may end the one before it."""

    ends_other = forms.BooleanField(
        label=_("ends the one before"),
        required=False,
        initial=True,
        help_text=_("The tariff that is valid until further notice ends when this one begins."),
    )
    ended: TariffRule | None = None

    def others_then(self, rule: TariffRule, others: list[TariffRule]) -> list[TariffRule]:
        """Return the others, the one before with its end."""
        is_wanted = self.cleaned_data["ends_other"] and self.cleaned_data["is_active"]
        if is_wanted and rule.valid_from is not None and rule.valid_to is None:
            self.ended, others = tariffs.make_room(rule, others)
        return others


class ZoneForm(_ZoneForm):
    """A zone, with a box for each weekday."""

    weekdays = forms.MultipleChoiceField(
        label=_("begins on"),
        choices=WEEKDAYS,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "tariff-weekdays"}),
    )

    class Meta:
        model = TariffZone
        fields = ["name", "weekdays", "start", "end", "price_per_kwh"]
        labels = {
            "name": _("Name"),
            "start": _("From"),
            "end": _("Until"),
            "price_per_kwh": _("Price per kWh"),
        }
        help_texts = {"end": _("Not after the start: on the next day.")}
        widgets = {
            "start": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
            "end": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Django's arguments
        super().__init__(*args, **kwargs)
        self.initial["weekdays"] = list(self.instance.weekdays)

    def clean_weekdays(self) -> str:
        """Return the days as the model stores them."""
        return "".join(sorted(set(self.cleaned_data["weekdays"])))


class ZoneFormSet(_ZoneFormSet):
    """All zones of a tariff; no two may claim the same time."""

    def clean(self) -> None:
        """Check them against each other."""
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        zones = [form.instance for form in kept if not form.cleaned_data.get("DELETE")]
        try:
            check_zones([tariffs.zone_rule_of(zone) for zone in zones])
        except ValidationError as error:
            raise ValidationError(error.messages) from error
