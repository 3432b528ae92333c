"""The lattice: one grid of integers for the whole earth, nested by floor division.

Bottom room of `monitor`, pure. A cell is a pair of integers (row, col) at level L0; every coarser block is
`row // n, col // n`. Degrees are never divided (P2): `0.6 // 0.2` is 2. May import nothing of this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

CELLS_PER_DEG = 100
"""L0 cells along one degree."""
ROWS = 180 * CELLS_PER_DEG
COLS = 360 * CELLS_PER_DEG

IntArray = npt.NDArray[np.int64]


class Level(IntEnum):
    """Levels of the lattice, finest first. The value orders sharpness: a greater level is coarser."""

    L0 = 0
    L1 = 1
    L2 = 2
    L3 = 3

    @property
    def span(self) -> int:
        """Side of one square in L0 cells."""
        return _SPAN[self]

    @property
    def deg_text(self) -> str:
        """Side of one square in degrees, as exact decimal text."""
        return decimal_deg(self.span)

    @property
    def parent(self) -> Level | None:
        """The next coarser level, or None at the top."""
        return Level(self + 1) if self < Level.L3 else None


_SPAN = {Level.L0: 1, Level.L1: 10, Level.L2: 20, Level.L3: 100}


class OutsideLattice(ValueError):
    """A longitude or latitude that is not on earth, or not a number."""


@dataclass(frozen=True, slots=True)
class Box:
    """A closed-open box of cells: `row_from <= row < row_to`, `col_from <= col < col_to` (L0 indices)."""

    row_from: int
    col_from: int
    row_to: int
    col_to: int

    def snapped_outward(self, level: Level) -> Box:
        """The smallest box of whole squares of `level` that holds this one (P1: boxes only ever grow)."""
        n = level.span
        return Box(
            self.row_from // n * n, self.col_from // n * n, -(-self.row_to // n) * n, -(-self.col_to // n) * n
        )


@lru_cache(maxsize=65_536)
def decimal_deg(cells: int) -> str:
    """Write a count of L0 cells as degrees without a float: 20 -> '0.2', -12345 -> '-123.45'."""
    whole, part = divmod(abs(cells), CELLS_PER_DEG)
    text = f"{whole}.{part:02d}".rstrip("0").rstrip(".")
    return f"-{text}" if cells < 0 else text


def locate_cells(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Rows and columns of the cells that hold the points.

    lon, lat: degrees, CRS84, any broadcastable shape. Returns two int64 arrays of that shape. A point on a line of the
    lattice belongs to the cell north and east of it, so a cell's own corner leads back to the cell; the east and north
    edges of the earth belong to the last column and row. Raises OutsideLattice for anything not on earth.
    """
    x = np.asarray(lon, dtype=np.float64)
    y = np.asarray(lat, dtype=np.float64)
    if not (np.all(np.abs(x) <= 180) and np.all(np.abs(y) <= 90)):
        raise OutsideLattice("longitude must lie in [-180, 180] and latitude in [-90, 90]")
    return np.minimum(_lines_below(y, 90), ROWS - 1), np.minimum(_lines_below(x, 180), COLS - 1)


def cell_bounds(row: int, col: int) -> tuple[float, float, float, float]:
    """West, south, east, north of one cell, degrees: each edge the float nearest to its exact decimal."""
    return (
        (col - 180 * CELLS_PER_DEG) / CELLS_PER_DEG,
        (row - 90 * CELLS_PER_DEG) / CELLS_PER_DEG,
        (col + 1 - 180 * CELLS_PER_DEG) / CELLS_PER_DEG,
        (row + 1 - 90 * CELLS_PER_DEG) / CELLS_PER_DEG,
    )


def cell_number(row: int, col: int) -> int:
    """One integer below 2**31 for a cell, row-major. Kept inside the vault and the ledger's sealed part only."""
    return row * COLS + col


def block_of(row: int, col: int, level: Level) -> tuple[int, int]:
    """Row and column, at `level`, of the block that holds an L0 cell (P2)."""
    return row // level.span, col // level.span


def box_of_degrees(west: float, south: float, east: float, north: float) -> Box:
    """The smallest box of cells that holds a box in degrees. An edge that lies on a line of the lattice stays there.

    Raises OutsideLattice where an edge is not on earth, or where west > east or south > north (a box across the
    antimeridian must be asked for as two).
    """
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise OutsideLattice("a box is west,south,east,north in degrees with west <= east and south <= north")
    # the last row and column hold their outer edge, as in `locate_cells`
    row_from, row_end = min(int(_lines_below(south, 90)), ROWS - 1), -int(_lines_below(-north, -90))
    col_from, col_end = min(int(_lines_below(west, 180)), COLS - 1), -int(_lines_below(-east, -180))
    return Box(row_from, col_from, max(row_end, row_from + 1), max(col_end, col_from + 1))


def _lines_below(degrees: npt.ArrayLike, origin: int) -> IntArray:
    """Floor of `(degrees + origin) * 100`, where a value within 1e-9 degree of a line of the lattice is on it.

    Without that, the line at -31.76 would lie below itself: (-31.76 + 90) * 100 is 5823.999999999999 in floats.
    """
    scaled = (np.asarray(degrees, dtype=np.float64) + origin) * CELLS_PER_DEG
    nearest = np.rint(scaled)
    return np.where(np.abs(scaled - nearest) < 1e-7, nearest, np.floor(scaled)).astype(np.int64)
