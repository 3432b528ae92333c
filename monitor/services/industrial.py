"""Industrial mines: the polygons of a vector layer, and how far cells lie from them. Nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry, SpatialReference
from django.contrib.gis.gdal.geometries import MultiPolygon
from django.contrib.gis.gdal.geometries import Polygon as OGRPolygon

from monitor.grid import CELLS_PER_DEG

Float64 = npt.NDArray[np.float64]

REACH_DEG = 0.1
"""Polygons whose box begins farther from a cell, in latitude or in longitude as wide, are not measured."""


class PolygonsRefused(ValueError):
    """A layer of polygons that cannot be used; the text names the mend and no place."""


@dataclass(frozen=True)
class IndustrialMines:
    """Polygons in longitude and latitude (EPSG:4326); none crosses the antimeridian."""

    polygons: Sequence[OGRGeometry]

    def measure(self, rows: Sequence[int], cols: Sequence[int]) -> Float64:
        """Distance of the square of each L0 cell to the nearest polygon: float64 (n,) in kilometres, 0 where they touch,
        infinite where no polygon is within `REACH_DEG`.

        On a plane that touches the ellipsoid in the middle of the cell (azimuthal equidistant), by GEOS.
        """
        boxes = np.array([polygon.extent for polygon in self.polygons])
        found = np.full(len(rows), np.inf)
        for cell, (row, col) in enumerate(zip(rows, cols, strict=True)):
            west, south = col / CELLS_PER_DEG - 180, row / CELLS_PER_DEG - 90
            east, north = (col + 1) / CELLS_PER_DEG - 180, (row + 1) / CELLS_PER_DEG - 90
            reach = np.array([REACH_DEG / np.cos(np.radians((south + north) / 2)), REACH_DEG])
            low, high = np.array([west, south]) - reach, np.array([east, north]) + reach
            near = ((boxes[:, :2] <= high) & (boxes[:, 2:] >= low)).all(axis=1)
            if not near.any():
                continue
            plane = SpatialReference(
                f"+proj=aeqd +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +datum=WGS84 +units=km"
            )
            flatten = CoordTransform(SpatialReference(4326), plane)
            square = OGRGeometry.from_bbox((west, south, east, north))
            square.srs = SpatialReference(4326)
            here = square.transform(flatten, clone=True).geos
            found[cell] = min(
                here.distance(self.polygons[place].transform(flatten, clone=True).geos)
                for place in np.flatnonzero(near).tolist()
            )
        return found


def read_industrial_mines(path: Path) -> IndustrialMines:
    """The polygons of the first layer of a file that OGR reads (GeoPackage, GeoJSON, Shapefile).

    Raises PolygonsRefused; OSError for a file that is not there.
    """
    path.stat()  # a file that is not there is told as such
    try:
        layer = DataSource(str(path))[0]
        if layer.srs is None:
            raise PolygonsRefused("The layer of mines does not say in which coordinate system it is.")
        to_lonlat = CoordTransform(layer.srs, SpatialReference(4326))
        found: list[OGRGeometry] = []
        for number, feature in enumerate(layer, start=1):
            if feature.geom.empty:
                continue
            geometry = feature.geom.clone()
            geometry.transform(to_lonlat)
            found += _list_polygons(geometry, number)
    except GDALException as error:
        raise PolygonsRefused(
            f"The layer of mines cannot be read ({type(error).__name__}): give polygons as GeoPackage, GeoJSON or Shapefile."
        ) from error
    if not found:
        raise PolygonsRefused("The layer of mines holds no polygon.")
    return IndustrialMines(found)


def _list_polygons(geometry: OGRGeometry, number: int) -> Iterator[OGRGeometry]:
    if isinstance(geometry, MultiPolygon):
        for part in range(len(geometry)):
            yield from _list_polygons(geometry[part], number)
    elif isinstance(geometry, OGRPolygon):
        yield geometry
    else:
        kind = geometry.geom_type.name
        raise PolygonsRefused(f"Feature {number} of the layer of mines is a {kind}, no polygon.")
