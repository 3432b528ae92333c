"""Attempts to sign in that failed, on the ledger: with which token nobody says, and no more than some a minute.

Strangers must not be able to fill the ledger: what is beyond the limit is answered all the same and not recorded.
"""

from __future__ import annotations

from uuid import UUID

from django.core.cache import cache
from django.utils import timezone

from accounts.ledger.entry import Entry, Outcome
from accounts.ledger.writer import record

RECORDED_A_MINUTE = 60
KEPT_S = 120


def record_failed_signin(endpoint: str, request_id: UUID) -> None:
    """An entry `refuse.signin` without a person. endpoint: the template of the address.

    Raises LedgerUnavailable, and RedisError where attempts cannot be counted.
    """
    if _count_attempt() <= RECORDED_A_MINUTE:
        record(Entry(None, "refuse.signin", endpoint, request_id), Outcome.REFUSED)


def _count_attempt() -> int:
    """How many attempts there were in this minute, with this one."""
    key = f"failed-signins-{timezone.now():%Y%m%d%H%M}"
    if not cache.add(key, 1, KEPT_S):
        try:
            return cache.incr(key)
        except ValueError:  # Redis was started anew between the two and knows of none
            cache.add(key, 1, KEPT_S)
    return 1
