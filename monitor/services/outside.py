"""Load what other systems have published: answers of an API, tables, rasters, polygons. Runs as the worker.

Here files become records; what they may do to our cells is decided behind `take_in`. Counts come back, no place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from django.contrib.gis.gdal import GDALException
from rasterio.errors import RasterioError
from rasterio.warp import transform as to_crs

from monitor.field.outside import (
    PIXELS_OUTSIDE,
    OutsideAlert,
    OutsideRefused,
    Published,
    gather_published,
    read_api_answer,
    read_csv_download,
    read_pixels,
)
from monitor.imagery.georeference import GDAL_ERRORS
from monitor.services.evidence import take_in
from monitor.services.outside_polygons import read_kml, read_polygons
from monitor.vault.outside import Met

_TEXTS = {".json": read_api_answer, ".csv": read_csv_download}
STRIP = 512
"""Rows of a raster read at a time."""


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
    encoding of Global Forest Watch, or polygons: `.kml`, GeoJSON called `.json` too, or any format that OGR reads.

    date_field: of polygons; that of MapBiomas Alerta is known. name, issued_on: of the delivery, as for `take_in`. Raises
    OutsideRefused, OSError; LedgerUnavailable, as `recorded` does.
    """
    if issued_on is not None and issued_on > today:
        raise OutsideRefused("A delivery cannot have been issued after today.")
    records = _read_file(path, system, today, date_field)
    alerts = sum(record.alerts for record in records)
    taken = take_in(system, records, today, name, issued_on)
    cells = len({(record.row, record.col) for record in records})
    return LoadedOutside(alerts, cells, taken.is_new, taken.looked_at, taken.raised, taken.met)


def _read_file(path: Path, system: str, today: date, date_field: str | None) -> list[Published]:
    """The records of a file. Its alerts are not kept: a raster of a country has tens of millions."""
    kind = path.suffix.lower()
    try:
        if kind in _TEXTS:
            text = path.read_text(encoding="utf-8")
            if kind == ".json" and _is_geojson(text):
                return _read_shapes(path, system, today, date_field)
            return gather_published(_TEXTS[kind](text, system, today))
        if kind == ".kml":
            return gather_published(read_kml(path.read_bytes(), system, today, date_field))
    except UnicodeDecodeError:
        raise OutsideRefused("The file is no text in UTF-8.") from None
    path.stat()  # a file that is not there is told as such
    return _read_shapes(path, system, today, date_field)


def _is_geojson(text: str) -> bool:
    """Whether JSON is a collection of features, which may be called `.json` too, and no answer of an API."""
    if '"FeatureCollection"' not in text:
        return False
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("type") == "FeatureCollection"


def _read_shapes(path: Path, system: str, today: date, date_field: str | None) -> list[Published]:
    """The records of a raster or of a file that OGR reads."""
    try:
        if _is_raster(path):
            with rasterio.open(path) as raster:
                return gather_published(_read_raster(raster, system, today))
        return gather_published(read_polygons(path, system, today, date_field))
    except (*GDAL_ERRORS, GDALException) as error:
        raise OutsideRefused(
            f"The file cannot be read ({type(error).__name__}): give a CSV, a GeoTIFF, or polygons as GeoPackage, GeoJSON,"
            " Shapefile or KML."
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
    if raster.count > 1:
        raise OutsideRefused(
            f"The raster holds {raster.count} bands, of which none says what it is; give the one of the alerts as a file of "
            "its own."
        )
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
