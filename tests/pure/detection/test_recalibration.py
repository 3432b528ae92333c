"""The calibration error once cells of the same kind calibrate: another share goes, and nothing is learnt from itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.calibration import fit_calibrator
from monitor.detection.cells import LabelledCells
from monitor.detection.crossvalidation import judge_held_back
from monitor.detection.curves import chance_error
from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.figures import JudgedCells
from monitor.detection.folds import assign_blocks, split_blocks
from monitor.detection.heads import choose_teaching, fit_heads
from monitor.detection.metrics import calibration_error
from monitor.detection.page import render_page
from monitor.detection.populations import EVERY, list_populations, measure_calibrated_here
from monitor.detection.recalibration import state_mining
from monitor.detection.report import write_report
from monitor.detection.seeds import judge_deal
from tests.pure.detection.invented import QUICK, make_cells


def with_shift(count: int = 720, seed: int = 0) -> LabelledCells:
    """Three quarters of the mines are of a period that holds nothing else: they do not teach, but are judged."""
    cells = make_cells(count, strength=1.0, seed=seed)
    long = cells.mining & (np.random.default_rng(seed).random(count) < 0.75)
    return replace(cells, periods=tuple("long" if own else "short" for own in long))


CELLS = with_shift()
REPORT = evaluate_recipe(CELLS, QUICK, draws=20)


def test_a_share_of_mines_that_was_not_learnt_is_an_error_of_the_acting_calibrator_alone() -> None:
    every = REPORT["all"]
    assert every["ece"]["value"] > 0.1 > 2 * every["ece_by_chance"]["value"]
    assert every["ece_calibrated_here"]["value"] < every["ece_calibrated_here_by_chance"]["high"] < 0.08


def test_cells_that_calibrate_anyway_have_the_same_error_twice() -> None:
    (group,) = REPORT["same_period"]
    assert group["period"] == "short"
    for figures in (group["fitted_on_all"], group["fitted_there"]):
        assert figures["ece_calibrated_here"]["value"] == pytest.approx(figures["ece"]["value"], abs=1e-3)


def test_no_cell_calibrates_its_own_score() -> None:
    """Fold by fold: whatever calibrates lies in the other blocks, and its scores are of members that had not seen it."""
    blocks = assign_blocks(CELLS.rows, CELLS.cols, 0.1)
    found = judge_held_back(CELLS, QUICK, 0.1, list_populations(CELLS)).calibrated_here[EVERY]
    for fit_on, judge_on in split_blocks(CELLS.classes, blocks, QUICK.folds, QUICK.seed):
        known, paired = CELLS.select(fit_on), judge_on[CELLS.has_reference[judge_on]]
        heads = fit_heads(known, QUICK, 0.1, draws=0)
        assert heads.change is not None
        knows = known.select(known.has_reference)
        assert not choose_teaching(
            knows, QUICK, 0.1
        ).all()  # cells of the long period calibrate, and have not taught
        calibrator = fit_calibrator(
            heads.held_back["change"], knows.classes, np.zeros_like(knows.classes), draws=0
        )
        scores = heads.change.score(CELLS.now[paired], CELLS.reference[paired])
        np.testing.assert_allclose(found[paired], 1 - calibrator.probabilities(scores)[:, 0])


def test_a_population_of_one_block_is_calibrated_by_nothing() -> None:
    blocks = assign_blocks(CELLS.rows, CELLS.cols, 0.1)
    held_back = judge_held_back(CELLS, QUICK, 0.1, {"block": blocks == 3, "two": blocks < 2})
    alone, two = (held_back.calibrated_here[name] for name in ("block", "two"))
    assert np.isnan(alone).all()
    assert np.isfinite(two).sum() in {0, (blocks < 2).sum()}
    judged: list[JudgedCells] = []
    evaluate_recipe(CELLS, QUICK, draws=2, watch=judged.append)
    unknown = {"value": None, "low": None, "high": None}
    assert measure_calibrated_here(judged[0], alone, 5, 0) == {
        "ece_calibrated_here": unknown,
        "ece_calibrated_here_by_chance": unknown,
    }


def test_cells_of_one_kind_elsewhere_say_their_share_of_mines() -> None:
    scores, held_back = np.zeros((2, 3)), np.random.default_rng(0).random((1, 6, 3))
    blocks, learnt = np.arange(6), (0, 1, 2)
    only_mines, no_mine = np.array([1, 2, 1, 1, 2, 1]), np.zeros(6, np.int64)
    assert state_mining(scores, held_back, only_mines, blocks, learnt).tolist() == [1, 1]
    assert state_mining(scores, held_back, no_mine, blocks, learnt).tolist() == [0, 0]
    unheard = np.full((1, 6, 3), np.nan)
    assert state_mining(scores, unheard, np.arange(6) % 2, blocks, learnt).tolist() == [0.5, 0.5]
    assert np.isnan(state_mining(scores, held_back[:, :0], no_mine[:0], blocks[:0], learnt)).all()


def test_a_class_that_the_population_lacks_is_left_out_of_its_calibrator() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 2, 200)
    held_back = np.stack([1 - classes, classes, np.zeros(200)], axis=1)[None] + 0.5 * rng.random((1, 200, 3))
    stated = state_mining(held_back[0], held_back, classes, np.arange(200) // 10, (0, 1, 2))
    assert stated[classes == 1].min() > 0.5 > stated[classes == 0].max()


def test_folds_that_taught_nothing_say_the_share_of_mines_of_the_population() -> None:
    cells = make_cells(480)
    blocks = assign_blocks(cells.rows, cells.cols, 0.1)
    cells = cells.select((blocks < 2) | ~cells.mining)
    held_back = judge_held_back(cells, QUICK, 0.1, {EVERY: np.ones(len(cells), np.bool_)})
    assert held_back.untaught.any()
    stated = held_back.calibrated_here[EVERY][held_back.untaught]
    np.testing.assert_allclose(stated, 1 - held_back.probabilities[held_back.untaught, 0])


def test_the_error_is_in_the_text_on_the_page_and_in_the_deals() -> None:
    every = REPORT["all"]["ece_calibrated_here"]["value"]
    assert f"Calibrated by such cells of other blocks, the ECE of all cells is {every:.3f}" in write_report(
        REPORT
    )
    assert "of short, fitted there is" in write_report(REPORT)
    assert f"and {every:.3f} (by chance" in render_page(REPORT)
    deal = judge_deal(CELLS, QUICK)
    assert deal["all, calibrated here: calibration error"] == pytest.approx(every, abs=1e-5)
    for group in ("all", "period", "there"):
        assert f"{group}, calibrated here: calibration error by chance" in deal
    stated = judge_held_back(CELLS, QUICK, 0.1, list_populations(CELLS)).calibrated_here[EVERY]
    assert calibration_error(CELLS.mining, stated) == pytest.approx(every, abs=1e-5)
    by_chance = REPORT["all"]["ece_calibrated_here_by_chance"]["value"]
    assert chance_error(stated).value == pytest.approx(by_chance, abs=1e-5)
