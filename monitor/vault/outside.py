"""Outside evidence in the vault: deliveries of other systems, what they say of cells, and how much of it met our own looks.

Used by `services` only, as the worker.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.db import connection

from monitor.field.outside import Published
from monitor.field.sites import Cell
from monitor.field.systems import SYSTEMS, Theme, Trust


@dataclass(frozen=True, slots=True)
class Delivery:
    """What somebody fetched from a system. name: the same for all issues of it. issued_on: of two issues the later one
    stands, and of two of one day the one with the greater digest, whichever came first. digest: of what it says."""

    system: str
    name: str
    issued_on: date
    digest: str


@dataclass(frozen=True, slots=True)
class Met:
    """How evidence and our cells meet, in numbers of cells.

    active: that are believed active. public: of these, told of by a public system that stands by it; public_as_mining: told
    of as mining. confirmed: active, which our looks alone would not say. agreed: active, and an independent system
    agrees. provisional: told of by something that has not settled yet. alone: told of, where we believe nothing.
    """

    active: int
    public: int
    public_as_mining: int
    confirmed: int
    agreed: int
    provisional: int
    alone: int


def replace_delivery(delivery: Delivery, records: Sequence[Published]) -> set[Cell] | None:
    """Let a delivery stand in the place of its earlier issue; the cells that either tells of.

    None where a later issue stands already, or this one: then nothing is written.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, issued_on, digest FROM vault.delivery WHERE system = %s AND name = %s FOR UPDATE",
            [delivery.system, delivery.name],
        )
        before = cursor.fetchone()
        told: set[Cell] = set()
        if before is not None:
            # without a name a delivery is what it says: the same on a later day is no later issue
            is_nameless = delivery.name == delivery.digest
            if is_nameless or tuple(before[1:]) >= (delivery.issued_on, delivery.digest):
                return None
            cursor.execute("SELECT DISTINCT row, col FROM vault.evidence WHERE delivery_id = %s", [before[0]])
            told = {(row, col) for row, col in cursor.fetchall()}
            cursor.execute("DELETE FROM vault.delivery WHERE id = %s", [before[0]])
    _insert_delivery(delivery, records)
    return told | {(record.row, record.col) for record in records}


def read_evidence(cells: Collection[Cell]) -> dict[Cell, list[Published]]:
    """What is said of these cells, settled or not; the same said by several deliveries of a system is said once."""
    rows, cols = _columns(cells)
    found: dict[Cell, list[Published]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.row, e.col, d.system, e.theme, e.observed_on, max(e.trust), max(e.alerts)"
            " FROM vault.evidence e JOIN vault.delivery d ON d.id = e.delivery_id"
            " WHERE (e.row, e.col) IN (SELECT * FROM unnest(%s::int[], %s::int[]))"
            " GROUP BY e.row, e.col, d.system, e.theme, e.observed_on"
            " ORDER BY e.row, e.col, d.system, e.theme, e.observed_on",
            [rows, cols],
        )
        for row, col, system, theme, day, trust, alerts in cursor.fetchall():
            found[(row, col)].append(
                Published(row, col, system, Theme(theme), day, list(Trust)[trust], alerts)
            )
    return found


def take_settled(today: date) -> set[Cell]:
    """The cells of evidence that came to stand since this was asked last, until `today`; it is not told again.

    A day that was taken in already tells of nothing. Runs under `lock_scoring`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT taken_until FROM vault.evidence_clock FOR UPDATE")
        row = cursor.fetchone()
        since = row[0] if row else date.min
        if since >= today:
            return set()
        cursor.execute(
            "SELECT DISTINCT e.row, e.col FROM vault.evidence e JOIN vault.delivery d ON d.id = e.delivery_id"
            " JOIN unnest(%s::text[], %s::int[]) AS settling (system, days) ON settling.system = d.system"
            " WHERE e.observed_on + settling.days > %s AND e.observed_on + settling.days <= %s",
            [*_settling(), since, today],
        )
        cells = {(row, col) for row, col in cursor.fetchall()}
        cursor.execute(
            "INSERT INTO vault.evidence_clock (taken_until) VALUES (%s)"
            " ON CONFLICT (is_one) DO UPDATE SET taken_until = excluded.taken_until",
            [today],
        )
        return cells


def count_met(today: date) -> Met:
    """How evidence and our cells meet today."""
    public = [name for name, system in SYSTEMS.items() if system.is_public]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH told AS (SELECT e.row, e.col,"
            "  bool_or(stands AND d.system = ANY (%s) AND e.theme <> 'fire') AS public,"
            "  bool_or(stands AND d.system = ANY (%s) AND e.theme = 'mining') AS public_as_mining,"
            "  bool_or(NOT stands) AS provisional"
            "  FROM vault.evidence e JOIN vault.delivery d ON d.id = e.delivery_id"
            "  JOIN unnest(%s::text[], %s::int[]) AS settling (system, days) ON settling.system = d.system"
            "  CROSS JOIN LATERAL (SELECT e.observed_on + settling.days <= %s AS stands) AS settled"
            "  GROUP BY e.row, e.col)"
            " SELECT count(*) FILTER (WHERE s.state = 'active'),"
            " count(*) FILTER (WHERE s.state = 'active' AND told.public),"
            " count(*) FILTER (WHERE s.state = 'active' AND told.public_as_mining),"
            " count(*) FILTER (WHERE confirmed.holds),"
            " count(*) FILTER (WHERE s.agreed), count(*) FILTER (WHERE told.provisional),"
            " count(*) FILTER (WHERE told.row IS NOT NULL AND coalesce(s.state, 'quiet') IN ('quiet', 'not_observed'))"
            " FROM vault.cell_state s FULL JOIN told USING (row, col)"
            " LEFT JOIN vault.confirmed_cell confirmed ON confirmed.row = s.row AND confirmed.col = s.col",
            [public, public, *_settling(), today],
        )
        return Met(*cursor.fetchone())


def _settling() -> tuple[list[str], list[int]]:
    """Systems, and the days within which each may take an alert back."""
    return list(SYSTEMS), [system.settles.days for system in SYSTEMS.values()]


def _columns(cells: Collection[Cell]) -> tuple[list[int], list[int]]:
    return [row for row, _ in cells], [col for _, col in cells]


def _insert_delivery(delivery: Delivery, records: Sequence[Published]) -> None:
    delivery_id = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.delivery (id, system, name, issued_on, digest) VALUES (%s, %s, %s, %s, %s)",
            [delivery_id, delivery.system, delivery.name, delivery.issued_on, delivery.digest],
        )
        cursor.execute(
            "INSERT INTO vault.evidence (delivery_id, row, col, theme, observed_on, trust, alerts)"
            " SELECT %s, * FROM unnest(%s::int[], %s::int[], %s::text[], %s::date[], %s::smallint[], %s::int[])",
            [
                delivery_id,
                [record.row for record in records],
                [record.col for record in records],
                [record.theme.value for record in records],
                [record.observed_on for record in records],
                [record.trust.rank for record in records],
                [record.alerts for record in records],
            ],
        )
