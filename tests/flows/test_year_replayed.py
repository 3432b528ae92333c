"""A year of scenes by two sensors, replayed.

Whatever the order of arrival, and however often a worker dies over a scene, scores, states and sites are the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from django.db import transaction

from monitor.detection.featurizer import CellFeatures
from monitor.detection.survey import extract_scenes
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import parse_item
from monitor.services.claims import claim_scene
from monitor.services.detections import detect_scene
from monitor.services.scenes import receive_scene
from monitor.vault.features import save_features
from tests.builders import Cell, make_stac_item
from tests.cast import Cast
from tests.flows.mined_land import EASTERN_MINE, MinedLand
from tests.flows.route import (
    Trainee,
    let_act,
    list_scenes_by_item,
    read_scores,
    read_sites,
    read_states,
    stand,
)
from tests.flows.second_scene import lapse

pytestmark = pytest.mark.usefixtures("worker")

START = date(2025, 1, 3)
SENSORS = ("sentinel-2", "landsat")


class Picture(NamedTuple):
    """One scene of the year: its item and the features of its cells."""

    item: dict[str, Any]
    features: CellFeatures


@dataclass(frozen=True)
class Outcome:
    """What the vault holds in the end, without the ids that chance gave."""

    scores: dict[str, dict[Cell, tuple[Any, ...]]]
    states: dict[Cell, tuple[Any, ...]]
    sites: list[frozenset[Cell]]


@pytest.fixture(scope="module")
def year(land: MinedLand, trainee: Trainee) -> list[Picture]:
    """Scenes of single days: some in the same pass, some half under cloud; mines that are dug, and some given up."""
    items = [parse_item(item, "") for item in land.items.values()]
    access = AssetAccess(roots=(land.folder,))
    before, after = (
        scene.features for scene in extract_scenes(items, trainee.model.featurizer, [], access=access)
    )
    rng = np.random.default_rng(11)
    near = sorted(land.mined | {(row + 1, col) for row, col in land.mined} & land.whole)[:36]
    kept = np.flatnonzero(
        [(row, col) in set(near) for row, col in zip(before.rows, before.cols, strict=True)]
    )
    dug = START + timedelta(days=60)
    given_up = {cell for cell in near if rng.random() < 0.3} - EASTERN_MINE
    pictures = []
    for number in range(22):
        day = START + timedelta(days=16 * (number - number % 7 // 6))  # now and then two in one pass
        values = np.empty((len(kept), before.values.shape[1]), np.float32)
        for place, at in enumerate(kept):
            cell = (int(before.rows[at]), int(before.cols[at]))
            mined = dug < day < dug + timedelta(days=120) if cell in given_up else dug < day
            unclear = rng.random() < 0.15
            values[place] = (after if mined ^ unclear else before).values[at]
        share = np.where(rng.random(len(kept)) < 0.3, 0.0, rng.choice([0.7, 0.9, 1.0], len(kept)))
        sensor = SENSORS[number % 3 == 2]
        item = make_stac_item(id=f"{sensor}-{number}")
        item["properties"] = {"datetime": f"{day.isoformat()}T10:{number:02}:00Z", "constellation": sensor}
        values[share == 0] = np.nan
        own = CellFeatures(
            before.rows[kept], before.cols[kept], share.astype(np.float32), values, before.digest
        )
        pictures.append(Picture(item, own))
    return pictures


def arrive(pictures: Iterable[Picture]) -> list[UUID]:
    """Each scene is received with its features kept already, in this order."""
    scenes = []
    for item, features in pictures:
        scene_id, _ = receive_scene(item, "", None, announce=False)
        save_features(scene_id, features)
        scenes.append(scene_id)
    return scenes


def look_around(models: Sequence[UUID]) -> Outcome:
    """What there is now."""
    scores = {
        name: {cell: tuple(row) for model in models for cell, row in read_scores(scene, model).items()}
        for name, scene in list_scenes_by_item().items()
    }
    return Outcome(scores, read_states(), read_sites())


def assert_alike(one: Outcome, other: Outcome) -> None:
    """The same words and, to the last digits, the same numbers."""
    assert one.sites == other.sites
    assert one.scores.keys() == other.scores.keys()
    for mine, theirs in [
        (one.states, other.states),
        *((one.scores[name], other.scores[name]) for name in one.scores),
    ]:
        assert mine.keys() == theirs.keys()
        for cell, values in mine.items():
            for left, right in zip(values, theirs[cell], strict=True):
                assert left == (pytest.approx(right, abs=1e-5) if isinstance(right, float) else right), cell


class Died(Exception):
    """A worker that ends in the middle of its transaction."""


@pytest.fixture
def models(cast: Cast, trainee: Trainee) -> list[UUID]:
    """A model for each sensor."""
    landsat = replace(
        trainee, model=replace(trainee.model, featurizer=replace(trainee.model.featurizer, sensor="landsat"))
    )
    return [let_act(each, cast.anna.user) for each in (trainee, landsat)]


def replay(
    models: Sequence[UUID], pictures: Sequence[Picture], deaths: random.Random | None = None
) -> Outcome:
    """What there is after all scenes, in this order; then it is taken back."""
    with transaction.atomic():
        for scene_id in arrive(pictures):
            if deaths is not None and deaths.random() < 0.4:
                die_over(scene_id, deaths)
            detect_scene(scene_id)
            assert stand(scene_id) == [("scored", "")]
        outcome = look_around(models)
        transaction.set_rollback(True)
    return outcome


def test_a_year_gives_the_same_however_few_cells_are_scored_at_a_time(
    models: list[UUID], year: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = replay(models, year)
    monkeypatch.setattr("monitor.services.scores.PORTION_CELLS", 5)
    assert_alike(whole, replay(models, year))


def test_a_year_gives_the_same_whatever_the_order_of_arrival_and_whoever_dies(
    models: list[UUID], year: list[Picture]
) -> None:
    first = replay(models, year)
    assert len(first.sites) > 3
    believed = {values[0] for values in first.states.values()}
    assert believed >= {"active", "quiet"}
    for seed in range(4):
        shuffled = random.Random(seed).sample(year, len(year))
        assert_alike(first, replay(models, shuffled))
    assert_alike(first, replay(models, year[::-1], random.Random(5)))


def die_over(scene_id: UUID, chance: random.Random) -> None:
    """A worker claims the scene and dies: before it writes anything, or after everything but the commit."""
    if chance.random() < 0.5:
        assert claim_scene(scene_id) is not None
        lapse(scene_id)
        return
    with suppress(Died), transaction.atomic():
        detect_scene(scene_id)
        raise Died
    assert stand(scene_id) == [("received", "")]
