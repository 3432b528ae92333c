"""Scores in the vault: store what a scene says of its cells.

All verbs here run inside the caller's transaction, under `lock_scoring`, so a scene is scored whole or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from monitor.detection.detect import CHANGE, CellScores
from monitor.detection.featurizer import CellFeatures
from monitor.field.states import REFERENCE_AGE

_SCORING_LOCK = 7_214_001
"""Advisory lock: one scoring transaction at a time, so that a scene and its reference cannot miss each other."""
_EARLIER = (
    " FROM unnest(%(rows)s::int[], %(cols)s::int[]) WITH ORDINALITY AS cell (row, col, position)"
    " JOIN vault.score s ON s.row = cell.row AND s.col = cell.col"
    " WHERE s.model_id = %(model)s AND s.sensor = %(sensor)s AND s.observed_on < %(from)s"
    " AND s.valid_share >= %(share)s::real AND s.valid_share > 0 AND s.scene_id <> ALL(%(without)s)"
)
"""Scores that the cells of a scene could be compared with."""


@dataclass(frozen=True, slots=True)
class SceneDates:
    """When a scene was observed, by which sensor."""

    sensor: str
    observed_from: date
    observed_on: date


class ScoringBusy(RuntimeError):
    """Others were scoring all the time that somebody wanted to wait."""


def lock_scoring(patience_s: float | None = None) -> None:
    """Wait until no other transaction is scoring. Held until the present transaction ends.

    patience_s: seconds to wait at most; without end unless told. Raises ScoringBusy; then the transaction must be undone.
    """
    with connection.cursor() as cursor:
        if patience_s is None:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCORING_LOCK])
            return
        cursor.execute("SELECT current_setting('lock_timeout')")
        (usual,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{int(1000 * patience_s)}ms"])
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCORING_LOCK])
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise ScoringBusy from None
            raise
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [usual])


def read_scene_dates(scene_id: UUID) -> SceneDates:
    """Sensor, first and last day of a scene. Raises LookupError where the vault has no item of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sensor, (observed_from AT TIME ZONE 'UTC')::date, (observed_to AT TIME ZONE 'UTC')::date"
            " FROM vault.item WHERE scene_id = %s",
            [scene_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise LookupError("This scene has no item in the vault.")
    return SceneDates(*row)


def list_earlier(
    scene_id: UUID, model_id: UUID, dates: SceneDates, cells: CellFeatures, min_valid_share: float
) -> list[UUID]:
    """All scenes that some cell of this one could be compared with, in no order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT s.scene_id{_EARLIER}",
            _earlier_than(scene_id, model_id, dates, cells, min_valid_share, ()),
        )
        return [earlier for (earlier,) in cursor.fetchall()]


def find_references(
    scene_id: UUID,
    model_id: UUID,
    dates: SceneDates,
    cells: CellFeatures,
    min_valid_share: float,
    without: Collection[UUID] = (),
) -> dict[UUID, np.ndarray]:
    """The scene that each cell is compared with: of those of the same sensor that show the cell well enough the latest that
    ended a year before this one began; where there is none, the earliest that ended on a day before (`pair_features`).

    Whether that scene was itself compared with others does not matter: it may lie upon this one though upon none before
    it. without: scenes to pass over. Returns positions (int arrays) of the cells by reference scene; a cell without one is
    in none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            # items are asked about scenes of one day alone: reading a document for every score took most of the time
            "WITH near AS (SELECT cell.position, s.scene_id, s.observed_on > %(old_until)s AS is_young,"  # noqa: S608 - fixed
            " rank() OVER (PARTITION BY cell.position ORDER BY s.observed_on > %(old_until)s,"
            " CASE WHEN s.observed_on <= %(old_until)s THEN s.observed_on END DESC, s.observed_on) AS place"
            f"{_EARLIER}) SELECT DISTINCT ON (near.position) near.position::int - 1, near.scene_id"
            " FROM near JOIN vault.item ON item.scene_id = near.scene_id WHERE near.place = 1"
            " ORDER BY near.position, CASE WHEN NOT near.is_young THEN item.observed_to END DESC,"
            " CASE WHEN NOT near.is_young THEN item.document->>'id' END DESC,"
            " item.observed_to, item.document->>'id', near.scene_id",
            _earlier_than(scene_id, model_id, dates, cells, min_valid_share, without),
        )
        positions = defaultdict(list)
        for position, reference in cursor.fetchall():
            positions[reference].append(position)
    return {reference: np.asarray(found, dtype=np.int64) for reference, found in positions.items()}


