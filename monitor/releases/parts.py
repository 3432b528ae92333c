"""Parts of a batch: what it says of itself to those who receive only some of it.

A digest or a count over rows that somebody does not receive would let them try out what those rows are (P5).
"""

from __future__ import annotations

import json
from collections import Counter
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
    combine_digests,
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
    """What somebody has of a batch.

    Of whole regions at one level: the digest of one region is `digest_rows` of its rows; that of several is SHA-256 over
    their hex digests in the order of the regions' ids, and a block on a border counts in each of its regions. Of anything
    else: `digest_rows` of the rows. Either as long as the rows are kept: a later batch corrects them without a mark, and who
    has the rows of today could try out which were others then. Raises RightsMoved.
    """
    sight = rights.sight
    if sight.finest is None or batch.geography_id is None:
        return Part({}, EMPTY)
    if batch.id not in {kept.id for kept in list_batches(KEPT_BATCHES)}:
        return Part({}, None)
    if not is_simple(sight):
        return Part(*count_rows(batch, rights))
    regions = sorted(sight.levels)
    stored = read_still(
        "SELECT region_id, digest, rows FROM release.batch_region"
        " WHERE batch_id = %(batch)s AND region_id = ANY(%(regions)s) AND edition = %(edition)s",
        rights,
        {"batch": batch.id, "regions": regions, "edition": int(sight.finest)},
    )
    found = {region: (digest, rows) for region, digest, rows in stored}
    counts: Counter[tuple[date, Level]] = Counter()
    for _, rows in found.values():
        for period, level, count in json.loads(rows) if isinstance(rows, str) else rows:
            counts[date.fromisoformat(period), Level(level)] += count
    digests = [found[region][0] if region in found else EMPTY for region in regions]
    return Part({sight.finest: counts}, combine_digests(digests))


def is_simple(sight: Sight) -> bool:
    """True where somebody sees whole regions at one level, and nothing bends it."""
    return (
        not sight.is_public
        and not sight.floors
        and not sight.knows_cells  # of a region's pieces they see those that no other region shares
        and len(set(sight.levels.values())) == 1
        and bool(sight.finest)
    )


def list_batches_of(rights: Rights, limit: int, before: datetime | None = None) -> list[BatchRow]:
    """As `list_batches`, but digest and row count speak of the rows that somebody sees and of no others (P5)."""
    batches = []
    for batch in list_batches(limit, before):
        part = read_part(batch, rights)
        batches.append(replace(batch, digest=part.digest, row_count=part.row_count))
    return batches
