"""Georeference: where a raster's pixels are, and whether that is what its item says.

Room `imagery`, pure. Each way of not being placed has its own cause; none of the sentences says where anything is.
May import `refusal`, `assets` and `labelmap`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader
from rasterio.warp import transform as transform_points

from monitor.imagery.assets import Asset
from monitor.imagery.labelmap import LONLAT
from monitor.imagery.refusal import Cause, SceneRefused

GDAL_ERRORS = (RasterioError, CRSError, CPLE_BaseError, UnicodeDecodeError)
"""All that rasterio lets out of a damaged file: GDAL's own errors, too, which have no public name."""
TOLERANCE_PX = 3.0
"""How far, in pixels, a stated footprint may reach beyond the pixels: items round, and some take pixel centres."""
METRES_PER_DEG = 111_320.0
_EDGE_POINTS = 21
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up raster's place. transform: pixel to CRS. west, south, east, north: envelope in degrees CRS84.
    pixel_m: side of a square of a pixel's area, metres."""

    crs: CRS
    transform: Affine
    height: int
    width: int
    bounds: tuple[float, float, float, float]
    pixel_m: float

    @property
    def tolerance_deg(self) -> tuple[float, float]:
        """TOLERANCE_PX in degrees of longitude and of latitude."""
        west, south, east, north = self.bounds
        return (
            TOLERANCE_PX * max(east - west, 1e-9) / self.width,
            TOLERANCE_PX * max(north - south, 1e-9) / self.height,
        )


def read_grid(dataset: DatasetReader) -> Grid:
    """The grid of an open raster. Raises SceneRefused: GCPS_ONLY, NO_CRS, UNNAMED_CRS, NOT_NORTH_UP, ANTIMERIDIAN."""
    transform: Affine = dataset.transform
    placed = not transform.is_identity
    if not placed and (dataset.gcps[0] or dataset.rpcs is not None):
        raise SceneRefused(
            Cause.GCPS_ONLY, "The file is placed by ground control points alone; warp it to a map grid first."
        )
    if dataset.crs is None or not placed:
        raise SceneRefused(
            Cause.NO_CRS, "The file does not say where it is: it needs a coordinate system and a transform."
        )
    if dataset.crs.to_authority() is None:
        raise SceneRefused(
            Cause.UNNAMED_CRS,
            "The file's coordinate system has no authority code, so its datum is a guess; assign the right one.",
        )
    if transform.b != 0 or transform.d != 0 or transform.a <= 0 or transform.e >= 0:
        raise SceneRefused(
            Cause.NOT_NORTH_UP,
            "The file's pixel axes do not run east and south; warp it to a north-up grid first.",
        )
    bounds = _read_bounds(dataset.crs, transform, dataset.height, dataset.width)
    pixel_m = _pixel_size(dataset.crs, transform, dataset.height, dataset.width)
    return Grid(dataset.crs, transform, dataset.height, dataset.width, bounds, pixel_m)


def check_stated_grid(grid: Grid, asset: Asset, bbox: tuple[float, float, float, float]) -> None:
    """Compare what the item states with the pixels. Raises SceneRefused(FOOTPRINT_MISMATCH).

    The footprint must lie within the pixels (that of an item may be the smaller part that holds data); code, shape
    and transform, where stated, must be those of the file, or, stated of the whole item, span the same ground.
    """
    tolerance_lon, tolerance_lat = grid.tolerance_deg
    west, south, east, north = grid.bounds
    if (
        bbox[0] < west - tolerance_lon
        or bbox[1] < south - tolerance_lat
        or bbox[2] > east + tolerance_lon
        or bbox[3] > north + tolerance_lat
    ):
        raise _mismatch("the footprint reaches beyond the pixels")
    if asset.crs is not None and not _same_place(asset.crs, grid):
        raise _mismatch("the coordinate system is another")
    if asset.shape is not None and not _same_shape(asset, grid):
        raise _mismatch("the shape is another")
    if asset.transform is not None and not _same_transform(asset, grid):
        raise _mismatch("the transform is another")


def _mismatch(what: str) -> SceneRefused:
    return SceneRefused(
        Cause.FOOTPRINT_MISMATCH,
        f"The item does not describe this file: {what}. Correct the item, or hand in the right file.",
    )


