"""Files of other systems are read into the vault, and their meeting with our cells is told in numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import rasterio
from affine import Affine
from django.core.management import CommandError, call_command
from rasterio.transform import from_origin

from monitor.field.outside import EPOCH, OutsideRefused
from monitor.services.outside import load_outside
from tests.builders import cell_at, put_cells
from tests.cast import Cast
from tests.roles import read_rows

ROW, COL = cell_at(20.105, 2.105)
TODAY = date(2026, 6, 1)


def write_answer(
    file: Path, *places: tuple[float, float], seen: str = "2026-01-05", word: str = "high"
) -> Path:
    names = ("longitude", "latitude", "radd__date", "radd__confidence")
    rows = [dict(zip(names, (*place, seen, word), strict=True)) for place in places]
    file.write_text(json.dumps({"data": rows}))
    return file


def test_active_cells_that_are_public_elsewhere_are_counted(cast: Cast, model: UUID, tmp_path: Path) -> None:
    put_cells(model, [(ROW, COL), (ROW, COL + 1)])
    put_cells(model, [(ROW, COL + 2)], "quiet", probability=0.1)
    answer = write_answer(tmp_path / "a.json", (20.105, 2.105), (20.106, 2.106), (20.125, 2.105), (20.9, 2.3))
    loaded = load_outside(answer, "radd", TODAY)
    assert (loaded.alerts, loaded.cells, loaded.looked_at) == (4, 3, 2)
    met = loaded.met
    assert (met.active, met.public, met.public_as_mining, met.alone) == (2, 1, 0, 2)


def test_what_its_system_may_still_take_back_is_not_public_yet(
    cast: Cast, model: UUID, tmp_path: Path
) -> None:
    put_cells(model, [(ROW, COL)])
    answer = write_answer(tmp_path / "a.json", (20.105, 2.105), seen="2026-04-01")
    assert load_outside(answer, "radd", TODAY).met.public == 0
    assert load_outside(answer, "radd", date(2026, 4, 1) + timedelta(days=90)).met.public == 1


def test_loading_is_an_entry_without_a_place_and_without_the_ledger_nothing_is_loaded(
    cast: Cast, tmp_path: Path, lose_ledger: Callable[[], None]
) -> None:
    entries = "SELECT actor, endpoint, regions, object_refs FROM ledger.entry WHERE action = 'evidence.load'"
    before = len(read_rows(entries))
    load_outside(write_answer(tmp_path / "a.json", (20.105, 2.105)), "radd", TODAY)
    assert read_rows(entries)[before:] == [(None, "load_outside", [], [])]
    answer = write_answer(tmp_path / "b.json", (20.205, 2.205))
    lose_ledger()
    with pytest.raises(CommandError, match="ledger"):
        call_command("load_outside", answer, "--system=radd")
    assert read_rows("SELECT count(*) FROM vault.evidence") == [(1,)]


def test_the_same_file_again_changes_nothing_and_another_one_adds(cast: Cast, tmp_path: Path) -> None:
    answer = write_answer(tmp_path / "a.json", (20.105, 2.105), word="low")
    assert load_outside(answer, "radd", TODAY).is_new
    before = read_rows("SELECT * FROM vault.evidence")
    assert not load_outside(answer, "radd", TODAY).is_new
    assert read_rows("SELECT * FROM vault.evidence") == before
    assert not load_outside(answer, "radd", TODAY + timedelta(days=1)).is_new
    assert read_rows("SELECT * FROM vault.evidence") == before
    load_outside(write_answer(tmp_path / "b.json", (20.105, 2.105), seen="2026-03-01"), "radd", TODAY)
    assert read_rows("SELECT observed_on, trust FROM vault.evidence ORDER BY 1") == [
        (date(2026, 1, 5), 0),
        (date(2026, 3, 1), 2),
    ]


def test_a_file_under_the_name_of_an_earlier_one_takes_its_place(cast: Cast, tmp_path: Path) -> None:
    first = write_answer(tmp_path / "a.json", (20.105, 2.105), (20.305, 2.305))
    second = write_answer(tmp_path / "b.json", (20.305, 2.305))
    for file, issued in ((first, "2026-05-01"), (second, "2026-05-02"), (first, "2026-05-01")):
        call_command(
            "load_outside", str(file), "--system", "radd", "--delivery", "east", "--issued", issued, "--json"
        )
    assert read_rows("SELECT count(*) FROM vault.evidence") == [(1,)]
    with pytest.raises(OutsideRefused, match="after today"):
        load_outside(first, "radd", TODAY, name="east", issued_on=TODAY + timedelta(days=1))


@pytest.mark.parametrize("content", ["", "foo;bar\n"])
def test_a_table_without_its_columns_takes_nothing_back(cast: Cast, tmp_path: Path, content: str) -> None:
    load_outside(write_answer(tmp_path / "a.json", (20.105, 2.105)), "radd", TODAY, name="east")
    table = tmp_path / "b.csv"
    table.write_text(content)
    with pytest.raises(OutsideRefused, match="first line"):
        load_outside(table, "radd", TODAY, name="east")
    assert read_rows("SELECT count(*) FROM vault.evidence") == [(1,)]
    table.write_text("latitude,longitude,radd__date,radd__confidence\n")
    assert load_outside(table, "radd", TODAY, name="east").is_new
    assert read_rows("SELECT count(*) FROM vault.evidence") == [(0,)]


def write_raster(file: Path, crs: str, transform: Affine, seen: date = date(2025, 2, 1)) -> Path:
    """One alert among 40 x 30 pixels."""
    values = np.zeros((40, 30), np.uint16)
    values[20, 10] = 30_000 + (seen - EPOCH).days
    shape = {"height": 40, "width": 30, "count": 1, "dtype": "uint16"}
    with rasterio.open(file, "w", driver="GTiff", crs=crs, transform=transform, **shape) as raster:
        raster.write(values, 1)
    return file


def test_a_raster_is_read_in_whatever_projection_it_comes(cast: Cast, tmp_path: Path) -> None:
    for name, crs, corner, size in (
        ("degrees.tif", "EPSG:4326", (20.1, 2.11), 0.0005),
        ("metres.tif", "EPSG:32634", (399_800.0, 233_000.0), 30.0),
    ):
        raster = write_raster(tmp_path / name, crs, from_origin(*corner, size, size))
        assert load_outside(raster, "radd", TODAY).cells == 1
    assert [row for (row,) in read_rows("SELECT DISTINCT observed_on FROM vault.evidence")] == [
        date(2025, 2, 1)
    ]


def test_a_raster_of_several_bands_is_refused_and_not_read_in_part(tmp_path: Path) -> None:
    corner = from_origin(20.1, 2.11, 0.0005, 0.0005)
    shape = {"height": 2, "width": 2, "count": 2, "dtype": "uint16"}
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", crs="EPSG:4326", transform=corner, **shape
    ) as raster:
        raster.write(np.full((2, 2, 2), 30_100, np.uint16))
    with pytest.raises(OutsideRefused, match="2 bands"):
        load_outside(tmp_path / "a.tif", "radd", TODAY)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("crs", "transform", "words"),
    [
        ("EPSG:4326", Affine.identity(), "where its pixels lie"),
        ("EPSG:4326", from_origin(190, 2, 0.001, 0.001), "outside the world"),
        ("EPSG:32634", from_origin(5e9, 5e9, 30, 30), "outside the world"),
    ],
)
def test_a_raster_that_does_not_lie_in_the_world_is_refused(
    tmp_path: Path, crs: str, transform: Affine, words: str
) -> None:
    with pytest.raises(OutsideRefused, match=words):
        load_outside(write_raster(tmp_path / "a.tif", crs, transform), "radd", TODAY)


CORNER = [[179.991, 2.101], [179.999, 2.101], [179.999, 2.109], [179.991, 2.101]]
RING = [[20.1, 2.1], [20.12, 2.1], [20.12, 2.12], [20.1, 2.1]]


def draw(ring: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


def write_shapes(
    file: Path, *shapes: dict[str, Any] | None, seen: str = "2026-01-05", crs: int = 4326
) -> Path:
    features = [{"type": "Feature", "geometry": shape, "properties": {"seen": seen}} for shape in shapes]
    named = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{crs}"}}
    file.write_text(json.dumps({"type": "FeatureCollection", "crs": named, "features": features}))
    return file


@pytest.mark.parametrize(
    ("shape", "crs", "words"),
    [
        (None, 4326, "no shape"),
        (draw([]), 4326, "touches no cell"),
        (draw([[20.1, 2.1]] * 4), 4326, "touches no cell"),
        (draw([[lon + 161.5, lat] for lon, lat in RING]), 4326, "outside the world"),
        (draw([[lon + 159.89, lat] for lon, lat in RING]), 4326, "outside the world"),
        ({"type": "Point", "coordinates": [180, 2.1]}, 4326, "outside the world"),
        (draw([[lon, lat + 87.89] for lon, lat in RING]), 4326, "outside the world"),
        (draw([[500_000 + lon, 9_500_000 + lat] for lon, lat in RING]), 4326, "outside the world"),
        (draw([[lon * 1e9, lat * 1e9] for lon, lat in RING]), 32634, "no shape"),
        (draw([[179.98, 2.1], [-179.97, 2.1], [-179.97, 2.11], [179.98, 2.1]]), 4326, "crosses 180"),
        (draw([[832_000, 0], [838_000, 0], [838_000, 1000], [832_000, 0]]), 32660, "crosses 180"),
    ],
)
def test_a_polygon_that_lies_in_no_cell_is_named_and_its_place_is_not(
    tmp_path: Path, shape: dict[str, Any] | None, crs: int, words: str
) -> None:
    good = draw(RING if crs == 4326 else [[500_000, 0], [500_100, 0], [500_100, 100], [500_000, 0]])
    file = write_shapes(tmp_path / "a.geojson", good, shape, crs=crs)
    with pytest.raises(OutsideRefused, match=f"Feature 2 .*{words}") as caught:
        load_outside(file, "other_detector", TODAY, "seen")
    assert not any(digits in str(caught.value) for digits in ("20.1", "2.1", "181", "500"))


def test_a_shape_that_was_cut_in_two_at_180_degrees_is_read(cast: Cast, tmp_path: Path) -> None:
    west, east = ([[[side * lon, lat] for lon, lat in CORNER]] for side in (1, -1))
    cut = {"type": "MultiPolygon", "coordinates": [west, east]}
    loaded = load_outside(write_shapes(tmp_path / "a.geojson", cut), "other_detector", TODAY, "seen")
    assert loaded.cells == 2


def test_a_file_of_several_layers_is_refused_and_not_read_in_part(tmp_path: Path) -> None:
    objects = {
        name: {
            "type": "GeometryCollection",
            "geometries": [{"type": "Polygon", "arcs": [[0]], "properties": {"seen": "2026-01-05"}}],
        }
        for name in ("east", "west")
    }
    file = tmp_path / "a.topojson"
    file.write_text(json.dumps({"type": "Topology", "objects": objects, "arcs": [RING]}))
    with pytest.raises(OutsideRefused, match="2 layers"):
        load_outside(file, "other_detector", TODAY, "seen")


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document>
<Placemark><TimeStamp><when>2026-01-05T10:00:00Z</when></TimeStamp><Polygon>
  <outerBoundaryIs><LinearRing><coordinates>20.101,2.101,5 20.149,2.101,5 20.149,2.149,5 20.101,2.149,5 20.101,2.101,5
  </coordinates></LinearRing></outerBoundaryIs>
  <innerBoundaryIs><LinearRing><coordinates>20.109,2.109 20.141,2.109 20.141,2.141 20.109,2.141 20.109,2.109
  </coordinates></LinearRing></innerBoundaryIs></Polygon></Placemark>
<Folder><Folder><Placemark><TimeStamp><when>2026-01-06</when></TimeStamp><MultiGeometry>
  <Point><coordinates>20.301,2.301</coordinates></Point><Point><coordinates>20.311,2.301</coordinates></Point>
</MultiGeometry></Placemark></Folder></Folder>
</Document></kml>"""


