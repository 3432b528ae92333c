"""Summarise the vault's cells by block and month: the one step in which exact rows become coarse numbers.

The numbers go to `services.releases`, which turns them into bands; what leaves is bands, and what whole pieces had settled
stays in the vault (`vault/told.py`). One statement counts L1 blocks; every piece of every edition is a sum of such blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.grid import IntArray
from monitor.imagery.item import COMPOSITE_FROM
from monitor.privacy.hiding import MaskArray


@dataclass(frozen=True, slots=True)
class MonthCounts:
    """Cells of L1 blocks in one calendar month; int arrays (n,), one element for each block and each month in which cells
    of it had been observed before. Never leaves the worker.

    rows, cols: the blocks in which any cell was observed. before: `number_month` of the last month in which these cells had
    been observed until then; NEVER where they had not. enough: of the last month from which to this one, both included, they
    were looked at so often that a change can be confirmed (`field.states`): by a look held against an earlier one, and
    that is a composite or the second of those months, on another day or by another system; NEVER where they were not.
    enough_before: the same at the end of `before`.
    observed: how many of them were observed in this month. step: how many more of them are active at the month's end than at
    the end of the month before.
    """

    month: date
    rows: IntArray
    cols: IntArray
    before: IntArray
    enough: IntArray
    enough_before: IntArray
    observed: IntArray
    step: IntArray


NEVER = -1
"""The number of no month: before all others."""


def number_month(month: date) -> int:
    """Months in a row have numbers in a row."""
    return month.year * 12 + month.month - 1


@dataclass(frozen=True, slots=True)
class ToldBlocks:
    """What was told before of the pieces of L1 blocks, int (tiles, 10, 10): `last` and `at` of `vault.told.Told`; NEVER for
    both where nothing was."""

    last: IntArray
    at: IntArray


_LOOKS = (
    "WITH tile AS MATERIALIZED (SELECT * FROM unnest(%(rows)s::int[], %(cols)s::int[], %(bits)s::bytea[])"
    " WITH ORDINALITY AS tile (row, col, counted, number)),"
    # news: looks that nothing that was told of their piece had heard of, and looks that it had and that are none any more
    " looks AS MATERIALIZED (SELECT s.row, s.col, s.scene_id, s.sensor, s.observed_from, s.observed_on, s.month,"
    "  s.has_reference, s.observed, (s.state_after IS NOT DISTINCT FROM 'active')::int AS active,"
    "  s.observed_on - s.observed_from >= %(composite)s AS is_composite,"
    "  CASE WHEN told.last = %(never)s THEN false WHEN s.observed THEN s.month > told.last OR s.known_at > told.at"
    "   ELSE s.month <= told.last AND s.known_at <= told.at END AS is_news"
    "  FROM (SELECT *, (extract(year FROM observed_on) * 12 + extract(month FROM observed_on))::int - 1 AS month"
    "   FROM vault.score) s"
    "  JOIN tile ON tile.row = s.row / 100 AND tile.col = s.col / 100"
    # looked up by its place in an array: a list of blocks would be joined in a nested loop, over all of it for each look
    "  CROSS JOIN LATERAL (SELECT (%(last)s::int[])[place] AS last,"
    "    timestamptz 'epoch' + (%(at)s::bigint[])[place] * interval '1 microsecond' AS at"
    "   FROM (SELECT (tile.number::int - 1) * 100 + s.row %% 100 / 10 * 10 + s.col %% 100 / 10 + 1 AS place) block) told"
    "  WHERE (s.observed OR told.last <> %(never)s AND s.withdrawn_at > told.at) AND s.model_id = ANY(%(models)s)"
    "  AND s.observed_on < date_trunc('month', %(before)s::timestamp)"
    "  AND get_bit(tile.counted, (s.row %% 100 * 100 + s.col %% 100)::bigint) = 1),"
)
"""Looks at plausible cells in months that are over."""

_COUNTS = (
    # twice the same: of all looks, and of the news alone. A look confirms by itself (confirms), or together with what was
    # seen in the months before (is_held)
    " judged AS (SELECT is_news, row, col, scene_id, observed_on, month, active, has_reference AND (is_composite"
    "   OR min(observed_on) OVER upto < observed_from OR min(sensor) OVER upto < max(sensor) OVER upto)"
    "   AS confirms, has_reference"
    "  FROM (SELECT false AS is_news, row, col, scene_id, sensor, observed_from, observed_on, month, has_reference, active,"
    "    is_composite FROM looks WHERE observed"
    "   UNION ALL SELECT true, row, col, scene_id, sensor, observed_from, observed_on, month, has_reference, active,"
    "    is_composite FROM looks WHERE is_news) either"
    "  WINDOW upto AS (PARTITION BY is_news, row, col, month ORDER BY observed_on, sensor)),"
    " monthly AS (SELECT DISTINCT ON (is_news, row, col, month) is_news, row, col, month, active,"
    "  bool_or(confirms) OVER own AS is_enough, bool_or(has_reference) OVER own AS is_held"
    "  FROM judged WINDOW own AS (PARTITION BY is_news, row, col, month)"
    "  ORDER BY is_news, row, col, month, observed_on DESC, scene_id),"
    " stepped AS (SELECT is_news, row, col, month, active - coalesce(lag(active) OVER cell, 0) AS step,"
    "  lag(month) OVER cell AS before,"
    "  CASE WHEN is_enough THEN month WHEN is_held THEN lag(month) OVER cell END AS enough_with"
    "  FROM monthly WINDOW cell AS (PARTITION BY is_news, row, col ORDER BY month)),"
    " settled AS (SELECT *, max(enough_with) OVER cell AS enough FROM stepped"
    "  WINDOW cell AS (PARTITION BY is_news, row, col ORDER BY month)),"
    " known AS (SELECT *, lag(enough) OVER (PARTITION BY is_news, row, col ORDER BY month) AS enough_before FROM settled)"
    " SELECT is_news, month, row / 10, col / 10, coalesce(before, %(never)s), coalesce(enough, %(never)s),"
    "  coalesce(enough_before, %(never)s), count(*), sum(step)"
    " FROM known GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"
)


def summarise_blocks(
    tiles: IntArray, counted: MaskArray, model_ids: Sequence[UUID], before: date, told: ToldBlocks
) -> tuple[list[MonthCounts], list[MonthCounts]]:
    """Counts of the months that ended before `before`'s month, oldest first, for all levels at once.

    tiles, counted: the plausible cells (`read_known_cells`); no other cell is counted. told: of the same tiles. Returns the
    counts of all looks, and for blocks of which something was told the counts of what nothing that was told had heard of:
    looks at later months, looks that came late, and looks that were taken back since. Of these only `observed`, by
    `enough`, means anything.
    """
    bits = np.packbits(counted.reshape(len(counted), -1), axis=1, bitorder="little")
    with connection.cursor() as cursor:
        cursor.execute(
            _LOOKS + _COUNTS,
            {
                "rows": tiles[:, 0].tolist(),
                "cols": tiles[:, 1].tolist(),
                "bits": [row.tobytes() for row in bits],
                "last": told.last.reshape(-1).tolist(),
                "at": told.at.reshape(-1).tolist(),
                "models": list(model_ids),
                "before": before,
                "never": NEVER,
                "composite": COMPOSITE_FROM.days,
            },
        )
        found = cursor.fetchall()
    return _by_month(row[1:] for row in found if not row[0]), _by_month(row[1:] for row in found if row[0])


def _by_month(rows: Iterable[tuple[int, ...]]) -> list[MonthCounts]:
    return [
        MonthCounts(
            date(number // 12, number % 12 + 1, 1), *np.array([row[1:] for row in own], dtype=np.int64).T
        )
        for number, own in groupby(rows, key=itemgetter(0))
    ]
