"""Patches: the small filters of the random convolutional features, drawn from unlabelled scenes.

Room `detection`, pure. Empirical patches follow Coates and Ng (2012) and MOSAIKS (Rolf et al. 2021): windows of real
scenes, whitened (ZCA), perhaps of several sizes at once. All arithmetic is in float64 and the result is rounded, so that
the same seed and pixels give the same patches bit for bit whatever BLAS is installed. No labels, no dates. May import
`rcf` and `windows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.rcf import Float32
from monitor.detection.windows import PatchesNotDrawn

Float64 = npt.NDArray[np.float64]

EMPIRICAL, GAUSSIAN = "empirical", "gaussian"
DRAWINGS = (EMPIRICAL, GAUSSIAN)
"""Where patches come from: whitened windows of scenes, or independent normal numbers."""
LARGEST = 15
"""Pixels along a side of the largest patch: working memory and time grow by the square."""
ZCA_SHARE = 1e-3
"""Added to the variances before whitening, as a share of their mean, so that noise is not blown up."""
DECIMALS = 4
"""Patches are rounded to this many decimals, band statistics to `STATISTIC_DECIMALS`."""
STATISTIC_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class PatchSet:
    """Patches and the scaling of bands they expect.

    Parameters
    ----------
    centre, spread : float32 (C,)
        Mean and standard deviation per band; pixels are standardised with them first.
    patches : tuple of float32 (K, C, k, k)
        An array for each size k, in the order of their features.

    Examples
    --------
    See `make_patches`.
    """

    centre: Float32
    spread: Float32
    patches: tuple[Float32, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels along a side of the patches, size by size."""
        return tuple(patches.shape[-1] for patches in self.patches)

    @property
    def count(self) -> int:
        """How many patches there are, of all sizes together."""
        return sum(len(patches) for patches in self.patches)


def make_patches(
    windows: Float32, count: int, sizes: Sequence[int] = (), *, drawing: str = EMPIRICAL, seed: int = 0
) -> PatchSet:
    """Patches of one size or of several, from windows of scenes.

    Parameters
    ----------
    windows : float32 (n, C, k, k)
        Wholly valid windows in random order, as `draw_windows` gives them; k is the largest size.
    count : int
        How many patches in all, shared evenly by the sizes; n >= count for empirical ones.
    sizes : sequence of int, optional
        Pixels along a side, each once and at most k, in the order that features are to have; k alone unless told.
        MOSAIKS takes 4 and 6.
    drawing : {"empirical", "gaussian"}
        `whiten_patches` or `gaussian_patches`.
    seed : int
        Of Gaussian patches; empirical ones are the first windows, which are in random order.

    Returns
    -------
    PatchSet

    Raises
    ------
    PatchesNotDrawn
        For too few windows or such as are not finite, or sizes or a way to draw that there are none of; for empirical ones
        also where all pixels are alike.

    Examples
    --------
    >>> import numpy as np
    >>> windows = np.random.default_rng(0).random((500, 3, 6, 6), np.float32)
    >>> [patches.shape for patches in make_patches(windows, 10, (4, 6)).patches]
    [(5, 3, 4, 4), (5, 3, 6, 6)]
    """
    if not len(windows) or not np.isfinite(windows).all():
        raise PatchesNotDrawn(
            "There are no windows, or they hold numbers that are not finite; draw wholly valid ones with draw_windows."
        )
    if drawing == EMPIRICAL:
        return whiten_patches(windows, count, sizes)
    if drawing == GAUSSIAN:
        return gaussian_patches(windows, count, seed, sizes)
    raise PatchesNotDrawn(f"Patches cannot be drawn {drawing!r}; they are {' or '.join(DRAWINGS)}.")


def whiten_patches(windows: Float32, count: int, sizes: Sequence[int] = ()) -> PatchSet:
    """Empirical patches: the first `count` windows, standardised per band, whitened, of unit answer.

    windows: float32 (n, C, k, k), n >= count. sizes: as in `make_patches`; each size takes windows of its own, cut to it.
    With z a standardised window and W the ZCA matrix of all of them, a patch is W (W z / |W z|): its answer to a window is
    the cosine-like likeness of two whitened windows, of standard deviation near 1 over the sample, so that a bias of 1
    means one standard deviation on every sensor and at every size. Raises PatchesNotDrawn for too few windows, for sizes
    that there are none of, and for windows whose pixels are all alike.
    """
    sizes = sizes or (windows.shape[-1],)
    shares = share_patches(count, sizes, windows.shape[-1])
    if len(windows) < count:
        raise PatchesNotDrawn(
            f"The scenes hold {len(windows)} whole windows of valid pixels, {count} patches need at least as many."
        )
    if (np.ptp(windows, axis=(0, 2, 3)) < 10.0**-STATISTIC_DECIMALS).all():
        raise PatchesNotDrawn("All valid pixels of the scenes are alike; give scenes that show some ground.")
    standard, centre, spread = _standardise(windows)
    patches, first = [], 0
    for size, share in zip(sizes, shares, strict=True):
        patches.append(_whiten(standard[:, :, :size, :size], first, first + share))
        first += share
    return _round(centre, spread, patches)


