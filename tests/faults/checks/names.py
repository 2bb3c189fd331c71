"""What the name server may answer, and how soon the name must be right."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tests.faults.checks.windows import Window, within

#: Design, section 3 and 4: the names are right so long after the last fault.
CONVERGED_S = 30.0
#: An answer after going-offline proves nothing for so long (ADR 11): where the coming-online
#: call is lost, only that tells a restarted service from one that is on its way down.
GRACE_S = 120.0
#: Between BaluHost's DELETE and PUT the name is not there; that hole is not ours.
_FOREIGN_HOLE_S = 0.3
#: The simulated Pi-hole shares two cores with everything else.
_SILENCE_S = 5.0


@dataclass(frozen=True)
class Answers:
    """Equal answers in a row of the name server.

    Attributes:
        kind: as ``benchmarks.follow`` names it.
        address: "" where there was not exactly one.
    """

    start_at: float
    end_at: float
    kind: str
    address: str


def wrong_answers(
    answers: Iterable[Answers],
    *,
    addresses: Collection[str],
    away: Collection[Window] = (),
    foreign: Collection[Window] = (),
) -> list[str]:
    """Return each answer that no client may ever get.

    Args:
        answers: in order.
        addresses: where the name may lead.
        away: when the resolver did not answer at all.
        foreign: when somebody else wrote our names.
    """
    return [
        f"the name: {one.kind} {one.address} for {one.end_at - one.start_at:.2f} s at {one.start_at:.2f}"
        for one in answers
        if not _is_right(one, addresses, away, foreign)
    ]


def _is_right(
    one: Answers, addresses: Collection[str], away: Collection[Window], foreign: Collection[Window]
) -> bool:
    lasted_s = one.end_at - one.start_at
    is_foreign = within(one.start_at, one.end_at, foreign)
    if one.kind == "1 address":
        return one.address in addresses or is_foreign
    if _is_silence(one.kind):
        return lasted_s < _SILENCE_S or within(one.start_at, one.end_at, away)
    return is_foreign and lasted_s < _FOREIGN_HOLE_S


def _is_silence(kind: str) -> bool:
    return kind == "Timeout" or kind.endswith("Error")


def allowed_s(
    *, has_fought: bool, fight_s: float, restart_said_at: float | None, healed_at: float
) -> float:
    """Return how long after the last fault the names may still lead elsewhere.

    Args:
        has_fought: somebody else wrote our names.
        fight_s: how long their last word stands then.
        restart_said_at: when the NAS, which is up, said good-bye without being heard coming back;
            None: it did not.
        healed_at: when the last fault ended.
    """
    limit_s = max(CONVERGED_S, fight_s if has_fought else 0.0)
    if restart_said_at is not None:
        limit_s = max(limit_s, restart_said_at + GRACE_S + CONVERGED_S - healed_at)
    return limit_s
