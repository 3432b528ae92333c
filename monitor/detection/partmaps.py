"""Part maps: a cell as a small picture, one mean per band for each of its parts, the same parts in every scene.

Room `detection`, pure. Means over a whole cell hide what happened inside it; pixels of two dates cannot be compared
without warping, and reading the old scene again is dear. A part is the same square of ground in every scene, so part
maps of two dates lie on each other, and they are small enough to be kept with the features. Imports `rcf` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.rcf import Bool, Float32, Int32

ACROSS = 20
"""Parts along one side of a cell: about 55 m each."""
UNSEEN = -99.0
"""Value of a part of which too little was seen. Far from any reflectance or dB, and exact in float16."""
SEEN_SHARE = 0.5
"""Share of the pixels of a part that must be valid."""
BLOCK = 2**20
"""Pixels looked at together."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands where in a row of features: answers of the patches, spectral summaries, the map of the cell's parts.

    Parameters
    ----------
    answers : int
        How many numbers are answers of patches.
    bands : tuple of str
        Names of the channels, in order.
    across : int
        Parts along one side of the map, 0 where the features hold none.

    Examples
    --------
    >>> layout = Layout(answers=2, bands=("red", "nir"), across=3)
    >>> row = np.arange(2 + 5 + 18, dtype=np.float32)[None]
    >>> layout.map_size, layout.summaries(row).tolist(), layout.maps(row).shape
    (18, [[2.0, 3.0, 4.0, 5.0, 6.0]], (1, 2, 3, 3))
    """

    answers: int = 0
    bands: tuple[str, ...] = ()
    across: int = 0

    @property
    def map_size(self) -> int:
        """How many numbers the map takes."""
        return len(self.bands) * self.across**2

    def plain(self, values: Float32) -> Float32:
        """All but the map, (n, F - map_size), of rows of features (n, F)."""
        return values[:, : values.shape[1] - self.map_size]

    def summaries(self, values: Float32) -> Float32:
        """The spectral summaries alone, (n, F - answers - map_size)."""
        return self.plain(values)[:, self.answers :]

    def maps(self, values: Float32) -> Float32:
        """The maps, (n, bands, across, across): northwards, then eastwards. A view where the rows allow it."""
        kept = values.shape[1] - self.map_size
        return values[:, kept:].reshape(len(values), len(self.bands), self.across, self.across)


NO_MAP = Layout()


def list_maps(bands: Sequence[str], across: int) -> list[str]:
    """Names of the numbers of a map, in their order: band, part northwards, part eastwards."""
    return [f"{band}[{row},{col}]" for band in bands for row in range(across) for col in range(across)]


def find_seen(maps: Float32) -> Bool:
    """bool (n, across, across): which parts of maps (n, bands, across, across) were seen."""
    return np.asarray(maps[:, 0] != UNSEEN, np.bool_)


class PartMeans:
    """Adds up the pixels of the parts of cells over the rows of a scene, where the maps are to be.

    maps: float32 (cells, bands, across, across), written in place. Rows may come in any portions.
    """

    def __init__(self, maps: Float32) -> None:
        cells, bands, self.across, _ = maps.shape
        self._sums = maps.reshape(cells, bands, self.across**2)
        self._sums[:] = 0
        self._counts: Int32 = np.zeros((cells, self.across**2), np.int32)

    def add_rows(self, pixels: Float32, valid: Bool, labels: Int32, parts: npt.NDArray[np.int16]) -> None:
        """Take rows of the scene, each row once: float32 (C, h, W), bool, int32 and int16 (h, W)."""
        step = max(1, BLOCK // max(labels.shape[1], 1))
        for row in range(0, len(labels), step):
            rows = slice(row, row + step)
            self._add_block(pixels[:, rows], valid[rows], labels[rows], parts[rows])

    def _add_block(self, pixels: Float32, valid: Bool, labels: Int32, parts: npt.NDArray[np.int16]) -> None:
        counted = valid & (labels >= 0)
        if not self.across or not counted.any():
            return
        own = labels[counted]
        number = self._counts.shape[1]
        there = np.bincount(own) > 0
        cells = np.flatnonzero(there)
        place = (np.cumsum(there) - 1)[own] * number + parts[counted]
        size = len(cells) * number
        self._counts[cells] += np.bincount(place, minlength=size).reshape(-1, number).astype(np.int32)
        for band, values in enumerate(pixels):
            added = np.bincount(place, values[counted], minlength=size).reshape(-1, number)
            self._sums[cells, band] += added.astype(np.float32)

    def finish(self, full_pixels: Float32) -> None:
        """Turn sums into means; UNSEEN where too little was seen. full_pixels: float32 (cells,), of a whole cell."""
        if not self.across:
            return
        least = np.maximum(full_pixels / self._counts.shape[1] * SEEN_SHARE, 1)
        seen = self._counts >= least[:, None]
        divisor = np.maximum(self._counts, 1).astype(np.float32)
        for band in range(self._sums.shape[1]):
            self._sums[:, band] = np.where(seen, self._sums[:, band] / divisor, np.float32(UNSEEN))
