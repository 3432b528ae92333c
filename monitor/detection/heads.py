"""Heads from labelled cells: fit scores, calibrate them on cells held back, note how far the features reach.

Room `detection`, pure. The one place where a recipe becomes a head, for the model that is kept and for those of the
cross-validation alike. May import `calibration`, `cells`, `change`, `folds`, `model`, `ridge`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.calibration import DRAWS, fit_calibrator
from monitor.detection.cells import LabelledCells
from monitor.detection.change import stack_change
from monitor.detection.folds import FOLDS, FoldsNotPossible, assign_blocks
from monitor.detection.labels import CLASSES
from monitor.detection.model import Head, measure_reach
from monitor.detection.rcf import Float32
from monitor.detection.ridge import PENALTIES, REPEATS, fit_ridge

REACH_MARGIN = 1.25
"""How far beyond the farthest training cell features may lie and still be familiar."""


class TrainingRefused(ValueError):
    """The labels do not allow a model to be trained."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is made.

    block_deg: side of the blocks that are held back together, None to choose by the labels. folds, repeats: of the
    inner folds. penalties: among which to choose. seed: deals the folds. draws: bootstrap draws of the calibrator.
    """

    block_deg: float | None = None
    folds: int = FOLDS
    repeats: int = REPEATS
    penalties: tuple[float, ...] = PENALTIES
    seed: int = 0
    draws: int = DRAWS


@dataclass(frozen=True, slots=True)
class Heads:
    """What `fit_heads` made. penalties: chosen, by head."""

    change: Head | None
    single: Head
    penalties: dict[str, float]


def fit_heads(cells: LabelledCells, recipe: Recipe, block_deg: float, *, draws: int | None = None) -> Heads:
    """Fit the head of change to the cells with a reference, and the other to all.

    draws: bootstrap draws of the calibrators, of the recipe unless told. Where the cells with a reference lack mines
    or others, or cannot be split into folds, there is no head of change. Raises TrainingRefused, FoldsNotPossible.
    """
    check_classes(cells.classes)
    draws = recipe.draws if draws is None else draws
    single, penalty = _fit_head(cells.now, cells, recipe, block_deg, draws)
    penalties = {"single": penalty}
    change = None
    paired = cells.select(cells.has_reference)
    if len(set(paired.mining.tolist())) == 2:
        values = stack_change(paired.now, paired.reference)
        with suppress(FoldsNotPossible):
            change, penalties["change"] = _fit_head(values, paired, recipe, block_deg, draws)
    return Heads(change, single, penalties)


def check_classes(classes: npt.NDArray[np.int64]) -> None:
    """Raise TrainingRefused unless there are cells without a mine and cells with one."""
    if not (classes == 0).any() or not (classes != 0).any():
        known = ", ".join(CLASSES[place] for place in np.unique(classes)) or "nothing"
        raise TrainingRefused(
            f"The labels say {known} only; a model needs cells without a mine and cells with one."
        )


def _fit_head(
    values: Float32, cells: LabelledCells, recipe: Recipe, block_deg: float, draws: int
) -> tuple[Head, float]:
    blocks = assign_blocks(cells.rows, cells.cols, block_deg)
    fitted = fit_ridge(
        values,
        cells.classes,
        blocks,
        penalties=recipe.penalties,
        repeats=recipe.repeats,
        folds=recipe.folds,
        seed=recipe.seed,
    )
    learnt, places = np.unique(cells.classes, return_inverse=True)
    calibrator = fit_calibrator(fitted.out_of_fold, places, blocks, draws=draws, seed=recipe.seed)
    farthest = measure_reach(fitted.estimator[:-1].transform(values.astype(np.float64))).max()
    head = Head(fitted.estimator, calibrator, tuple(learnt.tolist()), float(farthest * REACH_MARGIN))
    return head, fitted.penalty
