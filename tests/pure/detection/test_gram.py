"""Gram sums: tiles add up to the whole, and the ridge is that of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from monitor.detection.gram import GramRidge, GramSums, solve_path, squared_error


def make_rows(count: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.normal(2, 3, (count, 7))
    classes = ((values[:, 0] > 2).astype(int) + (values[:, 1] > 5)) % 3
    return values, classes, rng.integers(0, 12, count)


@given(st.lists(st.integers(0, 120), max_size=6), st.integers(0, 4), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_tiles_in_any_order_teach_what_the_whole_teaches(cuts: list[int], seed: int, random: object) -> None:
    values, classes, blocks = make_rows(seed=seed)
    whole = GramRidge(folds=4).fit(values, classes, blocks)
    tiles = np.split(np.arange(120), sorted(cuts))
    random.shuffle(tiles)  # type: ignore[attr-defined]
    model = GramRidge(folds=4)
    for tile in tiles:
        model.partial_fit(values[tile], classes[tile], blocks[tile])
    np.testing.assert_allclose(model.decision_function(values), whole.decision_function(values), atol=1e-8)
    assert model.penalty_ == whole.penalty_


@pytest.mark.parametrize("penalty", [0.1, 100.0])
def test_the_ridge_is_that_of_scikit_learn_on_standardised_features(penalty: float) -> None:
    values, classes, _ = make_rows()
    targets = (classes[:, None] == np.arange(3)).astype(float)
    slopes, intercepts = solve_path(GramSums.of(values, targets), [penalty])
    plain = make_pipeline(StandardScaler(), Ridge(alpha=penalty)).fit(values, targets)
    np.testing.assert_allclose(values @ slopes[0] + intercepts[0], plain.predict(values), atol=1e-9)


def test_the_error_of_a_fold_is_told_without_its_rows() -> None:
    values, classes, _ = make_rows()
    targets = (classes[:, None] == np.arange(3)).astype(float)
    slopes, intercepts = np.random.default_rng(1).normal(size=(7, 3)), np.array([0.1, 0.2, 0.3])
    expected = ((values @ slopes + intercepts - targets) ** 2).mean(axis=0)
    np.testing.assert_allclose(squared_error(GramSums.of(values, targets), slopes, intercepts), expected)


def test_taking_sums_away_is_as_if_the_rows_had_never_been_there() -> None:
    values, classes, _ = make_rows()
    targets = (classes[:, None] == np.arange(3)).astype(float)
    left = GramSums.of(values, targets) - GramSums.of(values[:50], targets[:50])
    expected = GramSums.of(values[50:], targets[50:])
    for name in ("count", "x", "xx", "t", "xt", "tt"):
        np.testing.assert_allclose(getattr(left, name), getattr(expected, name), atol=1e-9)


def test_the_penalty_is_chosen_on_blocks_held_back() -> None:
    rng = np.random.default_rng(2)
    noise, classes, blocks = rng.normal(size=(60, 40)), rng.integers(0, 2, 60), np.arange(60) % 10
    assert GramRidge(penalties=(0.1, 1e4)).fit(noise, classes, blocks).predict(noise).shape == (60,)
    model = GramRidge(penalties=(0.1, 1e4)).fit(noise, classes, blocks)
    model.predict(noise)
    assert model.penalty_ == 1e4


def test_what_cannot_be_learnt_from_is_refused() -> None:
    values, classes, blocks = make_rows()
    with pytest.raises(ValueError, match="not finite"):
        GramRidge().fit(np.where(values > 5, np.nan, values), classes, blocks)
    with pytest.raises(ValueError, match="positions in none, artisanal, industrial"):
        GramRidge().fit(values, classes + 1, blocks)
    with pytest.raises(ValueError, match="one number a row"):
        GramRidge().fit(values, classes[:-1], blocks)
    with pytest.raises(NotFittedError):
        GramRidge().predict(values)
