"""Periods that hold one kind of label only: they would teach what a period looks like, not what a mine looks like.

Room `detection`, pure numpy. If all cells of a long composite are mines, then whatever tells a long composite from a
short one tells mines, on these labels and nowhere else. Imports nothing of this project.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]

LEAST_CELLS = 20
"""A period with fewer cells holds one kind by chance, and its look cannot be learnt."""
LEAST_KEPT = 20
"""So many mines and so many others must be left to learn from, or all cells teach."""

LEAST_PAIRED = 5
"""So many mines and so many others with a reference are needed for a head of change, which then judges all such cells."""


def tells_change(mining: Bool) -> bool:
    """Whether cells with a reference are enough to learn change from. mining: bool (n,), of these cells."""
    return bool(min(mining.sum(), (~mining).sum()) >= LEAST_PAIRED)


def find_teaching(periods: Sequence[str], classes: npt.NDArray[np.int64]) -> Bool:
    """bool (n,): which cells a model is fitted to.

    periods: of the label and its reference, as text. classes: int64 (n,), 0 is `none`. Cells of a period with
    `LEAST_CELLS` cells or more, all of them mines or none of them, are left out; unless too little were left, or a class
    were lost. Then all teach, and the report warns that the period gives the label away.
    """
    codes = np.unique(np.asarray(periods), return_inverse=True)[1]
    cells, mines = np.bincount(codes), np.bincount(codes, classes != 0)
    one_sided = (cells >= LEAST_CELLS) & ((mines == 0) | (mines == cells))
    teaches = np.asarray(~one_sided[codes], np.bool_)
    kept = classes[teaches]
    enough = min((kept != 0).sum(), (kept == 0).sum()) >= LEAST_KEPT
    if not enough or set(np.unique(classes).tolist()) != set(np.unique(kept).tolist()):
        return np.ones(len(classes), np.bool_)
    return teaches
