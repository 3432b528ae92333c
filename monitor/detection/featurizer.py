"""Featurizer: from the pixels of an open scene to one row of numbers per cell.

Room `detection`, pure. Memory is bounded by one strip and the features themselves. What is fixed here (bands, patches,
bias) defines the features and is summed up in `digest`: features of different digests are never compared. May import
`imagery`, `patches`, `rcf`, `spectral`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from monitor.detection.patches import (
    PatchSet,
    SceneStrips,
    check_bands,
    draw_windows,
    gaussian_patches,
    mirror_patches,
    standardise_pixels,
    whiten_patches,
)
from monitor.detection.rcf import Float32, Int32, find_runs, pool_patches
from monitor.detection.spectral import SpectralSummaries, list_summaries
from monitor.grid import COLS
from monitor.imagery.pixels import Strip

Int64 = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""

PATCHES = 512
PATCH_SIZE = 3
BIAS = -1.0
FEATURES_VERSION = 1
"""Part of the digest; to be raised when the arithmetic of any feature changes."""


def number_cells(rows: npt.ArrayLike, cols: npt.ArrayLike) -> Int64:
    """int64 cell numbers, row-major (see `grid.cell_number`)."""
    return np.asarray(rows, np.int64) * COLS + np.asarray(cols, np.int64)


@dataclass(frozen=True, slots=True)
class CellFeatures:
    """Features of the cells of one scene. An exact thing: it stays in the vault.

    rows, cols: int32 (n,), L0. valid_share: float32 (n,), valid pixels as a share of those of a whole cell, so a cell
    at the edge of a scene has a small one; 0 where no window is whole. values: float32 (n, F), NaN where valid_share
    is 0. digest: of the featurizer that made them.
    """

    rows: Int32
    cols: Int32
    valid_share: Float32
    values: Float32
    digest: str

    @property
    def numbers(self) -> Int64:
        """int64 (n,), cell numbers."""
        return number_cells(self.rows, self.cols)

    def select(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> CellFeatures:
        """The same for some of the cells, by positions or by a mask."""
        return CellFeatures(
            self.rows[index], self.cols[index], self.valid_share[index], self.values[index], self.digest
        )


@dataclass(frozen=True)
class Featurizer:
    """What turns pixels into features.

    sensor: name of the sensor profile. bands: common names, in the order in which scenes must be opened.
    patch_set: patches and band statistics. bias: added to every answer before the ReLU; each patch is used with both
    signs. seed: with which the patches were drawn, for the record.
    """

    sensor: str
    bands: tuple[str, ...]
    patch_set: PatchSet
    bias: float = BIAS
    seed: int = 0

    @classmethod
    def fit(
        cls,
        scenes: Iterable[SceneStrips],
        *,
        sensor: str,
        bands: Sequence[str],
        n_patches: int = PATCHES,
        patch_size: int = PATCH_SIZE,
        seed: int = 0,
        bias: float = BIAS,
        gaussian: bool = False,
    ) -> Featurizer:
        """Draw patches from scenes, without labels.

        scenes: open scenes; a generator may open and close each in turn. The order of scenes is part of what is
        drawn. gaussian: random numbers instead of windows of the scenes. Raises PatchesNotDrawn.
        """
        windows = draw_windows(_check_each(scenes, bands), patch_size, seed)
        drawn = gaussian_patches(windows, n_patches, seed) if gaussian else whiten_patches(windows, n_patches)
        return cls(sensor, tuple(bands), drawn, bias, seed)

    @cached_property
    def names(self) -> list[str]:
        """Names of the features: patches with both signs (`patch0000+`, `patch0000-`), then summaries."""
        count = len(self.patch_set.patches)
        signs = [f"patch{number:04d}{sign}" for sign in "+-" for number in range(count)]
        return signs + list_summaries(self.bands)

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over all that defines the features; the seed and the sensor's name do not."""
        facts = {
            "version": FEATURES_VERSION,
            "bands": self.bands,
            "bias": float(self.bias),
            "shape": self.patch_set.patches.shape,
            "names": self.names,
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for array in (self.patch_set.centre, self.patch_set.spread, self.patch_set.patches):
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def extract(
        self,
        scene: SceneStrips,
        progress: Progress | None = None,
        *,
        wanted: Int64 | None = None,
        row_step: int = 1,
    ) -> CellFeatures:
        """Features of the cells of a scene that was opened with `bands`.

        wanted: numbers of the cells to look at, None for all. row_step: look at every so many-th row of windows only
        (faster, unbiased; not for training). Raises SceneRefused for what only reading can show, ValueError for wrong
        bands.
        """
        check_bands(self.bands, scene.bands)
        kept = np.arange(len(scene.rows))
        if wanted is not None:
            kept = np.flatnonzero(np.isin(number_cells(scene.rows, scene.cols), wanted))
        index = np.full(len(scene.rows) + 1, -1, np.int32)  # the last entry is where label -1 points
        index[kept] = np.arange(len(kept))
        spectral = SpectralSummaries(self.bands, len(kept))
        patches = _PatchMeans(self, len(kept), row_step)
        done = 0
        for strip in scene.strips(self.patch_set.patches.shape[-1] - 1):
            labels = strip.labels if wanted is None else index[strip.labels]
            fresh = slice(strip.new_from, None)
            spectral.add_rows(strip.pixels[:, fresh], strip.valid[fresh], labels[fresh])
            patches.add_strip(strip, labels, done - strip.new_from)
            done += len(strip.labels) - strip.new_from
            if progress is not None:
                progress(done, scene.height)
        spectral.finish()
        values = np.concatenate([patches.means(), spectral.values], axis=1)
        share = np.minimum(spectral.pixel_counts / scene.full_pixels[kept], 1).astype(np.float32)
        empty = (patches.counts == 0) | (spectral.pixel_counts == 0)
        share[empty], values[empty] = 0, np.nan
        return CellFeatures(scene.rows[kept], scene.cols[kept], share, values, self.digest)


class _PatchMeans:
    """Mean answers of the patches per cell, added up over strips. counts: int64 (cells,), windows seen."""

    def __init__(self, featurizer: Featurizer, cells: int, row_step: int) -> None:
        self._patch_set = featurizer.patch_set
        self._signed = mirror_patches(featurizer.patch_set.patches)
        self._bias = featurizer.bias
        self._row_step = row_step
        self._sums: Float32 = np.zeros((cells, len(self._signed)), np.float32)
        self.counts: Int64 = np.zeros(cells, np.int64)

    def add_strip(self, strip: Strip, labels: Int32, first_row: int) -> None:
        """first_row: row of the scene in which the strip begins. The halo is as wide as a window less one row, so
        every window of the strip ends in a new row and is met here for the first time."""
        runs = find_runs(strip.valid, labels, self._signed.shape[-1], self._row_step, first_row)
        if not len(runs.cells):
            return
        pixels = standardise_pixels(strip.pixels, self._patch_set)
        means = pool_patches(pixels, runs, self._signed, self._bias)[:, : len(self._signed)]
        self._sums[runs.cells] += means * runs.counts[:, None].astype(np.float32)
        self.counts[runs.cells] += runs.counts

    def means(self) -> Float32:
        """float32 (cells, 2 K); 0 for a cell without a window."""
        number = np.maximum(self.counts, 1).astype(np.float32)
        return np.asarray(self._sums / number[:, None], np.float32)


def _check_each(scenes: Iterable[SceneStrips], bands: Sequence[str]) -> Iterable[SceneStrips]:
    for scene in scenes:
        check_bands(bands, scene.bands)
        yield scene
