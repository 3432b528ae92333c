"""Summarise the vault's cells by block and month: the one step in which exact rows become coarse numbers.

The numbers go to `services.releases`, which turns them into bands; they are never stored or shown as they are. One
statement counts L1 blocks; every piece of every edition is a sum of such blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def summarise_blocks(
    tiles: IntArray, counted: MaskArray, model_ids: Sequence[UUID], before: date
) -> list[MonthCounts]:
    """Counts of the months that ended before `before`'s month, oldest first, for all levels at once.

    tiles, counted: the plausible cells (`read_known_cells`); no other cell is counted.
    """
    bits = np.packbits(counted.reshape(len(counted), -1), axis=1, bitorder="little")
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH tile AS MATERIALIZED (SELECT * FROM unnest(%(rows)s::int[], %(cols)s::int[], %(bits)s::bytea[])"
            " AS tile (row, col, counted)),"
            # a look confirms by itself (confirms), or together with what was seen in the months before (is_held)
            " looks AS (SELECT s.row, s.col, scene_id, observed_on, month, active, has_reference AND (is_composite"
            "   OR min(observed_on) OVER upto < observed_from OR min(sensor) OVER upto < max(sensor) OVER upto)"
            "   AS confirms, has_reference"
            "  FROM (SELECT s.*, (s.state_after IS NOT DISTINCT FROM 'active')::int AS active,"
            "   s.observed_on - s.observed_from >= %(composite)s AS is_composite,"
            "   (extract(year FROM s.observed_on) * 12 + extract(month FROM s.observed_on))::int - 1 AS month"
            "   FROM vault.score s) s"
            "  JOIN tile ON tile.row = s.row / 100 AND tile.col = s.col / 100"
            "  WHERE s.observed AND s.model_id = ANY(%(models)s)"
            "  AND s.observed_on < date_trunc('month', %(before)s::timestamp)"
            "  AND get_bit(tile.counted, (s.row %% 100 * 100 + s.col %% 100)::bigint) = 1"
            "  WINDOW upto AS (PARTITION BY s.row, s.col, s.month ORDER BY s.observed_on, s.sensor)),"
            " monthly AS (SELECT DISTINCT ON (row, col, month) row, col, month, active,"
            "  bool_or(confirms) OVER own AS is_enough, bool_or(has_reference) OVER own AS is_held"
            "  FROM looks WINDOW own AS (PARTITION BY row, col, month)"
            "  ORDER BY row, col, month, observed_on DESC, scene_id),"
            " stepped AS (SELECT row, col, month, active - coalesce(lag(active) OVER cell, 0) AS step,"
            "  lag(month) OVER cell AS before,"
            "  CASE WHEN is_enough THEN month WHEN is_held THEN lag(month) OVER cell END AS enough_with"
            "  FROM monthly WINDOW cell AS (PARTITION BY row, col ORDER BY month)),"
            " settled AS (SELECT *, max(enough_with) OVER (PARTITION BY row, col ORDER BY month) AS enough FROM stepped),"
            " known AS (SELECT *, lag(enough) OVER (PARTITION BY row, col ORDER BY month) AS enough_before FROM settled)"
            " SELECT month, row / 10, col / 10, coalesce(before, %(never)s), coalesce(enough, %(never)s),"
            "  coalesce(enough_before, %(never)s), count(*), sum(step)"
            " FROM known GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
            {
                "rows": tiles[:, 0].tolist(),
                "cols": tiles[:, 1].tolist(),
                "bits": [row.tobytes() for row in bits],
                "models": list(model_ids),
                "before": before,
                "never": NEVER,
                "composite": COMPOSITE_FROM.days,
            },
        )
        found = cursor.fetchall()
    return [
        MonthCounts(
            date(number // 12, number % 12 + 1, 1), *np.array([row[1:] for row in rows], dtype=np.int64).T
        )
        for number, rows in groupby(found, key=itemgetter(0))
    ]
