"""Detection: scores of the cells of a scene.

Room `detection`, pure. A cell that shows too little is not observed, which is not the same as quiet. May import
`change`, `featurizer`, `model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from monitor.detection.change import FeaturesDiffer, find_reference
from monitor.detection.featurizer import CellFeatures, Int64, number_cells
from monitor.detection.model import MineModel
from monitor.detection.rcf import Float32, Int32

Bool = npt.NDArray[np.bool_]

CHANGE, SINGLE, NO_BASIS = "change", "single", ""


@dataclass(frozen=True, slots=True)
class CellScores:
    """Scores of n cells of one scene. An exact thing: it stays in the vault.

    rows, cols: int32 (n,), L0. valid_share: float32 (n,), of the scene. probabilities: float32 (n, 3), columns as
    CLASSES, calibrated. low, high: float32 (n,), 95 % interval of the most probable mining class. basis: str (n,),
    `change` (judged against a reference), `single`, or empty. familiar: bool (n,), false where the features lie
    outside what the model was fitted on, or the pixels are of another size. observed: bool (n,); where false all numbers
    are NaN. alone: float32 (n,), probability of any kind of mining without the reference; NaN where the basis is not
    `change`.
    """

    rows: Int32
    cols: Int32
    valid_share: Float32
    probabilities: Float32
    low: Float32
    high: Float32
    basis: npt.NDArray[np.str_]
    familiar: Bool
    observed: Bool
    alone: Float32

    @property
    def mining(self) -> Float32:
        """float32 (n,): probability of any kind of mining, NaN where not observed."""
        return np.asarray(self.probabilities[:, 1:].sum(axis=1))

    @property
    def numbers(self) -> Int64:
        """int64 (n,), cell numbers."""
        return number_cells(self.rows, self.cols)


def detect_cells(now: CellFeatures, reference: CellFeatures | None, model: MineModel) -> CellScores:
    """Score every cell of a scene.

    reference: features of an earlier scene of the same sensor, of any cells; None if there is none. A cell that it
    does not show well enough is judged without. Raises FeaturesDiffer unless both were made by the model's featurizer.
    """
    return score_cells(now, find_reference(now, reference, model.min_valid_share), model)


def score_cells(now: CellFeatures, reference: Float32, model: MineModel) -> CellScores:
    """As `detect_cells`, where each cell has a reference of its own: float32 (n, F), rows of NaN for none."""
    if now.digest != model.featurizer.digest:
        raise FeaturesDiffer("The features were not made by the featurizer of this model; extract them anew.")
    count = len(now.rows)
    observed = (now.valid_share >= model.min_valid_share) & (now.valid_share > 0)
    probabilities = np.full((count, 3), np.nan, np.float32)
    low, high = np.full(count, np.nan, np.float32), np.full(count, np.nan, np.float32)
    basis = np.full(count, NO_BASIS, dtype="<U6")
    familiar = np.zeros(count, np.bool_)
    alone = np.full(count, np.nan, np.float32)
    if observed.any():
        found = model.predict(now.values[observed], reference[observed])
        probabilities[observed] = found.probabilities
        low[observed], high[observed] = found.low, found.high
        basis[observed] = np.where(found.used_reference, CHANGE, SINGLE)
        familiar[observed] = found.familiar & model.featurizer.fits(now)
        changed = np.flatnonzero(observed)[found.used_reference]
        alone[changed] = model.predict_alone(now.values[changed])
    return CellScores(
        now.rows, now.cols, now.valid_share, probabilities, low, high, basis, familiar, observed, alone
    )


def join_scores(parts: Sequence[CellScores]) -> CellScores:
    """The cells of all parts, at least one, in their order."""
    return CellScores(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(CellScores))
    )


def withhold_scores(scores: CellScores) -> CellScores:
    """The same cells, none of them observed: of a scene that can be compared with none before it. The valid shares stay."""
    nothing = np.full(len(scores.rows), np.nan, np.float32)
    return replace(
        scores,
        probabilities=np.full_like(scores.probabilities, np.nan),
        low=nothing,
        high=nothing.copy(),
        basis=np.full_like(scores.basis, NO_BASIS),
        familiar=np.zeros_like(scores.familiar),
        observed=np.zeros_like(scores.observed),
        alone=nothing.copy(),
    )
