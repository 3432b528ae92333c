"""Classes that lie in one block: nothing can tell how surely they are told, and nobody is told that it could."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.cells import LabelledCells
from monitor.detection.classifier import MineClassifier
from monitor.detection.crossvalidation import cross_validate, judge_held_back
from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.folds import FoldsNotPossible, assign_blocks, choose_block_deg, find_judged
from monitor.detection.heads import MODELS, STACKED, fit_heads
from monitor.detection.report import write_report
from monitor.detection.scorers import KINDS, fit_scorer
from tests.pure.detection.invented import QUICK, make_cells


def with_mines_in(blocks: int, industrial: int = 0) -> LabelledCells:
    """Invented cells whose artisanal mines, plain to see, lie in so many blocks of 24; the first `industrial` others are
    industrial mines, all in one more block."""
    cells = make_cells(480, strength=0.0)
    block = np.arange(480) % 24
    classes = ((block < blocks) & (np.arange(480) % 2 == (np.arange(480) // 24) % 2)).astype(int)
    classes[np.flatnonzero(block == 23)[:industrial]] = 2
    cells.now[:, 0] += 3 * (classes > 0)
    labels = tuple(replace(own, label=int(each)) for own, each in zip(cells.labels, classes, strict=True))
    return replace(cells, labels=labels, reference=np.full_like(cells.now, np.nan))


@pytest.mark.parametrize("model", MODELS)
def test_mines_that_all_lie_in_one_block_are_refused(model: str) -> None:
    """Before, a cell plain to see as a mine was called the surest of none."""
    cells = with_mines_in(1)
    with pytest.raises(FoldsNotPossible, match=r"All artisanal cells lie in one block.*add labels"):
        fit_heads(cells, replace(QUICK, model=model), 0.1)
    with pytest.raises(FoldsNotPossible, match="All artisanal cells"):
        evaluate_recipe(cells, replace(QUICK, model=model), draws=2)


@pytest.mark.parametrize("model", ["ridge", "logistic", "forest", STACKED])
def test_mines_of_two_blocks_teach_which_way_the_scores_point(model: str) -> None:
    cells = with_mines_in(2)
    head = fit_heads(cells, replace(QUICK, model=model, repeats=3), 0.1).single
    stated = 1 - head.predict(cells.now)[0][:, 0]
    assert stated[cells.mining].mean() > 3 * stated[~cells.mining].mean()


@pytest.mark.parametrize("model", MODELS)
def test_industrial_mines_of_one_block_are_left_out(model: str) -> None:
    cells = with_mines_in(8, industrial=3)
    heads = fit_heads(cells, replace(QUICK, model=model), 0.1)
    assert heads.single.learnt == (0, 1)
    assert heads.taught == {"single": 477}
    plain = with_mines_in(8)
    stated = 1 - heads.single.predict(plain.now)[0][:, 0]
    assert stated[plain.mining].mean() > 3 * stated[~plain.mining].mean()
    only = cells.select(cells.classes != 1)
    with pytest.raises(FoldsNotPossible, match="All industrial cells"):
        fit_heads(only, replace(QUICK, model=model), 0.1)


def test_the_report_says_which_class_was_left_out() -> None:
    report = evaluate_recipe(with_mines_in(8, industrial=3), QUICK, draws=2)
    assert report["classes_left_out"] == {"single": ["industrial"]}
    assert sum("has not learnt industrial" in warning for warning in report["warnings"]) == 1
    whole = evaluate_recipe(make_cells(industrial=True), QUICK, draws=2)
    assert whole["classes_left_out"] == {"single": [], "change": []}
    assert not any("has not learnt" in warning for warning in whole["warnings"])


def test_the_report_counts_the_cells_of_folds_that_taught_nothing() -> None:
    """Of two blocks with mines one is held back: nothing can be held back of the other."""
    cells = with_mines_in(2)
    report = evaluate_recipe(cells, QUICK, draws=2)
    untaught = judge_held_back(cells, QUICK, 0.1).untaught
    blocks = assign_blocks(cells.rows, cells.cols, 0.1)
    assert untaught[cells.mining].all()
    assert not (set(blocks[untaught].tolist()) & set(blocks[~untaught].tolist()))
    assert report["untaught_cells"] == untaught.sum() < len(cells)
    assert (
        f"WARNING: {untaught.sum()} of 480 of the cells were held back by folds that taught nothing"
        in write_report(report)
    )
    whole = evaluate_recipe(make_cells(), QUICK, draws=2)
    assert whole["untaught_cells"] == 0
    assert not any("taught nothing" in warning for warning in whole["warnings"])


def test_cross_validation_of_which_no_fold_teaches_is_refused() -> None:
    with pytest.raises(FoldsNotPossible, match="no fold taught anything"):
        cross_validate(with_mines_in(1), QUICK, 0.1)


def test_blocks_are_so_small_that_mines_lie_in_three() -> None:
    """Wider blocks would hold mines in two: one held back, nothing could be held back of the other."""
    rows = np.arange(0, 6000, 10)
    assert choose_block_deg(rows, rows, (rows >= 100) & (rows < 350)) == 1.0
    assert choose_block_deg(rows, rows, (rows >= 100) & (rows < 500)) == 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_cells_whose_class_their_fold_had_not_seen_have_no_score(kind: str) -> None:
    cells = with_mines_in(8, industrial=3)
    blocks = assign_blocks(cells.rows, cells.cols, 0.1)
    fitted = fit_scorer(kind, cells.now, cells.classes, blocks, repeats=2, penalties=(1.0, 100.0))
    told = np.isfinite(fitted.out_of_fold).all(axis=(0, 2))
    np.testing.assert_array_equal(told, cells.classes != 2)


def test_a_fold_that_saw_one_class_judges_nothing() -> None:
    classes = np.array([0, 0, 1, 2, 0, 1, 2])
    assert find_judged(classes, np.array([0, 1, 2]), np.array([3, 4, 5, 6])).tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert find_judged(classes, np.array([0, 1]), np.array([3, 4, 5])).tolist() == [False] * 3


def test_a_classifier_of_arrays_refuses_mines_of_one_block_too() -> None:
    one, many = with_mines_in(1), with_mines_in(8, industrial=3)
    blocks = assign_blocks(one.rows, one.cols, 0.1)
    with pytest.raises(FoldsNotPossible, match="All artisanal cells"):
        MineClassifier().fit(one.now, one.classes, groups=blocks)
    blocks = assign_blocks(many.rows, many.cols, 0.1)
    fitted = MineClassifier(draws=2).fit(many.now, many.classes, groups=blocks)
    assert (fitted.predict_proba(many.now)[:, 2] == 0).all()


def with_references_of(mines: int, others: int) -> LabelledCells:
    """Invented cells of which so many mines and so many others have a reference."""
    cells = make_cells()
    has = np.zeros(len(cells), np.bool_)
    for kind, count in ((cells.mining, mines), (~cells.mining, others)):
        has[np.flatnonzero(kind & cells.has_reference)[:count]] = True
    return replace(cells, reference=np.where(has[:, None], cells.reference, np.nan).astype(np.float32))


@pytest.mark.parametrize(("mines", "others", "learnt"), [(5, 5, True), (4, 60, False), (60, 4, False)])
def test_change_is_learnt_from_enough_cells_with_a_reference_alone(
    mines: int, others: int, learnt: bool
) -> None:
    """Before, two mines and a cell beside them made a head that judged every cell with a reference."""
    cells = with_references_of(mines, others)
    assert (fit_heads(cells, QUICK, 0.1).change is not None) == learnt
    report = evaluate_recipe(cells, QUICK, draws=2)
    assert report["with_reference"] == {"mines": mines, "others": others}
    assert report["learns_change"] == learnt
    said = f"{mines} mines and {others} others with a reference are too few"
    assert sum(said in warning for warning in report["warnings"]) == (not learnt)
    bare = replace(cells, reference=np.full_like(cells.reference, np.nan))
    same = np.array_equal(cross_validate(cells, QUICK, 0.1), cross_validate(bare, QUICK, 0.1))
    assert same == (not learnt)  # folds, which have fewer cells, learn what the whole learns
