"""Polygons of industrial mines are read from any vector layer, and figures are told by the distance to them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.gis.gdal import OGRGeometry, SpatialReference

from monitor.detection.evaluate import judge_cells, measure_to_mines
from monitor.detection.figures import summarise
from monitor.detection.report import write_report
from monitor.services.industrial import IndustrialMines, PolygonsRefused, read_industrial_mines
from tests.pure.detection.invented import make_cells

MINE = [[20.02, 2.0], [20.03, 2.0], [20.03, 2.01], [20.02, 2.01], [20.02, 2.0]]
ROW, COL = 9200, 20000
"""The cell whose south-west corner is 2 north, 20 east: a cell's breadth from the mine."""


LON_KM, LAT_KM = 1.11251, 1.10576
"""A hundredth of a degree there on the ellipsoid (WGS 84), along the parallel and along the meridian."""


def mines_of(*rings: list[list[float]]) -> IndustrialMines:
    """One polygon: its outer ring and its holes."""
    text = json.dumps({"type": "Polygon", "coordinates": rings})
    return IndustrialMines([OGRGeometry(text, SpatialReference(4326))])


def write_layer(path: Path, *geometries: dict[str, Any], epsg: int = 4326) -> Path:
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return path


def test_polygons_of_several_parts_are_read_whatever_their_coordinate_system(tmp_path: Path) -> None:
    lonlat = write_layer(tmp_path / "a.geojson", {"type": "MultiPolygon", "coordinates": [[MINE], [MINE]]})
    assert len(read_industrial_mines(lonlat).polygons) == 2
    radius = 6378137.0
    metres = [
        [radius * np.radians(lon), radius * np.log(np.tan(np.pi / 4 + np.radians(lat) / 2))]
        for lon, lat in MINE
    ]
    mercator = write_layer(tmp_path / "b.geojson", {"type": "Polygon", "coordinates": [metres]}, epsg=3857)
    for path in (lonlat, mercator):
        (km,) = read_industrial_mines(path).measure([ROW], [COL])
        assert km == pytest.approx(LON_KM, rel=1e-4)


def square(west: float, south: float, side: float) -> list[list[float]]:
    """A ring around a square, in degrees from the south-west corner of the cell."""
    corners = [(0, 0), (side, 0), (side, side), (0, side), (0, 0)]
    return [[20 + west + along, 2 + south + up] for along, up in corners]


@pytest.mark.parametrize(
    ("rings", "km"),
    [
        ([square(0.02, 0.0, 0.01)], LON_KM),
        ([square(0.0, -0.03, 0.01)], 2 * LAT_KM),
        ([square(0.02, 0.03, 0.01)], np.hypot(LON_KM, 2 * LAT_KM)),
        ([square(0.01, 0.0, 0.01)], 0),
        ([square(-1.0, -1.0, 2.0)], 0),
        ([square(0.004, 0.004, 0.001)], 0),
        ([square(-1.0, -1.0, 2.0), square(-0.02, -0.02, 0.05)], 2 * LAT_KM),
        ([square(0.2, 0.0, 0.01)], np.inf),
    ],
)
def test_the_square_of_a_cell_is_measured_to_the_polygon_and_a_hole_is_no_part_of_it(
    rings: list[list[list[float]]], km: float
) -> None:
    (found,) = mines_of(*rings).measure([ROW], [COL])
    assert found == pytest.approx(km, rel=1e-3, abs=1e-3)


def test_degrees_of_longitude_shrink_with_the_latitude_and_the_nearest_of_several_counts() -> None:
    far = square(0.04, 58.0, 0.01)
    near = square(0.02, 58.0, 0.01)
    several = IndustrialMines([*mines_of(far).polygons, *mines_of(near).polygons])
    found = several.measure([ROW + 5800, ROW], [COL, COL])
    assert found.tolist() == pytest.approx([0.558, np.inf], rel=2e-3)


@pytest.mark.parametrize(
    ("geometry", "said"),
    [({"type": "Point", "coordinates": [20.0, 2.0]}, "no polygon"), (None, "holds no polygon")],
)
def test_what_is_no_polygon_is_refused_without_a_place(
    tmp_path: Path, geometry: dict[str, Any] | None, said: str
) -> None:
    path = write_layer(tmp_path / "a.geojson", *([geometry] if geometry else []))
    with pytest.raises(PolygonsRefused, match=said) as refused:
        read_industrial_mines(path)
    assert "20" not in str(refused.value)


def test_a_file_that_is_no_layer_or_not_there_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.gpkg").write_text("nothing")
    with pytest.raises(PolygonsRefused, match="cannot be read"):
        read_industrial_mines(tmp_path / "a.gpkg")
    with pytest.raises(FileNotFoundError):
        read_industrial_mines(tmp_path / "absent.gpkg")


def test_figures_are_broken_down_by_the_distance_to_the_polygons() -> None:
    cells = make_cells(240)
    labels = tuple(
        replace(label, row=ROW, col=COL + 3 + 3 * (number % 3)) for number, label in enumerate(cells.labels)
    )
    judged = judge_cells(replace(cells, labels=labels), np.full((240, 3), 1 / 3), 0.1)
    assert "industrial mine" not in summarise(judged, 2, 0)["groups"]
    report = summarise(measure_to_mines(judged, mines_of(MINE).measure), 2, 0)
    rows = report["groups"]["industrial mine"]
    assert {name: row["n"] for name, row in rows.items()} == {
        "within 1 km": 80,
        "1 to 5 km": 80,
        "over 5 km": 80,
    }
    assert all(row["small"] for row in rows.values())  # one block
    assert "industrial mine: over 5 km" in write_report(report | {"method": "m", "unused_labels": {}})
