"""What can go wrong with Pi-hole: a stable code each, and a sentence for the person who must act."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.errors import BaluPiError, PermanentError, TransientError
from balupi_site.lib.kept import retold


class ProblemCode(StrEnum):
    """The causes; programs may rely on these words."""

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    BAD_TLS = "bad_tls"
    GARBAGE = "garbage"
    NOT_V6 = "not_v6"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  # a word for a cause, not a password
    TOTP_NEEDED = "totp_needed"
    SEATS_FULL = "seats_full"
    RATE_LIMITED = "rate_limited"
    NO_APP_SUDO = "no_app_sudo"
    READ_ONLY = "read_only"
    ENV_FORCED = "env_forced"
    REFUSED = "refused"
    NOT_CONFIRMED = "not_confirmed"
    FOREIGN_WRITER = "foreign_writer"
    BAD_CONFIG = "bad_config"
    # Warnings: the switch works all the same.
    NO_PASSWORD = "no_password"  # noqa: S105  # a word for a cause, not a password
    IPV6_RECORD = "ipv6_record"


#: These heal without anybody doing anything, so they are tried again soon.
PASSING = frozenset(
    {
        ProblemCode.UNREACHABLE,
        ProblemCode.NO_ANSWER,
        ProblemCode.GARBAGE,
        ProblemCode.RATE_LIMITED,
        ProblemCode.SEATS_FULL,
        ProblemCode.NOT_CONFIRMED,
    }
)

_TEXTS: dict[ProblemCode, Promise] = {
    ProblemCode.UNREACHABLE: _(
        "No connection to Pi-hole at %(url)s: %(reason)s. Check that Pi-hole is running and that "
        "BALUPI_PIHOLE_URL is its address; BaluPi keeps trying."
    ),
    ProblemCode.NO_ANSWER: _(
        "Pi-hole at %(url)s takes connections but gave no whole answer in time. It may be "
        "restarting; BaluPi keeps trying. If it stays like this, restart pihole-FTL."
    ),
    ProblemCode.BAD_TLS: _(
        "No encrypted connection to %(url)s: its certificate cannot be verified (Pi-hole makes "
        "its own), or it does not speak TLS. Use Pi-hole's http:// address in BALUPI_PIHOLE_URL "
        "and restart BaluPi."
    ),
    ProblemCode.GARBAGE: _(
        "What answers at %(url)s sent something that BaluPi does not understand (%(what)s). Check "
        "that BALUPI_PIHOLE_URL leads straight to Pi-hole; BaluPi keeps trying."
    ),
    ProblemCode.NOT_V6: _(
        "What answers at %(url)s is not the API of Pi-hole 6: an older Pi-hole or another web "
        "server. Update Pi-hole to version 6, or correct BALUPI_PIHOLE_URL and restart BaluPi."
    ),
    ProblemCode.WRONG_PASSWORD: _(
        "Pi-hole refused the password, also when asked a second time. Correct "
        "BALUPI_PIHOLE_PASSWORD and restart BaluPi; if you changed it in Pi-hole instead, run "
        "'sudo balupi switch_dns auto'. BaluPi itself asks again for three minutes, "
        "then only every 10 minutes."
    ),
    ProblemCode.TOTP_NEEDED: _(
        "Pi-hole asks for a second factor with this password. Make an app password in Pi-hole, "
        "put it into BALUPI_PIHOLE_PASSWORD, set webserver.api.app_sudo to true there, and "
        "restart BaluPi."
    ),
    ProblemCode.SEATS_FULL: _(
        "Pi-hole has no free session: other programs hold all of them. Log them out in Pi-hole, "
        "or raise webserver.api.max_sessions there; BaluPi keeps trying."
    ),
    ProblemCode.RATE_LIMITED: _(
        "Pi-hole allows no login at the moment because too many were tried within a second, by "
        "any program. BaluPi tries again by itself."
    ),
    ProblemCode.NO_APP_SUDO: _(
        "The password of BaluPi may read Pi-hole's settings but not change them. Set "
        "webserver.api.app_sudo to true in Pi-hole's settings, or use the main password."
    ),
    ProblemCode.READ_ONLY: _(
        "Pi-hole's settings are read-only, so the names cannot be switched. Set misc.readOnly to "
        "false in Pi-hole's configuration file."
    ),
    ProblemCode.ENV_FORCED: _(
        "Pi-hole's own names come from the environment variable FTLCONF_dns_hosts, so nobody can "
        "change them at run time. Remove that variable where Pi-hole's container is defined."
    ),
    ProblemCode.REFUSED: _(
        "Pi-hole refused to store the names: %(reason)s. Correct the entries under Local DNS "
        "Records in Pi-hole; BaluPi keeps trying."
    ),
    ProblemCode.NOT_CONFIRMED: _(
        "Asked for %(name)s, the DNS server %(server)s answers %(answer)s instead of %(address)s. "
        "Check that BALUPI_PIHOLE_DNS is Pi-hole, and that Pi-hole has no other record for that "
        "name; BaluPi keeps trying."
    ),
    ProblemCode.FOREIGN_WRITER: _(
        "Another program keeps changing %(names)s in Pi-hole, and BaluPi keeps putting it back. "
        "If it is BaluHost's own Pi-hole mode, switch that off on the NAS."
    ),
    ProblemCode.BAD_CONFIG: _(
        "BaluPi cannot switch the names because %(variable)s is not right: %(reason)s. Correct it "
        "and restart BaluPi."
    ),
    ProblemCode.NO_PASSWORD: _(
        "Pi-hole has no password: anybody in the house can change its settings. Set one in "
        "Pi-hole and put it into BALUPI_PIHOLE_PASSWORD."
    ),
    ProblemCode.IPV6_RECORD: _(
        "Pi-hole also has an IPv6 record for %(names)s, which BaluPi leaves alone. Devices that "
        "prefer IPv6 do not follow the switch; remove it in Pi-hole."
    ),
}


class _Details(dict[str, str]):
    """Details of a problem; one that is missing reads as a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def sentence(code: ProblemCode, details: Mapping[str, str]) -> str:
    """Return what failed, why and what to do, in the language of the reader; details too, where ours."""
    return str(_TEXTS[code]) % _Details({name: retold(value) for name, value in details.items()})


class PiholeProblem(BaluPiError):  # noqa: N818  # the word that people see
    """Pi-hole does not do what we need; ``code`` is for programs, the text for people, no secrets."""

    def __init__(self, code: ProblemCode, details: Mapping[str, str]) -> None:
        super().__init__(sentence(code, details))
        self.code = code
        self.details = dict(details)


class PassingProblem(PiholeProblem, TransientError):  # noqa: N818
    """One that may heal by itself."""


class LastingProblem(PiholeProblem, PermanentError):  # noqa: N818
    """One that needs somebody to change something."""


def problem(code: ProblemCode, **details: str) -> PiholeProblem:
    """Return the error for ``code``; ``details`` fill the gaps of its sentence."""
    kind = PassingProblem if code in PASSING else LastingProblem
    return kind(code, details)
