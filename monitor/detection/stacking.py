"""Stacking: one score from those of several members, with weights learnt on cells that the members had not seen.

Room `detection`, pure. Weights are not negative (Breiman 1996, Stacked regressions) and are drawn towards equal ones,
because a few hundred labels cannot rank good models. Imports nothing of this project.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

DRAW = 1.0
"""How strongly weights are drawn to equal ones: as if so many times the cells had said that all are as good."""


def average_members(out_of_fold: Sequence[Float64], teaches: Bool) -> tuple[list[float], Float64]:
    """As `weigh_members`, but all weigh the same: for members of one kind, which no label need rank."""
    scale = [1 / max(float(np.nanstd(scores[:, teaches, 0])), 1e-9) for scores in out_of_fold]
    weights = [factor / len(out_of_fold) for factor in scale]
    return weights, np.asarray(sum(w * scores for w, scores in zip(weights, out_of_fold, strict=True)))


def weigh_members(
    out_of_fold: Sequence[Float64], places: Int64, teaches: Bool
) -> tuple[list[float], Float64]:
    """Weights of the members, and their weighted scores of cells held back.

    out_of_fold: float64 (repeats, n, m) of each member, NaN where a score says nothing. places: int64 (n,), which column is
    true. teaches: bool (n,), cells to learn the weights from.
    Members of different scale are brought to the same one first: a weight already holds
    the scale, so the score of a head is the plain sum of weight times score.
    """
    scale = [1 / max(float(np.nanstd(scores[:, teaches, 0])), 1e-9) for scores in out_of_fold]
    none = (places[teaches] == 0).astype(np.float64)
    wanted = np.tile(none, out_of_fold[0].shape[0])
    table = np.stack(
        [(scores * factor)[:, teaches, 0].ravel() for scores, factor in zip(out_of_fold, scale, strict=True)],
        axis=1,
    )
    known = np.isfinite(table).all(axis=1)
    table, wanted = table[known], wanted[known]
    table, wanted = table - table.mean(axis=0), wanted - wanted.mean()
    count = len(out_of_fold)
    together = table.sum(axis=1)
    # the slope of all members together says how large equal weights are
    equal = max(float(together @ wanted) / max(float(together @ together), 1e-12), 1e-9)
    pull = np.sqrt(DRAW * len(table)) * np.eye(count)
    found, _ = nnls(np.vstack([table, pull]), np.concatenate([wanted, pull @ np.full(count, equal)]))
    if found.sum() <= 0:
        found = np.full(count, equal)
    weights = [float(share) * factor for share, factor in zip(found / found.sum(), scale, strict=True)]
    return weights, np.asarray(sum(w * scores for w, scores in zip(weights, out_of_fold, strict=True)))
