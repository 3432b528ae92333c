"""Read published blocks. Filters, order and pages run on coarse rows only (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import connection

from monitor.grid import Box, Level
from monitor.releases.batches import BlockRow, shape_row
from monitor.releases.sight import SIGHT, VISIBLE_NOW

Position = tuple[date, int, int, int]
"""Where a page ended: period, level, row, col of its last block."""


def read_blocks(
    batch_id: UUID,
    regions: Sequence[UUID],
    level: Level,
    box: Box | None,
    period: date | None,
    after: Position | None,
    limit: int,
    viewer_id: UUID,
) -> list[BlockRow]:
    """Up to `limit` blocks of a batch in these regions, in the order of period, level, row, col.

    viewer_id: who asks. Whether they still hold the regions, and how sharply they see them by posture and grants, is
    decided in this statement (P7): a block that they may not see now is not read.

    level: the finest level wanted; blocks that were promoted to a parent (privacy policy) come at the parent's level.
    box: L0 cells, already snapped outward to `level`; a block is in it where the two overlap.
    """
    position = after or (date.min, -1, -1, -1)
    with connection.cursor() as cursor:
        cursor.execute(
            # both parts are fixed text; whatever was asked is a parameter
            f"{SIGHT} SELECT b.level, b.row, b.col, b.period, b.band, b.trend, b.observed"  # noqa: S608
            " FROM release.block b"
            " WHERE b.batch_id = %(batch)s AND b.level >= %(level)s"
            f" AND {VISIBLE_NOW}"
            " AND (%(period)s::date IS NULL OR b.period = %(period)s)"
            " AND (%(row_from)s::int IS NULL OR EXISTS (SELECT FROM unnest(%(levels)s::int[], %(spans)s::int[])"
            "  AS span (level, n) WHERE span.level = b.level AND b.row * span.n < %(row_to)s"
            "  AND (b.row + 1) * span.n > %(row_from)s AND b.col * span.n < %(col_to)s"
            "  AND (b.col + 1) * span.n > %(col_from)s))"
            " AND (b.period, b.level, b.row, b.col) > (%(p)s, %(l)s::int, %(r)s, %(c)s)"
            " ORDER BY b.period, b.level, b.row, b.col LIMIT %(limit)s",
            {
                "batch": batch_id,
                "level": int(level),
                "regions": list(regions),
                "period": period,
                "row_from": box.row_from if box else None,
                "row_to": box.row_to if box else None,
                "col_from": box.col_from if box else None,
                "col_to": box.col_to if box else None,
                "levels": [int(each) for each in Level],
                "spans": [each.span for each in Level],
                "p": position[0],
                "l": position[1],
                "r": position[2],
                "c": position[3],
                "limit": limit,
                "viewer": viewer_id,
            },
        )
        return [shape_row(row) for row in cursor.fetchall()]


def find_newest_period(batch_id: UUID, regions: Sequence[UUID], level: Level, viewer_id: UUID) -> date | None:
    """The newest month of which `read_blocks` would find a block for this viewer in these regions, or None (P5)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{SIGHT} SELECT max(b.period) FROM release.block b"  # noqa: S608
            f" WHERE b.batch_id = %(batch)s AND b.level >= %(level)s AND {VISIBLE_NOW}",
            {"batch": batch_id, "level": int(level), "regions": list(regions), "viewer": viewer_id},
        )
        newest: date | None = cursor.fetchone()[0]
        return newest
