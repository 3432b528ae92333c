"""A mine that stands, in the vault: what shows without the reference is kept with each score, and states heed it."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import numpy as np
import pytest
from django.db import transaction

from monitor.detection.detect import CHANGE, CellScores
from monitor.field.states import Observation, fold_states
from monitor.services.scenes import receive_scene
from monitor.vault.scores import lock_scoring, read_scene_dates, upsert_scores
from monitor.vault.states import renew_states
from tests.builders import make_stac_item
from tests.roles import read_rows

CELLS = np.arange(9210, 9213, dtype=np.int32), np.full(3, 20010, np.int32)
TODAY = date(2026, 1, 1)


class Look(NamedTuple):
    """A scene of one day: of each of the three cells how likely it is a mine, by change and without the reference (NaN where
    that is not known)."""

    day: date
    mining: list[float]
    alone: list[float]


def stand_for_years() -> list[Look]:
    """Three mines that are dug in one year: the first stands, the second regrows, of the third nothing is known alone."""
    first = date(2022, 1, 3)
    looks = [Look(first, [0.1] * 3, [0.1, 0.1, np.nan])]
    for number in (1, 2):
        looks.append(Look(first + timedelta(days=40 * number), [0.9] * 3, [0.7, 0.7, np.nan]))
    for number in range(8):
        day = first + timedelta(days=420 + 40 * number)
        looks.append(Look(day, [0.1] * 3, [0.3 + number / 30, 0.1, np.nan]))
    return looks


def arrive(model: UUID, looks: list[Look]) -> dict[date, UUID]:
    """Scenes are scored in this order, and states folded after each; their ids."""
    scenes = {}
    for day, mining, alone in looks:
        item = make_stac_item(id=f"scene-{day}")
        moment = datetime(day.year, day.month, day.day, 10, tzinfo=UTC).isoformat()
        item["properties"] = {"datetime": moment, "constellation": "sentinel-2"}
        scenes[day], _ = receive_scene(item, "", None, announce=False)
        sure = np.asarray(mining, np.float32)
        scores = CellScores(
            *CELLS,
            valid_share=np.ones(3, np.float32),
            probabilities=np.stack([1 - sure, sure, 0 * sure], axis=1),
            low=np.zeros(3, np.float32),
            high=np.ones(3, np.float32),
            basis=np.full(3, CHANGE),
            familiar=np.ones(3, np.bool_),
            observed=np.ones(3, np.bool_),
            alone=np.asarray(alone, np.float32),
        )
        lock_scoring()
        upsert_scores(scenes[day], model, read_scene_dates(scenes[day]), scores)
        renew_states([scenes[day]], model, TODAY)
    return scenes


def read_histories() -> list[tuple[object, ...]]:
    """Row, day, what shows alone and the state after it of each score."""
    return read_rows(
        "SELECT row, observed_on, alone::float8, state_after FROM vault.score ORDER BY row, observed_on"
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_mine_that_stands_is_kept_in_any_order_of_arrival_and_to_the_last_bit(
    model: UUID, seed: int
) -> None:
    looks = stand_for_years()
    with transaction.atomic():
        arrive(model, looks)
        in_order = read_histories()
        transaction.set_rollback(True)
    arrive(model, random.Random(seed).sample(looks, len(looks)))
    assert read_histories() == in_order
    expected: list[tuple[object, ...]] = []
    for place, row in enumerate(CELLS[0].tolist()):
        alone = [
            None if np.isnan(look.alone[place]) else float(np.float32(look.alone[place])) for look in looks
        ]
        history = [
            Observation(look.day, look.mining[place], True, False, sensor="sentinel-2", alone=known)
            for look, known in zip(looks, alone, strict=True)
        ]
        expected += [
            (row, look.day, known, belief.state.value)
            for look, known, belief in zip(looks, alone, fold_states(history), strict=True)
        ]
    assert in_order == expected
    states = dict(read_rows("SELECT row, state FROM vault.cell_state"))
    assert states == {9210: "active", 9211: "quiet", 9212: "quiet"}


def test_a_scene_that_is_scored_again_says_anew_what_shows_alone(model: UUID) -> None:
    first = Look(date(2022, 1, 3), [0.1] * 3, [0.25, 0.5, np.nan])
    arrive(model, [first])
    arrive(model, [first._replace(alone=[np.nan, 0.75, 0.5])])
    assert [alone for _, _, alone, _ in read_histories()] == [None, 0.75, 0.5]
