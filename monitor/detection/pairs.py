"""Pairs: random convolutional features of what happened inside a cell, on its part maps of two dates at once.

Room `detection`, pure. A patch looks at both dates of the same ground, so it answers to bare soil that was forest, or
to a pond that was bare soil, even where the mean over the cell stays the same. Random convolutional features (Rolf et
al. 2021) on maps with twice the bands; patches are drawn from pairs without labels. May import `partmaps`, `patches`,
`rcf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from monitor.detection.partmaps import Layout, find_seen
from monitor.detection.patches import (
    EMPIRICAL,
    PatchSet,
    make_patches,
    share_patches,
    standardise_pixels,
)
from monitor.detection.rcf import Bool, Float32, Int32, find_runs, pool_patches

PATCHES = 1024
PATCH_SIZES = (3,)
"""Parts along a side."""
BIAS = -1.0
SAMPLE = 20_000
LEAST_WINDOWS = 50
"""Fewer windows than this over all pairs teach nothing."""
CELLS_AT_A_TIME = 256


@dataclass(frozen=True, slots=True)
class PairFeaturizer:
    """What turns the part maps of two dates into features of a pair.

    Parameters
    ----------
    layout : Layout
        Of a row of features.
    patch_set : PatchSet
        Patches and statistics of the 2 * bands channels: the reference, then now.

    Examples
    --------
    >>> layout = Layout(0, ("red",), 6)
    >>> now, reference = np.random.default_rng(0).random((2, 30, 36)).astype(np.float32)
    >>> pairs = PairFeaturizer.fit(now, reference, layout, n_patches=8, patch_sizes=(2, 3))
    >>> pairs.transform(now, reference).shape
    (30, 16)
    """

    layout: Layout
    patch_set: PatchSet

    @classmethod
    def fit(
        cls,
        now: Float32,
        reference: Float32,
        layout: Layout,
        *,
        n_patches: int = PATCHES,
        patch_sizes: Sequence[int] = PATCH_SIZES,
        drawing: str = EMPIRICAL,
        seed: int = 0,
    ) -> PairFeaturizer | None:
        """Draw patches from the maps of pairs, without labels.

        Parameters
        ----------
        now, reference : float32 (n, F)
            Features that end in maps.
        layout : Layout
        n_patches, patch_sizes, drawing, seed
            As in `make_patches`, sizes in parts. Where there are fewer windows than patches wanted, there are fewer patches.

        Returns
        -------
        PairFeaturizer or None
            None where the features hold no maps or too few windows seen on both dates.

        Raises
        ------
        PatchesNotDrawn
            For sizes that cannot be.
        """
        if not layout.map_size:
            return None
        share_patches(n_patches, patch_sizes, layout.across)
        windows = _draw_windows(now, reference, layout, max(patch_sizes), seed)
        if len(windows) < LEAST_WINDOWS:
            return None
        count = min(n_patches, len(windows))
        return cls(layout, make_patches(windows, count, patch_sizes, drawing=drawing, seed=seed))

    @property
    def count(self) -> int:
        """How many features a pair has: every patch with both signs."""
        return 2 * self.patch_set.count

    def transform(self, now: Float32, reference: Float32) -> Float32:
        """Mean answers of the patches over the windows seen on both dates.

        Parameters
        ----------
        now, reference : float32 (n, F)

        Returns
        -------
        float32 (n, count)
            0 where no window was seen on both dates, which is what ground that no patch answers to would give.
        """
        features = np.zeros((len(now), self.count), np.float32)
        for start, picture, seen, labels in _lay_out(now, reference, self.layout):
            pixels, first = standardise_pixels(picture, self.patch_set), 0
            for patches in self.patch_set.patches:
                runs = find_runs(seen, labels, patches.shape[-1])
                own = slice(first, first + 2 * len(patches))
                if len(runs.cells):
                    features[start + runs.cells, own] = pool_patches(
                        pixels, runs, patches, BIAS, mirrored=True
                    )
                first = own.stop
        return features


def _lay_out(now: Float32, reference: Float32, layout: Layout) -> Iterator[tuple[int, Float32, Bool, Int32]]:
    """Some cells at a time as one tall picture, each with a line below it that counts as unseen, so that no window
    holds two cells: place of the first cell, float32 (2 * bands, rows, across), bool and int32 (rows, across)."""
    height = layout.across + 1
    for start in range(0, len(now), CELLS_AT_A_TIME):
        portion = slice(start, start + CELLS_AT_A_TIME)
        early, late = layout.maps(reference[portion]), layout.maps(now[portion])
        seen = np.zeros((len(late), height, layout.across), np.bool_)
        seen[:, :-1] = find_seen(early) & find_seen(late)
        bands = len(layout.bands)
        picture = np.zeros((2 * bands, len(late), height, layout.across), np.float32)
        picture[:bands, :, :-1] = early.transpose(1, 0, 2, 3)
        picture[bands:, :, :-1] = late.transpose(1, 0, 2, 3)
        labels = np.repeat(np.arange(len(late), dtype=np.int32), height * layout.across)
        shape = (len(late) * height, layout.across)
        yield start, picture.reshape(-1, *shape), seen.reshape(shape), labels.reshape(shape)


def _draw_windows(now: Float32, reference: Float32, layout: Layout, size: int, seed: int) -> Float32:
    """Up to `SAMPLE` windows seen on both dates, float32 (n, 2 * bands, size, size), in random order."""
    rng, square = np.random.default_rng(seed), (size, size)
    keys = np.empty(0)
    windows = np.empty((0, 2 * len(layout.bands), *square), np.float32)
    for _, picture, seen, _ in _lay_out(now, reference, layout):
        row, col = np.nonzero(sliding_window_view(seen, square).all(axis=(2, 3)))
        own = rng.random(len(row))
        found = sliding_window_view(picture, square, axis=(1, 2))[:, row, col].transpose(1, 0, 2, 3)
        keys, windows = np.concatenate([keys, own]), np.concatenate([windows, found])
        best = np.argsort(keys, kind="stable")[:SAMPLE]
        keys, windows = keys[best], windows[best]
    return np.ascontiguousarray(windows)
