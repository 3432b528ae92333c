"""Confounders: what tells the label without looking at the ground.

Room `detection`, pure. If the period of a composite, or where a label comes from, predicts the label, then pixels that
give it away look like skill. Each such field is tried alone, in the same spatial folds. May import
`crossvalidation`, `cells`, `folds`, `metrics`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.detection.cells import LabelledCells
from monitor.detection.crossvalidation import cross_validate
from monitor.detection.folds import FOLDS, FoldsNotPossible, split_blocks
from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel, name_source
from monitor.detection.metrics import area_under_roc
from monitor.detection.scorers import RIDGE

Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]

WARN_ABOVE = 0.6
"""AUC of a field alone from which it is called a confounder."""
LEAST_CELLS = 20
"""So many mines of each of two periods are needed to ask whether pixels tell the periods apart."""


@dataclass(frozen=True, slots=True)
class Confounder:
    """How well a field alone predicts the label. values: how many different ones there are."""

    field: str
    values: int
    auc: float

    @property
    def warning(self) -> str | None:
        """A sentence for the reader of a report, if there is reason for one."""
        if not self.auc > WARN_ABOVE:
            return None
        if self.field == "period in the pixels":
            return (
                f"Among mines alone, so with the label held fixed, the pixels tell one period from another with AUC "
                f"{self.auc:.2f}: part of the skill over all cells may be the look of the composite."
            )
        advice = (
            "Read the figures of cells of the same period instead."
            if self.field == "period"
            else "Compare cells that do not differ in it before believing them."
        )
        return (
            f"The {self.field} alone, without a pixel, predicts the label with AUC {self.auc:.2f}: the figures over "
            f"all cells cannot be taken as skill at finding mines. {advice}"
        )


def list_fields(
    labels: Sequence[CellLabel], periods: Sequence[str], sensors: Sequence[str]
) -> dict[str, Sequence[str]]:
    """Fields that might give the label away, each with its value per cell; those with one value are left out."""
    fields = {
        "period": periods,
        "source": [name_source(label) for label in labels],
        "sensor": sensors,
        "region": [label.region for label in labels],
    }
    return {name: values for name, values in fields.items() if len(set(values)) > 1}


def find_confounders(
    fields: Mapping[str, Sequence[str]], mining: Bool, blocks: Int64, *, folds: int = FOLDS, seed: int = 0
) -> list[Confounder]:
    """Try each field alone: a cell is scored by the share of mines among cells with its value in other blocks.

    The share of the whole fold is taken off, so that a field that says nothing scores 0.5 whatever the folds.
    """
    found = []
    for name, values in fields.items():
        codes = np.unique(np.asarray(values), return_inverse=True)[1]
        score = np.zeros(len(codes))
        for fit_on, judge_on in split_blocks(mining, blocks, folds, seed):
            cells = np.bincount(codes[fit_on], minlength=codes.max() + 1)
            mines = np.bincount(codes[fit_on], mining[fit_on], minlength=codes.max() + 1)
            # whole numbers until the division, so that saying nothing is exactly 0; one cell's worth of doubt
            excess = mines * len(fit_on) - cells * mining[fit_on].sum()
            score[judge_on] = (excess / (len(fit_on) * (cells + 1)))[codes[judge_on]]
        found.append(Confounder(name, int(codes.max()) + 1, area_under_roc(mining, score)))
    return found


def find_period_in_pixels(cells: LabelledCells, recipe: Recipe, block_deg: float) -> Confounder | None:
    """Whether the features of mines alone tell the most frequent period from the rest, in blocks held back."""
    mines = cells.select(cells.mining)
    frequent = Counter(mines.periods).most_common(1)
    if not frequent:
        return None
    period, count = frequent[0]
    if min(count, len(mines) - count) < LEAST_CELLS:
        return None
    of_period = np.array([own == period for own in mines.periods])
    as_label = tuple(
        replace(own, label=int(is_it)) for own, is_it in zip(mines.labels, of_period, strict=True)
    )
    try:
        asked = replace(recipe, model=RIDGE, leave_out_one_sided=False)
        probabilities = cross_validate(replace(mines, labels=as_label), asked, block_deg)
    except FoldsNotPossible:
        return None
    return Confounder("period in the pixels", 2, area_under_roc(of_period, probabilities[:, 1]))
