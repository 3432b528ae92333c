"""Learnable classes: those of which some cells are judged by folds that had seen others of the same class.

Room `detection`, pure. A class that lies in one block is never told by a fold that had seen it: how surely it is told cannot
be learnt, and a calibrator made of such scores may point the wrong way. May import `folds` and `labels`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.detection.folds import FoldsNotPossible, find_judged, split_blocks
from monitor.detection.labels import CLASSES

Bool = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]

ARTISANAL, INDUSTRIAL = CLASSES.index("artisanal"), CLASSES.index("industrial")


def choose_learnable(
    classes: Int64, blocks: Int64, teaches: Bool, *, folds: int, deals: int, seed: int
) -> Bool:
    """bool (n,): the cells of `teaches` without industrial ones, where these lie in one block and artisanal ones do not.

    classes: int64 (n,), positions in CLASSES. blocks: int64 (n,). folds, deals, seed: of the blocks held back
    (`split_blocks`), dealt `deals` times. Raises FoldsNotPossible where another class lies in one block.
    """
    judged = np.zeros(len(classes), np.bool_)
    for deal in range(deals):
        for fit_on, judge_on in split_blocks(classes, blocks, folds, seed + deal):
            judged[judge_on] |= find_judged(classes, fit_on[teaches[fit_on]], judge_on)
    present = set(classes[teaches].tolist())
    lost = present - set(classes[teaches & judged].tolist())
    if lost == {INDUSTRIAL} and ARTISANAL in present:
        others = teaches & (classes != INDUSTRIAL)
        return choose_learnable(classes, blocks, others, folds=folds, deals=deals, seed=seed)
    if lost:
        names = " and all ".join(CLASSES[place] for place in sorted(lost))
        raise FoldsNotPossible(
            f"All {names} cells lie in one block, or were held back together, so no model that had seen some could be "
            "judged by others; choose smaller blocks or add labels from elsewhere."
        )
    return teaches
