"""Summarise the vault's cells by block and month: the one step in which exact rows become coarse numbers.

The numbers go to `services.releases`, which turns them into bands; they are never stored or shown as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from monitor.grid import Level


@dataclass(frozen=True, slots=True)
class BlockCount:
    """Cells of one block: observed in a month, active at its end. Never leaves the worker."""

    observed: int
    active: int


def list_observed_months(model_ids: Sequence[UUID], before: date) -> list[date]:
    """First days of the calendar months, ended before `before`, in which any cell was observed; oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT date_trunc('month', observed_on)::date AS month FROM vault.score"
            " WHERE observed AND model_id = ANY(%s) AND observed_on < date_trunc('month', %s::date) ORDER BY month",
            [list(model_ids), before],
        )
        return [month for (month,) in cursor.fetchall()]


def count_plausible_cells(level: Level) -> dict[tuple[int, int], int]:
    """How many plausible cells each block holds: under the default prior, all cells of the known regions alike."""
    with connection.cursor() as cursor:
        cursor.execute(
            # regions may overlap: join their runs to disjoint ones first, so that no cell counts twice
            "WITH joined AS (SELECT row, unnest(range_agg(int4range(col_from, col_to + 1))) AS cols"
            " FROM vault.region_run GROUP BY row)"
            " SELECT row / %(n)s, block.col, sum(least(upper(cols), (block.col + 1) * %(n)s)"
            "  - greatest(lower(cols), block.col * %(n)s))::int FROM joined,"
            " generate_series(lower(cols) / %(n)s, (upper(cols) - 1) / %(n)s) AS block (col) GROUP BY 1, 2",
            {"n": level.span},
        )
        return {(row, col): count for row, col, count in cursor.fetchall()}


def summarise_blocks(
    level: Level, month: date, model_ids: Sequence[UUID]
) -> dict[tuple[int, int], BlockCount]:
    """What the blocks of `level` held in a month, by (row, col); blocks whose cells were never observed are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH last AS (SELECT DISTINCT ON (row, col) row, col, state_after,"
            " observed_on >= %(month)s AS in_month FROM vault.score"
            " WHERE observed AND model_id = ANY(%(models)s) AND observed_on < %(month)s::date + interval '1 month'"
            " ORDER BY row, col, observed_on DESC, scene_id)"
            " SELECT row / %(n)s, col / %(n)s, count(*) FILTER (WHERE in_month),"
            " count(*) FILTER (WHERE state_after = 'active') FROM last WHERE EXISTS (SELECT FROM vault.region_run run"
            " WHERE run.row = last.row AND last.col BETWEEN run.col_from AND run.col_to) GROUP BY 1, 2",
            {"month": month, "models": list(model_ids), "n": level.span},
        )
        return {(row, col): BlockCount(observed, active) for row, col, observed, active in cursor.fetchall()}