def test_placemarks_of_kml_touch_cells_in_whatever_folder(cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "a.kml"
    file.write_text(KML)
    assert load_outside(file, "other_detector", TODAY, "timestamp").cells == 5 * 5 - 3 * 3 + 2
    days = "SELECT observed_on, count(*) FROM vault.evidence GROUP BY 1 ORDER BY 1"
    assert read_rows(days) == [(date(2026, 1, 5), 16), (date(2026, 1, 6), 2)]


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("</kml>", "", "no KML"),
        ("Placemark", "Folder", "no placemark"),
        ("<when>2026-01-06</when>", "", "Feature 2 has no date"),
        ("2026-01-06", "2026-07-01", "Feature 2 is dated"),
        ("20.311,2.301", "20.311", "Feature 2 has no shape"),
        ("20.311,2.301", "20.311,2_3", "Feature 2 has no shape"),
        ("20.311,2.301", "", "Feature 2 has no shape"),
        ("20.311,2.301", "200.311,2.301", "Feature 2 lies outside the world"),
        ("MultiGeometry", "Model", "Feature 2 has no shape"),
        ("when>", "where>", "--date-field"),
    ],
)
def test_kml_that_cannot_be_used_is_told_by_placemark(
    tmp_path: Path, was: str, becomes: str, words: str
) -> None:
    (tmp_path / "a.kml").write_text(KML.replace(was, becomes))
    with pytest.raises(OutsideRefused, match=words) as caught:
        load_outside(tmp_path / "a.kml", "other_detector", TODAY, "timestamp")
    assert not any(digits in str(caught.value) for digits in ("20.", "2.3"))


