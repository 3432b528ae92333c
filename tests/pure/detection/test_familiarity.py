"""Familiar ground: broken pictures are noticed, other ground of the same kind is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from monitor.detection.familiarity import QUANTILE, Familiarity, fit_familiarity
from monitor.detection.featurizer import Featurizer
from monitor.detection.partmaps import NO_MAP, Layout
from monitor.detection.rcf import Float32
from tests.pure.detection.invented import BANDS, ArrayScene, make_scene

Picture = Callable[[Float32], Float32]


def extract(featurizer: Featurizer, seed: int, spoil: Picture = lambda pixels: pixels) -> Float32:
    """Features of the cells of an invented scene, spoilt or not."""
    scene: ArrayScene = make_scene(200, 200, seed=seed)
    scene.pixels = np.where(scene.valid, spoil(scene.pixels), 0).astype(np.float32)
    cells = featurizer.extract(scene)
    return cells.values[cells.valid_share > 0.5]


def learn(values: Float32, layout: Layout) -> Familiarity:
    """The cloud of cells that lie ten to a block."""
    return fit_familiarity(values, layout, np.arange(len(values)) // 10)


@pytest.fixture(scope="module")
def featurizer() -> Featurizer:
    return Featurizer.fit([make_scene(200, 200, seed=1)], sensor="sentinel-2", bands=BANDS, n_patches=16)


def test_other_ground_of_the_same_kind_is_familiar(featurizer: Featurizer) -> None:
    known = learn(extract(featurizer, 1), featurizer.layout)
    assert known.holds(extract(featurizer, 2)).mean() > 0.9


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pixels: pixels + 0.3,
        lambda pixels: pixels * 10,
        lambda pixels: np.full_like(pixels, 0.3),
        lambda pixels: pixels[::-1] * np.array([3, 1, 0.2, 0.2, 1, 3], np.float32)[:, None, None],
        lambda pixels: np.where(np.arange(pixels.shape[1])[None, :, None] % 3, pixels, 2.0),
    ],
    ids=["offset", "scale", "even grey", "bands in the wrong order", "stripes"],
)
def test_a_broken_picture_is_not_familiar(featurizer: Featurizer, spoil: Picture) -> None:
    known = learn(extract(featurizer, 1), featurizer.layout)
    assert known.holds(extract(featurizer, 2, spoil)).mean() < 0.1


def test_most_of_what_was_learnt_from_is_familiar_and_the_farthest_does_not_set_the_reach() -> None:
    values = np.random.default_rng(0).standard_normal((400, 30)).astype(np.float32)
    values[0] = 1000
    for layout in (NO_MAP, Layout(answers=20)):
        held = learn(values, layout).holds(values)
        assert held.mean() >= QUANTILE / 100
        assert not held[0]


def test_summaries_that_do_not_go_together_are_not_familiar_although_each_is_usual() -> None:
    rng = np.random.default_rng(0)
    level = rng.standard_normal((300, 1))
    values = np.hstack([rng.standard_normal((300, 4)), level, level + 0.05 * rng.standard_normal((300, 1))])
    known = learn(values.astype(np.float32), Layout(answers=4))
    odd = np.array([[0, 0, 0, 0, 1.0, -1.0]], np.float32)
    assert known.holds(odd).tolist() == [False]
    assert known.holds(abs(odd)).tolist() == [True]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_handful_of_cells_is_enough_to_fit_to(count: int) -> None:
    values = np.random.default_rng(0).standard_normal((count, 12)).astype(np.float32)
    assert learn(values, Layout(answers=4)).holds(values).shape == (count,)
