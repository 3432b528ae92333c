"""Evaluation: honest figures for a recipe, by cross-validation, or for a saved model, on labels it was not given.

Room `detection`, pure. Every figure comes from cells whose block the model had not seen, or the report warns. May
import `crossvalidation`, `figures`, `cells`, `survey`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monitor.detection.cells import LabelledCells
from monitor.detection.confounders import find_period_in_pixels
from monitor.detection.crossvalidation import cross_validate, settle_block_deg
from monitor.detection.figures import JudgedCells, Report, measure_cells, summarise
from monitor.detection.folds import FOLDS, FoldsNotPossible, assign_blocks, choose_block_deg
from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel, choose_scene, digest_labels, number_labels
from monitor.detection.metrics import DRAWS
from monitor.detection.model import MineModel
from monitor.detection.survey import Survey

Float64 = npt.NDArray[np.float64]


def evaluate_recipe(cells: LabelledCells, recipe: Recipe | None = None, *, draws: int = DRAWS) -> Report:
    """Cross-validate a recipe on labelled cells. draws: of the block bootstrap.

    Cells of one period are judged twice: by models fitted on all cells of other blocks, and by models fitted on such
    cells alone, which cannot gain from knowing the period. Raises TrainingRefused, FoldsNotPossible.
    """
    recipe = recipe or Recipe()
    block_deg = settle_block_deg(cells, recipe)
    probabilities = cross_validate(cells, recipe, block_deg)
    judged = judge_cells(cells, probabilities, block_deg)
    in_pixels = find_period_in_pixels(cells, recipe, block_deg) if len(set(judged.periods)) > 1 else None
    report = summarise(judged, block_deg, draws, recipe.seed, [in_pixels] if in_pixels else [])
    report["method"] = (
        f"cross-validation, {recipe.folds} folds of blocks of {block_deg:g} degree; penalty and calibration learnt "
        "inside the folds"
    )
    for group in report["same_period"]:
        there = cells.select(np.array([period == group["period"] for period in cells.periods]))
        try:
            own = cross_validate(there, recipe, block_deg)
        except FoldsNotPossible:
            continue
        group["fitted_there"] = measure_cells(judge_cells(there, own, block_deg), draws, recipe.seed)
    report["unused_labels"] = dict(cells.unused)
    return report


def judge_cells(cells: LabelledCells, probabilities: Float64, block_deg: float) -> JudgedCells:
    """Labelled cells with out-of-fold probabilities (n, 3)."""
    blocks = assign_blocks(cells.rows, cells.cols, block_deg)
    return JudgedCells(
        cells.labels, probabilities, cells.periods, cells.sensors, cells.has_reference, blocks
    )


def evaluate_survey(
    survey: Survey, labels: Sequence[CellLabel], model: MineModel, *, draws: int = DRAWS, seed: int = 0
) -> Report:
    """Judge a saved model by its scores of a labelled catalogue; nothing is fitted.

    A label is compared with the scene it names, or else with the latest of its period that shows its cell. Raises
    NoJudgedCells where no label meets an observed cell.
    """
    judged, unused = judge_survey(survey, labels)
    rows = np.array([label.row for label in judged.labels])
    cols = np.array([label.col for label in judged.labels])
    block_deg = choose_block_deg(rows, cols, judged.mining, FOLDS)
    report = summarise(judged_in_blocks(judged, block_deg), block_deg, draws, seed)
    report["method"] = "a saved model, not fitted anew"
    report["unused_labels"] = unused
    if model.facts["labels"]["digest"] == digest_labels(labels):
        report["warnings"].insert(
            0, "These are the labels that the model was trained on: the figures say how well it remembers, no more."
        )
    return report
