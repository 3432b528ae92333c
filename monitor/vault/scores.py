"""Scores and states in the vault: store what a scene says of its cells and renew what is believed of them.

All verbs here run inside the caller's transaction, under `lock_scoring`, so a scene is scored whole or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.detection.detect import CHANGE, CellScores
from monitor.field.states import SUSPECT_AT, CellState, Observation, fold_states
from monitor.imagery.item import COMPOSITE_FROM

_SCORING_LOCK = 7_214_001
"""Advisory lock: one scoring transaction at a time, so that a scene and its reference cannot miss each other."""

After = tuple[int, int, UUID, UUID, str]
"""Row, column, scene and model of a score, and what was believed after it."""


@dataclass(frozen=True, slots=True)
class SceneDates:
    """When a scene was observed, by which sensor."""

    sensor: str
    observed_from: date
    observed_on: date


def lock_scoring() -> None:
    """Wait until no other transaction is scoring. Held until the present transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCORING_LOCK])


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


def find_references(
    scene_id: UUID, model_id: UUID, dates: SceneDates, rows: np.ndarray, cols: np.ndarray
) -> dict[UUID, np.ndarray]:
    """The scene that each cell is compared with: the latest of the same sensor that ended before this one began.

    rows, cols: int (n,). Returns positions (int arrays) of the cells by reference scene; a cell without one is in none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (cell.position) cell.position::int - 1, s.scene_id"
            " FROM unnest(%(rows)s::int[], %(cols)s::int[]) WITH ORDINALITY AS cell (row, col, position)"
            " JOIN vault.score s ON s.row = cell.row AND s.col = cell.col"
            " WHERE s.model_id = %(model)s AND s.sensor = %(sensor)s AND s.observed AND s.observed_on < %(from)s"
            " AND s.scene_id <> %(scene)s"
            " ORDER BY cell.position, s.observed_on DESC, s.scene_id",
            {
                "rows": rows.tolist(),
                "cols": cols.tolist(),
                "model": model_id,
                "sensor": dates.sensor,
                "from": dates.observed_from,
                "scene": scene_id,
            },
        )
        positions = defaultdict(list)
        for position, reference in cursor.fetchall():
            positions[reference].append(position)
    return {reference: np.asarray(found, dtype=np.int64) for reference, found in positions.items()}


def find_dependents(scene_id: UUID, model_id: UUID) -> list[UUID]:
    """Later scenes of the same sensor, already scored, that might have to be compared with this one instead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT later.scene_id FROM vault.score this JOIN vault.score later"
            " ON later.row = this.row AND later.col = this.col AND later.model_id = this.model_id"
            " AND later.sensor = this.sensor AND later.observed_from > this.observed_on"
            " WHERE this.scene_id = %s AND this.model_id = %s AND this.observed ORDER BY later.scene_id",
            [scene_id, model_id],
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
            " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high)"
            " SELECT cell.row, cell.col, %(scene)s, %(model)s, %(sensor)s, %(from)s, %(on)s, cell.observed,"
            " cell.has_reference, cell.valid_share, cell.p0, cell.p1, cell.p2, cell.low, cell.high"
            " FROM unnest(%(rows)s::int[], %(cols)s::int[], %(observed)s::bool[], %(has_reference)s::bool[],"
            " %(share)s::real[], %(p0)s::real[], %(p1)s::real[], %(p2)s::real[], %(low)s::real[], %(high)s::real[])"
            " AS cell (row, col, observed, has_reference, valid_share, p0, p1, p2, low, high)"
            " ON CONFLICT (row, col, scene_id, model_id) DO UPDATE SET observed = excluded.observed,"
            " has_reference = excluded.has_reference, valid_share = excluded.valid_share, p_none = excluded.p_none,"
            " p_artisanal = excluded.p_artisanal, p_industrial = excluded.p_industrial, low = excluded.low,"
            " high = excluded.high, state_after = NULL",
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
                "share": scores.valid_share.astype(float).tolist(),
                "p0": numbers(scores.probabilities[:, 0]),
                "p1": numbers(scores.probabilities[:, 1]),
                "p2": numbers(scores.probabilities[:, 2]),
                "low": numbers(scores.low),
                "high": numbers(scores.high),
            },
        )
    return len(observed)


