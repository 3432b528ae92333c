"""The real scenes: the good ones are read, each bad one is refused with its own cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from monitor.imagery.catalog import walk_items
from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import OPTICAL_BANDS, REQUIRED_BANDS

RADAR = ("VV", "VH")


def read_item(folder: Path, name: str) -> SceneItem:
    return parse_item(json.loads((folder / name).read_text()), str(folder / name))


def read_to_the_end(item: SceneItem, bands: tuple[str, ...]) -> None:
    with open_scene(item, bands) as scene:
        for _ in scene.strips():
            continue


def cause_of(item: SceneItem, bands: tuple[str, ...]) -> Cause:
    with pytest.raises(SceneRefused) as caught:
        read_to_the_end(item, bands)
    for secret in (item.item_id, item.base_href, *(asset.href for asset in item.assets)):
        assert secret not in str(caught.value)
    return caught.value.cause


@pytest.mark.parametrize(
    ("name", "bands", "cause"),
    [
        ("bad-gcps-only.json", OPTICAL_BANDS, Cause.GCPS_ONLY),
        ("bad-missing-bands.json", OPTICAL_BANDS, Cause.MISSING_BAND),
        ("bad-truncated.json", OPTICAL_BANDS, Cause.TRUNCATED),
        ("bad-nan-pixels.json", RADAR, Cause.MISSING_BAND),
        ("bad-nan-pixels.json", ("VV",), Cause.RESOLUTION_UNFIT),
    ],
)
def test_each_bad_item_has_its_cause(
    shared_data: Path, name: str, bands: tuple[str, ...], cause: Cause
) -> None:
    assert cause_of(read_item(shared_data / "scenes/bad-input", name), bands) is cause


def item_for(path: Path, bands: list[dict[str, str]], **properties: Any) -> SceneItem:
    """An item such as a careful person would write for a raster that came without one."""
    with rasterio.open(path) as file:
        bbox = list(transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=41))
    if bbox[0] > bbox[2] or bbox[2] > 180:
        bbox[0], bbox[2] = -180.0, 180.0  # the naive box of a scene across the antimeridian
    document = {
        "type": "Feature",
        "id": "written-by-hand",
        "bbox": bbox,
        "geometry": None,
        "properties": {"datetime": "2020-01-01T00:00:00Z"} | properties,
        "assets": {"image": {"href": f"./{path.name}", "bands": bands}},
    }
    return parse_item(document, str(path.parent / "item.json"))


SENTINEL_2 = {"constellation": "sentinel-2"}
SIX_NAMED = [{"eo:common_name": name} for name in OPTICAL_BANDS]


@pytest.mark.parametrize(
    ("file", "bands", "properties", "cause"),
    [
        ("landsat7_epsg31985.tif", SIX_NAMED, {"platform": "landsat-7"}, Cause.WRONG_DTYPE),
        ("scale_offset_unnamed_crs.tif", SIX_NAMED[:2], SENTINEL_2, Cause.UNNAMED_CRS),
        ("antimeridian.tif", SIX_NAMED[:1], SENTINEL_2, Cause.ANTIMERIDIAN),
        ("rotated.tif", SIX_NAMED[:1], SENTINEL_2, Cause.NOT_NORTH_UP),
        ("one_band_10m.jp2", [{"name": "unknown"}], SENTINEL_2, Cause.UNNAMED_BANDS),
        ("s2_B09_only.jp2", [{"name": "B09", "eo:common_name": "nir09"}], SENTINEL_2, Cause.MISSING_BAND),
        # one pixel of it is NaN, and each is a degree wide: the latter is what no mending of values would cure
        ("all_nan.tif", SIX_NAMED[:1], SENTINEL_2, Cause.RESOLUTION_UNFIT),
    ],
)
def test_each_bad_raster_without_an_item_has_its_cause(
    shared_data: Path, file: str, bands: list[dict[str, str]], properties: dict[str, str], cause: Cause
) -> None:
    item = item_for(shared_data / "scenes/bad-input" / file, bands, **properties)
    wanted = OPTICAL_BANDS if cause in (Cause.MISSING_BAND, Cause.UNNAMED_BANDS) else tuple(item.bands)
    assert cause_of(item, wanted) is cause


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_no_bad_raster_was_forgotten(shared_data: Path) -> None:
    tested = {"landsat7_epsg31985", "scale_offset_unnamed_crs", "antimeridian", "rotated", "one_band_10m"}
    tested |= {"s2_B09_only", "all_nan", "gcps_only", "nan_pixels", "truncated"}
    folder = shared_data / "scenes/bad-input"
    assert {path.stem for path in folder.iterdir() if path.suffix in (".tif", ".jp2")} == tested


@pytest.mark.parametrize("name", ["s2-t0", "s2-t1", "s1-t0", "s1-t1"])
def test_display_pictures_are_refused_for_what_they_are(shared_data: Path, name: str) -> None:
    item = read_item(shared_data / "scenes/french-guiana", f"french-guiana-{name}.json")
    assert cause_of(item, REQUIRED_BANDS[item.sensor or ""]) is Cause.WRONG_DTYPE
    assert item.is_composite == (name[-2:] == "t0")


@pytest.mark.parametrize("name", ["s2-t0", "s1-t1"])
def test_the_falsified_record_does_not_match_the_pictures(shared_data: Path, name: str) -> None:
    folder = shared_data / "scenes/french-guiana"
    document = json.loads((folder / f"french-guiana-{name}.json").read_text())
    record = json.loads((folder / "alert_202309900112345671.geojson").read_text())
    features = record.get("features", [record])
    document["geometry"] = features[0]["geometry"]
    item = parse_item(document, str(folder / "item.json"))
    assert cause_of(item, REQUIRED_BANDS[item.sensor or ""]) is Cause.FOOTPRINT_MISMATCH


def test_nan_pixels_are_invalid_and_spoil_nothing(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import monitor.imagery.sensors as sensors

    coarse = sensors.PROFILES["sentinel-1"]
    wide = type(coarse)(
        **{name: getattr(coarse, name) for name in coarse.__slots__} | {"pixel_m": (5.0, 250.0)}
    )
    monkeypatch.setitem(sensors.PROFILES, "sentinel-1", wide)
    with open_scene(read_item(shared_data / "scenes/bad-input", "bad-nan-pixels.json"), ("VV",)) as scene:
        strips = list(scene.strips())
    with rasterio.open(shared_data / "scenes/bad-input/nan_pixels.tif") as file:
        stored = file.read(1)
    measured = np.isfinite(stored) & (stored > 0)
    np.testing.assert_array_equal(np.concatenate([strip.valid for strip in strips]), measured)
    pixels = np.concatenate([strip.pixels[0] for strip in strips])
    assert np.isfinite(pixels).all()
    np.testing.assert_allclose(pixels[measured], 10 * np.log10(stored[measured]), atol=1e-4)


def test_porto_velho_keeps_its_negative_values(shared_data: Path) -> None:
    item = read_item(shared_data / "scenes/porto-velho", "porto-velho-20190727.json")
    assert item.sensor == "landsat"
    with open_scene(item, OPTICAL_BANDS) as scene:
        (strip,) = scene.strips()
        assert scene.pixel_m == pytest.approx(30, rel=0.01)
    assert strip.valid.all()
    assert strip.pixels[0].min() == pytest.approx(-0.2, abs=1e-4)
    assert 0.2 < np.median(strip.pixels[3]) < 0.3


def test_bolzano_is_read_with_the_bands_it_has(shared_data: Path) -> None:
    item = read_item(shared_data / "scenes/bolzano", "bolzano-20220612.json")
    assert item.mask is not None
    assert item.mask.index == 5
    assert cause_of(item, OPTICAL_BANDS) is Cause.MISSING_BAND
    with open_scene(item, ("blue", "green", "red", "nir")) as scene:
        (strip,) = scene.strips()
    assert strip.valid.mean() > 0.999
    assert 0.02 < np.median(strip.pixels[0][strip.valid]) < 0.04
    assert 0.3 < np.median(strip.pixels[3][strip.valid]) < 0.4


@pytest.mark.parametrize("name", ["galamsey_001", "forest_001"])
def test_reflectance_and_decibels_in_one_file_each_keep_their_units(shared_data: Path, name: str) -> None:
    item = read_item(shared_data / "scenes/galamsey", f"galamsey-{name}.json")
    with open_scene(item, ("blue", "green", "red", "nir", *RADAR)) as scene:
        (strip,) = scene.strips()
        assert scene.pixel_m == pytest.approx(10, rel=0.01)
    assert strip.valid.all()
    assert 0.01 < strip.pixels[:4].mean() < 0.3
    assert -10 < np.median(strip.pixels[4]) < -7
    assert -17 < np.median(strip.pixels[5]) < -13


def test_all_amazon_pairs_are_read_but_the_empty_ones(shared_data: Path) -> None:
    refused = {}
    for found in walk_items(shared_data / "amazon-pairs/catalog.json"):
        item = found.parse()
        stated = (found.document or {})["properties"]
        try:
            with open_scene(item, OPTICAL_BANDS) as scene:
                (strip,) = scene.strips()
                cells = set(zip(scene.rows.tolist(), scene.cols.tolist(), strict=True))
        except SceneRefused as error:
            refused[item.item_id] = error.cause
            assert stated["pairs:valid_fraction"] == 0.0
            continue
        assert cells == {(stated["pairs:cell_row"], stated["pairs:cell_col"])}
        assert strip.valid.mean() == pytest.approx(stated["pairs:valid_fraction"], abs=1e-3)
    assert set(refused.values()) == {Cause.NO_VALID_PIXELS}
    assert len(refused) == 3
