"""Scenes in another light than those before them: refused, not observed, and no false alarm; in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from django.db import transaction

from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.mined_land import MinedLand
from tests.flows.rough_land import LATER, move, write
from tests.flows.route import (
    Trainee,
    cells_in,
    let_act,
    list_scenes_by_item,
    read_alerts,
    read_scores,
    read_states,
    stand,
    walk,
)

pytestmark = pytest.mark.usefixtures("_readable_rough_land")
Pixels = npt.NDArray[np.uint16]
SPOILS: dict[str, Callable[[Pixels], Pixels]] = {
    "darker": lambda pixels: (pixels * 0.7).astype(pixels.dtype),
    "brighter": lambda pixels: (pixels * 1.4).astype(pixels.dtype),
}


def spoil(item: dict[str, Any], how: str) -> dict[str, Any]:
    """The same scene, broken."""
    with rasterio.open(item["assets"]["image"]["href"], "r+") as file:
        file.write(SPOILS[how](file.read()))
    return item


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", SPOILS)
def test_a_scene_unlike_the_others_is_refused_and_leaves_everything_as_it_was(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path, how: str
) -> None:
    model_id = let_act(rough_trainee, cast.anna.user)
    (first,) = walk(rough_land.items["t0"])
    alerts = read_alerts()
    states = {cell: state for cell, state in read_states().items() if state[0] != "not_observed"}
    (odd,) = walk(spoil(write(tmp_path, "t1", seed=1), how))
    assert {cell: state for cell, state in read_states().items() if state[0] != "not_observed"} == states
    assert read_alerts() == alerts
    assert {row.observed for row in read_scores(odd, model_id).values()} == {False}
    assert stand(first, odd) == [("scored", ""), ("refused", "unlike_before")]


@pytest.mark.usefixtures("worker")
def test_a_mine_in_every_cell_at_once_is_believed(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path
) -> None:
    let_act(rough_trainee, cast.anna.user)
    scenes = walk(rough_land.items["t0"], write(tmp_path, "t1", rough_land.whole, seed=1))
    assert stand(*scenes) == [("scored", "")] * 2
    assert len(cells_in("active")) > 0.9 * len(rough_land.whole)


@pytest.mark.usefixtures("worker")
def test_where_the_first_scene_was_the_odd_one_only_one_is_lost_whatever_the_order(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path
) -> None:
    model_id = let_act(rough_trainee, cast.anna.user)
    items = [
        spoil(write(tmp_path, "t0"), "darker"),
        write(tmp_path, "t1", seed=1),
        write(tmp_path, "t2", rough_land.mined, period=LATER, seed=2),
    ]
    outcomes: list[Any] = []
    for order in permutations(items):
        with transaction.atomic():
            walk(*order)
            scenes = [list_scenes_by_item()[item["id"]] for item in items]
            seen = [
                {cell: row.observed for cell, row in read_scores(scene, model_id).items()} for scene in scenes
            ]
            states = {cell: state[0] for cell, state in read_states().items()}
            outcomes.append((stand(*scenes), states, seen))
            transaction.set_rollback(True)
    assert outcomes[0][0] == [("scored", ""), ("refused", "unlike_before"), ("scored", "")]
    assert len(rough_land.mined - {cell for cell, state in outcomes[0][1].items() if state == "active"}) <= 1
    assert all(other == outcomes[0] for other in outcomes)


@pytest.mark.usefixtures("worker")
def test_a_refusal_has_the_cause_of_the_scenes_that_are_there_whatever_the_order(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path
) -> None:
    """Beside the dark scene alone the last one is too bright; beside the first it lies elsewhere."""
    let_act(rough_trainee, cast.anna.user)
    items = [
        rough_land.items["t0"],
        spoil(write(tmp_path, "t1", seed=1), "darker"),
        move(write(tmp_path, "t2", period=LATER, seed=2), 5),
    ]
    outcomes = []
    for order in permutations(items):
        with transaction.atomic():
            walk(*order)
            outcomes.append(stand(*(list_scenes_by_item()[item["id"]] for item in items)))
            transaction.set_rollback(True)
    assert outcomes == [[("scored", ""), ("refused", "unlike_before"), ("refused", "misregistered")]] * 6


def test_whoever_handed_it_in_is_told_the_cause_and_no_place(
    web: WebClient,
    cast: Cast,
    rough_land: MinedLand,
    rough_trainee: Trainee,
    tmp_path: Path,
    ringing: Ringing,
) -> None:
    let_act(rough_trainee, cast.anna.user)
    told: list[dict[str, Any]] = []
    for item in (rough_land.items["t0"], spoil(write(tmp_path, "t1", rough_land.mined, seed=1), "darker")):
        with ringing():
            answer = web.as_(cast.finn).post("/api/v1/scenes", item, format="json")
        told.append(web.as_(cast.finn).get(answer["Location"]).json())
    assert [scene["state"] for scene in told] == ["scored", "refused"]
    assert told[1]["cause"] == "unlike_before"
    assert "darker" in told[1]["detail"]
    again = spoil(write(tmp_path, "t1", rough_land.whole, seed=1), "darker")
    with ringing():
        answer = web.as_(cast.finn).post("/api/v1/scenes", again, format="json")
    # the words are the same whatever is mined
    assert web.as_(cast.finn).get(answer["Location"]).json()["detail"] == told[1]["detail"]
