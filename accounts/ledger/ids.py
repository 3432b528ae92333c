"""Ids of entries that rise with time (pure), so that new lines lie beside each other in the indexes."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_VERSION, _VARIANT = 7, 0b10


def make_entry_id() -> UUID:
    """A UUID of version 7 (RFC 9562, 5.7): milliseconds of this process's clock, then 74 random bits.

    Its time is no evidence: the time of an entry is the database's.
    """
    milliseconds = time.time_ns() // 1_000_000
    high = milliseconds << 16 | _VERSION << 12 | secrets.randbits(12)
    return UUID(int=high << 64 | _VARIANT << 62 | secrets.randbits(62))
