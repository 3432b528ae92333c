"""Metrics against scikit-learn, and their bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from monitor.detection.curves import roc_points
from monitor.detection.metrics import (
    MEASURES,
    area_under_roc,
    average_precision,
    brier_score,
    calibration_error,
    draw_weights,
    measure,
    recall_at_specificity,
    reliability,
)

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda n: n / 20), st.integers(0, 3)),
    min_size=2,
    max_size=50,
)


@settings(deadline=None)
@given(ROWS)
def test_figures_equal_those_of_scikit_learn_with_and_without_weights(
    rows: list[tuple[bool, float, int]],
) -> None:
    mining, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    assume(weight[mining].sum() > 0 and weight[~mining].sum() > 0)
    for weights in (None, weight.astype(float)):
        given_weights = np.ones(len(rows)) if weights is None else weights
        expected = roc_auc_score(mining, score, sample_weight=given_weights)
        assert area_under_roc(mining, score, weights) == pytest.approx(expected)
        expected = average_precision_score(mining, score, sample_weight=given_weights)
        assert average_precision(mining, score, weights) == pytest.approx(expected)
        expected = brier_score_loss(mining, score, sample_weight=given_weights)
        assert brier_score(mining, score, weights) == pytest.approx(expected)
        false, true, _ = roc_curve(mining, score, sample_weight=given_weights, drop_intermediate=False)
        expected = true[false <= 0.01 + 1e-12].max()
        assert recall_at_specificity(mining, score, weights) == pytest.approx(expected)


def test_recall_at_specificity_leaves_one_in_a_hundred_others_at_most() -> None:
    mining = np.array([True] * 10 + [False] * 200)
    score = np.concatenate([np.linspace(0.5, 0.95, 10), np.linspace(0, 0.4, 198), [0.6, 0.8]])
    # two of 200 may be called mines, so the threshold may fall to 0.41: every mine is found
    assert recall_at_specificity(mining, score) == 1.0
    score[100] = 0.7  # a third false alarm: the threshold must stay above 0.6
    assert recall_at_specificity(mining, score) == pytest.approx(0.7)


def test_calibration_error_is_the_mean_distance_from_the_diagonal() -> None:
    mining = np.array([True, False, False, False] * 10)
    assert calibration_error(mining, np.full(40, 0.25)) == pytest.approx(0)
    assert calibration_error(mining, np.full(40, 0.75)) == pytest.approx(0.5)
    table = reliability(mining, np.full(40, 1.0))
    assert table == [{"from": 0.9, "to": 1.0, "n": 40, "mean_probability": 1.0, "share_mining": 0.25}]


def test_figures_that_cannot_be_told_are_not_numbers() -> None:
    every, none = np.array([True, True]), np.array([False, False])
    assert np.isnan(area_under_roc(every, [0.1, 0.2]))
    assert np.isnan(average_precision(none, [0.1, 0.2]))
    assert np.isnan(recall_at_specificity(none, [0.1, 0.2]))
    assert np.isnan(brier_score(every, [0.1, 0.2], np.zeros(2)))
    assert np.isnan(calibration_error(every, [0.1, 0.2], np.zeros(2)))


def test_bootstrap_draws_whole_blocks() -> None:
    blocks = np.array([7, 7, 3, 3, 3, 9])
    weights = draw_weights(blocks, 50, seed=0)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, [0, 2, 5]].sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_the_interval_holds_the_value_and_is_wider_for_few_blocks() -> None:
    rng = np.random.default_rng(0)
    mining = rng.random(400) < 0.4
    score = np.clip(0.5 + 0.2 * mining + 0.2 * rng.standard_normal(400), 0, 1)
    widths = []
    for blocks in (np.arange(400), np.arange(400) % 6):
        auc = measure(mining, score, blocks, draws=300)["auc"]
        assert auc.low < auc.value < auc.high
        widths.append(auc.high - auc.low)
    assert widths[0] != widths[1]
    assert measure(mining, score, blocks, draws=50) == measure(mining, score, blocks, draws=50)


def test_neighbours_that_say_the_same_make_the_interval_wider() -> None:
    rng = np.random.default_rng(1)
    mining = np.repeat(rng.random(40) < 0.5, 10)
    score = np.repeat(rng.random(40), 10)
    by_cell = measure(mining, score, np.arange(400), draws=300)["auc"]
    by_block = measure(mining, score, np.repeat(np.arange(40), 10), draws=300)["auc"]
    assert by_block.high - by_block.low > 2 * (by_cell.high - by_cell.low)


def test_few_blocks_have_figures_and_no_interval() -> None:
    """Before, one block had an interval of no width: whatever is drawn, it is the same block."""
    rng = np.random.default_rng(0)
    mining = rng.random(400) < 0.4
    score = np.clip(0.5 + 0.2 * mining + 0.2 * rng.standard_normal(400), 0, 1)
    for count in (1, 4, 5):
        figures = measure(mining, score, np.arange(400) % count, draws=50)
        for name, figure in figures.items():
            assert figure.value == pytest.approx(MEASURES[name](mining, score, None))
            assert np.isfinite([figure.low, figure.high]).all() == (count == 5)


IS_MINE = np.array([True, True, False, False])
STATED = np.array([0.9, 0.8, 0.2, 0.1])
ASKED: dict[str, Callable[..., object]] = {
    **MEASURES,
    "reliability": reliability,
    "roc_points": roc_points,
    "measure": lambda mining, score: measure(mining, score, np.arange(len(score)), draws=3),
}
OF_PROBABILITIES = sorted(set(ASKED) & {"brier", "ece", "reliability", "measure"})


@pytest.mark.parametrize("name", ASKED)
def test_labels_of_1_and_0_give_what_true_and_false_give(name: str) -> None:
    """Before, ~1 was taken for -2 others: perfect scores of whole numbers had an AUC of 0.667."""
    expected = repr(ASKED[name](IS_MINE, STATED))
    assert repr(ASKED[name](IS_MINE.astype(int), STATED)) == expected
    assert repr(ASKED[name](IS_MINE.tolist(), STATED.tolist())) == expected


@pytest.mark.parametrize("name", ASKED)
def test_labels_and_scores_that_say_nothing_are_refused(name: str) -> None:
    for number in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not finite"):
            ASKED[name](IS_MINE, [number, 0.8, 0.2, 0.1])
    for labels in ([2, 1, 0, 0], [0.9, 1, 0, 0], [np.nan, 1, 0, 0]):
        with pytest.raises(ValueError, match="which classes are mines"):
            ASKED[name](np.array(labels), STATED)
    with pytest.raises(ValueError, match="one value for each cell"):
        ASKED[name](IS_MINE, STATED[:, None])


@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_what_is_no_probability_is_refused_and_a_rounded_sum_is_one(name: str) -> None:
    for number in (1.2, -0.1):
        with pytest.raises(ValueError, match="from 0 to 1"):
            ASKED[name](IS_MINE, [number, 0.8, 0.2, 0.1])
    assert repr(ASKED[name](IS_MINE, [1 + 1e-9, 0.8, 0.2, -1e-9])) == repr(
        ASKED[name](IS_MINE, [1, 0.8, 0.2, 0])
    )


def test_of_no_cells_nothing_can_be_told_and_blocks_are_one_for_each_cell() -> None:
    """Before, the one was a fault of numpy, and a single block stood for all cells without a word."""
    assert all(np.isnan([figure.value, figure.low]).all() for figure in measure([], [], []).values())
    with pytest.raises(ValueError, match="blocks must have one value for each cell"):
        measure([True, False], [0.9, 0.1], [7])
