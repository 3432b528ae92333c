"""Parts of a batch: what it says of itself to those who receive only some of it.

A digest or a count over rows that somebody does not receive would let them try out what those rows are (P5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.grid import Level
from monitor.privacy.certificate import Rows
from monitor.privacy.shown import Map, Sight
from monitor.releases.batches import (
    EMPTY,
    KEPT_BATCHES,
    BatchRow,
    NewRows,
    list_batches,
)
from monitor.releases.blocks import count_rows
from monitor.releases.sight import Rights, read_still


@dataclass(frozen=True, slots=True)
class Part:
    """Rows, by edition, period and level, and their digest; None where they are kept no longer."""

    rows: Rows
    digest: str | None

    @property
    def row_count(self) -> int | None:
        """How many rows, in all."""
        return None if self.digest is None else sum(sum(counts.values()) for counts in self.rows.values())


def write_parts(batch_id: UUID, ground: Map, rows: Mapping[Level, NewRows]) -> None:
    """Keep what each region, as a whole at one level, has of a batch."""
    parts = []
    for edition, new in rows.items():
        for region in ground.region_pieces:
            is_held = np.zeros(len(new.pieces), dtype=bool)
            is_held[ground.pieces_of(region, edition)] = True
            chosen = is_held[new.piece]
            counts = [[period.isoformat(), int(level), n] for (period, level), n in new.count(chosen).items()]
            parts.append((region, int(edition), new.digest(chosen), json.dumps(counts)))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO release.batch_region (batch_id, region_id, edition, digest, rows)"
            " SELECT %s, * FROM unnest(%s::uuid[], %s::smallint[], %s::text[], %s::jsonb[])",
            [batch_id, *([part[number] for part in parts] for number in range(4))],
        )


def read_part(batch: BatchRow, rights: Rights) -> Part:
    """What somebody has of a batch: the number and `digest_rows` of the rows that they read, as long as the rows are kept.

    A later batch corrects them without a mark, and who has the rows of today could try out which were others then. Of one
    region at one level both were noted. Of several they are found from the rows: a block on a border is one row, and
    nobody is told which block is of which region, so only a digest of all rows can be checked. Raises RightsMoved.
    """
    sight = rights.sight
    if sight.finest is None or batch.geography_id is None:
        return Part({}, EMPTY)
    if batch.id not in {kept.id for kept in list_batches(KEPT_BATCHES)}:
        return Part({}, None)
    if not is_simple(sight):
        return Part(*count_rows(batch, rights))
    (region,) = sight.levels
    stored = read_still(
        "SELECT digest, rows FROM release.batch_region"
        " WHERE batch_id = %(batch)s AND region_id = %(region)s AND edition = %(edition)s",
        rights,
        {"batch": batch.id, "region": region, "edition": int(sight.finest)},
    )
    if not stored:
        return Part({}, EMPTY)
    digest, rows = stored[0]
    counts = {
        (date.fromisoformat(period), Level(level)): count
        for period, level, count in (json.loads(rows) if isinstance(rows, str) else rows)
    }
    return Part({sight.finest: counts}, digest)


def is_simple(sight: Sight) -> bool:
    """True where somebody sees the whole of one region at one level, and nothing bends it."""
    return (
        not sight.is_public
        and not sight.floors
        and not sight.knows_cells  # of a region's pieces they see those that no other region shares
        and len(sight.levels) == 1
        and bool(sight.finest)
    )


def list_batches_of(rights: Rights, limit: int, before: datetime | None = None) -> list[BatchRow]:
    """As `list_batches`, but digest and row count speak of the rows that somebody sees and of no others (P5)."""
    batches = []
    for batch in list_batches(limit, before):
        part = read_part(batch, rights)
        batches.append(replace(batch, digest=part.digest, row_count=part.row_count))
    return batches