def test_what_lies_on_a_line_of_the_lattice_is_of_the_cell_north_and_east_of_it(
    cast: Cast, tmp_path: Path
) -> None:
    places = [(col, row) for col in range(2010, 2030) for row in (-210, 210, 211)]
    shapes = [{"type": "Point", "coordinates": [col / 100, row / 100]} for col, row in places]
    load_outside(write_shapes(tmp_path / "a.geojson", *shapes), "other_detector", TODAY, "seen")
    cells = read_rows("SELECT col - 18000, row - 9000 FROM vault.evidence ORDER BY 1, 2")
    assert cells == sorted(places)


@pytest.mark.parametrize("seen", ["1900-01-01", "2014-12-30", "2026-06-03", "2999-01-01"])
def test_polygons_of_a_day_on_which_nothing_can_have_been_seen_are_named(tmp_path: Path, seen: str) -> None:
    with pytest.raises(OutsideRefused, match="Feature 1 is dated before 2014-12-31 or after tomorrow"):
        load_outside(
            write_shapes(tmp_path / "a.geojson", draw(RING), seen=seen), "other_detector", TODAY, "seen"
        )


def test_a_raster_with_an_alert_of_the_future_is_refused(tmp_path: Path) -> None:
    file = write_raster(
        tmp_path / "a.tif", "EPSG:4326", from_origin(20.1, 2.11, 0.0005, 0.0005), date(2026, 6, 3)
    )
    with pytest.raises(OutsideRefused, match=r"raster is dated .* after tomorrow"):
        load_outside(file, "radd", TODAY)


