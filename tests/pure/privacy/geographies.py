"""Invented geographies: a few tiles whose plausible cells are drawn as rectangles, slivers and scattered cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from monitor.grid import Level
from monitor.privacy.ground import Ground, bare_ground, settle
from monitor.privacy.hiding import ACROSS, EDITIONS, MaskArray
from monitor.privacy.pieces import Edition, Floors

TILES = np.array([[92, 200], [92, 201]])


@st.composite
def cells_of_tiles(draw: st.DrawFn) -> MaskArray:
    """Plausible cells of the tiles: rectangles that begin and end anywhere, and some single cells."""
    cells = np.zeros((len(TILES), 100, 100), dtype=bool)
    for _ in range(draw(st.integers(1, 4))):
        tile = draw(st.integers(0, len(TILES) - 1))
        row, col = draw(st.integers(0, 95)), draw(st.integers(0, 95))
        height, width = draw(st.integers(1, 45)), draw(st.integers(1, 45))
        cells[tile, row : row + height, col : col + width] = True
    if draw(st.booleans()):
        scattered = np.random.default_rng(draw(st.integers(0, 99))).random(cells.shape)
        cells |= scattered < draw(st.sampled_from([0.001, 0.01, 0.1]))
    return cells


@st.composite
def weights_of_tiles(draw: st.DrawFn) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
    """Weights of all cells: nearly even to very uneven, with some cells far likelier than all others."""
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    weights = generator.random((len(TILES), 100, 100)) ** draw(st.sampled_from([0.1, 1, 5, 20]))
    peaks = draw(st.integers(0, 5))
    weights.reshape(-1)[generator.choice(weights.size, peaks, replace=False)] = 50
    return weights


@dataclass
class History:
    """Batch after batch, what an installation remembers of its tiles."""

    ground: Ground
    floors: Floors

    @classmethod
    def new(cls) -> History:
        """Nothing was ever published."""
        empty = {
            level: np.zeros((len(TILES), ACROSS[level], ACROSS[level]), dtype=np.int8) for level in EDITIONS
        }
        return cls(bare_ground(len(TILES)), empty)

    def publish(
        self, wanted: MaskArray, weights: np.ndarray[tuple[int, int, int], np.dtype[np.float64]] | None = None
    ) -> dict[Level, Edition]:
        """The editions of the next batch."""
        self.ground, editions = settle(TILES, self.ground, wanted, self.floors, weights)
        self.floors = {level: np.maximum(self.floors[level], editions[level].levels) for level in EDITIONS}
        return dict(editions)


def piece_of_cells(
    edition: Edition, counted: MaskArray
) -> np.ndarray[tuple[int, int, int], np.dtype[np.int64]]:
    """By cell, the piece that counts it; -1 where none does."""
    span = edition.level.span
    pieces = edition.piece_of.repeat(span, axis=1).repeat(span, axis=2)
    return np.where(counted, pieces, -1)
