"""What of a text is chance: ids, digests, moments and how long something took can hold any digits."""

from __future__ import annotations

import re

ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
HEX = r"(?<![0-9a-z])(?:\\{1,2}x)?([0-9a-f]{32,})(?![0-9a-z])"
"""Digests, and bytes as PostgreSQL writes them; the digits are its last group."""
_HOUR = r"\d\d:\d\d:\d\d([.,]\d+)?"
"""Of a moment, whose day stays."""
_LASTED = r"(?<=succeeded in )[\d.e-]+s"
"""What a Celery worker says of each task."""
_CHANCE = re.compile("|".join((ID, HEX, _HOUR, _LASTED)), re.IGNORECASE)


def leave_chance_out(text: str) -> str:
    """The text without them, so that a number which must not be told is not found in one by chance."""
    return _CHANCE.sub("<chance>", text)