def _read_bounds(crs: CRS, transform: Affine, height: int, width: int) -> tuple[float, float, float, float]:
    """Envelope in degrees of the raster's outline, taken at 21 points a side."""
    share = np.linspace(0.0, 1.0, _EDGE_POINTS)
    x_px = np.concatenate([share, np.ones_like(share), share[::-1], np.zeros_like(share)]) * width
    y_px = np.concatenate([np.zeros_like(share), share, np.ones_like(share), share[::-1]]) * height
    try:
        lon, lat = transform_points(
            crs, LONLAT, transform.c + transform.a * x_px, transform.f + transform.e * y_px
        )
    except GDAL_ERRORS:
        raise _unplaceable() from None
    lons, lats = np.asarray(lon), np.asarray(lat)
    if not (np.isfinite(lons).all() and np.isfinite(lats).all()) or np.abs(lats).max() > 90:
        raise _unplaceable()
    if np.abs(lons).max() > 180 or (np.abs(np.diff(lons)) > 180).any():
        raise SceneRefused(
            Cause.ANTIMERIDIAN,
            "The pixels cross 180 degrees of longitude or hold a pole; cut the file there.",
        )
    return float(lons.min()), float(lats.min()), float(lons.max()), float(lats.max())


def _unplaceable() -> SceneRefused:
    return SceneRefused(
        Cause.NO_CRS, "The file's coordinate system cannot be turned into longitude and latitude."
    )


def _pixel_size(crs: CRS, transform: Affine, height: int, width: int) -> float:
    """Side, in metres, of a square as large as the pixel in the middle."""
    x = transform.c + transform.a * (width / 2 + np.array([0.0, 1.0, 0.0]))
    y = transform.f + transform.e * (height / 2 + np.array([0.0, 0.0, 1.0]))
    lon, lat = (np.asarray(values) for values in transform_points(crs, LONLAT, x, y))
    east_m = np.diff(lon[[0, 1, 0, 2]])[::2] * METRES_PER_DEG * np.cos(np.radians(lat[0]))
    north_m = np.diff(lat[[0, 1, 0, 2]])[::2] * METRES_PER_DEG
    return float(np.sqrt(abs(east_m[0] * north_m[1] - east_m[1] * north_m[0])))


def _same_place(code: str, grid: Grid) -> bool:
    """Whether the stated code puts the raster's corners where its own CRS does, within the tolerance."""
    try:
        authority, _, number = code.partition(":")
        if not (authority.isalpha() and number.isalnum()):
            return False  # GDAL would take a file or an address for a coordinate system as well
        stated = CRS.from_authority(authority, number)
        west, south, east, north = _read_bounds(stated, grid.transform, grid.height, grid.width)
    except (*GDAL_ERRORS, SceneRefused):
        return False
    tolerance_lon, tolerance_lat = grid.tolerance_deg
    differences = np.abs(np.subtract((west, south, east, north), grid.bounds))
    return bool((differences <= (tolerance_lon, tolerance_lat, tolerance_lon, tolerance_lat)).all())


def _same_shape(asset: Asset, grid: Grid) -> bool:
    """Equal, where the item states the shape of this very file; in proportion, where of the item at large."""
    rows, cols = asset.shape or (0, 0)
    if asset.own_grid:
        return (rows, cols) == (grid.height, grid.width)
    return (
        rows > 0
        and cols > 0
        and abs(rows / cols - grid.height / grid.width) <= 1.0 / min(grid.height, grid.width)
    )


def _same_transform(asset: Asset, grid: Grid) -> bool:
    """Same first corner and directions; the same pixel too, where the item states the transform of this very file."""
    stated = Affine(*(asset.transform or ()))
    side_x, side_y = abs(grid.transform.a), abs(grid.transform.e)
    corner = abs(stated.c - grid.transform.c) <= side_x and abs(stated.f - grid.transform.f) <= side_y
    straight = stated.b == 0 and stated.d == 0 and stated.a > 0 and stated.e < 0
    if not asset.own_grid:
        return corner and straight
    drift_x = abs(stated.a - grid.transform.a) * grid.width
    drift_y = abs(stated.e - grid.transform.e) * grid.height
    return corner and straight and drift_x <= side_x and drift_y <= side_y
