"""Who has seen a site in archived months: lines of archives beside the cells that stayed sealed in the database.

Only the owner of the tables may run this, by a command: no other role reads disclosed cells. What comes back is people,
words and times; no cell, no id of an entry. Must not open a ticket: whoever calls has written the entry of the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from monitor.vault.exposure import EXPOSURE, Exposure, list_exposing

BATCH = 2000
_TABLES = (
    """
    CREATE TEMPORARY TABLE read_entry (id uuid PRIMARY KEY, actor uuid, organisation uuid, role text, purpose_code text,
        level smallint, at timestamptz, regions uuid[], object_refs text[], action text) ON COMMIT DROP
    """,
    "CREATE TEMPORARY TABLE read_completion (entry_id uuid PRIMARY KEY, quantity integer) ON COMMIT DROP",
)
_ENTRY = """
    INSERT INTO read_entry VALUES (%(id)s, %(actor)s, %(organisation)s, %(role)s, %(purpose)s, %(level)s, %(at)s,
        %(regions)s::uuid[], %(objects)s::text[], %(action)s) ON CONFLICT DO NOTHING
"""
_COMPLETION = "INSERT INTO read_completion VALUES (%(entry)s, %(quantity)s) ON CONFLICT DO NOTHING"
# what a clock that was set back wrote into these months after they were archived, and completions that came later
_REST = (
    """
    INSERT INTO read_entry SELECT id, actor, organisation, role, purpose_code, level, at, regions, object_refs, action
    FROM ledger.entry WHERE at < %(until)s AND level IS NOT NULL ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO read_completion SELECT c.entry_id, c.quantity
    FROM ledger.completion c JOIN read_entry e ON e.id = c.entry_id ON CONFLICT DO NOTHING
    """,
)
_EXPOSING = """
    SELECT told.entry_id, told.first_at, told.last_at
    FROM vault.list_site(%(alert)s) AS site (cells), vault.told_cells(%(since)s, %(until)s) told
    JOIN read_entry e ON e.id = told.entry_id
    WHERE vault.holds_any(told.cells, site.cells)
"""


def read_archived_exposure(
    alert_id: UUID,
    region: UUID,
    references: Sequence[str],
    bodies: Iterable[dict[str, Any]],
    since: datetime | None,
    until: datetime,
) -> list[Exposure]:
    """Who was shown an alert's site from `since` to before `until`, the sharpest first.

    region: the alert's. references: keyed references of the alert and of its inspections. bodies: the lines of the
    archives, as the ledger wrote them. until: where the archived months end, or earlier.
    """
    values: dict[str, Any] = {
        "region": region,
        "references": list(references),
        "since": since,
        "until": until,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in _TABLES:
            cursor.execute(statement)
        entries: list[dict[str, Any]] = []
        completions: list[dict[str, Any]] = []
        for body in bodies:
            if body["kind"] == "completion":
                completions.append(body)
            elif body["level"] is not None:
                entries.append(body)
            if len(entries) + len(completions) >= BATCH:
                _insert(cursor, entries, completions)
        _insert(cursor, entries, completions)
        for statement in _REST:
            cursor.execute(statement, {"until": until})
        cursor.execute(_EXPOSING, {"alert": alert_id, "since": since, "until": until})
        cursor.execute(
            EXPOSURE.format(entries="read_entry", completions="read_completion"),
            {**values, **list_exposing(cursor.fetchall())},
        )
        return [Exposure(*row) for row in cursor.fetchall()]


def _insert(cursor: Any, entries: list[dict[str, Any]], completions: list[dict[str, Any]]) -> None:
    for statement, bodies in ((_ENTRY, entries), (_COMPLETION, completions)):
        if bodies:
            cursor.executemany(statement, bodies)
            bodies.clear()
