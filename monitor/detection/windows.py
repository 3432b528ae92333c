"""Windows: small squares of real pixels, drawn from scenes without labels, from which patches are made.

Room `detection`, pure. Each window of all the scenes has the same chance. May import `imagery` and `rcf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
UNLIKE = 1.25
"""Pixels so many times wider or narrower are other pixels; those of degrees differ within a country too."""


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

    def parts(self, row_from: int, row_to: int, across: int) -> npt.NDArray[np.int16]:
        """int16 (row_to - row_from, width): which of the across * across parts of its cell each pixel lies in."""
        ...


class PatchesNotDrawn(ValueError):
    """The scenes hold too few whole windows to draw patches from, or show nothing, or what is asked for cannot be drawn."""


def tell_size(scene: SceneStrips) -> float | None:
    """Side of a pixel in metres, None for arrays that lie nowhere."""
    size = getattr(scene, "pixel_m", None)
    return None if size is None else float(size)


def are_alike(one_m: float | None, least_m: float | None, most_m: float | None) -> bool:
    """Whether pixels are about as wide as others, or within their range; metres. What is not known is no reason to doubt."""
    if one_m is None or least_m is None or most_m is None:
        return True
    return least_m / UNLIKE < one_m < most_m * UNLIKE


def draw_windows(scenes: Iterable[SceneStrips], size: int, seed: int, sample: int = SAMPLE) -> Float32:
    """Draw wholly valid windows, each window of all the scenes with the same chance.

    Parameters
    ----------
    scenes : iterable of SceneStrips
        A scene that is refused while it is read gives no window.
    size : int
        Pixels along a side.
    seed : int
    sample : int
        How many windows at most.

    Returns
    -------
    float32 (n, C, size, size)
        In random order. Every window gets a random key and the smallest keys win, so scenes of any size are read once,
        memory is bounded, and how a scene is cut into strips does not matter.

    Raises
    ------
    PatchesNotDrawn
        If no scene holds a whole window.

    Examples
    --------
    >>> from monitor.detection.arrayscene import ArrayScene
    >>> pixels = np.random.default_rng(0).random((2, 50, 50))
    >>> draw_windows([ArrayScene(pixels, ("red", "nir"), 25)], size=4, seed=0, sample=10).shape
    (10, 2, 4, 4)
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
