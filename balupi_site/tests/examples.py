"""How many examples Hypothesis tries: few and the same ones each time, many new ones when asked.

``pytest --hypothesis-profile thorough`` asks. The profiles are made in the tree's ``conftest.py``.
"""

from __future__ import annotations

from hypothesis import settings


def share_of_examples(share: float) -> settings:
    """Return settings that try this share of the examples: less than 1 where each one is slow."""
    usual = settings.default
    assert usual is not None
    return settings(max_examples=max(1, round(usual.max_examples * share)))
