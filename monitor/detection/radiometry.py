"""Radiometry: bring the maps of a reference to the light and haze of now, by ground that did not change.

Room `detection`, pure numpy and scipy. Parts of two dates that did not change are found by iteratively reweighted
multivariate alteration detection (Nielsen 2007, IEEE Transactions on Image Processing 16, 463-478), which no linear change
of a band can mislead; each band of the reference is then given their mean and deviation of now (pseudo-invariant features,
Schott et al. 1988, Remote Sensing of Environment 26, 1-16). May import `partmaps`, `rcf`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from monitor.detection.partmaps import UNSEEN, Layout, find_seen
from monitor.detection.rcf import Float32

Float64 = npt.NDArray[np.float64]

LEAST_PARTS = 50
"""Fewer parts seen on both dates do not say what changed: the reference is left as it is."""
ROUNDS = 30
SETTLED = 1e-3
"""Weights that move less than this in a round have settled."""
SHRINKAGE = 0.02
"""Share of the mean variance added to each band's: the parts of one cell are few for the covariance of six bands."""
LEAST_WEIGHT = 1e-6
MOST_GAIN = 2.0
"""A band is stretched by this factor at most, and by its inverse at least: more is not light but other ground."""


def normalise_reference(now: Float32, reference: Float32, layout: Layout) -> Float32:
    """Rows of features with the maps of the reference as `normalise_maps` gives them, the rest as it was.

    now, reference: float32 (n, F), the same cells in one scene each. Without maps the reference itself.
    """
    if not layout.map_size:
        return reference
    maps = normalise_maps(layout.maps(now), layout.maps(reference))
    return np.concatenate([layout.plain(reference), maps.reshape(len(maps), -1)], axis=1)


def normalise_maps(now: Float32, reference: Float32) -> Float32:
    """Maps of a reference as they would have looked in the light of now.

    now, reference: float32 (n, bands, across, across), maps of the same cells in one scene each (`Layout.maps`), UNSEEN
    where a part was not seen. One linear map per band is fitted to all cells together. Returns float32 of the same shape,
    with UNSEEN where the reference has it; the reference itself where fewer than `LEAST_PARTS` parts were seen twice.
    """
    both = find_seen(now) & find_seen(reference)
    if both.sum() < LEAST_PARTS:
        return reference
    early, late = (maps.transpose(1, 0, 2, 3)[:, both].T.astype(np.float64) for maps in (reference, now))
    weights = weigh_unchanged(early, late)
    weights /= weights.sum()
    mean_early, mean_late = weights @ early, weights @ late
    spread_early, spread_late = (
        np.sqrt(np.maximum(weights @ (parts - mean) ** 2, 1e-12))
        for parts, mean in ((early, mean_early), (late, mean_late))
    )
    gain = np.clip(spread_late / spread_early, 1 / MOST_GAIN, MOST_GAIN)
    mapped = reference * gain[:, None, None] + (mean_late - gain * mean_early)[:, None, None]
    return np.where(reference == UNSEEN, np.float32(UNSEEN), mapped).astype(np.float32)


def weigh_unchanged(early: Float64, late: Float64) -> Float64:
    """How likely each part is not to have changed, float64 (n,) in (0, 1]. early, late: (n, bands), the same parts.

    In each round the canonical variates of both dates are found under the weights so far; the squared differences of the
    variates, each over its variance, add up to what is chi-squared where nothing changed.
    """
    count, bands = early.shape
    weights = np.ones(count)
    for _ in range(ROUNDS):
        share = weights / weights.sum()
        x, y = early - share @ early, late - share @ late
        of_early, of_late = (_whiten((parts * share[:, None]).T @ parts) for parts in (x, y))
        left, _, right = np.linalg.svd(of_early @ ((x * share[:, None]).T @ y) @ of_late.T)
        variates = x @ (of_early.T @ left) - y @ (of_late.T @ right.T)
        variance = np.maximum(share @ variates**2, 1e-12)
        found = np.maximum(chi2.sf((variates**2 / variance).sum(axis=1), bands), LEAST_WEIGHT)
        moved = float(np.abs(found - weights).max())
        weights = found
        if moved < SETTLED:
            break
    return weights


def _whiten(covariance: Float64) -> Float64:
    """W with W S W' = 1 for the shrunk covariance S."""
    bands = len(covariance)
    shrunk = covariance + np.eye(bands) * (SHRINKAGE * np.trace(covariance) / bands + 1e-12)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(shrunk)))
