"""No file is lost, torn, late or there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping


def wrong_files(
    put: Mapping[str, bytes],
    here: Collection[str],
    there: Mapping[bytes, str],
    *,
    is_over: bool,
) -> list[str]:
    """Return which files are lost, torn or there twice.

    Args:
        put: SHA-256 of each content that was put into the inbox, to its path.
        here: SHA-256 of each file in the inbox, read before ``there``.
        there: each file on the NAS under its final name, to its SHA-256.
        is_over: everything must have arrived by now.
    """
    arrived = Counter(there.values())
    lost = [path for digest, path in put.items() if digest not in here and not arrived[digest]]
    late = [path for digest, path in put.items() if is_over and not arrived[digest]]
    torn = [path for path, digest in there.items() if digest not in put]
    twice = [path for path, digest in there.items() if arrived[digest] > 1]
    stories = {"lost": lost, "not arrived": [path for path in late if path not in lost]}
    stories |= {"torn on the NAS": torn, "there twice": twice}
    return [f"file {story}: {path!r}" for story, paths in stories.items() for path in paths]
