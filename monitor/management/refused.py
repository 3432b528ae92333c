"""How commands say which scenes were refused where they end with an error."""

from __future__ import annotations

from collections.abc import Mapping


def add_causes(error: Exception, causes: Mapping[str, int]) -> str:
    """The text of an error and, where scenes were refused before it, how many for each cause."""
    told = ", ".join(f"{cause} {count}" for cause, count in sorted(causes.items()))
    return f"{error} Scenes refused: {told}." if told else str(error)
