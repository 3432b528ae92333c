"""Patches: the small filters of the random convolutional features, drawn from unlabelled scenes.

Room `detection`, pure. Empirical patches follow Coates and Ng (2012) and MOSAIKS (Rolf et al. 2021): windows of real
scenes, whitened (ZCA). All arithmetic is in float64 and the result is rounded, so that the same seed and pixels give
the same patches bit for bit whatever BLAS is installed. No labels, no dates. May import `imagery` and `rcf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from monitor.detection.rcf import Float32, Int32, find_runs
from monitor.imagery.pixels import Strip
from monitor.imagery.refusal import SceneRefused

Float64 = npt.NDArray[np.float64]

SAMPLE = 20_000
"""Windows from which the whitening is learnt; the patches are the first of them."""
ZCA_SHARE = 1e-3
"""Added to the variances before whitening, as a share of their mean, so that noise is not blown up."""
DECIMALS = 4
"""Patches are rounded to this many decimals, band statistics to `STATISTIC_DECIMALS`."""
STATISTIC_DECIMALS = 6


class SceneStrips(Protocol):
    """A scene as far as features need it; `imagery.OpenScene` is one.

    rows, cols: int32 (n,), L0 cells. full_pixels: float32 (n,), pixels of a wholly covered cell. bands: channels.
    """

    rows: Int32
    cols: Int32
    full_pixels: Float32
    height: int
    bands: tuple[str, ...]

    def strips(self, halo: int = 0) -> Iterator[Strip]:
        """Strips from north to south; each but the first repeats the last `halo` rows of the one before."""
        ...


class PatchesNotDrawn(ValueError):
    """The scenes do not hold enough whole windows to draw patches from."""


@dataclass(frozen=True, slots=True)
class PatchSet:
    """Patches and the scaling of bands they expect.

    centre, spread: float32 (C,), mean and standard deviation per band; pixels are standardised with them first.
    patches: float32 (K, C, k, k).
    """

    centre: Float32
    spread: Float32
    patches: Float32


def draw_windows(scenes: Iterable[SceneStrips], size: int, seed: int, sample: int = SAMPLE) -> Float32:
    """Draw up to `sample` wholly valid windows, each window of all the scenes with the same chance.

    Every window gets a random key and the smallest keys win, so scenes of any size are read once, memory is bounded,
    and how a scene is cut into strips does not matter. A scene that is refused while it is read gives no window.
    Returns float32 (n, C, size, size) in random order. Raises PatchesNotDrawn.
    """
    drawn = _Drawn(np.empty(0), None)
    for index, scene in enumerate(scenes):
        try:
            drawn = _draw_of_scene(drawn, scene, size, np.random.default_rng([seed, index]), sample)
        except SceneRefused:
            continue
    if drawn.windows is None:
        raise PatchesNotDrawn("No scene holds a whole window of valid pixels; give scenes with clear pixels.")
    return drawn.windows


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Windows drawn so far, by ascending key. keys: float64 (n,). windows: float32 (n, C, k, k), None before the first."""

    keys: Float64
    windows: Float32 | None


def _draw_of_scene(
    drawn: _Drawn, scene: SceneStrips, size: int, rng: np.random.Generator, sample: int
) -> _Drawn:
    for strip in scene.strips(size - 1):
        runs = find_runs(strip.valid, np.zeros(strip.labels.shape, np.int32), size)
        if not len(runs.cells):
            continue
        keys = rng.random(int(runs.counts[0]))
        best = np.argpartition(keys, sample)[:sample] if len(keys) > sample else np.arange(len(keys))
        if len(drawn.keys) >= sample:
            best = best[keys[best] < drawn.keys[-1]]
        first = np.concatenate([[0], np.cumsum(runs.stops - runs.starts)])
        run = np.searchsorted(first, best, side="right") - 1
        windows = sliding_window_view(strip.pixels, (size, size), axis=(1, 2))
        picked = windows[:, runs.rows[run], runs.starts[run] + best - first[run]].transpose(1, 0, 2, 3)
        both = picked if drawn.windows is None else np.concatenate([drawn.windows, picked])
        both_keys = np.concatenate([drawn.keys, keys[best]])
        order = np.argsort(both_keys, kind="stable")[:sample]
        drawn = _Drawn(both_keys[order], np.ascontiguousarray(both[order]))
    return drawn


