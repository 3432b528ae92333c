"""Gram sums: tiles add up to the whole, and the ridge is that of scikit-learn."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from monitor.detection.folds import FoldsNotPossible
from monitor.detection.gram import GramRidge, GramSums, solve_path, squared_error
from monitor.detection.heads import TrainingRefused


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


@pytest.mark.parametrize(("level", "spread"), [(0.1, 0.0), (1e4 / 3, 0.0), (1e6, 1.0), (0.0, 1e-12)])
def test_a_feature_far_from_zero_or_that_does_not_vary_is_taken_as_scikit_learn_takes_it(
    level: float, spread: float
) -> None:
    """Before, rounding made a feature of 0.1 throughout vary, and what was learnt of it decided once it was 0.2."""
    values, classes, blocks = make_rows()
    odd = level + spread * np.random.default_rng(5).normal(size=(120, 1))
    values = np.hstack([values, odd])
    model = GramRidge()
    for tile in np.split(np.arange(120), [7, 50]):
        model.partial_fit(values[tile], classes[tile], blocks[tile])
    plain = make_pipeline(StandardScaler(), Ridge(alpha=model.penalty_))
    plain.fit(values, (classes[:, None] == np.arange(3)).astype(float))
    later = values + np.append(np.zeros(7), spread or 0.1)
    np.testing.assert_allclose(model.decision_function(later), plain.predict(later), atol=1e-7)


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
    never = GramRidge()
    for name in ("penalty_", "coef_", "intercept_"):
        with pytest.raises(NotFittedError):
            getattr(never, name)


def test_numbers_that_say_nothing_are_refused_and_none_is_made_of_them() -> None:
    """Before, a cell that was not observed was predicted to be no mine, 0.9 was taken for none, blocks of one fold had the
    greatest penalty, and labels of one kind a model."""
    values, classes, blocks = make_rows()
    model = GramRidge().fit(values, classes, blocks)
    with pytest.raises(ValueError, match="not finite"):
        model.predict(np.where(values > 5, np.nan, values))
    with pytest.raises(ValueError, match="masked"):
        model.predict(np.ma.masked_greater(values, 5))
    with pytest.raises(ValueError, match="3 features, fitted were 7"):
        model.predict(values[:, :3])
    with pytest.raises(ValueError, match="had 7 features and 5 folds, this one has 3 and 5"):
        model.partial_fit(values[:, :3], classes, blocks)
    with pytest.raises(ValueError, match="whole numbers from 0"):
        GramRidge().fit(values, classes * 0.9, blocks)
    with pytest.raises(ValueError, match="groups must be whole numbers"):
        GramRidge().fit(values, classes, blocks / 4)
    with pytest.raises(FoldsNotPossible, match="All rows are of one fold"):
        GramRidge().fit(values, classes, blocks * 10).predict(values)
    with pytest.raises(TrainingRefused, match="say none only"):
        GramRidge().fit(values, classes * 0, blocks).predict(values)
    for name, value in (("folds", 1), ("folds", 2.5), ("penalties", ()), ("penalties", (0.0, 1.0))):
        with pytest.raises(ValueError, match=f"{name} must be"):
            GramRidge().set_params(**{name: value}).fit(values, classes, blocks)
    assert GramRidge(penalties=(1.0,)).fit(values, classes, blocks * 10).penalty_ == 1.0


def test_it_keeps_to_the_conventions_of_scikit_learn() -> None:
    values, classes, blocks = make_rows()
    model = GramRidge().fit(values, classes, blocks)
    assert (model.n_features_in_, model.coef_.shape, model.intercept_.shape) == (7, (7, 3), (3,))
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    np.testing.assert_array_equal(again.decision_function(values), model.decision_function(values))
    assert not hasattr(clone(model), "coef_")
    model.partial_fit(values[:0], classes[:0], blocks[:0])
    np.testing.assert_array_equal(again.decision_function(values), model.decision_function(values))
