"""Polygons of other systems: vector layers that OGR reads, and KML, brought to the cells that they touch.

Files in, alerts out; nothing is kept here. Messages name a feature by its number, never a place.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry, SpatialReference
from django.contrib.gis.gdal.feature import Feature
from django.contrib.gis.gdal.geometries import GeometryCollection
from django.contrib.gis.gdal.layer import Layer
from rasterio.features import rasterize

from monitor.field.kml import read_placemarks
from monitor.field.outside import OutsideAlert, OutsideRefused, check_day
from monitor.field.systems import SYSTEMS, Theme, Trust
from monitor.grid import CELLS_PER_DEG, COLS, ROWS, OutsideLattice, box_of_degrees

MAPBIOMAS = "mapbiomas_alerta"
CLASS_FIELD, DATE_FIELD = "ALERTCLASS", "DETECTAT"
"""Of a MapBiomas Alerta export, whose names are cut to ten letters."""
MINING_CLASSES = frozenset(
    {"ilegal_mining", "illegal_mining", "mining"}
    | {"garimpo", "garimpo_ilegal", "mineracao", "mineracao_ilegal"}
)
"""The class as the export writes it, as it is spelt, and in Portuguese; compared without case, accents and blanks."""
ON_LINE = 1e-9
"""Degrees: what lies on a line of the lattice stays in the cell north and east of it, whatever floats make of it."""
WIDEST_DEG = 180.0
"""A part of a shape that is wider has corners on both sides of 180 degrees of longitude."""
LONLAT = 4326


def read_polygons(path: Path, system: str, today: date, date_field: str | None) -> Iterator[OutsideAlert]:
    """The alerts of the layer of a file that OGR reads, one for each cell that a feature touches.

    date_field: that of MapBiomas Alerta is known. Raises OutsideRefused, GDALException.
    """
    layer = _choose_layer(DataSource(str(path)))
    if layer.srs is None:
        raise OutsideRefused("The layer does not say in which coordinate system it is.")
    dated = _check_fields(layer.fields, system, date_field)
    to_lonlat = CoordTransform(layer.srs, SpatialReference(LONLAT))
    for number, feature in enumerate(layer, start=1):
        seen = _read_day(_read_value(feature, dated, number), number, today)
        kind = _read_value(feature, CLASS_FIELD, number) if system == MAPBIOMAS else None
        try:
            geometry = feature.geom
            geometry.transform(to_lonlat)
        except GDALException:
            raise _shapeless(number) from None
        yield from _tell(geometry, number, system, seen, kind)


def read_kml(content: bytes, system: str, today: date, date_field: str | None) -> Iterator[OutsideAlert]:
    """The same of the placemarks of a KML file, in whatever folders, which is read here because not every GDAL does.

    date_field: a name of its extended data, or `timestamp`, `begin`, `end` or `name`. Raises OutsideRefused.
    """
    placemarks = read_placemarks(content)
    dated = _check_fields({name for each in placemarks for name in each.fields}, system, date_field)
    for number, placemark in enumerate(placemarks, start=1):
        seen = _read_day(placemark.fields.get(dated), number, today)
        geometry = _draw(placemark.geometry, number)
        yield from _tell(geometry, number, system, seen, placemark.fields.get(CLASS_FIELD))


def _tell(
    geometry: OGRGeometry, number: int, system: str, seen: date, kind: object
) -> Iterator[OutsideAlert]:
    theme = SYSTEMS[system].theme
    if system == MAPBIOMAS and _spell_plainly(str(kind)) in MINING_CLASSES:
        theme = Theme.MINING
    for row, col in _list_cells(geometry, number):
        yield OutsideAlert(row, col, system, theme, seen, Trust.HIGH)


def _spell_plainly(kind: str) -> str:
    """A class in small letters without accents, `_` for blanks and hyphens: `Mineração ilegal` is `mineracao_ilegal`."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", kind) if not unicodedata.combining(each))
    return "_".join(letters.lower().replace("_", " ").replace("-", " ").split())