def whiten_patches(windows: Float32, count: int) -> PatchSet:
    """Empirical patches: the first `count` windows, standardised per band, whitened, of unit answer.

    windows: float32 (n, C, k, k), n >= count. With z a standardised window and W the ZCA matrix of all of them, a
    patch is W (W z / |W z|): its answer to a window is the cosine-like likeness of two whitened windows, of standard
    deviation near 1 over the sample, so that a bias of 1 means one standard deviation on every sensor.
    """
    if len(windows) < count:
        raise PatchesNotDrawn(
            f"The scenes hold {len(windows)} whole windows of valid pixels, {count} patches need at least as many."
        )
    standard, centre, spread = _standardise(windows)
    middle = standard.mean(axis=0)
    covariance = (standard - middle).T @ (standard - middle) / len(standard)
    variances, axes = np.linalg.eigh(covariance)
    scale = 1 / np.sqrt(np.maximum(variances, 0) + ZCA_SHARE * max(variances.mean(), 1e-12))
    zca = (axes * scale) @ axes.T  # symmetric: the sign that eigh gives an axis falls out
    whitened = (standard[:count] - middle) @ zca
    whitened /= np.maximum(np.linalg.norm(whitened, axis=1, keepdims=True), 1e-12)
    return _round(centre, spread, (whitened @ zca).reshape(count, *windows.shape[1:]))


def gaussian_patches(windows: Float32, count: int, seed: int) -> PatchSet:
    """Patches of independent normal numbers, scaled to unit length; the windows give the band statistics alone."""
    _, centre, spread = _standardise(windows)
    normal = np.random.default_rng(seed).standard_normal((count, *windows.shape[1:]))
    return _round(centre, spread, normal / np.sqrt(normal[0].size))


def _standardise(windows: Float32) -> tuple[Float64, Float64, Float64]:
    """Windows (n, C * k * k) with mean 0 and standard deviation 1 per band, and those statistics (C,)."""
    exact = windows.astype(np.float64)
    centre = exact.mean(axis=(0, 2, 3))
    spread = exact.std(axis=(0, 2, 3))
    spread[spread < 10.0**-STATISTIC_DECIMALS] = 1.0
    standard = (exact - centre[:, None, None]) / spread[:, None, None]
    return standard.reshape(len(exact), -1), centre, spread


def _round(centre: Float64, spread: Float64, patches: Float64) -> PatchSet:
    return PatchSet(
        np.round(centre, STATISTIC_DECIMALS).astype(np.float32),
        np.round(spread, STATISTIC_DECIMALS).astype(np.float32),
        # adding zero turns -0.0 into 0.0, which compare equal and yet differ in their bytes
        (np.round(patches, DECIMALS) + 0.0).astype(np.float32),
    )


def standardise_pixels(pixels: Float32, patch_set: PatchSet) -> Float32:
    """float32 (C, H, W) as the patches expect them; invalid pixels become some number that no window counts."""
    centre, spread = patch_set.centre[:, None, None], patch_set.spread[:, None, None]
    return np.ascontiguousarray((pixels - centre) / spread, dtype=np.float32)


def mirror_patches(patches: Float32) -> Float32:
    """The patches and their negatives (2 K, ...): with bias -b the plus sides are then relu(y - b) and relu(-y - b).

    This is the two-sided threshold of Coates and Ng and of MOSAIKS, both of whose sides are zero for windows unlike
    the patch. The two sides of one patch with one bias differ by a mean of pixels only.
    """
    return np.concatenate([patches, -patches])


def check_bands(expected: Sequence[str], found: Sequence[str]) -> None:
    """Raise ValueError unless a scene was opened with the bands of the patches, in their order."""
    if tuple(expected) != tuple(found):
        raise ValueError(
            f"The scene was opened with bands {', '.join(found)}; needed: {', '.join(expected)}."
        )
