"""Scores of the cells of a scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.change import FeaturesDiffer
from monitor.detection.detect import detect_cells, withhold_scores
from monitor.detection.featurizer import CellFeatures
from monitor.detection.model import MineModel
from monitor.detection.train import fit_model
from tests.pure.detection.invented import QUICK, make_cells, make_features, make_featurizer


def make_model() -> MineModel:
    featurizer = make_featurizer()
    return fit_model(replace(make_cells(), digest=featurizer.digest), featurizer, QUICK)


MODEL = make_model()
PLACES = [(9000, 20000 + number) for number in range(6)]


def features(shares: list[float], places: list[tuple[int, int]] = PLACES, seed: int = 0) -> CellFeatures:
    values = np.random.default_rng(seed).standard_normal((len(places), 12))
    values[np.array(shares) == 0] = np.nan
    return make_features(places, values, shares, MODEL.featurizer.digest)


def test_a_cell_that_shows_too_little_is_not_observed() -> None:
    scores = detect_cells(features([1.0, 0.49, 0.0, 0.5, 1.0, 1.0]), None, MODEL)
    assert scores.observed.tolist() == [True, False, False, True, True, True]
    for numbers in (scores.probabilities, scores.low, scores.high, scores.mining):
        assert np.isnan(numbers[~scores.observed]).all()
        assert np.isfinite(numbers[scores.observed]).all()
    assert scores.basis.tolist() == ["single", "", "", "single", "single", "single"]


def test_a_cell_is_judged_by_change_where_the_reference_shows_it() -> None:
    reference = features([1.0, 0.1, 1.0], [PLACES[4], PLACES[0], PLACES[2]], seed=1)
    scores = detect_cells(features([1.0] * 6), reference, MODEL)
    assert scores.basis.tolist() == ["single", "single", "change", "single", "change", "single"]
    expected = MODEL.predict(features([1.0] * 6).values[[4]], reference.values[[0]])
    np.testing.assert_allclose(scores.probabilities[4], expected.probabilities[0], atol=1e-6)


def test_of_a_cell_that_is_judged_by_change_it_is_kept_what_shows_without_the_reference() -> None:
    reference = features([1.0, 0.1, 1.0], [PLACES[4], PLACES[0], PLACES[2]], seed=1)
    now = features([1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    scores, single = detect_cells(now, reference, MODEL), detect_cells(now, None, MODEL)
    changed = scores.basis == "change"
    assert changed.tolist() == [False, False, True, False, True, False]
    np.testing.assert_allclose(scores.alone[changed], single.mining[changed], atol=1e-6)
    assert np.abs(scores.alone - scores.mining)[changed].max() > 0.01
    assert np.isnan(scores.alone[~changed]).all()
    assert np.isnan(single.alone).all()
    assert np.isnan(withhold_scores(scores).alone).all()


def test_a_scene_of_clouds_alone_has_no_scores_and_no_error() -> None:
    scores = detect_cells(features([0.0] * 6), None, MODEL)
    assert not scores.observed.any()


def test_probabilities_of_mining_add_up_over_the_mining_classes() -> None:
    scores = detect_cells(features([1.0] * 6), None, MODEL)
    np.testing.assert_allclose(scores.mining, 1 - scores.probabilities[:, 0], atol=1e-6)


def test_features_of_another_featurizer_are_refused() -> None:
    with pytest.raises(FeaturesDiffer, match="of this model"):
        detect_cells(replace(features([1.0] * 6), digest="other"), None, MODEL)
    with pytest.raises(FeaturesDiffer, match="different featurizers"):
        detect_cells(features([1.0] * 6), replace(features([1.0] * 6), digest="other"), MODEL)
