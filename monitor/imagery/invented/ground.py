"""The grid of the invented country, and the few brushes that everything on it is painted with.

Room `imagery`, pure. Arrays are (rows, columns) of 20 m pixels, north first; points are float (n, 2), row and column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

PIXEL_M = 20.0
CELL_PX = 55
"""About as many pixels as a cell has along a side."""
EPSG = 32634

Classes = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """A UTM grid over a box in degrees. height, width: pixels."""

    transform: Affine
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    def window_of(self, west: float, south: float, east: float, north: float) -> tuple[int, int, int, int]:
        """First row, first column, rows and columns of the pixels that cover a box in degrees."""
        left, bottom, right, top = _utm_bounds(west, south, east, north)
        col_from = max(0, int((left - self.transform.c) // PIXEL_M))
        row_from = max(0, int((self.transform.f - top) // PIXEL_M))
        col_to = min(self.width, -int(-(right - self.transform.c) // PIXEL_M))
        row_to = min(self.height, -int(-(self.transform.f - bottom) // PIXEL_M))
        return row_from, col_from, row_to - row_from, col_to - col_from


def make_ground(west: float, south: float, east: float, north: float) -> Ground:
    """The grid that covers a box in degrees, its corner on a multiple of the pixel."""
    left, bottom, right, top = _utm_bounds(west, south, east, north)
    left, top = left // PIXEL_M * PIXEL_M, -(-top // PIXEL_M) * PIXEL_M
    height, width = -int(-(top - bottom) // PIXEL_M), -int(-(right - left) // PIXEL_M)
    return Ground(Affine(PIXEL_M, 0.0, left, 0.0, -PIXEL_M, top), height, width)


def _utm_bounds(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    bounds = transform_bounds(
        CRS.from_epsg(4326), CRS.from_epsg(EPSG), west, south, east, north, densify_pts=41
    )
    left, bottom, right, top = bounds
    return left, bottom, right, top


def fractal(shape: tuple[int, int], slope: float, rng: np.random.Generator) -> Field:
    """Noise whose amplitude falls with frequency to the power `slope`; mean 0, deviation 1."""
    height, width = (scipy.fft.next_fast_len(side, real=True) for side in shape)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]).astype(np.float32)
    frequency[0, 0] = np.inf
    white = scipy.fft.rfft2(rng.standard_normal((height, width), dtype=np.float32))
    field: Field = scipy.fft.irfft2(white * frequency**-slope, s=(height, width))[: shape[0], : shape[1]]
    field -= field.mean()
    field /= field.std()
    return field


def meander(start: Points, end: Points, sway_px: float, rng: np.random.Generator) -> Points:
    """A winding way between two points, a point every half pixel; it sways by about `sway_px` and ends where told."""
    length = float(np.hypot(*(end - start)))
    along = np.linspace(0.0, 1.0, max(2, int(length * 2)))
    sway = np.zeros_like(along)
    for wave_px in (90.0, 210.0, 520.0):
        waves = max(length / wave_px, 0.5)
        sway += np.sin(2 * np.pi * (waves * along + rng.random())) * rng.uniform(0.4, 1.0) * wave_px / 520.0
    sway *= sway_px * np.sin(np.pi * along) ** 0.5
    across = np.array([-(end - start)[1], (end - start)[0]]) / max(length, 1e-9)
    way: Points = start + along[:, None] * (end - start) + sway[:, None] * across
    return way


def stamp(layer: Classes, points: Points, radius_px: float, value: int) -> None:
    """Press a disk of `value` onto the layer at every point; what lies outside is cut off."""
    reach = int(np.ceil(radius_px))
    rows, cols = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.argwhere(np.hypot(rows, cols) <= radius_px) - reach
    hit = (np.unique(np.rint(points).astype(np.intp), axis=0)[:, None] + disk).reshape(-1, 2)
    inside = ((hit >= 0) & (hit < layer.shape)).all(axis=1)
    layer[hit[inside, 0], hit[inside, 1]] = value


def stamp_rectangle(
    layer: Classes, centre: Points, half_px: tuple[float, float], angle: float, value: int
) -> None:
    """Press a turned rectangle of `value` onto the layer. half_px: half its length and half its width."""
    reach = int(np.hypot(*half_px)) + 1
    row, col = (round(float(c)) for c in centre)
    rows, cols = np.mgrid[row - reach : row + reach + 1, col - reach : col + reach + 1]
    along = (rows - centre[0]) * np.sin(angle) + (cols - centre[1]) * np.cos(angle)
    across = (rows - centre[0]) * np.cos(angle) - (cols - centre[1]) * np.sin(angle)
    inside = (np.abs(along) <= half_px[0]) & (np.abs(across) <= half_px[1])
    inside &= (rows >= 0) & (rows < layer.shape[0]) & (cols >= 0) & (cols < layer.shape[1])
    layer[rows[inside], cols[inside]] = value
