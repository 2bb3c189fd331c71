"""Checks of the smart plugs, from what the last polls said."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from balupi_site.doctor.findings import Level, Verdict, fail, ok, skipped, told, warn
from balupi_site.doctor.known import Known
from balupi_site.lib.kept import retold
from balupi_site.lib.words import NBSP, ago, watts
from energy import services as energy
from energy.checks import check_tapo_account
from energy.models import PlugRole, PlugStatus, SmartPlug
from energy.services import PlugLatest


def login(_known: Known) -> Verdict:
    """Tell whether the Tapo account is set, and no plug has refused it."""
    if check_tapo_account():
        return fail(
            _("Only one half of the Tapo account is set, so no plug can be read."),
            _("Set BALUPI_TAPO_USERNAME and BALUPI_TAPO_PASSWORD as in the Tapo app."),
        )
    if not settings.TAPO_USERNAME:
        return warn(
            _("No Tapo account is set, so no energy is measured."),
            _("Set BALUPI_TAPO_USERNAME and BALUPI_TAPO_PASSWORD as in the Tapo app."),
        )
    refusing = SmartPlug.objects.enabled().filter(status=PlugStatus.LOGIN_REFUSED)
    names = list(refusing.values_list("name", flat=True))
    if names:
        return fail(
            _("Refused by: %(names)s.") % {"names": ", ".join(names)},
            _("Correct BALUPI_TAPO_USERNAME and BALUPI_TAPO_PASSWORD; both are case-sensitive."),
        )
    return ok(_("The Tapo account is set, and no plug refuses it."))


def plugs(known: Known) -> list[Verdict]:
    """Tell how each plug does."""
    latest = energy.latest_readings(known.now)
    if not latest:
        if not settings.TAPO_USERNAME:
            return [skipped(_("Without a Tapo account no plug is looked for."))]
        return [
            warn(
                _("No plug is known, so no energy is measured."),
                _("Plug one in, join it to the WiFi, and run 'sudo balupi discover_plugs'."),
            )
        ]
    return [_plug(each) for each in latest] + _role(latest)


def _plug(latest: PlugLatest) -> Verdict:
    plug = latest.plug
    where = {"about": str(plug.pk), "title": plug.name}
    if plug.status_message and plug.status != PlugStatus.OK:
        return told(Level.FAIL, retold(plug.status_message), **where)
    if latest.age_s is None:
        return fail(
            _("It has never been read."),
            _("Check that the worker runs, and that the plug is in the WiFi."),
            **where,
        )
    facts = {"power": f"{watts(latest.power_w)}{NBSP}W", "ago": ago(latest.age_s)}
    if latest.is_stale:
        cure = _("Check that the worker runs, and that the plug is in the WiFi.")
        return fail(_("It was last read %(ago)s.") % facts, cure, **where)
    return ok(_("It said %(power)s %(ago)s.") % facts, **where)


def _role(latest: list[PlugLatest]) -> list[Verdict]:
    """Say where no plug is the NAS's: it is a witness of the NAS's state."""
    if any(each.plug.role == PlugRole.NAS for each in latest):
        return []
    return [
        warn(
            _("No plug has the role NAS, so its power says nothing about its state."),
            _("Give the NAS's plug the role NAS in the admin under Smart plugs."),
            about="role",
        )
    ]
