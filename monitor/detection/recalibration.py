"""Recalibration: probabilities of cells as calibrators say them that were learnt on cells of their own kind elsewhere.

Room `detection`, pure. The models that act calibrate on the cells that teach. Where other cells are judged, with another
share of mines, their calibration error is mostly that share. Beside it stands what the same scores would show with a
calibrator of such cells; the scores stay what they are. May import `calibration`, `cells`, `folds`, `heads`, `model`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.detection.calibration import fit_calibrator
from monitor.detection.cells import LabelledCells
from monitor.detection.folds import assign_blocks
from monitor.detection.heads import Heads

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


def calibrate_here(
    heads: Heads,
    known: LabelledCells,
    judged: LabelledCells,
    block_deg: float,
    populations: Mapping[str, tuple[Bool, Bool]],
) -> dict[str, Float64]:
    """Probability of any kind of mine for the judged cells of each population, float64 (n,), NaN for other cells.

    heads: fitted to `known`, of other blocks than `judged`. populations: by name, which of the known cells and which of the
    judged belong to it. Known cells calibrate by the scores of members that had not seen their block, whether they taught or
    not. A population of which no cell is known has NaN.
    """
    blocks = assign_blocks(known.rows, known.cols, block_deg)
    found = {name: np.full(len(judged), np.nan) for name in populations}
    with_change = judged.has_reference & (heads.change is not None)
    for head, held_back, knows, judges in (
        (heads.change, heads.held_back.get("change"), known.has_reference, with_change),
        (heads.single, heads.held_back["single"], np.ones(len(known), np.bool_), ~with_change),
    ):
        if head is None or held_back is None or not judges.any():
            continue
        own = judged.select(judges)
        scores = head.score(own.now, own.reference if head is heads.change else None)
        for name, (of_known, of_judged) in populations.items():
            calibrates = of_known[knows]
            stated = state_mining(
                scores,
                held_back[:, calibrates],
                known.classes[knows][calibrates],
                blocks[knows][calibrates],
                head.learnt,
            )
            asked = of_judged[judges]
            found[name][np.flatnonzero(judges)[asked]] = stated[asked]
    return found


def state_mining(
    scores: Float64, held_back: Float64, classes: Int64, blocks: Int64, learnt: tuple[int, ...]
) -> Float64:
    """Probability of any kind of mine from scores (n, m), by a calibrator of other cells; float64 (n,).

    held_back: float64 (repeats, k, m), scores of the cells that calibrate. classes, blocks: int64 (k,), theirs. learnt:
    positions in CLASSES of the m columns. Where these cells say mine only, or never, or their scores say nothing, it is the
    share of mines among them; NaN where there are none.
    """
    if not len(classes):
        return np.full(len(scores), np.nan)
    told = np.isfinite(held_back).all(axis=2).any(axis=0) & np.isin(classes, learnt)
    places = np.searchsorted(learnt, classes[told])
    columns = np.unique(places)
    if len(columns) < 2 or columns[0] != 0:
        return np.full(len(scores), float((classes != 0).mean()))
    calibrator = fit_calibrator(
        held_back[:, told][:, :, columns], np.searchsorted(columns, places), blocks[told], draws=0
    )
    return 1 - calibrator.probabilities(scores[:, columns])[:, 0]
