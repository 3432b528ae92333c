"""The label map: which cell each pixel's centre lies in, without warping a pixel.

Room `imagery`, pure. Longitude and latitude are computed exactly on a sparse net of pixels and bilinearly between
; along one row of the net a cell then ends at a known pixel, so labels are written
as runs. May import `monitor.grid`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from monitor.grid import CELLS_PER_DEG, COLS

STEP = 64
"""Pixels between two nodes of the net, at most."""
LONLAT = CRS.from_epsg(4326)

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CellMap:
    """Cells of a raster and the way to its labels.

    rows, cols: int32 (n,), L0 cells that hold a pixel centre, sorted by row, then column. full_pixels: float32 (n,),
    how many pixels fit into the whole cell. net_y, net_x: float64, cell units (degrees * 100 from 90 S, 180 W) at
    every `step`-th pixel centre. index: int32, position of a cell in rows / cols, -1 for none, by row and column less
    those of `origin`.
    """

    height: int
    width: int
    step: int
    rows: Int32
    cols: Int32
    full_pixels: npt.NDArray[np.float32]
    net_y: Float64
    net_x: Float64
    index: Int32
    origin: tuple[int, int]

    def labels(self, row_from: int, row_to: int) -> Int32:
        """int32 (row_to - row_from, width): for each pixel the position of its cell in rows / cols, -1 for none."""
        runs, counts = _runs(self, np.arange(row_from, row_to), slice(None))
        rows = runs[0] - self.origin[0]
        cols = runs[1] - self.origin[1]
        known = (rows >= 0) & (rows < self.index.shape[0]) & (cols >= 0) & (cols < self.index.shape[1])
        numbers = np.where(
            known, self.index[np.where(known, rows, 0), np.where(known, cols, 0)], np.int32(-1)
        )
        return np.repeat(numbers.ravel(), counts.ravel()).reshape(row_to - row_from, self.width)

    def parts(self, row_from: int, row_to: int, across: int) -> npt.NDArray[np.int16]:
        """int16 (row_to - row_from, width): in which part of its cell each pixel's centre lies.

        A cell has across * across parts, numbered from its south-west corner, west to east, then northwards; the same
        part is the same place in every scene. A pixel on the very edge of a cell may be put at the opposite one.
        """
        rows, cols = np.arange(row_from, row_to), np.arange(self.width)
        above, left = rows // self.step, cols // self.step
        down, along = (rows % self.step / self.step)[:, None], cols % self.step / self.step
        found = []
        for net in (self.net_y, self.net_x):
            line = net[above] * (1 - down) + net[above + 1] * down
            place = line[:, left] * (1 - along)
            place += line[:, left + 1] * along
            place -= np.floor(place)
            found.append(np.minimum(place * across, across - 1).astype(np.int16))
        return np.asarray(found[0] * np.int16(across) + found[1])


def map_cells(crs: CRS, transform: Affine, height: int, width: int, step: int = STEP) -> CellMap:
    """The cells of a north-up raster.

    crs, transform: of the raster, pixel to CRS. step: pixels between nodes; made smaller where cells are small.
    It must not cross the antimeridian or hold a pole. Raises ValueError where it cannot be transformed.
    """
    step = _fit_step(crs, transform, height, width, step)
    node_rows = np.arange(0, height + step, step)
    node_cols = np.arange(0, width + step, step)
    lon, lat = _to_lonlat(crs, transform, *np.meshgrid(node_cols + 0.5, node_rows + 0.5))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise ValueError("the raster reaches places that have no longitude or latitude")
    # the last nodes may lie beyond the raster, and beyond 180 degrees where the raster ends there
    lon = np.unwrap(np.unwrap(lon, period=360, axis=0), period=360, axis=1)
    net_y, net_x = (lat + 90) * CELLS_PER_DEG, (lon + 180) * CELLS_PER_DEG
    bare = CellMap(
        height,
        width,
        step,
        *(np.empty(0, np.int32),) * 2,
        np.empty(0, np.float32),
        net_y,
        net_x,
        np.empty((0, 0), np.int32),
        (0, 0),
    )
    rows, cols = _touched_cells(bare)
    origin = (int(rows.min()), int(cols.min()))
    index = np.full((int(rows.max()) - origin[0] + 1, int(cols.max()) - origin[1] + 1), -1, np.int32)
    index[rows - origin[0], cols - origin[1]] = np.arange(rows.size)
    full_pixels = _full_pixels(crs, transform, rows, cols)
    return CellMap(height, width, step, rows, cols, full_pixels, net_y, net_x, index, origin)


def _to_lonlat(crs: CRS, transform: Affine, x_px: Float64, y_px: Float64) -> tuple[Float64, Float64]:
    """Degrees CRS84 of points in pixel units (0, 0 is the corner of the first pixel); shapes as given."""
    x, y = transform.c + transform.a * x_px, transform.f + transform.e * y_px  # north-up: no cross terms
    lon, lat = transform_points(crs, LONLAT, x.ravel(), y.ravel())
    return np.asarray(lon).reshape(x_px.shape), np.asarray(lat).reshape(x_px.shape)


def _fit_step(crs: CRS, transform: Affine, height: int, width: int, step: int) -> int:
    """At most 0.7 cells between two nodes, so that no run crosses two lines of the lattice and no cell is overlooked."""
    x_px = np.array([0, width, width, 0, 0], np.float64)
    y_px = np.array([0, 0, height, height, 0], np.float64)
    lon, lat = _to_lonlat(crs, transform, x_px, y_px)
    sides_px = np.array([width, height, width, height])
    deg_per_px = max((np.abs(np.diff(lon)) / sides_px).max(), (np.abs(np.diff(lat)) / sides_px).max(), 1e-12)
    return int(np.clip(0.7 / (deg_per_px * CELLS_PER_DEG), 1, step)) if np.isfinite(deg_per_px) else step


def _runs(cells: CellMap, rows: Int64, segments: slice) -> tuple[tuple[Int64, Int64], Int64]:
    """Three runs of equal cell in every piece of a row between two nodes.

    rows: (h,) pixel rows; segments: which pieces, of the s there are. Returns lattice rows and columns, and lengths in
    pixels (0 where a run is empty), each (h, s, 3).
    """
    above, share = rows // cells.step, (rows % cells.step / cells.step)[:, None]
    starts = np.arange(0, cells.width, cells.step)[segments]
    length = np.minimum(cells.step, cells.width - starts)
    first: list[Int64] = []
    second: list[Int64] = []
    crossing: list[Int64] = []
    for net in (cells.net_y, cells.net_x):
        line = net[above] * (1 - share) + net[above + 1] * share
        begin, end = line[:, :-1][:, segments], line[:, 1:][:, segments]
        a, b, at = _cross_line(begin, end, cells.step)
        first.append(a)
        second.append(b)
        crossing.append(np.minimum(at, length))
    y_first = crossing[0] <= crossing[1]
    lattice_rows = np.stack([first[0], np.where(y_first, second[0], first[0]), second[0]], axis=-1)
    lattice_cols = np.stack([first[1], np.where(y_first, first[1], second[1]), second[1]], axis=-1)
    one, two = np.minimum(*crossing), np.maximum(*crossing)
    counts = np.stack([one, two - one, np.broadcast_to(length, one.shape) - two], axis=-1)
    return (lattice_rows, lattice_cols), counts


def _cross_line(begin: Float64, end: Float64, step: int) -> tuple[Int64, Int64, Int64]:
    """Cell at the first pixel, cell after the one line of the lattice that is crossed, and the pixel where it begins.

    begin, end: coordinate in cells at two nodes, less than one cell apart, `step` pixels apart.
    """
    cell = np.floor(begin)
    slope = (end - begin) / step
    rising = slope > 0
    distance = np.where(rising, cell + 1 - begin, begin - cell)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = distance / np.abs(slope)
    at = np.where(slope == 0, step, np.where(rising, np.ceil(at), np.floor(at) + 1))
    first = cell.astype(np.int64)
    return first, first + np.where(rising, 1, -1), np.minimum(at, step).astype(np.int64)


def _touched_cells(cells: CellMap) -> tuple[Int32, Int32]:
    """Every cell that holds a pixel centre.

    A cell inside the raster holds a node, for nodes are less than a cell apart; one that is cut by the edge holds a
    pixel of the outermost rows or columns. So these are looked at, not all pixels.
    """
    net_rows = np.unique(np.r_[np.arange(0, cells.height, cells.step), cells.height - 1])
    last = (cells.width - 1) // cells.step
    looks = [
        _runs(cells, net_rows, slice(None)),
        _runs(cells, np.arange(cells.height), slice(0, 1)),
        _runs(cells, np.arange(cells.height), slice(last, last + 1)),
    ]
    numbers = [(rows * COLS + cols)[counts > 0] for (rows, cols), counts in looks]
    rows, cols = np.divmod(np.unique(np.concatenate(numbers)), COLS)
    return rows.astype(np.int32), cols.astype(np.int32)


def _full_pixels(crs: CRS, transform: Affine, rows: Int32, cols: Int32) -> npt.NDArray[np.float32]:
    """Area of each cell in pixels: its four corners put into the raster's plane, then the shoelace formula."""
    corner_rows = rows[:, None] + np.array([0, 0, 1, 1])
    corner_cols = cols[:, None] + np.array([0, 1, 1, 0])
    lon, lat = corner_cols / CELLS_PER_DEG - 180.0, corner_rows / CELLS_PER_DEG - 90.0
    x, y = transform_points(LONLAT, crs, lon.ravel(), lat.ravel())
    x_crs, y_crs = np.asarray(x).reshape(lon.shape), np.asarray(y).reshape(lon.shape)
    twice = x_crs * np.roll(y_crs, -1, axis=1) - np.roll(x_crs, -1, axis=1) * y_crs
    area = np.abs(twice.sum(axis=1)) / 2
    return np.asarray(area / abs(transform.determinant), dtype=np.float32)
