"""Ridge with its penalty chosen in folds: the short way gives what the long way gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from monitor.detection.folds import split_blocks
from monitor.detection.metrics import area_under_roc
from monitor.detection.ridge import fit_ridge

PENALTIES = (0.1, 10.0, 1000.0)


def make_rows(count: int, features: int, classes: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    places = rng.integers(0, classes, count)
    values = rng.normal(3, 2, (count, features)).astype(np.float32)
    values[:, 0] += 1.5 * (places > 0)
    values[:, 1] += 3 * (places > 1)
    return values, places, rng.integers(0, 15, count)


@pytest.mark.parametrize("shape", [(60, 200), (200, 20)])
def test_scores_of_cells_held_back_equal_a_fit_without_their_blocks(shape: tuple[int, int]) -> None:
    values, places, blocks = make_rows(*shape)
    fitted = fit_ridge(values, places, blocks, penalties=PENALTIES, repeats=2, seed=4)
    targets = (places[:, None] == np.unique(places)).astype(float)
    standard = StandardScaler().fit_transform(values.astype(float))
    for repeat in range(2):
        for fit_on, judge_on in split_blocks(places, blocks, 5, 4 + repeat):
            ridge = Ridge(alpha=fitted.penalty).fit(standard[fit_on], targets[fit_on])
            np.testing.assert_allclose(
                fitted.out_of_fold[repeat, judge_on], ridge.predict(standard[judge_on]), atol=1e-8
            )


def test_the_estimator_is_a_plain_ridge_on_all_rows() -> None:
    values, places, blocks = make_rows(80, 30, classes=3)
    fitted = fit_ridge(values, places, blocks, penalties=(10.0,), repeats=1)
    plain = make_pipeline(StandardScaler(), Ridge(alpha=10.0))
    plain.fit(values.astype(float), (places[:, None] == np.arange(3)).astype(float))
    np.testing.assert_allclose(fitted.estimator.predict(values), plain.predict(values), atol=1e-6)


def test_the_penalty_is_the_one_that_orders_held_back_cells_best() -> None:
    values, places, blocks = make_rows(60, 200)
    order = {
        penalty: np.mean(
            [
                area_under_roc(places != 0, -repeat[:, 0])
                for repeat in fit_ridge(values, places, blocks, penalties=(penalty,)).out_of_fold
            ]
        )
        for penalty in PENALTIES
    }
    assert fit_ridge(values, places, blocks, penalties=PENALTIES).penalty == max(
        PENALTIES, key=order.__getitem__
    )


def test_of_equally_good_penalties_the_greatest_wins() -> None:
    values = np.repeat(np.array([[0.0], [1.0]], np.float32), 20, axis=0)
    places, blocks = np.repeat([0, 1], 20), np.tile(np.arange(10), 4)
    assert fit_ridge(values, places, blocks, penalties=PENALTIES).penalty == 1000.0
