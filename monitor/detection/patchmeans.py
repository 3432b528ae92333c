"""Patch means: answers of patches of every size, averaged per cell over the strips of a scene.

Room `detection`, pure. A window is met once, however the scene is cut. May import `imagery`, `patches`, `rcf`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.detection.patches import PatchSet, standardise_pixels
from monitor.detection.rcf import Float32, Int32, find_runs, pool_patches
from monitor.imagery.pixels import Strip

Int64 = npt.NDArray[np.int64]


class PatchMeans:
    """Adds up the answers of patches, with both signs, size by size, where the means are to be.

    means: float32 (cells, 2 K), written in place. row_step: look at every so many-th row of windows.
    """

    def __init__(self, patch_set: PatchSet, bias: float, means: Float32, row_step: int) -> None:
        self._patch_set = patch_set
        self._bias = bias
        self._row_step = row_step
        ends = np.cumsum([2 * len(patches) for patches in patch_set.patches])
        self._sums: list[Float32] = np.split(means, ends[:-1], axis=1)
        self._windows: list[Int64] = [np.zeros(len(means), np.int64) for _ in patch_set.patches]
        means[:] = 0

    @property
    def counts(self) -> Int64:
        """int64 (cells,), windows seen, of the size that has fewest."""
        return np.asarray(np.min(self._windows, axis=0), np.int64)

    def add_strip(self, strip: Strip, labels: Int32, first_row: int) -> None:
        """Take the next strip of the scene.

        labels: int32 (H, W), cell of each pixel, below 0 for none. first_row: row of the scene in which the strip begins.
        Of the rows that a strip repeats each size looks at one less than it is high, so every window ends in a new row and
        is met for the first time.
        """
        pixels = None
        for patches, sums, windows in zip(self._patch_set.patches, self._sums, self._windows, strict=True):
            size = patches.shape[-1]
            top = max(0, strip.new_from - (size - 1))
            runs = find_runs(strip.valid[top:], labels[top:], size, self._row_step, first_row + top)
            if not len(runs.cells):
                continue
            if pixels is None:
                pixels = standardise_pixels(strip.pixels, self._patch_set)
            means = pool_patches(pixels[:, top:], runs, patches, self._bias, mirrored=True)
            sums[runs.cells] += means * runs.counts[:, None].astype(np.float32)
            windows[runs.cells] += runs.counts

    def finish(self) -> None:
        """Turn sums into means; 0 for a cell without a window."""
        for sums, windows in zip(self._sums, self._windows, strict=True):
            sums /= np.maximum(windows, 1).astype(np.float32)[:, None]
