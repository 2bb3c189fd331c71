"""Names from outside, which may be longer than their line: files, disks, domains."""

from __future__ import annotations

from balupi_site.lib.words import showable

#: So much of a name's end stays when it is too long for its line.
_TAIL = 12


def name_of(path: str, tail: int = _TAIL) -> dict[str, str]:
    """Return a name in two parts, for ``{% cut %}``: where the line is too short, only the first is cut.

    Args:
        path: the name, or a path, of which only the last part is shown.
        tail: how many characters of the end are never cut.
    """
    whole = showable(path)
    name = whole.rpartition("/")[2]
    return {"whole": whole, "head": name[:-tail], "tail": name[-tail:]}
