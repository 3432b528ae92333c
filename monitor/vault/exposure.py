"""What auditors ask of disclosed cells, with a ticket: who was shown a site, and how many cells an account was shown.

Used by `privacy/door` only. What comes back is people, words, times and numbers of cells; no cell, no id of an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.ledger.entry import Ticket
from monitor.privacy.harvest import ReadingDay
from monitor.vault.tickets import TICKET, spending

_EXPOSING = f"exposing_entries({TICKET}, %s, %s, %s)"
EXPOSURE = """
    WITH beside AS (
        SELECT %(region)s::uuid AS id
        UNION
        SELECT other.region_id FROM release.region_block own JOIN release.region_block other USING (level, row, col)
        WHERE own.region_id = %(region)s AND level = 3
    ), shown AS (
        SELECT e.actor, e.organisation, e.role, e.purpose_code, e.level, told.first_at, told.last_at, 'cells' AS how
        FROM unnest(%(entries)s::uuid[], %(first)s::timestamptz[], %(last)s::timestamptz[]) AS told (id, first_at, last_at)
        JOIN {entries} e ON e.id = told.id
        UNION ALL
        SELECT e.actor, e.organisation, e.role, e.purpose_code, e.level, e.at, e.at,
            CASE
                WHEN e.level = 0 AND c.quantity > 0 AND e.object_refs && %(references)s::text[] THEN 'cells'
                WHEN e.level = 0 AND c.entry_id IS NULL
                    AND (%(region)s = ANY (e.regions) OR e.object_refs && %(references)s::text[]) THEN 'unfinished'
                WHEN e.level > 0 AND (c.entry_id IS NULL OR c.quantity > 0)
                    AND (e.regions && ARRAY(SELECT id FROM beside) OR e.role = 'public') THEN 'blocks'
            END
        FROM {entries} e LEFT JOIN {completions} c ON c.entry_id = e.id
        WHERE e.level IS NOT NULL AND ledger.can_disclose(e.action)
            AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s)
            AND (%(until)s::timestamptz IS NULL OR e.at < %(until)s)
    )
    SELECT actor, organisation, role, purpose_code, level, how, min(first_at), max(last_at)
    FROM shown WHERE how IS NOT NULL
    GROUP BY actor, organisation, role, purpose_code, level, how
    ORDER BY level, min(first_at), actor, purpose_code, how
"""
"""What counts as seen (decisions/0026), over two tables of lines: those of the ledger, or what a file was read into.

beside: the alert's region and those with ground in a block of L3 of it. Published blocks reach over borders: whoever
receives a region is shown those on its edge whole, and none is larger. entries, first, last: what disclosed a cell of the
site, with the time of the whole reading. Whoever opened the site of the alert or of an inspection of it was shown it,
whatever is left of it.
"""
_EXPOSURE = EXPOSURE.format(entries="ledger.entry", completions="ledger.completion")
_CELLS = f"cells_seen({TICKET}, %s, %s, %s)"
_DAYS = f"reading_days({TICKET}, %s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Exposure:
    """Somebody who was shown a site, or may have been. how: `cells`, `unfinished` or `blocks` (decisions/0026).
    first_at, last_at: of readings as a whole, so of all pages of each (decisions/0045)."""

    actor: UUID | None
    organisation: UUID | None
    role: str
    purpose: str
    level: int
    how: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class CellsSeen:
    """How many different exact cells of one region an account was shown in one role, of how many the region has."""

    role: str
    region: UUID
    actor: UUID
    cells: int
    region_cells: int


def read_exposure_with_ticket(
    ticket: Ticket,
    alert_id: UUID,
    region: UUID,
    references: Sequence[str],
    since: datetime | None,
    until: datetime | None,
) -> list[Exposure]:
    """Who was shown an alert's site from `since` to before `until`, the sharpest first. Raises VaultSealed.

    region: the alert's. references: keyed references of the alert and of its inspections.
    """
    # a statement of its own: the ticket is looked at and spent, whatever else the ledger holds
    with spending(ticket, "told.*", _EXPOSING, [alert_id, since, until]) as cursor:
        values: dict[str, Any] = {
            **list_exposing(cursor.fetchall()),
            "region": region,
            "references": list(references),
            "since": since,
            "until": until,
        }
        cursor.execute(_EXPOSURE, values)
        return [Exposure(*row) for row in cursor.fetchall()]


def list_exposing(rows: Sequence[tuple[UUID, datetime, datetime]]) -> dict[str, list[Any]]:
    """What `EXPOSURE` takes of entries that disclosed a cell. rows: entry, first and last time of its reading."""
    return {name: [row[place] for row in rows] for place, name in enumerate(("entries", "first", "last"))}


def count_cells_with_ticket(
    ticket: Ticket, actor: UUID, since: datetime | None, until: datetime | None
) -> list[CellsSeen]:
    """What an account was shown of each region, and what others in the same role were of these. Raises VaultSealed."""
    columns = "role, region_id, actor, cells, region_cells"
    with spending(ticket, columns, _CELLS, [actor, since, until]) as cursor:
        return [CellsSeen(*row) for row in cursor.fetchall()]


def count_days_with_ticket(
    ticket: Ticket, since: datetime, until: datetime, night: tuple[int, int], fresh: float
) -> list[ReadingDay]:
    """What each account was shown on each day from `since` to before `until`. night: hours (UTC), the second left out.
    fresh: the share of an answer's cells that no answer of the day before may have had, for it to count as fresh.

    Raises VaultSealed.
    """
    with spending(ticket, "told.*", _DAYS, [since, until, *night, fresh]) as cursor:
        return [ReadingDay(*row) for row in cursor.fetchall()]
