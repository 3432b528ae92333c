"""From scores to probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.calibration import fit_calibrator


def make_scores(count: int, classes: int = 2, repeats: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    places = rng.integers(0, classes, count)
    scores = 0.3 * rng.standard_normal((repeats, count, classes))
    scores += 0.4 * (places[:, None] == np.arange(classes))
    return scores, places, rng.integers(0, 20, count)


def test_probabilities_say_how_often_they_are_right() -> None:
    scores, places, blocks = make_scores(4000)
    calibrator = fit_calibrator(scores[:, :2000], places[:2000], blocks[:2000], draws=0)
    stated = calibrator.probabilities(scores[0, 2000:])[:, 1]
    for low in np.arange(0, 1, 0.2):
        own = (stated >= low) & (stated < low + 0.2)
        assert places[2000:][own].mean() == pytest.approx(stated[own].mean(), abs=0.06)


@pytest.mark.parametrize("classes", [2, 3])
def test_rows_sum_to_one_and_grow_with_their_score(classes: int) -> None:
    scores, places, blocks = make_scores(600, classes)
    calibrator = fit_calibrator(scores, places, blocks, draws=0)
    stated = calibrator.probabilities(scores[0])
    np.testing.assert_allclose(stated.sum(axis=1), 1)
    for place in range(classes):
        assert np.corrcoef(stated[:, place], places == place)[0, 1] > 0.4


def test_the_interval_holds_the_probability_and_narrows_with_more_cells() -> None:
    widths = []
    for count in (60, 3000):
        scores, places, blocks = make_scores(count)
        calibrator = fit_calibrator(scores, places, blocks, draws=50)
        column = np.ones(count, np.int64)
        low, high = calibrator.interval(scores[0], column)
        stated = calibrator.probabilities(scores[0])[:, 1]
        assert ((low <= stated) & (stated <= high)).all()
        assert ((low >= 0) & (high <= 1)).all()
        widths.append((high - low).mean())
    assert widths[1] < 0.5 * widths[0]


def test_an_interval_of_one_draw_still_holds_the_probability() -> None:
    scores, places, blocks = make_scores(100)
    calibrator = fit_calibrator(scores, places, blocks, draws=1)
    low, high = calibrator.interval(scores[0], np.ones(100, np.int64))
    stated = calibrator.probabilities(scores[0])[:, 1]
    assert ((low <= stated) & (stated <= high)).all()
    assert (low < high).any()


def test_without_draws_the_interval_is_the_probability() -> None:
    scores, places, blocks = make_scores(100)
    calibrator = fit_calibrator(scores, places, blocks, draws=0)
    low, high = calibrator.interval(scores[0], np.ones(100, np.int64))
    np.testing.assert_array_equal(low, high)


def test_scores_that_put_mines_below_others_are_not_turned_round() -> None:
    """Every cell has the share of mines, in the calibrator and in each of its draws."""
    scores, places, blocks = make_scores(400)
    places[:300] = 0  # so that the share is not a half
    wrong = fit_calibrator(-scores, places, blocks, draws=20)
    assert wrong.tells_nothing
    np.testing.assert_allclose(wrong.probabilities(-scores[0])[:, 1], places.mean())
    low, high = wrong.interval(-scores[0], np.ones(400, np.int64))
    assert (low < places.mean()).all()
    assert np.ptp(high) < 1e-12
    right = fit_calibrator(scores, places, blocks, draws=20)
    assert not right.tells_nothing
    assert (right.slopes[:, 0, 1] >= 0).all()


def test_a_class_whose_score_points_the_wrong_way_does_not_spoil_the_others() -> None:
    scores, places, blocks = make_scores(900, 3)
    scores[:, :, 2] *= -1
    calibrator = fit_calibrator(scores, places, blocks, draws=0)
    assert not calibrator.tells_nothing
    assert not calibrator.slopes[0, 1].any()
    stated = calibrator.probabilities(scores[0])
    assert np.corrcoef(stated[:, 1], places == 1)[0, 1] > 0.4


def test_repeats_of_the_same_scores_change_nothing() -> None:
    scores, places, blocks = make_scores(200)
    once = fit_calibrator(scores, places, blocks, draws=5)
    thrice = fit_calibrator(np.repeat(scores, 3, axis=0), places, blocks, draws=5)
    np.testing.assert_allclose(thrice.probabilities(scores[0]), once.probabilities(scores[0]), atol=1e-3)


def test_classes_that_scores_separate_keep_finite_probabilities() -> None:
    places = np.repeat([0, 1], 30)
    scores = np.stack([1.0 - places, places.astype(float)], axis=1)[None]
    calibrator = fit_calibrator(scores, places, np.arange(60) % 10, draws=10)
    stated = calibrator.probabilities(scores[0])
    assert 0.5 < stated[-1, 1] < 1


def test_the_same_seed_draws_the_same_intervals() -> None:
    scores, places, blocks = make_scores(100)
    one, again, other = (fit_calibrator(scores, places, blocks, draws=10, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.slopes, again.slopes)
    assert not np.array_equal(one.slopes, other.slopes)


def test_probabilities_moved_to_another_share_are_right_where_that_share_are_mines() -> None:
    """Mines and others look the same; nine of ten mines are taken away."""
    scores, places, blocks = make_scores(8000)
    calibrator = fit_calibrator(scores[:, :2000], places[:2000], blocks[:2000], draws=3)
    rare = np.arange(8000)[2000:]
    rare = rare[(places[rare] == 0) | (rare % 10 == 0)]
    share = float(places[rare].mean())
    moved = calibrator.expect_share(float(places[:2000].mean()), share)
    assert calibrator.probabilities(scores[0, rare])[:, 1].mean() > 2 * share
    assert moved.probabilities(scores[0, rare])[:, 1].mean() == pytest.approx(share, abs=0.01)
    low, high = moved.interval(scores[0, rare], np.ones(len(rare), np.int64))
    assert (low <= high).all()
    assert high.mean() < calibrator.interval(scores[0, rare], np.ones(len(rare), np.int64))[0].mean()


def test_kinds_of_mines_keep_their_proportion_when_the_share_moves() -> None:
    scores, places, blocks = make_scores(600, 3)
    calibrator = fit_calibrator(scores, places, blocks, draws=0)
    before = calibrator.probabilities(scores[0])
    after = calibrator.expect_share(0.6, 0.05).probabilities(scores[0])
    np.testing.assert_allclose(after[:, 1] / after[:, 2], before[:, 1] / before[:, 2])
    assert (after[:, 1:].sum(axis=1) < before[:, 1:].sum(axis=1)).all()
