"""Featurizer: from the pixels of an open scene to one row of numbers per cell.

Room `detection`, pure. Memory is bounded by one strip and the features themselves. What is fixed here (bands, patches,
bias) defines the features and is summed up in `digest`: features of different digests are never compared. May import
`partmaps`, `patches`, `patchmeans`, `rcf`, `spectral`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from monitor.detection.partmaps import ACROSS, Layout, PartMeans, list_maps
from monitor.detection.patches import EMPIRICAL, PatchSet, check_bands, make_patches, share_patches
from monitor.detection.patchmeans import PatchMeans
from monitor.detection.rcf import Float32, Int32
from monitor.detection.spectral import SpectralSummaries, list_summaries
from monitor.detection.windows import SceneStrips, are_alike, draw_windows, tell_size
from monitor.grid import COLS

Int64 = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""

PATCHES = 512
PATCH_SIZES = (3,)
BIAS = -1.0
FEATURES_VERSION = 1
"""Part of the digest; to be raised when the arithmetic of any feature changes."""


def number_cells(rows: npt.ArrayLike, cols: npt.ArrayLike) -> Int64:
    """int64 cell numbers, row-major (see `grid.cell_number`)."""
    return np.asarray(rows, np.int64) * COLS + np.asarray(cols, np.int64)


@dataclass(frozen=True, slots=True)
class CellFeatures:
    """Features of the cells of one scene. An exact thing: it stays in the vault.

    Parameters
    ----------
    rows, cols : int32 (n,)
        L0 cells.
    valid_share : float32 (n,)
        Valid pixels as a share of those of a whole cell, so a cell at the edge of a scene has a small one; 0 where no window
        is whole.
    values : float32 (n, F)
        NaN where `valid_share` is 0.
    digest : str
        Of the featurizer that made them.
    pixel_m : float, optional
        Side of the pixels that they were made from, metres.

    Examples
    --------
    See `Featurizer`.
    """

    rows: Int32
    cols: Int32
    valid_share: Float32
    values: Float32
    digest: str
    pixel_m: float | None = None

    @property
    def numbers(self) -> Int64:
        """int64 (n,), cell numbers."""
        return number_cells(self.rows, self.cols)

    def select(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> CellFeatures:
        """The same for some of the cells, by positions or by a mask."""
        columns = ("rows", "cols", "valid_share", "values")
        return replace(self, **{name: getattr(self, name)[index] for name in columns})

    def is_like(self, pixel_m: float | None) -> bool:
        """Whether pixels of so many metres are about as wide, or nobody knows. If not, ground that stayed looks changed."""
        return are_alike(self.pixel_m, pixel_m, pixel_m)


@dataclass(frozen=True)
class Featurizer:
    """What turns pixels into features.

    Parameters
    ----------
    sensor : str
        Name of the sensor profile.
    bands : tuple of str
        Common names, in the order in which scenes must be opened.
    patch_set : PatchSet
        Patches and band statistics.
    bias : float
        Added to every answer before the ReLU; each patch is used with both signs.
    seed, drawing
        With which and how the patches were drawn, for the record.
    across : int
        Parts along one side of the map that is kept of each cell, 0 for no maps.
    pixel_m : (float, float), optional
        Least and greatest side of the pixels that the patches were drawn from, metres: a patch of 3 x 3 sees other ground
        where pixels are of another size, and mixed pixels are other ones.

    References
    ----------
    Rolf et al. 2021, A generalizable and accessible approach to machine learning with global satellite imagery.

    Examples
    --------
    >>> from monitor.detection.arrayscene import ArrayScene
    >>> pixels = np.random.default_rng(0).random((2, 80, 60))
    >>> scene = ArrayScene(pixels, ("red", "nir"), cell_pixels=20)
    >>> made = Featurizer.fit([scene], sensor="sentinel-2", bands=scene.bands, n_patches=8, patch_sizes=(3, 5), across=0)
    >>> made.names[0], made.names[-1]
    ('patch3x3.0000+', 'ndvi_p98')
    >>> features = made.extract(scene)
    >>> features.values.shape, features.valid_share.round(2).tolist()[:3]
    ((12, 43), [1.0, 1.0, 1.0])
    """

    sensor: str
    bands: tuple[str, ...]
    patch_set: PatchSet
    bias: float = BIAS
    seed: int = 0
    across: int = 0
    drawing: str = EMPIRICAL
    pixel_m: tuple[float, float] | None = None

    @classmethod
    def fit(
        cls,
        scenes: Iterable[SceneStrips],
        *,
        sensor: str,
        bands: Sequence[str],
        n_patches: int = PATCHES,
        patch_sizes: Sequence[int] = PATCH_SIZES,
        drawing: str = EMPIRICAL,
        seed: int = 0,
        bias: float = BIAS,
        across: int = ACROSS,
    ) -> Featurizer:
        """Draw patches from scenes, without labels.

        Parameters
        ----------
        scenes : iterable of SceneStrips
            Open scenes; a generator may open and close each in turn. The order of scenes is part of what is drawn.
        sensor, bands, bias, across
            Of the featurizer.
        n_patches, patch_sizes, drawing, seed
            As in `make_patches`.

        Returns
        -------
        Featurizer
            For pixels of the sizes that the scenes have, where they tell them (`pixel_m`).

        Raises
        ------
        PatchesNotDrawn
        ValueError
            For a bias that is no finite number, or parts that are none.
        """
        if not np.isfinite(bias):
            raise ValueError("bias must be a finite number.")
        if not (np.isfinite(across) and across == int(across) >= 0):
            raise ValueError("across must be a whole number of parts along one side, 0 for no maps.")
        share_patches(n_patches, patch_sizes)  # said before any scene is read
        sizes: list[float] = []
        windows = draw_windows(_check_each(scenes, bands, sizes), max(patch_sizes), seed)
        drawn = make_patches(windows, n_patches, patch_sizes, drawing=drawing, seed=seed)
        pixel_m = (min(sizes), max(sizes)) if sizes else None
        return cls(sensor, tuple(bands), drawn, bias, seed, across, drawing, pixel_m)

    @cached_property
    def names(self) -> list[str]:
        """Names of the features: patches with both signs (`patch0000+`, `patch0000-`; `patch4x4.0000+` where there are
        several sizes), then summaries, then the map of the cell's parts (`red[3,17]`)."""
        sizes = self.patch_set.sizes
        signs = [
            f"patch{number:04d}{sign}" if len(sizes) == 1 else f"patch{size}x{size}.{number:04d}{sign}"
            for size, patches in zip(sizes, self.patch_set.patches, strict=True)
            for sign in "+-"
            for number in range(len(patches))
        ]
        return signs + list_summaries(self.bands) + list_maps(self.bands, self.across)

    @property
    def layout(self) -> Layout:
        """What stands where in a row of features."""
        return Layout(2 * self.patch_set.count, self.bands, self.across)

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over all that defines the features; the seed and the sensor's name do not."""
        shapes = [patches.shape for patches in self.patch_set.patches]
        facts = {
            "version": FEATURES_VERSION,
            "bands": self.bands,
            "bias": float(self.bias),
            "shape": shapes[0] if len(shapes) == 1 else shapes,  # one size is written as it always was
            "names": self.names,
        }
        if self.pixel_m is not None:
            facts["pixel_m"] = self.pixel_m
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for array in (self.patch_set.centre, self.patch_set.spread, *self.patch_set.patches):
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

        Parameters
        ----------
        scene : SceneStrips
        progress : callable, optional
            Called with rows done and rows in all.
        wanted : int64 (m,), optional
            Numbers of the cells to look at; all unless told.
        row_step : int
            Look at every so many-th row of windows only (faster, unbiased; not for training); 1 or more.

        Returns
        -------
        CellFeatures

        Raises
        ------
        SceneRefused
            For what only reading can show.
        ValueError
            For wrong bands, or a `row_step` below 1.
        """
        if row_step < 1:
            raise ValueError("row_step must be 1, to look at every row of windows, or more.")
        check_bands(self.bands, scene.bands)
        kept = np.arange(len(scene.rows))
        if wanted is not None:
            kept = np.flatnonzero(np.isin(number_cells(scene.rows, scene.cols), wanted))
        index = np.full(len(scene.rows) + 1, -1, np.int32)  # the last entry is where label -1 points
        index[kept] = np.arange(len(kept))
        spectral = SpectralSummaries(self.bands, len(kept))
        values = np.empty((len(kept), len(self.names)), np.float32)
        summed = self.layout.answers
        patches = PatchMeans(self.patch_set, self.bias, values[:, :summed], row_step)
        maps = PartMeans(self.layout.maps(values))
        done = 0
        for strip in scene.strips(max(self.patch_set.sizes) - 1):
            labels = strip.labels if wanted is None else index[strip.labels]
            fresh = slice(strip.new_from, None)
            new = strip.pixels[:, fresh], strip.valid[fresh], labels[fresh]
            rows = len(new[2])
            spectral.add_rows(*new)
            patches.add_strip(strip, labels, done - strip.new_from)
            if self.across:
                maps.add_rows(*new, scene.parts(done, done + rows, self.across))
            done += rows
            if progress is not None:
                progress(done, scene.height)
        spectral.finish()
        maps.finish(scene.full_pixels[kept])
        patches.finish()
        values[:, summed : summed + spectral.values.shape[1]] = spectral.values
        share = np.minimum(spectral.pixel_counts / scene.full_pixels[kept], 1).astype(np.float32)
        empty = (patches.counts == 0) | (spectral.pixel_counts == 0)
        share[empty], values[empty] = 0, np.nan
        return CellFeatures(scene.rows[kept], scene.cols[kept], share, values, self.digest, tell_size(scene))

    def fits(self, cells: CellFeatures) -> bool:
        """Whether the pixels of these cells are about as wide as those that the patches were drawn from, or nobody knows."""
        return are_alike(cells.pixel_m, *(self.pixel_m or (None, None)))


def _check_each(
    scenes: Iterable[SceneStrips], bands: Sequence[str], sizes: list[float]
) -> Iterable[SceneStrips]:
    """sizes: holds the size of the pixels of every scene that tells it, once all have passed."""
    for scene in scenes:
        check_bands(bands, scene.bands)
        if (size := tell_size(scene)) is not None:
            sizes.append(round(size, 1))
        yield scene
