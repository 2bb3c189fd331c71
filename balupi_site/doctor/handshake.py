"""Checks of the NAS's calls: the shared secret, and what came of the last calls."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from balupi_site.doctor.findings import Verdict, fail, ok, warn
from balupi_site.doctor.known import Known
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.lib.words import ago, span
from handshake.models import NasCall
from handshake.signature import WINDOW_S

_SHORTEST = 32
#: Random text of that length has far more different characters.
_FEWEST_DIFFERENT = 10
_EXAMPLES = ("change", "example", "secret", "password", "balupi", "baluhost")


def secret(_known: Known) -> Verdict:
    """Tell whether the shared secret is one; never a word of it."""
    known, cure = settings.HANDSHAKE_SECRET, _new_secret()
    if not known:
        return fail(_("It is not set, so no call of the NAS is believed."), cure)
    if len(known) < _SHORTEST:
        text = _("It has %(length)s characters; at least %(least)s make it safe.")
        return fail(text % {"length": len(known), "least": _SHORTEST}, cure)
    if any(word in known.lower() for word in _EXAMPLES):
        return fail(_("It looks like an example that others know, too."), cure)
    if len(set(known)) < _FEWEST_DIFFERENT:
        return warn(_("It repeats few characters and can be guessed."), cure)
    return ok(_("It is set and long enough (%(length)s characters).") % {"length": len(known)})


def _new_secret() -> str:
    return _(
        "Make one, 'openssl rand -hex 32', and set it as BALUPI_HANDSHAKE_SECRET here and on the NAS."
    )


def calls(known: Known) -> Verdict:
    """Tell when the NAS last called, and whether a call was refused since."""
    good = NasCall.objects.first()
    bad = Event.objects.filter(kind=Kind.NAS_CALL_REFUSED).order_by("-at").first()
    if bad and (good is None or bad.at > good.received_at):
        facts = {"ago": ago(known.since_s(bad.at)), "address": bad.address or "?"}
        # What others send proves nothing of the NAS, and anybody in the house can send it.
        level = fail if bad.address in {"", settings.NAS_IP} else warn
        return level(
            _("The last call, %(ago)s from %(address)s, was refused.") % facts,
            _cure_of(str(bad.facts.get("flaw", ""))),
        )
    if good is None:
        return warn(
            _("The NAS has never called, so its going to sleep is only seen from outside."),
            _("Set the Pi's address and the shared secret in BaluHost, and restart it."),
        )
    apart_s = (good.signed_at - good.received_at).total_seconds()
    facts = {"ago": ago(known.since_s(good.received_at)), "apart": span(abs(apart_s))}
    if abs(apart_s) > WINDOW_S / 2:
        return warn(
            _("The last call came %(ago)s; the NAS's clock is %(apart)s off ours.") % facts,
            _("Switch on a time service on the NAS: beyond a minute calls are refused."),
        )
    return ok(_("The last call came %(ago)s and was believed.") % facts)


def _cure_of(flaw: str) -> str:
    return {
        "wrong_signature": _("Set the same BALUPI_HANDSHAKE_SECRET here and on the NAS."),
        "clocks_differ": _("Set the clocks of NAS and Pi by a time service."),
        "used_before": _(
            "Nothing to do if it was a repetition; else find out who sends old calls."
        ),
    }.get(flaw, _("Find out what calls from there: it is not BaluHost, or a very old one."))
