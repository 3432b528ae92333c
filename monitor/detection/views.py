"""Views: the tables of numbers that the members of a head look at, made from the features of cells at one or two dates.

Room `detection`, pure. A view never holds a date. May import `pairs`, `partmaps`, `spectral`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.detection.change import stack_change
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import Layout, find_seen
from monitor.detection.rcf import Float32
from monitor.detection.spectral import PERCENTILES, add_indices, list_channels

NOW, SUMMARIES, CELLS, PAIR, PARTS = "now", "summaries", "cells", "pair", "parts"
"""The cell now; its spectral summaries now; the cell before, now and the difference; answers of the patches of pairs;
summaries now with statistics of how its parts changed."""
_DRAW = re.compile(rf"{PAIR}/(\d+)/([1-9]\d*)")


def list_draws(draws: int) -> list[str]:
    """Views of one of so many draws of the patches of pairs each, `pair/0/3` and so on: every third patch, with both
    signs. Patches stand in random order, so that each draw is as good as another."""
    return [f"{PAIR}/{own}/{draws}" for own in range(draws)]


@dataclass(slots=True)
class Sight:
    """Cells as the members of a head see them; each view is made once.

    layout: of a row of features. now, reference: float32 (n, F); reference None for a head of single dates. pairs: makes
    the views of pairs.
    """

    layout: Layout
    now: Float32
    reference: Float32 | None = None
    pairs: PairFeaturizer | None = None
    _made: dict[str, Float32] = field(default_factory=dict)

    def view(self, name: str) -> Float32:
        """The table of a view, float32 (n, columns), finite. Raises KeyError for a view these cells do not have."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Float32:
        if name == NOW:
            return self.layout.plain(self.now)
        if name == SUMMARIES:
            return self.layout.summaries(self.now)
        if self.reference is not None:
            if name == CELLS:
                return stack_change(self.layout.plain(self.now), self.layout.plain(self.reference))
            if name == PARTS and self.layout.map_size:
                changed = describe_parts(self.now, self.reference, self.layout)
                return np.concatenate([self.layout.summaries(self.now), changed], axis=1)
            if name == PAIR and self.pairs is not None:
                return self.pairs.transform(self.now, self.reference)
            if draw := _DRAW.fullmatch(name):
                return self.view(PAIR)[:, int(draw[1]) :: int(draw[2])]
        raise KeyError(f"These cells have no view called {name}.")


def measure_change(now: Float32, reference: Float32, layout: Layout) -> npt.NDArray[np.float64]:
    """How strongly the ground of cells changed, float64 (n,); NaN without a reference, a map or a part seen on both dates.

    The mean over bands and indices of the logarithm of how far the changes of a cell's parts lie apart (their deviation).
    What lightens or darkens a whole cell alike, as another date or composite does, does not move it. now, reference: (n, F).
    """
    strength = np.full(len(now), np.nan)
    paired = np.isfinite(reference).all(axis=1)
    if layout.map_size and paired.any():
        statistics = describe_parts(now[paired], reference[paired], layout).reshape(
            int(paired.sum()), len(list_channels(layout.bands)), -1
        )
        apart = statistics[:, :, 1].astype(np.float64)
        with np.errstate(divide="ignore"):
            told = np.log(apart).mean(axis=1)
        strength[paired] = np.where(np.isfinite(told), told, np.nan)
    return strength


def describe_parts(now: Float32, reference: Float32, layout: Layout) -> Float32:
    """How the parts of cells changed, float32 (n, channels * 11).

    Per band and index: mean and deviation of the change, its mean and greatest size, and seven percentiles, over the
    parts seen on both dates; 0 where none was. now, reference: (n, F).
    """
    late, early = layout.maps(now), layout.maps(reference)
    seen = find_seen(late) & find_seen(early)
    table = np.zeros((len(now), len(list_channels(layout.bands)), 4 + len(PERCENTILES)), np.float32)
    for cell in np.flatnonzero(seen.any(axis=(1, 2))):
        here = seen[cell]
        change = add_indices(late[cell][:, here], layout.bands) - add_indices(
            early[cell][:, here], layout.bands
        )
        size = np.abs(change)
        table[cell, :, :4] = np.stack(
            [change.mean(axis=1), change.std(axis=1), size.mean(axis=1), size.max(axis=1)], axis=1
        )
        table[cell, :, 4:] = np.percentile(change, PERCENTILES, axis=1).T
    return table.reshape(len(now), -1)