def test_polygons_whose_text_no_one_can_read_are_named(cast: Cast, tmp_path: Path) -> None:
    load_outside(
        write_shapes(tmp_path / "a.geojson", draw(RING), seen="2026/01/05"), "other_detector", TODAY, "seen"
    )
    file = write_shapes(tmp_path / "a.geojson", draw(RING), seen="spring")
    with pytest.raises(OutsideRefused, match="Feature 1 has no date"):
        load_outside(file, "other_detector", TODAY, "seen")
    file.write_bytes(file.read_bytes().replace(b"spring", b"\xe9t\xe9 2025"))
    with pytest.raises(OutsideRefused, match="Feature 1 holds text"):
        load_outside(file, "other_detector", TODAY, "seen")


def test_an_export_of_mapbiomas_without_its_classes_is_refused(tmp_path: Path) -> None:
    file = write_shapes(tmp_path / "a.geojson", draw(RING))
    with pytest.raises(OutsideRefused, match="no field ALERTCLASS"):
        load_outside(file, "mapbiomas_alerta", TODAY, "seen")


@pytest.mark.parametrize(
    ("kind", "theme"),
    [
        *((kind, "mining") for kind in ("ilegal_mining", "Illegal Mining", " MINING", "Garimpo")),
        *((kind, "mining") for kind in ("Minera\u00e7\u00e3o", "mineracao", "Minerac\u0327a\u0303o Ilegal")),
        *((kind, "forest_loss") for kind in ("agriculture", "undermining", "")),
    ],
)
def test_the_mining_of_mapbiomas_is_known_however_it_is_written(
    cast: Cast, tmp_path: Path, kind: str, theme: str
) -> None:
    """In a GeoJSON that is called `.json` like an answer of the other API, too."""
    file = write_shapes(tmp_path / "a.json", draw(RING))
    properties = {"DETECTAT": "2026-01-05", "ALERTCLASS": kind}
    content = json.loads(file.read_text())
    content["features"][0]["properties"] = properties
    file.write_text(json.dumps(content))
    load_outside(file, "mapbiomas_alerta", TODAY)
    assert read_rows("SELECT DISTINCT theme FROM vault.evidence") == [(theme,)]


