"""Curves and the meaning of a calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.curves import (
    chance_error,
    error_at_share,
    move_share,
    precision_recall_points,
    roc_points,
)
from monitor.detection.metrics import area_under_roc, calibration_error


def make_scores(count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are exactly right."""
    rng = np.random.default_rng(seed)
    stated = rng.random(count)
    return rng.random(count) < stated, stated


def test_the_roc_runs_from_nothing_to_everything_and_holds_the_auc() -> None:
    mining, score = make_scores()
    points = np.array(roc_points(mining, score))
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert (np.diff(points, axis=0) >= 0).all()
    assert len(points) <= 60
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(area_under_roc(mining, score), abs=0.01)


def test_precision_ends_at_the_share_of_mines() -> None:
    mining, score = make_scores()
    points = precision_recall_points(mining, score)
    assert points[-1] == [1.0, pytest.approx(mining.mean(), abs=1e-3)]


def test_without_both_kinds_there_is_no_curve() -> None:
    nothing = np.zeros(5, np.bool_)
    assert roc_points(nothing, np.arange(5)) == precision_recall_points(nothing, np.arange(5)) == []
    assert np.isnan(error_at_share(nothing, np.full(5, 0.2)))


def test_right_probabilities_show_the_error_of_chance_and_no_more() -> None:
    found = [calibration_error(*make_scores(seed=seed)) for seed in range(40)]
    by_chance = chance_error(make_scores()[1])
    assert np.mean(found) == pytest.approx(by_chance.value, abs=0.006)
    assert 0.85 < np.mean([by_chance.low <= error <= by_chance.high for error in found]) <= 1
    assert by_chance.low < by_chance.value < by_chance.high
    assert chance_error(make_scores(100)[1]).value > 1.5 * chance_error(make_scores(1000)[1]).value


def test_wrong_probabilities_show_more_than_chance() -> None:
    mining, stated = make_scores()
    assert calibration_error(mining, stated**3) > chance_error(stated**3).high
    assert np.isnan(chance_error([]).value)


def test_another_share_of_mines_alone_is_taken_out() -> None:
    mining, stated = make_scores(4000)
    odds = stated / (1 - stated) * 5
    inflated = odds / (1 + odds)
    assert calibration_error(mining, inflated) > 0.2
    assert error_at_share(mining, inflated) < 0.04


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_moved_probabilities_have_the_share_and_keep_their_order(share: float) -> None:
    stated = make_scores()[1]
    moved = move_share(stated, share)
    assert moved.mean() == pytest.approx(share, abs=1e-6)
    np.testing.assert_array_equal(np.argsort(moved), np.argsort(stated))
