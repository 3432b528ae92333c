"""Attempts to sign in that failed, on the ledger: with which token nobody says, and no more than some a minute.

Strangers must not be able to fill the ledger: what is beyond the limit is answered all the same and not recorded.
"""

from __future__ import annotations

from uuid import UUID

from accounts.counting import take
from accounts.ledger.entry import Entry, Outcome
from accounts.ledger.writer import record

RECORDED_A_MINUTE = 60


def record_failed_signin(endpoint: str, request_id: UUID) -> None:
    """An entry `refuse.signin` without a person. endpoint: the template of the address.

    Raises LedgerUnavailable, and RedisError where attempts cannot be counted.
    """
    if take(RECORDED_A_MINUTE, "failed-signins") is None:
        record(Entry(None, "refuse.signin", endpoint, request_id), Outcome.REFUSED)
