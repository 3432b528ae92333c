"""Scorers behind one interface, and the weights of a stack."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.folds import split_blocks
from monitor.detection.metrics import area_under_roc
from monitor.detection.scorers import (
    BOOSTING,
    FOREST,
    KINDS,
    LOGISTIC,
    fit_scorer,
    make_estimator,
    score_table,
)
from monitor.detection.stacking import weigh_members


def make_rows(count: int = 240, classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, classes, count)
    values = rng.normal(3, 2, (count, 6)).astype(np.float32)
    values[:, 0] += 3 * (places > 0)
    values[:, 1] += 5 * (places > 1)
    return values, places, rng.integers(0, 15, count)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [2, 3])
def test_every_kind_scores_the_class_that_is_there_highest(kind: str, classes: int) -> None:
    values, places, blocks = make_rows(classes=classes)
    fitted = fit_scorer(kind, values, places, blocks, repeats=2, penalties=(1.0, 10.0))
    fresh, truth, _ = make_rows(classes=classes, seed=1)
    for place in range(classes):
        scores = score_table(fitted.estimator, fresh)[:, place]
        assert area_under_roc(truth == place, scores) > 0.75
        assert area_under_roc(places == place, fitted.out_of_fold[0][:, place]) > 0.75


@pytest.mark.parametrize("kind", [LOGISTIC, FOREST, BOOSTING])
def test_scores_held_back_come_from_models_that_had_not_seen_the_block(kind: str) -> None:
    values, places, blocks = make_rows(120)
    fitted = fit_scorer(kind, values, places, blocks, repeats=1, seed=2)
    for fit_on, judge_on in split_blocks(places, blocks, 5, 2):
        alone = make_estimator(kind, 2).fit(values[fit_on].astype(float), places[fit_on])
        np.testing.assert_allclose(
            fitted.out_of_fold[0, judge_on], score_table(alone, values[judge_on]), atol=1e-9
        )


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_do_not_teach_change_nothing_that_is_learnt(kind: str) -> None:
    values, places, blocks = make_rows(200)
    teaches = np.arange(200) % 4 != 0
    wrong = np.where(teaches, places, 1 - places)
    honest, misled = (
        fit_scorer(kind, values, labels, blocks, teaches, repeats=1, penalties=(10.0,)).estimator
        for labels in (places, wrong)
    )
    np.testing.assert_allclose(score_table(honest, values), score_table(misled, values))


def make_members(*strengths: float, scales: tuple[float, ...] = ()) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(4)
    places = rng.integers(0, 2, 300)
    members = []
    for strength, scale in zip(strengths, scales or (1.0,) * len(strengths), strict=True):
        mining = scale * (strength * places + rng.standard_normal(300))
        members.append(np.stack([-mining, mining], axis=1)[None])
    return members, places


def test_members_that_are_as_good_weigh_the_same_whatever_their_scale() -> None:
    members, places = make_members(1.0, 1.0, scales=(1.0, 50.0))
    weights, combined = weigh_members(members, places, np.ones(300, np.bool_))
    assert weights[0] == pytest.approx(50 * weights[1], rel=0.3)
    alone = [area_under_roc(places == 1, member[0, :, 1]) for member in members]
    assert area_under_roc(places == 1, combined[0, :, 1]) > max(alone)


def test_a_member_that_knows_nothing_weighs_less_and_none_weighs_less_than_nothing() -> None:
    members, places = make_members(2.0, 0.0, -1.0)
    weights, _ = weigh_members(members, places, np.ones(300, np.bool_))
    assert weights[0] > 1.5 * weights[1] >= 0
    assert weights[2] >= 0


def test_weights_are_learnt_from_cells_that_teach() -> None:
    members, places = make_members(2.0, 0.0)
    teaches = np.arange(300) < 200
    weights, _ = weigh_members(members, places, teaches)
    places[200:] = 1 - places[200:]
    assert weigh_members(members, places, teaches)[0] == weights
