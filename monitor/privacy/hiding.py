"""Hiding (pure): among how many plausible cells blocks of the lattice hide a site, from public geography alone (P3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.grid import IntArray, Level
from monitor.privacy.policy import K_EFF_MIN, PRIOR_MAX

TILE = Level.L3.span
"""Side in cells of a tile: a square of L3, so that tiles hold whole blocks of every level."""
EDITIONS = (Level.L1, Level.L2, Level.L3)
ACROSS = {level: TILE // level.span for level in EDITIONS}
"""Blocks of a level along one side of a tile."""

FloatArray = npt.NDArray[np.float64]
MaskArray = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Hiding:
    """Among what the sites of blocks hide; arrays of one shape, one element a block.

    cells: plausible cells, counted. mass: sum of their weights w; peak: the greatest; spread: the sum of w * log2(w).
    The first, second and fourth add up over blocks that share no cell.
    """

    cells: IntArray
    mass: FloatArray
    peak: FloatArray
    spread: FloatArray

    def __getitem__(self, index: object) -> Hiding:
        """The hiding of some blocks."""
        return Hiding(*(getattr(self, name)[index] for name in ("cells", "mass", "peak", "spread")))

    @property
    def k_eff(self) -> FloatArray:
        """2 ** entropy (bits) of the weights inside each block: log2(mass) - spread / mass."""
        mass = np.where(self.mass > 0, self.mass, 1.0)
        return np.where(self.mass > 0, mass * np.exp2(-self.spread / mass), 0.0)

    @property
    def largest_prior(self) -> FloatArray:
        """The share of the likeliest cell of each block."""
        return np.divide(self.peak, self.mass, out=np.ones_like(self.mass), where=self.mass > 0)

    def together(self) -> Hiding:
        """All blocks as one."""
        values = self.cells.sum(), self.mass.sum(), self.peak.max(initial=0), self.spread.sum()
        return Hiding(*map(np.asarray, values))

    def coarser(self, ratio: int) -> Hiding:
        """Squares of `ratio` x `ratio` blocks. Shape (tiles, n, n) becomes (tiles, n / ratio, n / ratio)."""
        count, across = self.cells.shape[0], self.cells.shape[1] // ratio
        cells, mass, peak, spread = (
            values.reshape(count, across, ratio, across, ratio)
            for values in (self.cells, self.mass, self.peak, self.spread)
        )
        return Hiding(
            cells.sum(axis=(2, 4)), mass.sum(axis=(2, 4)), peak.max(axis=(2, 4)), spread.sum(axis=(2, 4))
        )

    def is_safe(self) -> MaskArray:
        """Which blocks hide a site among enough plausible cells: `is_safe_to_publish`, for many at once."""
        # an even prior over exactly K_EFF_MIN cells must pass although 2 ** log2(40) is a hair below 40
        return np.asarray(
            (self.k_eff >= K_EFF_MIN - 1e-9) & (self.largest_prior <= PRIOR_MAX) & (self.cells > 0)
        )


def weigh_blocks(counted: MaskArray, weights: Weights | None = None) -> Hiding:
    """The hiding of the L1 blocks of tiles.

    counted: bool (tiles, 100, 100), the plausible cells. weights: their plausibility, same shape, at least 0, any scale;
    None where all are alike. A counted cell without weight is no place to hide in.
    """
    across = ACROSS[Level.L1]
    shape = (len(counted), across, TILE // across, across, TILE // across)
    cells = counted.reshape(shape).sum(axis=(2, 4), dtype=np.int64)
    if weights is None:
        return Hiding(cells, cells.astype(float), (cells > 0).astype(float), np.zeros(cells.shape))
    w = np.where(counted, weights, 0).astype(np.float64)
    log_w = np.log2(w, out=np.zeros_like(w), where=w > 0)
    return Hiding(
        cells,
        w.reshape(shape).sum(axis=(2, 4)),
        w.reshape(shape).max(axis=(2, 4)),
        (w * log_w).reshape(shape).sum(axis=(2, 4)),
    )


def weigh_groups(number: IntArray, cells: MaskArray, count: int, weights: Weights | None = None) -> Hiding:
    """The hiding of `count` groups of cells. number: the group of each cell; cells: which of them are meant; one shape."""
    of = number[cells]
    if weights is None:
        counts = np.bincount(of, minlength=count)
        return Hiding(counts, counts.astype(float), (counts > 0).astype(float), np.zeros(count))
    w = weights[cells].astype(np.float64)
    peak = np.zeros(count)
    np.maximum.at(peak, of, w)
    log_w = np.log2(w, out=np.zeros_like(w), where=w > 0)
    return Hiding(
        np.bincount(of, minlength=count),
        np.bincount(of, w, count).astype(float),
        peak,
        np.bincount(of, w * log_w, count).astype(float),
    )
