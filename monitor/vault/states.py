"""States in the vault: fold the histories of cells, our looks and what other systems published, into what is believed.

All verbs here run inside the caller's transaction, under `lock_scoring`. What a score left (`state_after`) is of our own
looks alone, because that is what releases count; what is believed now, and which cells are of sites, has heard the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from monitor.field.fusion import Fused, choose_confidence, fuse_evidence, list_public
from monitor.field.outside import Published
from monitor.field.sites import Cell
from monitor.field.states import SUSPECT_AT, CellState, Observation, fold_states, rank_look
from monitor.imagery.item import COMPOSITE_FROM
from monitor.vault.outside import read_evidence

After = tuple[int, int, UUID, UUID, str]
"""Row, column, scene and model of a score, and what was believed after it."""

Confirmed = tuple[date, bool]
"""Since when another system's word makes a cell active, and whether it is active now for nothing else."""

_SCORES = (
    "SELECT row, col, scene_id, model_id, sensor, observed_from, observed_on, observed, has_reference,"
    " familiar, valid_share, p_none, p_artisanal, p_industrial, low, high, alone FROM vault.score"
)


def renew_states(scene_ids: Sequence[UUID], model_id: UUID, today: date) -> int:
    """Fold the history of every cell of these scenes into its state; how many cells.

    model_id: what scored the scenes. The scores of other sensors by their active models are part of the history: a
    second system can confirm what the first one saw. today: other systems are heard as far as they stand by their word.
    """
    return _renew(
        # fixed texts; whatever was asked is a parameter
        "WITH acting AS (SELECT acts.id FROM public.monitor_trainedmodel acts, public.monitor_trainedmodel this"  # noqa: S608
        " WHERE this.id = %(model)s AND (acts.id = this.id OR acts.state = 'active' AND acts.sensor <> this.sensor))"
        f" {_SCORES} WHERE model_id IN (SELECT id FROM acting) AND (row, col) IN"
        " (SELECT row, col FROM vault.score WHERE scene_id = ANY(%(scenes)s) AND model_id = %(model)s)"
        " ORDER BY row, col",
        {"model": model_id, "scenes": list(scene_ids)},
        today,
    )


def renew_states_at(cells: Collection[Cell], today: date) -> int:
    """The same for these cells, because other systems said something new of them; how many of them we have looked at.

    By the scores of the models that act. A cell that none of them has scored keeps its state until one does.
    """
    _write_public(cells, today)
    return _renew(
        f"{_SCORES} WHERE model_id IN (SELECT id FROM public.monitor_trainedmodel WHERE state = 'active')"  # noqa: S608
        " AND (row, col) IN (SELECT * FROM unnest(%(rows)s::int[], %(cols)s::int[])) ORDER BY row, col",
        {"rows": [row for row, _ in cells], "cols": [col for _, col in cells]},
        today,
    )


