"""Spectral summaries: moments and percentiles of bands and indices over the valid pixels of a cell.

Room `detection`, pure. Percentiles need all pixels of a cell at once, so they are held while the cell is open and
summed up when the strips have passed it: memory is one line of cells, not a scene. May import `rcf`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from monitor.detection.rcf import Bool, Float32, Int32, find_runs

PERCENTILES = (2, 10, 25, 50, 75, 90, 98)
STATISTICS = ("mean", "std", *(f"p{percent:02d}" for percent in PERCENTILES))


def _normalised_difference(a: Float32, b: Float32) -> Float32:
    """(a - b) / (a + b) within [-1, 1]; 0 where the sum is not positive, as over-corrected dark water can be."""
    total = a + b
    safe = np.where(total > 1e-6, total, np.float32(1))
    return np.where(total > 1e-6, np.clip((a - b) / safe, -1, 1), np.float32(0))


Channel = Callable[..., Float32]
INDICES: dict[str, tuple[tuple[str, ...], Channel]] = {
    # Rouse et al. 1974; McFeeters 1996; Xu 2006; Rikimaru et al. 2002; Lacaux et al. 2007 (turbidity of ponds)
    "ndvi": (("nir", "red"), _normalised_difference),
    "ndwi": (("green", "nir"), _normalised_difference),
    "mndwi": (("green", "swir16"), _normalised_difference),
    "bsi": (("swir16", "red", "nir", "blue"), lambda s, r, n, b: _normalised_difference(s + r, n + b)),
    "ndti": (("red", "green"), _normalised_difference),
    # radar in dB: a difference is a ratio of power
    "VV-VH": (("VV", "VH"), lambda vv, vh: vv - vh),
}
"""Index: the bands it needs, and its formula on reflectance (or dB)."""


def list_channels(bands: Sequence[str]) -> list[str]:
    """The bands themselves and every index that they allow."""
    return [*bands, *(name for name, (needed, _) in INDICES.items() if set(needed) <= set(bands))]


def list_summaries(bands: Sequence[str]) -> list[str]:
    """Names of the numbers of `summarise_pixels`, in their order, such as `ndvi_p50`."""
    return [f"{channel}_{statistic}" for channel in list_channels(bands) for statistic in STATISTICS]


def add_indices(pixels: Float32, bands: Sequence[str]) -> Float32:
    """The channels of `list_channels`, float32 (channels, n), from pixels (C, n) in the order of `bands`."""
    by_band = dict(zip(bands, pixels, strict=True))
    formulas = [INDICES[name] for name in list_channels(bands)[len(bands) :]]
    return np.stack(
        [*pixels, *(formula(*(by_band[band] for band in needed)) for needed, formula in formulas)]
    )


def summarise_pixels(pixels: Float32, bands: Sequence[str]) -> Float32:
    """Summaries of the pixels of one cell.

    pixels: float32 (C, n), n > 0, physical units, in the order of `bands`. Returns float32 (channels * statistics,):
    mean, population standard deviation, percentiles (linear interpolation) of each channel.
    """
    channels = add_indices(pixels, bands)
    summaries = np.empty((len(channels), len(STATISTICS)), np.float32)
    summaries[:, 0] = channels.mean(axis=1)
    summaries[:, 1] = channels.std(axis=1)
    channels.sort(axis=1)
    at = np.array(PERCENTILES) / 100 * (channels.shape[1] - 1)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, channels.shape[1] - 1)
    share = (at - below).astype(np.float32)
    summaries[:, 2:] = channels[:, below] * (1 - share) + channels[:, above] * share
    return summaries.ravel()


class SpectralSummaries:
    """Collects the pixels of cells over the strips of a scene and sums each cell up once it is complete.

    values: float32 (cells, F), NaN for a cell without a valid pixel. pixel_counts: int64 (cells,), valid pixels.
    """

    def __init__(self, bands: Sequence[str], cells: int) -> None:
        self.values: Float32 = np.full((cells, len(list_summaries(bands))), np.nan, np.float32)
        self.pixel_counts: npt.NDArray[np.int64] = np.zeros(cells, np.int64)
        self._bands = tuple(bands)
        self._open: dict[int, list[Float32]] = {}

    def add_rows(self, pixels: Float32, valid: Bool, labels: Int32) -> None:
        """Take the next rows of the scene, each row once: float32 (C, h, W), bool (h, W), int32 (h, W).

        A cell that does not reach the last of these rows is complete: along the rows of a picture a cell has no gap.
        """
        runs = find_runs(valid, labels, size=1)
        for index, cell in enumerate(runs.cells.tolist()):
            own = range(runs.first_run[index], runs.first_run[index + 1])
            parts = [pixels[:, runs.rows[run], runs.starts[run] : runs.stops[run]] for run in own]
            self._open.setdefault(cell, []).append(np.concatenate(parts, axis=1))
        reaching_on = set(np.unique(labels[-1]).tolist()) if len(labels) else set()
        for cell in [cell for cell in self._open if cell not in reaching_on]:
            self._close(cell)

    def finish(self) -> None:
        """Sum up the cells that reach the last row of the scene."""
        for cell in list(self._open):
            self._close(cell)

    def _close(self, cell: int) -> None:
        pixels = np.concatenate(self._open.pop(cell), axis=1)
        if self.pixel_counts[cell] == 0:
            self.pixel_counts[cell] = pixels.shape[1]
            self.values[cell] = summarise_pixels(pixels, self._bands)