def _earlier_than(
    scene_id: UUID,
    model_id: UUID,
    dates: SceneDates,
    cells: CellFeatures,
    min_valid_share: float,
    without: Collection[UUID],
) -> dict[str, Any]:
    """The values of `_EARLIER`."""
    return {
        "rows": cells.rows.tolist(),
        "cols": cells.cols.tolist(),
        "model": model_id,
        "sensor": dates.sensor,
        "from": dates.observed_from,
        "old_until": dates.observed_from - REFERENCE_AGE,
        "share": min_valid_share,
        "without": [scene_id, *without],
    }


def find_dependents(scene_id: UUID, model_id: UUID, min_valid_share: float) -> list[UUID]:
    """Later scenes of the same sensor, already scored, that might have to be compared with this one instead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT later.scene_id FROM vault.score this JOIN vault.score later"
            " ON later.row = this.row AND later.col = this.col AND later.model_id = this.model_id"
            " AND later.sensor = this.sensor AND later.observed_from > this.observed_on"
            " WHERE this.scene_id = %s AND this.model_id = %s AND this.valid_share >= %s::real AND this.valid_share > 0"
            " ORDER BY later.scene_id",
            [scene_id, model_id, min_valid_share],
        )
        return [found for (found,) in cursor.fetchall()]


def upsert_scores(scene_id: UUID, model_id: UUID, dates: SceneDates, scores: CellScores) -> int:
    """Write a scene's scores, replacing what it had under this model; how many cells."""
    observed = np.asarray(scores.observed, dtype=bool)

    def numbers(values: np.ndarray) -> list[float | None]:
        return [float(value) if seen else None for value, seen in zip(values, observed, strict=True)]

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
            " has_reference, familiar, valid_share, p_none, p_artisanal, p_industrial, low, high, alone)"
            " SELECT cell.row, cell.col, %(scene)s, %(model)s, %(sensor)s, %(from)s, %(on)s, cell.observed,"
            " cell.has_reference, cell.familiar, cell.valid_share, cell.p0, cell.p1, cell.p2, cell.low, cell.high,"
            " cell.alone FROM unnest(%(rows)s::int[], %(cols)s::int[], %(observed)s::bool[], %(has_reference)s::bool[],"
            " %(familiar)s::bool[], %(share)s::real[], %(p0)s::real[], %(p1)s::real[], %(p2)s::real[],"
            " %(low)s::real[], %(high)s::real[], %(alone)s::real[])"
            " AS cell (row, col, observed, has_reference, familiar, valid_share, p0, p1, p2, low, high, alone)"
            " ON CONFLICT (row, col, scene_id, model_id) DO UPDATE SET observed = excluded.observed,"
            " familiar = excluded.familiar,"
            " valid_share = excluded.valid_share, p_none = excluded.p_none,"
            " p_artisanal = excluded.p_artisanal, p_industrial = excluded.p_industrial, low = excluded.low,"
            " high = excluded.high, alone = excluded.alone, state_after = NULL,"
            # what was a look once was told perhaps: it is new the first time only, and what it was held against is known
            # when it is a look no more (`vault/told.py`)
            " has_reference = CASE WHEN excluded.observed THEN excluded.has_reference ELSE score.has_reference END,"
            " known_at = CASE WHEN excluded.observed AND NOT score.observed AND score.withdrawn_at IS NULL"
            "  THEN excluded.known_at ELSE score.known_at END,"
            " withdrawn_at = CASE WHEN excluded.observed THEN NULL WHEN score.observed THEN clock_timestamp()"
            "  ELSE score.withdrawn_at END",
            {
                "scene": scene_id,
                "model": model_id,
                "sensor": dates.sensor,
                "from": dates.observed_from,
                "on": dates.observed_on,
                "rows": scores.rows.tolist(),
                "cols": scores.cols.tolist(),
                "observed": observed.tolist(),
                "has_reference": (scores.basis == CHANGE).tolist(),
                "familiar": (scores.familiar | ~observed).tolist(),
                "share": scores.valid_share.astype(float).tolist(),
                "p0": numbers(scores.probabilities[:, 0]),
                "p1": numbers(scores.probabilities[:, 1]),
                "p2": numbers(scores.probabilities[:, 2]),
                "low": numbers(scores.low),
                "high": numbers(scores.high),
                "alone": [None if np.isnan(value) else float(value) for value in scores.alone],
            },
        )
    return len(observed)
