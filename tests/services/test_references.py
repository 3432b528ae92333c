"""The vault finds the references that training finds: one rule, written in two languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from numpy.random import Generator

from monitor.detection.change import SceneFeatures, pair_features
from monitor.detection.detect import CHANGE, CellScores
from monitor.detection.featurizer import CellFeatures
from monitor.services.scenes import receive_scene
from monitor.vault.scores import find_references, read_scene_dates, upsert_scores
from tests.builders import make_stac_item

SENSOR, LEAST = "sentinel-2", 0.5
CELLS = np.arange(9210, 9216, dtype=np.int32), np.full(6, 20010, np.int32)


@pytest.mark.parametrize("every", [1, 150])
@pytest.mark.parametrize("seed", range(4))
def test_the_vault_finds_the_references_that_training_finds(model: UUID, seed: int, every: int) -> None:
    chance = np.random.default_rng(seed)
    scenes = [make_scene(chance, f"scene-{number}", every) for number in chance.permutation(24)]
    ids = [store(scene, model) for scene in scenes]
    without = {int(position) for position in chance.choice(len(scenes), 2, replace=False)}
    is_known = 0
    for now, scene_id in zip(scenes, ids, strict=True):
        passed = [ids[position] for position in without]
        found = find_references(scene_id, model, read_scene_dates(scene_id), now.features, LEAST, passed)
        told = np.full(len(CELLS[0]), -1)
        for reference, cells in found.items():
            told[cells] = ids.index(reference)
        others = [scene for position, scene in enumerate(scenes) if position not in without]
        paired = pair_features(now, others, LEAST).source
        expected = [scenes.index(others[at]) if at >= 0 else -1 for at in paired.tolist()]
        assert told.tolist() == expected
        is_known += sum(at >= 0 for at in expected)
    assert is_known > 60


def make_scene(chance: Generator, item_id: str, every: int = 1) -> SceneFeatures:
    """One scene of a day, or a composite, of three years; some cells of it are under cloud. every: days between passes,
    which several scenes share."""
    begin = datetime(2022, 1, 1, 10, tzinfo=UTC) + timedelta(
        days=int(chance.integers(3 * 365 // every)) * every
    )
    begin += timedelta(minutes=int(chance.choice([0, 0, 40])))
    end = begin + timedelta(days=int(chance.choice([0, 0, 45])))
    share = chance.choice([0.0, 0.4, 0.5, 1.0], len(CELLS[0])).astype(np.float32)
    features = CellFeatures(
        *CELLS, share, chance.normal(size=(len(CELLS[0]), 2)).astype(np.float32), "digest"
    )
    return SceneFeatures(item_id, SENSOR, begin, end, end > begin, features)


def store(scene: SceneFeatures, model: UUID) -> UUID:
    """The scene with scores of all its cells, as when it was scored."""
    item = make_stac_item(id=scene.item_id)
    span = {"start_datetime": scene.observed_from.isoformat(), "end_datetime": scene.observed_to.isoformat()}
    item["properties"] = {"datetime": None, "constellation": SENSOR} | span
    scene_id, _ = receive_scene(item, "", None, announce=False)
    count = len(CELLS[0])
    scores = CellScores(
        *CELLS,
        valid_share=scene.features.valid_share,
        probabilities=np.full((count, 3), 1 / 3, np.float32),
        low=np.zeros(count, np.float32),
        high=np.ones(count, np.float32),
        basis=np.full(count, CHANGE),
        familiar=np.ones(count, np.bool_),
        observed=scene.features.valid_share >= LEAST,
        alone=np.full(count, np.nan, np.float32),
    )
    upsert_scores(scene_id, model, read_scene_dates(scene_id), scores)
    return scene_id
