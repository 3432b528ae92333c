"""Read the ledger as an auditor may: entries and what came of them, newest first. No place is in reach of this file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

_SELECT = """
    SELECT e.id, e.at, e.actor, e.organisation, e.role, e.purpose_code, e.purpose_text, e.action, e.endpoint, e.level,
        e.rule, e.policy_version, e.regions, e.object_refs, e.request_id,
        coalesce(c.outcome, 'open') AS outcome, c.at AS completed_at, c.quantity
    FROM ledger.entry e LEFT JOIN ledger.completion c ON c.entry_id = e.id
"""


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What an auditor looks for; None means any."""

    actor: UUID | None = None
    organisation: UUID | None = None
    role: str | None = None
    purpose: str | None = None
    level: int | None = None
    action: str | None = None
    region: UUID | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry with its completion. `outcome` is 'open' where none was written: count it as full disclosure."""

    id: UUID
    at: datetime
    actor: UUID | None
    organisation: UUID | None
    role: str
    purpose_code: str
    purpose_text: str
    action: str
    endpoint: str
    level: int | None
    rule: str
    policy_version: str
    regions: Sequence[UUID]
    object_refs: Sequence[str]
    request_id: UUID
    outcome: str
    completed_at: datetime | None
    quantity: int | None


def list_entries(
    wanted: EntryFilter, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[LedgerRow]:
    """Up to `limit` entries, newest first, older than the entry `before` names by time and id."""
    conditions = {
        "e.actor = %(actor)s": wanted.actor,
        "e.organisation = %(organisation)s": wanted.organisation,
        "e.role = %(role)s": wanted.role,
        "e.purpose_code = %(purpose)s": wanted.purpose,
        "e.level = %(level)s": wanted.level,
        "e.action = %(action)s": wanted.action,
        "%(region)s = ANY(e.regions)": wanted.region,
        "coalesce(c.outcome, 'open') = %(outcome)s": wanted.outcome,
        "e.at >= %(since)s": wanted.since,
        "e.at < %(until)s": wanted.until,
        "(e.at, e.id) < (%(before_at)s, %(before_id)s)": before,
    }
    used = [text for text, value in conditions.items() if value is not None]
    where = f" WHERE {' AND '.join(used)}" if used else ""
    values: dict[str, Any] = {
        "actor": wanted.actor,
        "organisation": wanted.organisation,
        "role": wanted.role,
        "purpose": wanted.purpose,
        "level": wanted.level,
        "action": wanted.action,
        "region": wanted.region,
        "outcome": wanted.outcome,
        "since": wanted.since,
        "until": wanted.until,
        "before_at": before[0] if before else None,
        "before_id": before[1] if before else None,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{_SELECT}{where} ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s", values)
        return [LedgerRow(*row) for row in cursor.fetchall()]


def find_unheard_of(wanted: EntryFilter) -> list[str]:
    """Which of the names and words that are looked for no entry has, at whatever time: those may be misspelt.

    Words of which there are only a few are not looked at. Reads all entries for each that none has.
    """
    asked = {
        name: condition
        for name, condition in {
            "actor": "e.actor = %s",
            "organisation": "e.organisation = %s",
            "action": "e.action = %s",
            "region": "%s = ANY(e.regions)",
        }.items()
        if getattr(wanted, name) is not None
    }
    if not asked:
        return []
    found = ", ".join(f"EXISTS (SELECT FROM ledger.entry e WHERE {each})" for each in asked.values())
    with connection.cursor() as cursor:
        # the conditions are fixed text; what they look for are parameters
        cursor.execute(f"SELECT {found}", [getattr(wanted, name) for name in asked])
        return [name for name, is_there in zip(asked, cursor.fetchone(), strict=True) if not is_there]
