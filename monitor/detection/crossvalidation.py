"""Cross-validation: probabilities for labelled cells by models that had not seen their block.

Room `detection`, pure. Penalty and calibration are learnt anew inside every fold, from the other blocks alone. May
import `cells`, `folds`, `heads`, `model`, `periods`, `recalibration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.cells import LabelledCells
from monitor.detection.folds import FoldsNotPossible, assign_blocks, choose_block_deg, split_blocks
from monitor.detection.heads import (
    Recipe,
    TrainingRefused,
    check_classes,
    check_features,
    fit_heads,
    list_unordered,
)
from monitor.detection.labels import CLASSES
from monitor.detection.model import predict_heads
from monitor.detection.periods import tells_change
from monitor.detection.recalibration import calibrate_here

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What `judge_held_back` found.

    probabilities: float64 (n, 3), as of `cross_validate`. untaught: bool (n,), the cells of folds that taught nothing.
    unordered: bool (n,), those judged by heads that give all cells the share of each class (`heads.list_unordered`).
    calibrated_here: float64 (n,) by population, the probability of any kind of mine once cells of the population in other
    blocks calibrate; NaN for cells outside it, and where no other block holds such a cell.
    """

    probabilities: Float64
    untaught: Bool
    unordered: Bool
    calibrated_here: dict[str, Float64]


def settle_block_deg(cells: LabelledCells, recipe: Recipe) -> float:
    """The side of the blocks: the recipe's, or the greatest that these cells allow."""
    if recipe.block_deg is not None:
        return recipe.block_deg
    return choose_block_deg(cells.rows, cells.cols, cells.mining, recipe.folds)


def cross_validate(cells: LabelledCells, recipe: Recipe, block_deg: float) -> Float64:
    """Probabilities for labelled cells by models that had not seen their block.

    Parameters
    ----------
    cells : LabelledCells
    recipe : Recipe
    block_deg : float
        Side of the blocks, degrees; `settle_block_deg` chooses one.

    Returns
    -------
    float64 (n, 3)
        Columns as `CLASSES`. A fold whose other blocks lack mines or others, or cannot be split again, teaches nothing; its
        cells get the share of each class there. `judge_held_back` tells which cells these are.

    Raises
    ------
    TrainingRefused, FoldsNotPossible
        The latter also where every fold teaches nothing.

    Examples
    --------
    >>> from monitor.detection.tablecells import FeatureTable, gather_table
    >>> from monitor.detection.labels import CellLabel
    >>> rows = np.arange(9000, 11000, 50, dtype=np.int32)
    >>> values = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    >>> labels = [CellLabel(int(row), 0, int(x > 0)) for row, x in zip(rows, values[:, 0])]
    >>> cells = gather_table(labels, FeatureTable(rows, 0 * rows, values, ("X_0", "X_1"), 40))
    >>> cross_validate(cells, Recipe(repeats=1), block_deg=1.0).shape
    (40, 3)
    """
    return judge_held_back(cells, recipe, block_deg).probabilities


def judge_held_back(
    cells: LabelledCells, recipe: Recipe, block_deg: float, populations: Mapping[str, Bool] | None = None
) -> HeldBack:
    """As `cross_validate`, and which cells were held back by folds that taught nothing.

    populations: bool (n,) by name, cells for which to learn a calibrator of their own kind too.
    """
    wanted = populations or {}
    check_classes(cells.classes)
    check_features(cells)
    blocks = assign_blocks(cells.rows, cells.cols, block_deg)
    probabilities = np.empty((len(cells), len(CLASSES)))
    untaught, unordered = np.zeros((2, len(cells)), np.bool_)
    calibrated = {name: np.full(len(cells), np.nan) for name in wanted}
    with_change = tells_change(cells.mining[cells.has_reference])
    for fit_on, judge_on in split_blocks(cells.classes, blocks, recipe.folds, recipe.seed):
        known, held_back = cells.select(fit_on), cells.select(judge_on)
        try:
            heads = fit_heads(known, recipe, block_deg, draws=0, with_change=with_change)
        except (TrainingRefused, FoldsNotPossible):
            probabilities[judge_on] = np.bincount(known.classes, minlength=len(CLASSES)) / len(known)
            untaught[judge_on] = True
            for name, own in wanted.items():
                if own[fit_on].any():
                    calibrated[name][judge_on[own[judge_on]]] = cells.mining[fit_on][own[fit_on]].mean()
            continue
        found = predict_heads(heads.change, heads.single, held_back.now, held_back.reference)
        probabilities[judge_on] = found.probabilities
        flat = list_unordered(heads)
        unordered[judge_on] = np.where(found.used_reference, "change" in flat, "single" in flat)
        parts = {name: (own[fit_on], own[judge_on]) for name, own in wanted.items()}
        for name, stated in calibrate_here(heads, known, held_back, block_deg, parts).items():
            calibrated[name][judge_on] = stated
    if untaught.all():
        raise FoldsNotPossible(
            "The mines, or the others, lie in so few blocks that no fold taught anything; choose smaller blocks or add "
            "labels from elsewhere."
        )
    return HeldBack(probabilities, untaught, unordered, calibrated)
