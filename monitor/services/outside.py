"""Load what other systems have published: answers of an API, tables, rasters, polygons. Runs as the worker.

Here files become records; what they may do to our cells is decided behind `take_in`. Counts come back, no place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, SpatialReference
from django.contrib.gis.gdal.feature import Feature
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.warp import transform as to_crs

from monitor.field.outside import (
    PIXELS_OUTSIDE,
    OutsideAlert,
    OutsideRefused,
    check_day,
    gather_published,
    read_api_answer,
    read_csv_download,
    read_pixels,
)
from monitor.field.systems import SYSTEMS, Theme, Trust
from monitor.grid import CELLS_PER_DEG, COLS, ROWS, OutsideLattice, box_of_degrees
from monitor.imagery.georeference import GDAL_ERRORS
from monitor.services.evidence import take_in
from monitor.vault.outside import Met

MAPBIOMAS = "mapbiomas_alerta"
CLASS_FIELD, DATE_FIELD = "ALERTCLASS", "DETECTAT"
"""Of a MapBiomas Alerta export, whose names are cut to ten letters."""
MINING_CLASSES = frozenset({"ilegal_mining", "illegal_mining", "mining"})
"""The class as the export writes it, and as it is spelt."""
STRIP = 512
"""Rows of a raster read at a time."""
ON_LINE = 1e-9
"""Degrees: what lies on a line of the lattice stays in the cell north and east of it, whatever floats make of it."""


@dataclass(frozen=True, slots=True)
class LoadedOutside:
    """What came of a file. alerts: read; cells: that they speak of. is_new, looked_at, raised, met: as in `TakenIn`."""

    alerts: int
    cells: int
    is_new: bool
    looked_at: int
    raised: int
    met: Met


def load_outside(
    path: Path,
    system: str,
    today: date,
    date_field: str | None = None,
    name: str | None = None,
    issued_on: date | None = None,
) -> LoadedOutside:
    """Load a file of a system of `SYSTEMS`: `.json` of the GFW data API, `.csv` with the same columns, a raster in the
    encoding of Global Forest Watch, or polygons of any format that OGR reads.

    date_field: of polygons; that of MapBiomas Alerta is known. name, issued_on: of the delivery, as for `take_in`. Raises
    OutsideRefused, OSError.
    """
    if issued_on is not None and issued_on > today:
        raise OutsideRefused("A delivery cannot have been issued after today.")
    alerts = _read_file(path, system, today, date_field)
    records = gather_published(alerts)
    taken = take_in(system, records, today, name, issued_on)
    cells = len({(record.row, record.col) for record in records})
    return LoadedOutside(len(alerts), cells, taken.is_new, taken.looked_at, taken.raised, taken.met)


def _read_file(path: Path, system: str, today: date, date_field: str | None) -> list[OutsideAlert]:
    try:
        if path.suffix.lower() == ".json":
            return read_api_answer(path.read_text(encoding="utf-8"), system, today)
        if path.suffix.lower() == ".csv":
            return read_csv_download(path.read_text(encoding="utf-8"), system, today)
    except UnicodeDecodeError:
        raise OutsideRefused("The file is no text in UTF-8.") from None
    path.stat()  # a file that is not there is told as such
    try:
        if _is_raster(path):
            with rasterio.open(path) as raster:
                return list(_read_raster(raster, system, today))
        dated = DATE_FIELD if date_field is None and system == MAPBIOMAS else date_field
        return list(_read_polygons(path, system, today, dated))
    except (*GDAL_ERRORS, GDALException) as error:
        raise OutsideRefused(
            f"The file cannot be read ({type(error).__name__}): give a CSV, a GeoTIFF, or polygons as GeoPackage, GeoJSON or"
            " Shapefile."
        ) from error


def _is_raster(path: Path) -> bool:
    try:
        with rasterio.open(path):
            return True
    except RasterioError:
        return False


def _read_raster(raster: Any, system: str, today: date) -> Iterator[OutsideAlert]:
    if raster.crs is None:
        raise OutsideRefused("The raster does not say in which coordinate system it is.")
    if raster.transform.is_identity:
        raise OutsideRefused("The raster does not say where its pixels lie; give it with its georeference.")
    if not np.issubdtype(np.dtype(raster.dtypes[0]), np.integer):
        raise OutsideRefused(
            "The raster must hold whole numbers: a confidence digit and days since 2014-12-31."
        )
    for first in range(0, raster.height, STRIP):
        window = rasterio.windows.Window(0, first, raster.width, min(STRIP, raster.height - first))
        values = raster.read(1, window=window, masked=True).filled(0)
        rows, cols = np.nonzero(values)
        if not len(rows):
            continue
        x, y = raster.transform * (cols + 0.5, rows + first + 0.5)
        try:
            lon, lat = to_crs(raster.crs, "EPSG:4326", np.atleast_1d(x), np.atleast_1d(y))[:2]
        except GDAL_ERRORS:
            raise OutsideRefused(PIXELS_OUTSIDE) from None
        yield from read_pixels(values[rows, cols], np.asarray(lon), np.asarray(lat), system, today)


def _read_polygons(path: Path, system: str, today: date, date_field: str | None) -> Iterator[OutsideAlert]:
    source = DataSource(str(path))
    if not len(source):
        raise OutsideRefused("The file holds no layer; give the one file that holds the polygons.")
    layer = source[0]
    if layer.srs is None:
        raise OutsideRefused("The layer does not say in which coordinate system it is.")
    if date_field is None or date_field not in layer.fields:
        raise OutsideRefused("Say which field of the polygons holds the date, with --date-field.")
    if system == MAPBIOMAS and CLASS_FIELD not in layer.fields:
        raise OutsideRefused(f"The layer has no field {CLASS_FIELD}; give the export with all its fields.")
    to_lonlat = CoordTransform(layer.srs, SpatialReference(4326))
    for number, feature in enumerate(layer, start=1):
        seen = _read_day(_read_value(feature, date_field, number), number)
        check_day(seen, today, f"Feature {number}")
        theme = SYSTEMS[system].theme
        if system == MAPBIOMAS and str(_read_value(feature, CLASS_FIELD, number)) in MINING_CLASSES:
            theme = Theme.MINING
        for row, col in _list_cells(feature, number, to_lonlat):
            yield OutsideAlert(row, col, system, theme, seen, Trust.HIGH)


def _read_value(feature: Feature, field: str, number: int) -> Any:
    try:
        return feature[field].value
    except UnicodeDecodeError:
        raise OutsideRefused(f"Feature {number} holds text that is not in UTF-8.") from None


def _read_day(value: Any, number: int) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise OutsideRefused(f"Feature {number} has no date like 2021-12-31.") from None


def _list_cells(feature: Feature, number: int, to_lonlat: CoordTransform) -> list[tuple[int, int]]:
    """The cells that a feature touches, at least one. Raises OutsideRefused."""
    try:
        geometry = feature.geom
        geometry.transform(to_lonlat)
        shape = json.loads(geometry.json)
        box = box_of_degrees(*geometry.extent)
        if box.row_to > ROWS or box.col_to > COLS:  # on the last line of the earth, with no cell beyond
            raise OutsideLattice
    except OutsideLattice:
        raise OutsideRefused(
            f"Feature {number} lies outside the world, beyond 180 degrees or a pole; check its coordinate system, and cut "
            "it in two where it crosses 180 degrees."
        ) from None
    except (GDALException, TypeError):  # none at all, or one that has no form in GeoJSON
        raise OutsideRefused(
            f"Feature {number} has no shape that can be brought to degrees; mend it or take it out."
        ) from None
    step = 1 / CELLS_PER_DEG
    west, south = (box.col_from - COLS // 2) * step - ON_LINE, (box.row_from - ROWS // 2) * step - ON_LINE
    corner = Affine(step, 0, west, 0, step, south)
    size = (box.row_to - box.row_from, box.col_to - box.col_from)
    touched = np.argwhere(rasterize([shape], out_shape=size, transform=corner, all_touched=True))
    if not len(touched):
        raise OutsideRefused(
            f"Feature {number} touches no cell: its shape is empty or broken; mend it or take it out."
        )
    return [(box.row_from + row, box.col_from + col) for row, col in touched.tolist()]
