"""Doubts: labels that models fitted elsewhere disagree with, for a person to look at again.

Room `detection`, pure. Nothing is relabelled by a machine: a list in an order of doubt, and how many errors there may be.
Confident learning (Northcutt, Jiang and Chuang 2021). May import `cells`, `crossvalidation`, `heads`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.detection.cells import LabelledCells
from monitor.detection.crossvalidation import cross_validate, settle_block_deg
from monitor.detection.heads import Recipe
from monitor.detection.labels import CLASSES

Float64 = npt.NDArray[np.float64]

DEALS = 3
"""Deals of folds over which the probabilities of a cell are averaged."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One label in doubt. place: position among the cells. label, likely: positions in CLASSES, what is said and what is
    likely. own, other: mean probability of either, by models that had not seen the cell's block."""

    place: int
    label: int
    likely: int
    own: float
    other: float


def find_doubts(
    cells: LabelledCells, recipe: Recipe | None = None, *, deals: int = DEALS
) -> tuple[Doubt, ...]:
    """Labels that models fitted to other blocks disagree with.

    Parameters
    ----------
    cells : LabelledCells
    recipe : Recipe, optional
    deals : int
        Deals of folds over which probabilities are averaged.

    Returns
    -------
    tuple of Doubt
        The most doubtful first.

    Raises
    ------
    TrainingRefused, FoldsNotPossible

    References
    ----------
    Northcutt, Jiang and Chuang 2021, Confident learning: estimating uncertainty in dataset labels.

    Examples
    --------
    >>> from monitor.detection.featuretable import FeatureTable
    >>> from monitor.detection.labels import CellLabel
    >>> from monitor.detection.tablecells import gather_table
    >>> rows = np.arange(9000, 13000, 50, dtype=np.int32)
    >>> values = np.sin(np.arange(160, dtype=np.float32)).reshape(80, 2)
    >>> labels = [CellLabel(int(row), 0, int((x > 0) != (row == 9100))) for row, x in zip(rows, values[:, 0])]
    >>> cells = gather_table(labels, FeatureTable(rows, 0 * rows, values, ("X_0", "X_1"), 80))
    >>> find_doubts(cells, Recipe(repeats=1), deals=1)[0].place  # the label that was turned round
    2
    """
    recipe = recipe or Recipe()
    block_deg = settle_block_deg(cells, recipe)
    probabilities = np.mean(
        [cross_validate(cells, replace(recipe, seed=recipe.seed + deal), block_deg) for deal in range(deals)],
        axis=0,
    )
    return rank_doubts(cells.classes, probabilities)


def rank_doubts(classes: npt.NDArray[np.int64], probabilities: Float64) -> tuple[Doubt, ...]:
    """Labels whose cells are taken for another class as surely as that class usually is.

    Parameters
    ----------
    classes : int64 (n,)
        Positions in `CLASSES`.
    probabilities : float64 (n, 3)
        Of models that had not seen the cells.

    Returns
    -------
    tuple of Doubt
        A label is in doubt where the probability of another class is greater, and reaches the mean it has among the cells of
        that class: thresholds of each class's own, so that rare classes and cautious models are not doubted wholesale.

    Examples
    --------
    >>> stated = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.1, 0.9, 0], [0.2, 0.8, 0], [0.95, 0.05, 0]])
    >>> [(doubt.place, doubt.likely) for doubt in rank_doubts(np.array([0, 0, 1, 1, 1]), stated)]
    [(4, 0)]
    """
    usual = np.array(
        [
            probabilities[classes == place, place].mean() if (classes == place).any() else np.inf
            for place in range(len(CLASSES))
        ]
    )
    reaches = probabilities >= usual
    reaches[np.arange(len(classes)), classes] = False
    found = []
    for place in np.flatnonzero(reaches.any(axis=1)).tolist():
        others = np.where(reaches[place], probabilities[place], -1)
        likely, label = int(others.argmax()), int(classes[place])
        own = float(probabilities[place, label])
        if others[likely] > own:
            found.append(Doubt(place, label, likely, own, float(others[likely])))
    return tuple(sorted(found, key=lambda doubt: (doubt.own - doubt.other, doubt.place)))
