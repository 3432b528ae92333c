"""Evaluation: honest figures for a recipe, by cross-validation, or for a saved model, on labels it was not given.

Room `detection`, pure. Every figure comes from cells whose block the model had not seen, or the report warns. May
import `crossvalidation`, `figures`, `cells`, `survey`, `views`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.detection.agreement import settle_labels
from monitor.detection.caveats import list_gaps, warn_of_unordered
from monitor.detection.cells import NOT_SHOWN, SEEN_TOO_LITTLE, LabelledCells, NoLabelledCells
from monitor.detection.confounders import find_period_in_pixels
from monitor.detection.crossvalidation import cross_validate, judge_held_back, settle_block_deg
from monitor.detection.figures import JudgedCells, Report, measure_cells, summarise
from monitor.detection.folds import FoldsNotPossible, choose_block_deg
from monitor.detection.heads import Recipe, check_classes, choose_teaching
from monitor.detection.labels import (
    CLASSES,
    CellLabel,
    choose_scene,
    digest_labels,
    list_scenes,
    number_labels,
)
from monitor.detection.metrics import DRAWS, area_under_roc
from monitor.detection.model import MineModel
from monitor.detection.overlap import count_overlap, warn_of_overlap
from monitor.detection.periods import tells_change
from monitor.detection.populations import list_populations, measure_calibrated_here
from monitor.detection.survey import Survey
from monitor.detection.views import measure_change
from monitor.grid import CELLS_PER_DEG

Float64 = npt.NDArray[np.float64]
Watch = Callable[[JudgedCells], None]
MeasureKm = Callable[[Sequence[int], Sequence[int]], Float64]
"""From rows and columns of cells to kilometres, float64 (n,)."""


def evaluate_recipe(
    cells: LabelledCells,
    recipe: Recipe | None = None,
    *,
    draws: int = DRAWS,
    watch: Watch | None = None,
) -> Report:
    """Cross-validate a recipe on labelled cells.

    Parameters
    ----------
    cells : LabelledCells
    recipe : Recipe, optional
    draws : int
        Of the bootstrap over blocks.
    watch : callable, optional
        Called with the judged cells, for what a report must not hold, such as a map.

    Returns
    -------
    dict
        JSON-able: figures of all cells and of groups, confounders, warnings. Cells of one period are judged twice: by models
        fitted on all cells of other blocks, and by models fitted on such cells alone, which cannot gain from knowing the
        period.

    Raises
    ------
    TrainingRefused, FoldsNotPossible

    Examples
    --------
    See `evaluate_table`.
    """
    recipe = recipe or Recipe()
    block_deg = settle_block_deg(cells, recipe)
    teachers = _find_teachers(cells, recipe, block_deg)
    populations = list_populations(cells)
    held_back = judge_held_back(cells, recipe, block_deg, populations)
    judged = judge_cells(cells, held_back.probabilities, block_deg)
    if watch is not None:
        watch(judged)
    in_pixels = find_period_in_pixels(cells, recipe, block_deg) if len(set(judged.periods)) > 1 else None
    share = {name: float(own.mining.mean()) for name, own in teachers.items()}
    report = summarise(judged, draws, recipe.seed, [in_pixels] if in_pixels else [], share)
    report["untaught_cells"] = int(held_back.untaught.sum())
    report["unordered_cells"] = int(held_back.unordered.sum())
    groups = [report["all"], *(group["fitted_on_all"] for group in report["same_period"])]
    for figures, (name, belongs) in zip(groups, populations.items(), strict=True):
        calibrated = held_back.calibrated_here[name][belongs]
        figures |= measure_calibrated_here(judged.select(belongs), calibrated, draws, recipe.seed)
    paired = cells.mining[cells.has_reference]
    report["with_reference"] = {"mines": int(paired.sum()), "others": int((~paired).sum())}
    report["learns_change"] = "change" in teachers
    report["classes_left_out"] = {
        name: [CLASSES[place] for place in sorted(set(cells.classes.tolist()) - set(own.classes.tolist()))]
        for name, own in teachers.items()
    }
    report["method"] = (
        f"cross-validation, {recipe.folds} folds of blocks of {block_deg:g} degree; penalty and calibration learnt "
        "inside the folds"
    )
    for group in report["same_period"]:
        there = cells.select(np.array([period == group["period"] for period in cells.periods]))
        try:
            own = judge_held_back(there, recipe, block_deg, {"there": np.ones(len(there), np.bool_)})
        except FoldsNotPossible:
            continue
        judged_there = judge_cells(there, own.probabilities, block_deg)
        group["fitted_there"] = measure_cells(judged_there, draws, recipe.seed)
        group["fitted_there"] |= measure_calibrated_here(
            judged_there, own.calibrated_here["there"], draws, recipe.seed
        )
        group["fitted_there"]["untaught_cells"] = int(own.untaught.sum())
        group["fitted_there"]["unordered_cells"] = int(own.unordered.sum())
    report["warnings"] += list_gaps(report)
    report["random_split"] = _split_at_random(cells, recipe)
    report["unused_labels"] = dict(cells.unused)
    return report


def _find_teachers(cells: LabelledCells, recipe: Recipe, block_deg: float) -> dict[str, LabelledCells]:
    """The cells that teach and calibrate the heads of a model fitted to all. Raises TrainingRefused, FoldsNotPossible."""
    check_classes(cells.classes)
    teachers = {"single": cells.select(choose_teaching(cells, recipe, block_deg))}
    paired = cells.select(cells.has_reference)
    if tells_change(paired.mining):
        with suppress(FoldsNotPossible):
            teachers["change"] = paired.select(choose_teaching(paired, recipe, block_deg))
    return teachers


def _split_at_random(cells: LabelledCells, recipe: Recipe) -> Report:
    """What a split at random would have shown: each cell is a block of its own. Never to be quoted as skill."""
    random = cross_validate(cells, recipe, 1 / CELLS_PER_DEG)
    return {"auc": round(area_under_roc(cells.mining, 1 - random[:, 0]), 6)}


def evaluate_survey(
    survey: Survey,
    labels: Sequence[CellLabel],
    model: MineModel,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    watch: Watch | None = None,
    trained_on: Collection[tuple[int, int]] | None = None,
    measure_km: MeasureKm | None = None,
) -> Report:
    """Judge a saved model by its scores of a labelled catalogue; nothing is fitted.

    Parameters
    ----------
    survey : Survey
        Of `survey_catalog`.
    labels : sequence of CellLabel
        Each is compared with the scene it names, or else with the latest of its period that shows enough of its
        cell.
    model : MineModel
    draws, seed : int
        Of the bootstrap over blocks.
    watch : callable, optional
        Called with the judged cells.
    trained_on : collection of (int, int), optional
        Rows and columns of the cells that the model was trained on, where they are known.
    measure_km : callable, optional
        How far cells lie from polygons of industrial mines, to break the figures down by that instead of by the distance to
        labels of that class.

    Returns
    -------
    dict
        As of `evaluate_recipe`, and `judged_cells_in_training`: how many of the cells the model was trained on, None where
        nobody looked.

    Raises
    ------
    NoLabelledCells
        If no label meets an observed cell.

    Examples
    --------
    `manage.py evaluate_model` does this with a catalogue on disk: scenes are needed to show it.
    """
    judged, unused = judge_survey(survey, labels)
    if measure_km is not None:
        judged = measure_to_mines(judged, measure_km)
    if watch is not None:
        watch(judged)
    report = summarise(judged, draws, seed, share=model.facts.get("share"))
    report["method"] = "a saved model, not fitted anew"
    report["unused_labels"] = unused
    same_labels = model.facts["labels"]["digest"] == digest_labels(labels)
    overlap = count_overlap(judged.labels, trained_on, same_labels=same_labels)
    report["judged_cells_in_training"] = overlap
    report["warnings"] = (
        warn_of_overlap(overlap, len(judged.labels), same_labels=same_labels)
        + warn_of_unordered(model.facts.get("unordered", ()), model.facts.get("share"))
        + report["warnings"]
    )
    return report


def measure_to_mines(judged: JudgedCells, measure_km: MeasureKm) -> JudgedCells:
    """The judged cells with their distance to industrial mines."""
    rows, cols = ([getattr(label, name) for label in judged.labels] for name in ("row", "col"))
    return replace(judged, industrial_km=measure_km(rows, cols))


def judge_cells(cells: LabelledCells, probabilities: Float64, block_deg: float) -> JudgedCells:
    """Labelled cells with out-of-fold probabilities (n, 3)."""
    return JudgedCells(
        cells.labels,
        probabilities,
        cells.periods,
        cells.sensors,
        cells.has_reference,
        block_deg,
        measure_change(cells.now, cells.reference, cells.layout),
        valid_share=cells.valid_share,
        scene_periods=cells.scene_periods,
    )


def judge_survey(survey: Survey, labels: Sequence[CellLabel]) -> tuple[JudgedCells, dict[str, int]]:
    """Labels with the scores of their cells, and how many labels fell away, by reason."""
    labels, left_out = settle_labels(labels)
    numbers = number_labels(labels)
    places: dict[int, dict[int, int]] = {}
    for position, scene in enumerate(survey.scenes):
        own = scene.scores.numbers
        for place in np.flatnonzero(np.isin(own, numbers)).tolist():
            places.setdefault(int(own[place]), {})[position] = place
    found: list[tuple[CellLabel, int, int]] = []
    unused: Counter[str] = Counter()
    for label, number in zip(labels, numbers.tolist(), strict=True):
        shown = places.get(number, {})
        seen = {at for at, place in shown.items() if survey.scenes[at].scores.observed[place]}
        at = choose_scene(list_scenes(label, ((p, *survey.scenes[p].when) for p in shown)), seen)
        if at is None:
            unused[NOT_SHOWN] += 1
        elif at not in seen:
            unused[SEEN_TOO_LITTLE] += 1
        else:
            found.append((label, at, shown[at]))
    if not found:
        raise NoLabelledCells(
            "No label meets a scene that shows its cell; check item_t1, the dates and the cells."
        )
    return _judge_found(survey, found), dict(unused) | left_out


def _judge_found(survey: Survey, found: Sequence[tuple[CellLabel, int, int]]) -> JudgedCells:
    """found: label, scene and place of the cell in it."""
    own = tuple(label for label, _, _ in found)
    mining = [label.label != 0 for label in own]
    return JudgedCells(
        labels=own,
        probabilities=np.stack(
            [survey.scenes[at].scores.probabilities[place] for _, at, place in found]
        ).astype(np.float64),
        periods=tuple(
            f"{label.period or survey.scenes[at].period} after {survey.reference_period(at, place)}"
            for label, at, place in found
        ),
        sensors=tuple(survey.scenes[at].sensor for _, at, _ in found),
        has_reference=np.array([survey.scenes[at].references[place] >= 0 for _, at, place in found]),
        block_deg=choose_block_deg([label.row for label in own], [label.col for label in own], mining),
        valid_share=np.array([survey.scenes[at].scores.valid_share[place] for _, at, place in found]),
        scene_periods=tuple(survey.scenes[at].period for _, at, _ in found),
    )
