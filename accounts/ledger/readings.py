"""What one account was told, from its entries: how sharply, what for, how often, when. No place is in reach of this file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts.models import User

_ENTRIES = """
    FROM ledger.entry e LEFT JOIN ledger.completion c ON c.entry_id = e.id
    WHERE e.actor = %(actor)s
        AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)
"""
# a file of exact cells is counted by its chunks, which are entries of their own, unless it was never completed
_READINGS = f"""
    SELECT e.role, e.level, e.purpose_code, count(*), count(*) FILTER (WHERE c.entry_id IS NULL), min(e.at), max(e.at)
    {_ENTRIES} AND e.level IS NOT NULL AND ledger.can_disclose(e.action)
        AND (c.entry_id IS NULL OR c.quantity > 0)
        AND NOT (e.level = 0 AND e.action = 'export.activity' AND c.entry_id IS NOT NULL)
    GROUP BY e.role, e.level, e.purpose_code ORDER BY e.role, e.level, e.purpose_code
"""
_REFUSALS = f"SELECT count(*) {_ENTRIES} AND c.outcome = 'refused'"


@dataclass(frozen=True, slots=True)
class Readings:
    """Answers with places that an account got in one role, at one level, for one purpose. unfinished: of them, without
    a completion.
    """

    role: str
    level: int
    purpose: str
    answers: int
    unfinished: int
    first_at: datetime
    last_at: datetime


def is_known(actor: UUID) -> bool:
    """True for the pseudonym of an account, or of one that was erased and has entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM ledger.entry WHERE actor = %s)", [actor])
        has_entries: bool = cursor.fetchone()[0]
    has_account = User.objects.filter(pseudonym=actor).exists()
    return has_entries or has_account


def list_readings(actor: UUID, since: datetime | None, until: datetime | None) -> list[Readings]:
    """By role, level and purpose, of entries from `since` to before `until`; None means without end."""
    with connection.cursor() as cursor:
        cursor.execute(_READINGS, {"actor": actor, "since": since, "until": until})
        return [Readings(*row) for row in cursor.fetchall()]


def count_refusals(actor: UUID, since: datetime | None, until: datetime | None) -> int:
    """How often the account was told no."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSALS, {"actor": actor, "since": since, "until": until})
        return int(cursor.fetchone()[0])