def test_an_answer_of_the_api_that_names_a_collection_of_features_is_no_geojson(
    cast: Cast, tmp_path: Path
) -> None:
    file = write_answer(tmp_path / "a.json", (20.105, 2.105))
    file.write_text(json.dumps({"asked_as": "FeatureCollection"} | json.loads(file.read_text())))
    assert load_outside(file, "radd", TODAY).cells == 1


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutsideRefused, match="cannot be read"):
        load_outside(tmp_path, "other_detector", TODAY, "seen")
    (tmp_path / "a.shp").write_text("no shapes")
    with pytest.raises(OutsideRefused, match="no layer"):
        load_outside(tmp_path, "other_detector", TODAY, "seen")


@pytest.mark.parametrize("name", ["nothing.shp", "text.tif"])
def test_a_file_that_cannot_be_read_is_told_without_its_content(
    cast: Cast, tmp_path: Path, name: str
) -> None:
    if name == "text.tif":
        (tmp_path / name).write_text("20.105 2.105")
    with pytest.raises(CommandError) as caught:
        call_command("load_outside", str(tmp_path / name), "--system", "radd")
    assert "20.105" not in str(caught.value)


@pytest.mark.shared_data
def test_polygons_of_mapbiomas_touch_cells_and_tell_mining_from_the_rest(
    cast: Cast, shared_data: Path
) -> None:
    export = shared_data / "alerts/mapbiomas-alerta-60/alerts.shp"
    loaded = load_outside(export, "mapbiomas_alerta", TODAY)
    assert loaded.cells >= 55
    themes = dict(read_rows("SELECT theme, count(DISTINCT (row, col)) FROM vault.evidence GROUP BY theme"))
    assert 3 <= themes["mining"] < themes["forest_loss"]
    with pytest.raises(OutsideRefused, match="--date-field"):
        load_outside(export, "other_detector", TODAY)
    assert load_outside(export, "other_detector", TODAY, "DETECTAT").cells == loaded.cells
