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
    """An entry `refuse.signin` without a person. endpoint: the template of the address. Raises LedgerUnavailable."""
    key = f"failed-signins-{timezone.now():%Y%m%d%H%M}"
    cache.add(key, 0, KEPT_S)
    if cache.incr(key) <= RECORDED_A_MINUTE:
        record(Entry(None, "refuse.signin", endpoint, request_id), Outcome.REFUSED)
