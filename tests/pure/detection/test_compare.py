"""Two models on the same cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.compare import NothingInCommon, compare_judged, write_comparison
from monitor.detection.figures import JudgedCells
from tests.pure.detection.invented import make_cells


def judge(noise: float, seed: int = 0) -> JudgedCells:
    cells = make_cells()
    rng = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-3 * (cells.mining - 0.5) - noise * rng.standard_normal(len(cells))))
    stated = np.stack([1 - score, score, np.zeros(len(cells))], axis=1)
    return JudgedCells(cells.labels, stated, cells.periods, cells.sensors, cells.has_reference, 0.1)


def test_a_better_model_is_found_to_be_better() -> None:
    comparison = compare_judged(judge(4), judge(1), draws=200)
    auc = comparison["figures"]["auc"]
    assert auc["before"] < auc["after"]
    assert auc["difference"] == pytest.approx(auc["after"] - auc["before"], abs=1e-5)
    assert auc["low"] > 0
    assert comparison["figures"]["brier"]["high"] < 0
    assert "240 cells judged by both" in write_comparison(comparison)


def test_a_model_does_not_differ_from_itself() -> None:
    comparison = compare_judged(judge(2), judge(2), draws=50)
    assert comparison["called_differently"] == 0
    assert {row["low"] for row in comparison["figures"].values()} == {0.0}


def test_only_cells_that_both_could_judge_count_and_order_does_not_matter() -> None:
    before, after = judge(3), judge(1)
    back = np.arange(len(after.labels))[::-1][:100]
    some = replace(
        after, labels=tuple(after.labels[at] for at in back), probabilities=after.probabilities[back]
    )
    comparison = compare_judged(before, some, draws=20)
    assert comparison["cells"] == 100
    with pytest.raises(NothingInCommon, match="no cell in common"):
        compare_judged(before, replace(after, labels=(), probabilities=after.probabilities[:0]))


@pytest.mark.parametrize("few", [True, False])
def test_models_compared_on_few_blocks_are_not_told_apart(few: bool) -> None:
    comparison = compare_judged(
        *(replace(judge(noise), block_deg=10.0 if few else 0.1) for noise in (4, 1)), draws=20
    )
    assert comparison["few_blocks"] == few
    assert {row["low"] is None for row in comparison["figures"].values()} == {few}
    assert comparison["figures"]["auc"]["difference"] > 0
    text = write_comparison(comparison)
    assert ("too few to tell which of the two is better" in text) == few
    assert ("- to -" in text, "interval that holds 0" in text) == (False, not few)
