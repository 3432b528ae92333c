"""Scenes that do not lie upon those before them: refused, not observed, and no false alarm; in whatever order they come."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.roles import Role
from monitor.models import Scene
from tests.api.conftest import WebClient
from tests.builders import Cell
from tests.cast import Cast, hire
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


def second(folder: Path, rough_land: MinedLand, pixels: int) -> dict[str, Any]:
    """The second quarter, moved."""
    return move(write(folder, "t1", rough_land.mined, seed=1), pixels)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("pixels", [0, 1])
def test_a_scene_that_lies_right_or_nearly_so_is_scored(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path, pixels: int
) -> None:
    let_act(rough_trainee, cast.anna.user)
    scenes = walk(rough_land.items["t0"], second(tmp_path, rough_land, pixels))
    assert stand(*scenes) == [("scored", "")] * 2
    assert len(rough_land.mined - cells_in("active")) <= 1


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("pixels", [3, 5, 10, -5])
def test_a_scene_beside_the_others_is_refused_and_leaves_everything_as_it_was(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path, pixels: int
) -> None:
    model_id = let_act(rough_trainee, cast.anna.user)
    (first,) = walk(rough_land.items["t0"])
    alerts = read_alerts()
    states = {cell: state for cell, state in read_states().items() if state[0] != "not_observed"}
    (moved,) = walk(second(tmp_path, rough_land, pixels))
    assert stand(first, moved) == [("scored", ""), ("refused", "misregistered")]
    assert {row.observed for row in read_scores(moved, model_id).values()} == {False}
    assert read_alerts() == alerts
    assert {cell: state for cell, state in read_states().items() if state[0] != "not_observed"} == states


@pytest.mark.usefixtures("worker")
def test_the_next_scene_is_compared_with_the_one_that_it_lies_upon(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path
) -> None:
    let_act(rough_trainee, cast.anna.user)
    honest = write(tmp_path, "t2", rough_land.mined, period=LATER, seed=2)
    scenes = walk(rough_land.items["t0"], second(tmp_path, rough_land, 5), honest)
    assert stand(*scenes) == [("scored", ""), ("refused", "misregistered"), ("scored", "")]
    assert len(rough_land.mined - cells_in("active")) <= 1


@pytest.mark.usefixtures("worker")
def test_where_the_first_scene_was_the_wrong_one_only_one_is_lost_whatever_the_order(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path
) -> None:
    model_id = let_act(rough_trainee, cast.anna.user)
    items = [
        move(write(tmp_path, "t0"), 5),
        write(tmp_path, "t1", seed=1),
        write(tmp_path, "t2", rough_land.mined, period=LATER, seed=2),
    ]
    outcomes: list[tuple[list[tuple[str, str]], dict[Cell, tuple[Any, ...]], Any]] = []
    for order in permutations(items):
        with transaction.atomic():
            walk(*order)
            scenes = [list_scenes_by_item()[item["id"]] for item in items]
            seen = [
                {cell: row.observed for cell, row in read_scores(scene, model_id).items()} for scene in scenes
            ]
            outcomes.append((stand(*scenes), read_states(), seen))
            transaction.set_rollback(True)
    assert outcomes[0][0] == [("scored", ""), ("refused", "misregistered"), ("scored", "")]
    assert (
        len(rough_land.mined - {cell for cell, state in outcomes[0][1].items() if state[0] == "active"}) <= 1
    )
    for other in outcomes[1:]:
        assert other[0] == outcomes[0][0]
        assert other[2] == outcomes[0][2]
        assert {cell: state[0] for cell, state in other[1].items()} == {
            cell: state[0] for cell, state in outcomes[0][1].items()
        }


@pytest.mark.usefixtures("worker")
def test_a_scene_that_was_refused_for_how_it_lies_is_read_anew_when_it_is_mended(
    cast: Cast, rough_land: MinedLand, rough_trainee: Trainee, tmp_path: Path
) -> None:
    let_act(rough_trainee, cast.anna.user)
    item = second(tmp_path, rough_land, 5)
    _, moved = walk(rough_land.items["t0"], item)
    assert walk(item) == [moved]
    assert stand(moved) == [("refused", "misregistered")]
    second(tmp_path, rough_land, 0)
    assert walk(item) == [moved]
    assert stand(moved) == [("scored", "")]
    assert len(rough_land.mined - cells_in("active")) <= 1
    assert Scene.objects.get(id=moved).detail == ""


@pytest.mark.usefixtures("worker")
def test_another_model_looks_at_it_again(
    cast: Cast,
    rough_land: MinedLand,
    rough_trainee: Trainee,
    rough_successor: Trainee,
    tmp_path: Path,
    ringing: Ringing,
) -> None:
    let_act(rough_trainee, cast.anna.user)
    _, moved = walk(rough_land.items["t0"], second(tmp_path, rough_land, 5))
    with ringing():
        new = let_act(rough_successor, cast.anna.user)
    assert stand(moved) == [("refused", "misregistered")]
    assert Scene.objects.get(id=moved).scored_by_id == new
    assert {row.observed for row in read_scores(moved, new).values()} == {False}


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
    for item in (rough_land.items["t0"], second(tmp_path, rough_land, 5)):
        with ringing():
            answer = web.as_(cast.finn).post("/api/v1/scenes", item, format="json")
        told.append(web.as_(cast.finn).get(answer["Location"]).json())
    assert [scene["state"] for scene in told] == ["scored", "refused"]
    assert told[1]["cause"] == "misregistered"
    assert "20 m" in told[1]["detail"]


def test_another_feeder_learns_that_there_are_others_of_the_ground_and_nothing_else(
    web: WebClient,
    cast: Cast,
    rough_land: MinedLand,
    rough_trainee: Trainee,
    tmp_path: Path,
    ringing: Ringing,
) -> None:
    """A stated limit. The others stay out of sight."""
    let_act(rough_trainee, cast.anna.user)
    fay = web.as_(hire("fay", Role.FEEDER))
    for client, item in (
        (web.as_(cast.finn), rough_land.items["t0"]),
        (fay, second(tmp_path, rough_land, 5)),
    ):
        with ringing():
            client.post("/api/v1/scenes", item, format="json")
    (own,) = fay.get("/api/v1/scenes").json()["items"]
    assert (own["state"], own["cause"]) == ("refused", "misregistered")
    assert str(Scene.objects.get(received_by=cast.finn.user).id) not in str(own)
