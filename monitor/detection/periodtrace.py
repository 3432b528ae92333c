"""Period trace: whether scores of mines tell their period, and whether that is the ground or the look of the composites.

Room `detection`, pure. With the label held fixed, a score that tells the period either reads the look of a composite or sees
that more changed in one period than in another. Mines that changed alike are compared to tell the two apart. May import
`metrics`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.metrics import Figure, area_under_roc, draw_samples, with_interval

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

LEAST_MINES = 20
"""So many mines of the period and of the rest are needed to ask."""
STRATA = 5
"""Groups of mines that changed alike, as many mines in each."""


@dataclass(frozen=True, slots=True)
class PeriodTrace:
    """How well mines of the most frequent period are told from other mines; AUC, 0.5 is not at all.

    n: mines. scores: by their scores. change_alone: by how strongly their ground changed, without a model. at_equal_change:
    by their scores, among mines that changed alike. The latter two, of the mines whose change is known, are None where these
    are too few.
    """

    period: str
    n: int
    scores: Figure
    change_alone: Figure | None
    at_equal_change: Figure | None


def find_period_in_scores(
    periods: Sequence[str],
    score: Float64,
    blocks: Int64,
    change: Float64 | None,
    *,
    draws: int,
    seed: int = 0,
) -> PeriodTrace | None:
    """Ask it of mines.

    periods: of each of n mines. score: float64 (n,). blocks: int64 (n,), that the bootstrap draws. change: float64 (n,), how
    strongly the ground changed (`views.measure_change`), NaN where unknown. None where a period has too few mines.
    Method: AUC adjusted for a covariate by strata (Janes and Pepe 2009, Biometrika 96).
    """
    if not periods:
        return None
    period, count = Counter(periods).most_common(1)[0]
    if min(count, len(periods) - count) < LEAST_MINES:
        return None
    is_it = np.array([own == period for own in periods], np.bool_)
    samples = draw_samples(blocks, draws, seed)
    scores = with_interval(lambda weight: area_under_roc(is_it, score, weight), samples)
    known = np.zeros(len(is_it), np.bool_) if change is None else np.isfinite(change)
    if change is None or min(is_it[known].sum(), (~is_it[known]).sum()) < LEAST_MINES:
        return PeriodTrace(period, len(periods), scores, None, None)
    is_it, score, change, samples = is_it[known], score[known], change[known], samples[:, known]
    strata = np.digitize(change, np.quantile(change, np.arange(1, STRATA) / STRATA))
    return PeriodTrace(
        period,
        len(periods),
        scores,
        with_interval(lambda weight: area_under_roc(is_it, change, weight), samples),
        with_interval(lambda weight: _area_within(strata, is_it, score, weight), samples),
    )


def _area_within(strata: Int64, positive: Bool, score: Float64, weight: Float64 | None) -> float:
    """AUC of pairs of one stratum, each pair counting alike. NaN where no stratum has a pair."""
    weights = np.ones(len(positive)) if weight is None else weight
    won = pairs = 0.0
    for stratum in range(STRATA):
        own = strata == stratum
        count = float(weights[own & positive].sum() * weights[own & ~positive].sum())
        if count:
            won += count * area_under_roc(positive[own], score[own], weights[own])
            pairs += count
    return won / pairs if pairs else float("nan")
