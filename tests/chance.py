"""What of a text is chance: ids, digests, moments and how long something took can hold any digits."""

from __future__ import annotations

import re

_CHANCE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # an id
    r"|(?<![0-9a-z])(\\{1,2}x)?[0-9a-f]{32,}(?![0-9a-z])"  # a digest, or bytes as PostgreSQL writes them
    r"|\d\d:\d\d:\d\d([.,]\d+)?"  # the hour of a moment; its day stays
    r"|(?<=succeeded in )[\d.e-]+s",  # what a Celery worker says of each task
    re.IGNORECASE,
)


def leave_chance_out(text: str) -> str:
    """The text without them, so that a number which must not be told is not found in one by chance."""
    return _CHANCE.sub("<chance>", text)
