"""Industrial mines: the polygons of a vector layer, for the distances that figures are broken down by. Nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry, SpatialReference
from django.contrib.gis.gdal.geometries import MultiPolygon
from django.contrib.gis.gdal.geometries import Polygon as OGRPolygon

from monitor.detection.distances import Polygon


class PolygonsRefused(ValueError):
    """A layer of polygons that cannot be used; the text names the mend and no place."""


def read_industrial_polygons(path: Path) -> list[Polygon]:
    """The polygons of the first layer of a file that OGR reads (GeoPackage, GeoJSON, Shapefile), in longitude and latitude.

    Raises PolygonsRefused; OSError for a file that is not there.
    """
    path.stat()  # a file that is not there is told as such
    try:
        layer = DataSource(str(path))[0]
        if layer.srs is None:
            raise PolygonsRefused("The layer of mines does not say in which coordinate system it is.")
        to_lonlat = CoordTransform(layer.srs, SpatialReference(4326))
        found: list[Polygon] = []
        for number, feature in enumerate(layer, start=1):
            if feature.geom.empty:
                continue
            geometry = feature.geom.clone()
            geometry.transform(to_lonlat)
            found += _list_polygons(geometry, number)
    except GDALException as error:
        raise PolygonsRefused(f"The layer of mines cannot be read: {type(error).__name__}.") from error
    if not found:
        raise PolygonsRefused("The layer of mines holds no polygon.")
    return found


def _list_polygons(geometry: OGRGeometry, number: int) -> Iterator[Polygon]:
    if isinstance(geometry, MultiPolygon):
        for part in range(len(geometry)):
            yield from _list_polygons(geometry[part], number)
    elif isinstance(geometry, OGRPolygon):
        yield geometry.tuple
    else:
        kind = geometry.geom_type.name
        raise PolygonsRefused(f"Feature {number} of the layer of mines is a {kind}, no polygon.")