def renew_states(scene_ids: Sequence[UUID], model_id: UUID) -> int:
    """Fold the score history of every cell of these scenes into its state; how many cells.

    model_id: what scored the scenes. The scores of other sensors by their active models are part of the history: a
    second system can confirm what the first one saw.
    """
    histories = _read_histories(scene_ids, model_id)
    states, afters = [], []
    for cell, rows in groupby(histories, key=lambda row: (row["row"], row["col"])):
        state, cell_afters = _fold_cell(cell, list(rows))
        states.append(state)
        afters.extend(cell_afters)
    _write_states(states, afters)
    return len(states)


def _read_histories(scene_ids: Sequence[UUID], model_id: UUID) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH acting AS (SELECT acts.id FROM public.monitor_trainedmodel acts, public.monitor_trainedmodel this"
            " WHERE this.id = %(model)s AND (acts.id = this.id OR acts.state = 'active' AND acts.sensor <> this.sensor))"
            " SELECT row, col, scene_id, model_id, sensor, observed_from, observed_on, observed, has_reference,"
            " valid_share, p_none, p_artisanal, p_industrial, low, high FROM vault.score"
            " WHERE model_id IN (SELECT id FROM acting) AND (row, col) IN (SELECT row, col FROM vault.score"
            " WHERE scene_id = ANY(%(scenes)s) AND model_id = %(model)s)"
            " ORDER BY row, col, observed_on, scene_id",
            {"model": model_id, "scenes": list(scene_ids)},
        )
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _fold_cell(cell: tuple[int, int], history: list[dict[str, Any]]) -> tuple[tuple[Any, ...], list[After]]:
    beliefs = fold_states([_as_observation(row) for row in history])
    afters = [
        (*cell, row["scene_id"], row["model_id"], belief.state.value)
        for row, belief in zip(history, beliefs, strict=True)
    ]
    seen = [row for row in history if row["observed"]]
    last = seen[-1] if seen else history[-1]
    high_sensors = {
        sensor
        for sensor in {row["sensor"] for row in seen}
        if _mining([row for row in seen if row["sensor"] == sensor][-1]) >= SUSPECT_AT
    }
    belief = beliefs[-1]
    state = belief.state if seen else CellState.NOT_OBSERVED
    mine_class, probability = _strongest(last) if seen else ("none", None)
    return (
        *cell,
        state.value,
        mine_class if state in {CellState.ACTIVE, CellState.SUSPECTED} else "none",
        probability,
        last["low"],
        last["high"],
        last["valid_share"],
        last["observed_on"],
        belief.support,
        len(high_sensors),
    ), afters


def _as_observation(row: dict[str, Any]) -> Observation:
    return Observation(
        observed_on=row["observed_on"],
        mining=_mining(row) if row["observed"] else 0.0,
        has_reference=row["has_reference"],
        is_composite=row["observed_on"] - row["observed_from"] >= COMPOSITE_FROM,
        observed=row["observed"],
    )


def _mining(row: dict[str, Any]) -> float:
    return float(row["p_artisanal"] + row["p_industrial"])


def _strongest(row: dict[str, Any]) -> tuple[str, float]:
    """The likelier kind of mining, and the probability of any mining."""
    name = "artisanal" if row["p_artisanal"] >= row["p_industrial"] else "industrial"
    return name, _mining(row)


def _write_states(states: list[tuple[Any, ...]], afters: list[After]) -> None:
    if not states:
        return
    columns = [list(column) for column in zip(*states, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.cell_state (row, col, state, mine_class, probability, low, high, valid_share,"
            " observed_on, support, systems) SELECT * FROM unnest(%s::int[], %s::int[], %s::text[], %s::text[],"
            " %s::real[], %s::real[], %s::real[], %s::real[], %s::date[], %s::smallint[], %s::smallint[])"
            " ON CONFLICT (row, col) DO UPDATE SET state = excluded.state, mine_class = excluded.mine_class,"
            " probability = excluded.probability, low = excluded.low, high = excluded.high,"
            " valid_share = excluded.valid_share, observed_on = excluded.observed_on, support = excluded.support,"
            " systems = excluded.systems",
            columns,
        )
        cursor.execute(
            "UPDATE vault.score s SET state_after = after.state FROM unnest(%s::int[], %s::int[], %s::uuid[],"
            " %s::uuid[], %s::text[]) AS after (row, col, scene_id, model_id, state)"
            " WHERE s.row = after.row AND s.col = after.col AND s.scene_id = after.scene_id"
            " AND s.model_id = after.model_id AND s.state_after IS DISTINCT FROM after.state",
            [list(column) for column in zip(*afters, strict=True)],
        )