def _check_fields(names: Collection[str], system: str, date_field: str | None) -> str:
    """The field that holds the date. Raises OutsideRefused."""
    if date_field is None and system == MAPBIOMAS:
        date_field = DATE_FIELD
    if date_field is None or date_field not in names:
        raise OutsideRefused("Say which field of the polygons holds the date, with --date-field.")
    if system == MAPBIOMAS and CLASS_FIELD not in names:
        raise OutsideRefused(f"The layer has no field {CLASS_FIELD}; give the export with all its fields.")
    return date_field


def _choose_layer(source: DataSource) -> Layer:
    """The one layer that holds shapes: what stands in others would be lost without a word."""
    every = (source[place] for place in range(len(source)))
    layers: list[Layer] = [layer for layer in every if layer.geom_type.name != "None"]
    if not layers:
        raise OutsideRefused("The file holds no layer; give the one file that holds the polygons.")
    if len(layers) > 1:
        raise OutsideRefused(
            f"The file holds {len(layers)} layers of shapes; give each as a file of its own."
        )
    return layers[0]


def _shapeless(number: int) -> OutsideRefused:
    return OutsideRefused(
        f"Feature {number} has no shape that can be brought to degrees; mend it or take it out."
    )


def _draw(geometry: Mapping[str, Any] | None, number: int) -> OGRGeometry:
    try:
        return OGRGeometry(json.dumps(geometry), srs=SpatialReference(LONLAT))
    except (GDALException, ValueError):
        raise _shapeless(number) from None


def _read_value(feature: Feature, field: str, number: int) -> Any:
    try:
        return feature[field].value
    except UnicodeDecodeError:
        raise OutsideRefused(f"Feature {number} holds text that is not in UTF-8.") from None


def _read_day(value: Any, number: int, today: date) -> date:
    if isinstance(value, datetime):
        value = value.date()
    try:
        seen = value if isinstance(value, date) else date.fromisoformat(str(value)[:10].replace("/", "-"))
    except ValueError:
        raise OutsideRefused(f"Feature {number} has no date like 2021-12-31.") from None
    return check_day(seen, today, f"Feature {number}")


def _goes_around(geometry: OGRGeometry) -> bool:
    """Whether a part has corners on both sides of 180 degrees, and so would touch all cells around the earth."""
    if isinstance(geometry, GeometryCollection):
        return any(_goes_around(geometry[part]) for part in range(len(geometry)))
    west, _, east, _ = geometry.extent
    return bool(east - west > WIDEST_DEG)


def _list_cells(geometry: OGRGeometry, number: int) -> list[tuple[int, int]]:
    """The cells that a shape in degrees touches, at least one. Raises OutsideRefused."""
    try:
        shape = json.loads(geometry.json)
        west, south, east, north = geometry.extent
        box = box_of_degrees(west, south, east, north)
        # no more than a piece of the last line of the earth, with no cell beyond; or across 180 degrees
        if west == 180 or south == 90 or _goes_around(geometry):
            raise OutsideLattice
    except OutsideLattice:
        raise OutsideRefused(
            f"Feature {number} lies outside the world, beyond 180 degrees or a pole; check its coordinate system, and cut "
            "it in two where it crosses 180 degrees."
        ) from None
    except (GDALException, TypeError):  # none at all, or one that has no form in GeoJSON
        raise _shapeless(number) from None
    step = 1 / CELLS_PER_DEG
    left, bottom = (box.col_from - COLS // 2) * step - ON_LINE, (box.row_from - ROWS // 2) * step - ON_LINE
    corner = Affine(step, 0, left, 0, step, bottom)
    size = (box.row_to - box.row_from, box.col_to - box.col_from)
    touched = np.argwhere(rasterize([shape], out_shape=size, transform=corner, all_touched=True))
    if not len(touched):
        raise OutsideRefused(
            f"Feature {number} touches no cell: its shape is empty or broken; mend it or take it out."
        )
    return [(box.row_from + row, box.col_from + col) for row, col in touched.tolist()]
