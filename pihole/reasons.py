"""Rules: why the names lead where they do, in words.

What is stored is a word of whoever wants it, such as a reason of the NAS's state, or a kept sentence.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept, retold

#: Returns a sentence for a word of its own, "" for any other.
Teller = Callable[[str], str]

PUT_BACK = gettext_noop("put back: somebody else had changed it")
_HELD = gettext_noop("override by %(who)s")
#: So that the sentence with all of it fits into its column.
_LONGEST_WHO = 100

_tellers: list[Teller] = []


def register_reasons(teller: Teller) -> None:
    """Have ``teller`` put its own words for reasons into sentences; a second call does nothing."""
    if teller not in _tellers:
        _tellers.append(teller)


def held_by(who: str) -> str:
    """Return the reason, to be kept, of names that a person holds somewhere."""
    return kept(_HELD, who=who[:_LONGEST_WHO])


def told(reason: str) -> str:
    """Return a reason in the reader's language; a word that is nobody's is returned as it is."""
    return next((text for teller in _tellers if (text := teller(reason))), worded(reason))


def worded(reason: str) -> str:
    """Return a reason for programs: a sentence in the reader's language, but a word as it is.

    The catalog has some of these words, too, where they mean something else.
    """
    return reason if reason.isidentifier() else retold(reason)