def gaussian_patches(windows: Float32, count: int, seed: int, sizes: Sequence[int] = ()) -> PatchSet:
    """Patches of independent normal numbers, scaled to unit length; the windows give the band statistics alone.

    windows, sizes: as in `make_patches`.
    """
    sizes = sizes or (windows.shape[-1],)
    shares = share_patches(count, sizes, windows.shape[-1])
    _, centre, spread = _standardise(windows)
    rng, patches = np.random.default_rng(seed), []
    for size, share in zip(sizes, shares, strict=True):
        normal = rng.standard_normal((share, windows.shape[1], size, size))
        patches.append(normal / np.sqrt(normal[0].size))
    return _round(centre, spread, patches)


def share_patches(count: int, sizes: Sequence[int], largest: int = LARGEST) -> list[int]:
    """How many of `count` patches each size gets: as many as the others, the first ones one more.

    Raises PatchesNotDrawn unless each size is there once, from 1 to `largest`, and gets a patch.
    """
    if not sizes or len(set(sizes)) < len(sizes) or not all(1 <= size <= largest for size in sizes):
        raise PatchesNotDrawn(f"Sizes of patches are whole numbers from 1 to {largest}, each named once.")
    if count < len(sizes):
        raise PatchesNotDrawn(f"{count} patches cannot be shared by {len(sizes)} sizes; draw more.")
    each, rest = divmod(count, len(sizes))
    return [each + (place < rest) for place in range(len(sizes))]


def _whiten(standard: Float64, start: int, stop: int) -> Float64:
    """The windows from `start` to `stop` of standardised ones (n, C, k, k), whitened by the covariance of all."""
    flat = standard.reshape(len(standard), -1)
    middle = flat.mean(axis=0)
    covariance = (flat - middle).T @ (flat - middle) / len(flat)
    variances, axes = np.linalg.eigh(covariance)
    scale = 1 / np.sqrt(np.maximum(variances, 0) + ZCA_SHARE * max(variances.mean(), 1e-12))
    zca = (axes * scale) @ axes.T  # symmetric: the sign that eigh gives an axis falls out
    whitened = (flat[start:stop] - middle) @ zca
    whitened /= np.maximum(np.linalg.norm(whitened, axis=1, keepdims=True), 1e-12)
    return np.asarray((whitened @ zca).reshape(stop - start, *standard.shape[1:]), np.float64)


def _standardise(windows: Float32) -> tuple[Float64, Float64, Float64]:
    """Windows (n, C, k, k) with mean 0 and standard deviation 1 per band, and those statistics (C,)."""
    exact = windows.astype(np.float64)
    centre = exact.mean(axis=(0, 2, 3))
    spread = exact.std(axis=(0, 2, 3))
    spread[spread < 10.0**-STATISTIC_DECIMALS] = 1.0
    return (exact - centre[:, None, None]) / spread[:, None, None], centre, spread


def _round(centre: Float64, spread: Float64, patches: Sequence[Float64]) -> PatchSet:
    return PatchSet(
        np.round(centre, STATISTIC_DECIMALS).astype(np.float32),
        np.round(spread, STATISTIC_DECIMALS).astype(np.float32),
        # adding zero turns -0.0 into 0.0, which compare equal and yet differ in their bytes
        tuple((np.round(of_size, DECIMALS) + 0.0).astype(np.float32) for of_size in patches),
    )


def standardise_pixels(pixels: Float32, patch_set: PatchSet) -> Float32:
    """float32 (C, H, W) as the patches expect them; invalid pixels become some number that no window counts."""
    centre, spread = patch_set.centre[:, None, None], patch_set.spread[:, None, None]
    return np.ascontiguousarray((pixels - centre) / spread, dtype=np.float32)


def check_bands(expected: Sequence[str], found: Sequence[str]) -> None:
    """Raise ValueError unless a scene was opened with the bands of the patches, in their order."""
    if tuple(expected) != tuple(found):
        raise ValueError(
            f"The scene was opened with bands {', '.join(found)}; needed: {', '.join(expected)}."
        )
