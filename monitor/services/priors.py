"""Load a plausibility prior: any raster or vector layer becomes weights of cells, a public table (P3).

Runs as the worker. What is loaded acts from the next batch on, and under one policy version it can only make releases
coarser (`services/geography.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import rasterio
from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry, SpatialReference
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from monitor.grid import CELLS_PER_DEG, COLS, ROWS, Box, Level, box_of_degrees
from monitor.privacy.hiding import TILE
from monitor.privacy.policy import POLICY_VERSION
from monitor.releases.priors import PriorRow, Weights, read_weights, write_prior
from monitor.vault.plausible import read_known_cells

Progress = Callable[[str, int, int], None]
Tiles = Iterator[tuple[int, int, Weights]]
Bands = Iterator[tuple[int, Weights]]


class PriorRefused(ValueError):
    """The layer cannot be a prior; the text names the cause and the mend."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded prior. known: cells of the known regions; plausible: how many of them have a weight above zero."""

    prior: PriorRow
    known: int
    plausible: int


def load_prior(path: str, name: str, field: str | None, layer: int, progress: Progress) -> Loaded:
    """Load the raster's first band, or a vector layer, and let it act from the next batch on.

    A cell of a raster has the mean of its pixels, or the pixel at its centre where those are greater. Of a vector layer:
    the greatest number in `field` (1 without one) of the areas that hold the cell's centre and of the lines and points that
    touch it. What the layer does not cover has no
    weight. Raises PriorRefused, and then nothing is loaded; LedgerUnavailable, as `recorded` does.
    """
    with recorded(Entry(None, "prior.load", "load_prior", uuid4(), policy_version=POLICY_VERSION)):
        try:
            prior = write_prior(name, _split(_open_layer(path, field, layer), progress))
        except (RasterioError, GDALException) as error:
            raise PriorRefused(
                f"The layer cannot be read ({type(error).__name__}): give a raster, or polygons as GeoPackage, GeoJSON or"
                " Shapefile."
            ) from error
        except ValueError as error:
            raise PriorRefused(str(error)) from error
    return _count(prior)


def forget_prior() -> Loaded:
    """Let every cell of a known region be as plausible as any other, from the next batch on."""
    with recorded(Entry(None, "prior.load", "load_prior", uuid4(), policy_version=POLICY_VERSION)):
        prior = write_prior("even", iter(()), is_even=True)
    return _count(prior)


def _count(prior: PriorRow) -> Loaded:
    tiles, known = read_known_cells()
    plausible = known if prior.is_even else known & (read_weights(prior.id, tiles) > 0)
    return Loaded(prior, int(known.sum()), int(plausible.sum()))


def _open_layer(path: str, field: str | None, layer: int) -> tuple[Box, Callable[[Box], Bands]]:
    """The box of cells that a layer covers, in whole tiles, and how to read it."""
    if not path.startswith("/vsi") and not Path(path).exists():
        raise PriorRefused("There is no such file.")
    try:
        with rasterio.open(path) as raster:
            return _open_raster(path, raster)
    except RasterioError:
        return _open_vector(path, field, layer)