def _renew(query: str, values: Mapping[str, Any], today: date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    histories = [(cell, list(own)) for cell, own in groupby(rows, key=lambda row: (row["row"], row["col"]))]
    evidence = read_evidence([cell for cell, _ in histories])
    states: list[tuple[Any, ...]] = []
    afters: list[After] = []
    confirmed: dict[Cell, Confirmed | None] = {}
    for cell, history in histories:
        state, cell_afters, confirmed[cell] = _fold_cell(cell, history, evidence.get(cell, []), today)
        states.append(state)
        afters.extend(cell_afters)
    _write_states(states, afters)
    _write_confirmed(confirmed)
    return len(states)


def _fold_cell(
    cell: Cell, rows: list[dict[str, Any]], evidence: Sequence[Published], today: date
) -> tuple[tuple[Any, ...], list[After], Confirmed | None]:
    """The row of its state, what each score left, and whether another system's word ever made it active."""
    history = sorted(rows, key=lambda row: rank_look(_as_observation(row)))
    looks = [_as_observation(row) for row in history]
    beliefs = fold_states(looks)
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
    fused = fuse_evidence(looks, evidence, today) if evidence else Fused(beliefs[-1])
    state = fused.belief.state if seen else CellState.NOT_OBSERVED
    mine_class, probability = _strongest(last) if seen else ("none", None)
    confirmed = None
    if fused.confirmed_on is not None:
        holds = state is CellState.ACTIVE and beliefs[-1].state is not CellState.ACTIVE
        confirmed = (fused.confirmed_on, holds)
    return (
        (
            *cell,
            state.value,
            mine_class if state in {CellState.ACTIVE, CellState.SUSPECTED} else "none",
            probability,
            last["low"],
            last["high"],
            last["valid_share"],
            last["observed_on"],
            fused.belief.support,
            len(high_sensors),
            fused.agrees,
            _say_confidence(state, fused.belief.support, len(high_sensors), fused.agrees),
            " ".join(list_public(evidence, today)),
        ),
        afters,
        confirmed,
    )


def _say_confidence(state: CellState, support: int, systems: int, agrees: bool) -> str | None:
    return choose_confidence(support, systems, agrees).value if state is CellState.ACTIVE else None


def _as_observation(row: dict[str, Any]) -> Observation:
    return Observation(
        observed_on=row["observed_on"],
        mining=_mining(row) if row["observed"] else 0.0,
        has_reference=row["has_reference"],
        is_composite=row["observed_on"] - row["observed_from"] >= COMPOSITE_FROM,
        observed=row["observed"],
        is_familiar=row["familiar"],
        sensor=row["sensor"],
        observed_from=row["observed_from"],
        valid_share=row["valid_share"],
        alone=row["alone"],
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
            " observed_on, support, systems, agreed, confidence, public_elsewhere)"
            " SELECT * FROM unnest(%s::int[], %s::int[], %s::text[], %s::text[],"
            " %s::real[], %s::real[], %s::real[], %s::real[], %s::date[], %s::smallint[], %s::smallint[], %s::bool[],"
            " %s::text[], %s::text[])"
            " ON CONFLICT (row, col) DO UPDATE SET state = excluded.state, mine_class = excluded.mine_class,"
            " probability = excluded.probability, low = excluded.low, high = excluded.high,"
            " valid_share = excluded.valid_share, observed_on = excluded.observed_on, support = excluded.support,"
            " systems = excluded.systems, agreed = excluded.agreed,"
            " confidence = excluded.confidence, public_elsewhere = excluded.public_elsewhere",
            columns,
        )
        cursor.execute(
            "UPDATE vault.score s SET state_after = after.state FROM unnest(%s::int[], %s::int[], %s::uuid[],"
            " %s::uuid[], %s::text[]) AS after (row, col, scene_id, model_id, state)"
            " WHERE s.row = after.row AND s.col = after.col AND s.scene_id = after.scene_id"
            " AND s.model_id = after.model_id AND s.state_after IS DISTINCT FROM after.state",
            [list(column) for column in zip(*afters, strict=True)],
        )


def _write_confirmed(confirmed: Mapping[Cell, Confirmed | None]) -> None:
    """Keep which cells another system made active, and forget those that it did not, after all."""
    kept = {cell: what for cell, what in confirmed.items() if what is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM vault.confirmed_cell WHERE (row, col) IN (SELECT * FROM unnest(%s::int[], %s::int[]))",
            _columns(confirmed.keys() - kept.keys()),
        )
        cursor.execute(
            "INSERT INTO vault.confirmed_cell (row, col, confirmed_on, holds)"
            " SELECT * FROM unnest(%s::int[], %s::int[], %s::date[], %s::bool[])"
            " ON CONFLICT (row, col) DO UPDATE SET confirmed_on = excluded.confirmed_on, holds = excluded.holds",
            [*_columns(kept), [day for day, _ in kept.values()], [holds for _, holds in kept.values()]],
        )


def _write_public(cells: Collection[Cell], today: date) -> None:
    """Say of these cells who else has told of them, also of those that no model that acts has scored."""
    evidence = read_evidence(cells)
    names = [" ".join(list_public(evidence.get(cell, []), today)) for cell in cells]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE vault.cell_state s SET public_elsewhere = told.names"
            " FROM unnest(%s::int[], %s::int[], %s::text[]) AS told (row, col, names)"
            " WHERE s.row = told.row AND s.col = told.col AND s.public_elsewhere <> told.names",
            [*_columns(cells), names],
        )


def _columns(cells: Collection[Cell]) -> tuple[list[int], list[int]]:
    return [row for row, _ in cells], [col for _, col in cells]