def _split(opened: tuple[Box, Callable[[Box], Bands]], progress: Progress) -> Tiles:
    """The tiles of a layer, in rows from south to north."""
    box, read_bands = opened
    first, last = box.row_from // TILE, box.row_to // TILE
    for tile_row, band in read_bands(box):
        progress("tile rows", tile_row - first + 1, last - first)
        for number in range(band.shape[1] // TILE):
            yield tile_row, box.col_from // TILE + number, band[:, number * TILE : (number + 1) * TILE]


def _tiles_around(west: float, south: float, east: float, north: float) -> Box:
    """The smallest box of whole tiles around degrees; what reaches beyond the earth is cut off."""
    box = box_of_degrees(max(west, -180), max(south, -90), min(east, 180), min(north, 90))
    whole = box.snapped_outward(Level.L3)
    return Box(whole.row_from, whole.col_from, min(whole.row_to, ROWS), min(whole.col_to, COLS))


def _open_raster(path: str, raster: Any) -> tuple[Box, Callable[[Box], Bands]]:
    if raster.crs is None:
        raise PriorRefused(
            "The raster does not say in which coordinate system it is. Assign one and load it again."
        )
    box = _tiles_around(*transform_bounds(raster.crs, "EPSG:4326", *raster.bounds))
    return box, lambda whole: _read_raster(path, whole)


def _read_raster(path: str, box: Box) -> Bands:
    """The mean of the valid pixels of each cell, or where pixels are greater than cells the one at its centre; a cell
    without one weighs nothing."""
    step = 1 / CELLS_PER_DEG
    north = (box.row_to - ROWS // 2) / CELLS_PER_DEG
    transform = Affine(step, 0, (box.col_from - COLS // 2) / CELLS_PER_DEG, 0, -step, north)
    with (
        rasterio.open(path) as raster,
        WarpedVRT(
            raster,
            crs="EPSG:4326",
            transform=transform,
            width=box.col_to - box.col_from,
            height=box.row_to - box.row_from,
            resampling=Resampling.average if _is_finer_than_cells(raster) else Resampling.nearest,
            add_alpha=raster.nodata is None,
        ) as warped,
    ):
        for row_from in range(box.row_from, box.row_to, TILE):
            window = rasterio.windows.Window(0, box.row_to - row_from - TILE, warped.width, TILE)
            values = warped.read(1, window=window, masked=True, out_dtype="float32").filled(0)
            yield row_from // TILE, np.nan_to_num(values, nan=0.0, posinf=np.inf)[::-1]


def _is_finer_than_cells(raster: Any) -> bool:
    west, south, east, north = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    pixel_deg = max((east - west) / raster.width, (north - south) / raster.height)
    return bool(pixel_deg * CELLS_PER_DEG < 1 - 1e-6)


def _open_vector(path: str, field: str | None, layer: int) -> tuple[Box, Callable[[Box], Bands]]:
    source = DataSource(path)
    if not 0 <= layer < len(source):
        raise PriorRefused(f"The file has {len(source)} layers; number {layer} is not one of them.")
    found = source[layer]
    if found.srs is None:
        raise PriorRefused(
            "The layer does not say in which coordinate system it is. Assign one and load it again."
        )
    if field is not None and field not in found.fields:
        raise PriorRefused("The layer has no such field.")
    to_lonlat = CoordTransform(found.srs, SpatialReference(4326))
    shapes = []
    for feature in found:
        weight = 1.0 if field is None else _read_weight(feature[field].value)
        if weight > 0 and not feature.geom.empty:
            geometry = feature.geom.clone()
            geometry.transform(to_lonlat)
            shapes.append((geometry, weight))
    if not shapes:
        raise PriorRefused("No feature of the layer has a place and a weight above zero.")
    envelopes = np.array([geometry.extent for geometry, _ in shapes])
    box = _tiles_around(*envelopes[:, :2].min(axis=0).tolist(), *envelopes[:, 2:].max(axis=0).tolist())
    return box, lambda whole: _burn(shapes, envelopes, whole)


def _read_weight(value: Any) -> float:
    if value is None:
        return 0.0
    try:
        weight = float(value)
    except (TypeError, ValueError):
        raise PriorRefused("The field must hold numbers.") from None
    if not np.isfinite(weight) or weight < 0:
        raise PriorRefused("A prior's weights must be numbers of at least 0.")
    return weight


def _burn(shapes: list[tuple[OGRGeometry, float]], envelopes: np.ndarray[Any, Any], box: Box) -> Bands:
    """Weights of the cells of a vector layer; where features overlap, the greatest."""
    rising = sorted(range(len(shapes)), key=lambda number: shapes[number][1])
    for row_from in range(box.row_from, box.row_to, TILE):
        south = (row_from - ROWS // 2) / CELLS_PER_DEG
        near = [n for n in rising if envelopes[n, 1] <= south + 1 and envelopes[n, 3] >= south]
        # the first row is the southernmost, as everywhere on the lattice
        step = 1 / CELLS_PER_DEG
        transform = Affine(step, 0, (box.col_from - COLS // 2) / CELLS_PER_DEG, 0, step, south)
        band = np.zeros((TILE, box.col_to - box.col_from), dtype=np.float32)
        for is_area in (True, False):
            burnt = [
                (json.loads(shapes[n][0].json), shapes[n][1])
                for n in near
                if shapes[n][0].geom_type.name.endswith(("Polygon", "Polygon25D")) == is_area
            ]
            if burnt:
                layer = rasterize(
                    burnt, band.shape, transform=transform, all_touched=not is_area, dtype="float32"
                )
                band = np.maximum(band, layer)
        yield row_from // TILE, band
