"""What a STAC document says is read, or refused with a cause; nothing else can come out."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import MaskRule

ITEM: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "id": "a",
    "bbox": [20.0, 2.0, 20.1, 2.1],
    "geometry": None,
    "properties": {"constellation": "sentinel-2", "datetime": "2024-03-05T10:00:00Z"},
    "assets": {"image": {"href": "./a.tif", "bands": [{"eo:common_name": "red"}, {"eo:common_name": "nir"}]}},
    "links": [],
}


def changed(**fields: Any) -> dict[str, Any]:
    """The item with fields of it or of its properties replaced."""
    item = copy.deepcopy(ITEM)
    for key, value in fields.items():
        place = item if key in item else item["properties"]
        place[key.replace("__", ":")] = value
    return item


def refusal_of(document: Any) -> Cause:
    with pytest.raises(SceneRefused) as caught:
        parse_item(document, "/data/item.json")
    return caught.value.cause


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=5) | st.dictionaries(st.text(max_size=12), children, max_size=5)
    ),
    max_leaves=30,
)
# arbitrary values in the places where the parser looks, so that it gets past the first line
places = ("type", "id", "bbox", "geometry", "properties", "assets", "collection", "stac_version")
inner: tuple[str, ...] = (
    "datetime",
    "start_datetime",
    "end_datetime",
    "constellation",
    "platform",
    "instruments",
    "eo:bands",
)
inner += (
    "proj:code",
    "proj:epsg",
    "proj:shape",
    "proj:transform",
    "s2:processing_baseline",
    "s2:product_uri",
)
asset_fields: tuple[str, ...] = (
    "href",
    "type",
    "roles",
    "bands",
    "eo:bands",
    "raster:bands",
    "nodata",
    "raster:scale",
    "gsd",
)
asset_fields += ("data_type", "file:checksum", "proj:shape", "proj:transform", "proj:code")
one_asset = st.dictionaries(st.sampled_from(asset_fields), json_values | st.just("a.tif"), max_size=6)


def parses_or_is_refused(document: Any, base_href: str = "") -> None:
    """Any other exception fails the test by itself."""
    outcome: SceneItem | SceneRefused
    try:
        outcome = parse_item(document, base_href)
    except SceneRefused as refused:
        outcome = refused
    assert isinstance(outcome, SceneItem) or outcome.cause in Cause


@given(json_values, st.text(max_size=10))
def test_any_json_value_parses_or_is_refused(document: Any, base_href: str) -> None:
    parses_or_is_refused(document, base_href)


@given(
    st.dictionaries(st.sampled_from(places), json_values, max_size=3),
    st.dictionaries(st.sampled_from(inner), json_values, max_size=4),
    st.dictionaries(st.text(max_size=6), one_asset, max_size=3),
)
def test_an_item_with_any_values_in_its_fields_parses_or_is_refused(
    fields: dict[str, Any], properties: dict[str, Any], assets: dict[str, Any]
) -> None:
    item = changed()
    item["properties"] |= properties
    item["assets"] |= assets
    parses_or_is_refused(item | fields, "https://[")


@pytest.mark.parametrize("href", ["http://[", "//[x", "\x00", "a" * 5000, "C:\\a.tif", "s3://"])
def test_an_address_that_is_none_does_not_stop_the_parser(href: str) -> None:
    parses_or_is_refused(changed(assets={"image": {"href": href}}), "https://example.org/item.json")


def test_numbers_beyond_any_float_are_refused_or_ignored() -> None:
    parses_or_is_refused(changed(bbox=[10**400, 0, 1, 1]))
    parses_or_is_refused(changed(s2__processing_baseline=10**5000))


def test_a_document_nested_too_deep_is_malformed() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert refusal_of(deep) is Cause.MALFORMED_ITEM


def test_the_parser_does_not_load_rasterio() -> None:
    code = "import sys, monitor.imagery.item; sys.exit('rasterio' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_dates_are_in_utc_and_a_month_makes_a_composite() -> None:
    one_day = parse_item(changed(datetime="2024-03-05T12:00:00+02:00"))
    assert one_day.observed_from == one_day.observed_to == datetime(2024, 3, 5, 10, tzinfo=UTC)
    assert not one_day.is_composite
    period = changed(
        datetime=None, start_datetime="2024-01-01T00:00:00Z", end_datetime="2024-03-31T23:59:59Z"
    )
    assert parse_item(period).is_composite


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"type": "FeatureCollection"}, Cause.MALFORMED_ITEM),
        ({"id": ""}, Cause.MALFORMED_ITEM),
        ({"id": 7}, Cause.MALFORMED_ITEM),
        ({"bbox": None}, Cause.MALFORMED_ITEM),
        ({"bbox": [20.0, 95.0, 20.1, 96.0]}, Cause.MALFORMED_ITEM),
        ({"bbox": [2.0, 20.0, 1.9, 20.1]}, Cause.ANTIMERIDIAN),
        ({"bbox": [179.0, -18.0, 0.0, -179.0, -17.0, 10.0]}, Cause.ANTIMERIDIAN),
        ({"datetime": None}, Cause.NO_OBSERVATION_DATE),
        ({"datetime": "last spring"}, Cause.NO_OBSERVATION_DATE),
        ({"datetime": "0001-01-01T00:00:00+10:00"}, Cause.NO_OBSERVATION_DATE),
        (
            {"start_datetime": "2024-03-05T00:00:00Z", "end_datetime": "2024-03-04T00:00:00Z"},
            Cause.NO_OBSERVATION_DATE,
        ),
        ({"datetime": "2999-03-05T10:00:00Z"}, Cause.NO_OBSERVATION_DATE),
        (
            {"start_datetime": "2024-03-05T00:00:00Z", "end_datetime": "2999-01-01T00:00:00Z"},
            Cause.NO_OBSERVATION_DATE,
        ),
        ({"datetime": "1901-03-05T10:00:00Z"}, Cause.NO_OBSERVATION_DATE),
        ({"assets": {}}, Cause.ASSET_MISSING),
        ({"assets": {"thumbnail": {"href": "a.tif"}}}, Cause.ASSET_MISSING),
        ({"assets": {"a": {"href": "a.tif", "roles": ["overview"]}}}, Cause.ASSET_MISSING),
        ({"assets": {"a": {"href": "a.png", "type": "image/png"}}}, Cause.ASSET_MISSING),
        (
            {"s2__product_uri": "S2A_MSIL1C_20240305T100000_N0510_R022_T34NCG_x.SAFE"},
            Cause.WRONG_PROCESSING_LEVEL,
        ),
    ],
)
def test_each_fault_of_a_document_has_its_cause(fields: dict[str, Any], cause: Cause) -> None:
    assert refusal_of(changed(**fields)) is cause


def test_bands_are_found_by_common_name_and_position() -> None:
    item = parse_item(ITEM, "/data/x/item.json")
    assert {name: (ref.index, ref.asset.href) for name, ref in item.bands.items()} == {
        "red": (1, "/data/x/a.tif"),
        "nir": (2, "/data/x/a.tif"),
    }


def test_stac_1_0_bands_scales_and_checksums_are_read() -> None:
    asset = {
        "href": "b04.tif",
        "eo:bands": [{"name": "B04", "common_name": "red"}],
        "raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": -0.1, "data_type": "uint16"}],
        "file:checksum": "1220AB",
        "proj:shape": [10980, 10980],
        "proj:transform": [10, 0, 399960, 0, -10, 300000, 0, 0, 1],
    }
    red = parse_item(changed(assets={"B04": asset}, proj__epsg=32634), "https://h.example/i/item.json").bands[
        "red"
    ]
    assert (red.scale, red.offset, red.nodata, red.index) == (0.0001, -0.1, 0.0, 1)
    assert (red.asset.dtype, red.asset.checksum, red.asset.crs) == ("uint16", "1220ab", "EPSG:32634")
    assert red.asset.shape == (10980, 10980)
    assert red.asset.href == "https://h.example/i/b04.tif"


def test_before_stac_1_0_a_band_was_a_position_in_the_items_list() -> None:
    item = changed(assets={"x": {"href": "x.tif", "eo:bands": [1]}})
    item["properties"]["eo:bands"] = [{"common_name": "blue"}, {"common_name": "green"}]
    assert list(parse_item(item).bands) == ["green"]


def test_an_item_without_common_names_is_read_by_the_sensors_own_names() -> None:
    assets = {key: {"href": f"{key}.tif"} for key in ("B02", "B11", "B8A", "SCL")}
    item = parse_item(changed(assets=assets))
    assert set(item.bands) == {"blue", "swir16"}
    assert item.mask is not None
    assert item.mask.asset.href == "SCL.tif"


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("backscatter in linear power", "power"),
        ("gamma naught, linear scale", "power"),
        ("backscatter in dB, vertical linear polarization", "dB"),
        ("vertical linear polarisation", None),
    ],
)
def test_the_unit_of_radar_is_read_from_words_that_tell_it(words: str, unit: str | None) -> None:
    assets = {"vv": {"href": "vv.tif", "description": words}}
    item = parse_item(changed(constellation="sentinel-1", assets=assets))
    assert item.bands["VV"].unit == unit


@pytest.mark.parametrize(
    ("named", "keys"),
    [
        ({"platform": "landsat-8"}, "234567"),
        ({"platform": "LANDSAT_9"}, "234567"),
        ({"platform": "landsat-7"}, "123457"),
        ({"platform": "LANDSAT_5"}, "123457"),
        ({"id": "LE07_L2SP_170065_20020801_02_T1"}, "123457"),
        ({"id": "LC08_L2SP_170065_20250801_02_T1"}, "234567"),
    ],
)
def test_each_landsat_numbers_its_bands_in_its_own_way(named: dict[str, str], keys: str) -> None:
    assets = {f"SR_B{key}": {"href": f"{key}.tif"} for key in "1234567"}
    item = parse_item(changed(constellation=None, collection="landsat-c2-l2", assets=assets, **named))
    found = [item.bands[band].asset.href for band in ("blue", "green", "red", "nir", "swir16", "swir22")]
    assert found == [f"{key}.tif" for key in keys]


@pytest.mark.parametrize(
    ("collection", "sensor", "bands"),
    [("HLSS30.v2.0", "sentinel-2", ("B04", "B11")), ("HLSL30.v2.0", "landsat", ("B04", "B06"))],
)
def test_the_harmonized_product_brings_its_mask_and_its_own_empty_value(
    collection: str, sensor: str, bands: tuple[str, str]
) -> None:
    assets = {key: {"href": f"{key}.tif"} for key in (*bands, "Fmask")}
    item = parse_item(changed(constellation=None, collection=collection, assets=assets))
    assert (item.sensor, set(item.bands)) == (sensor, {"red", "swir16"})
    assert item.mask is not None
    assert item.mask.rule is MaskRule.FMASK
    assert item.calibrations["int16"].nodata == -9999


def test_of_several_files_with_one_band_the_finest_data_wins() -> None:
    def asset(href: str, gsd: int, **more: Any) -> dict[str, Any]:
        return {"href": href, "gsd": gsd, "eo:bands": [{"common_name": "red"}]} | more

    assets = {
        "visual": asset("tci.tif", 10),
        "red_60m": asset("60.tif", 60),
        "red": asset("10.tif", 10),
        "picture": asset("picture.tif", 5, roles=["visual"]),
    }
    assert parse_item(changed(assets=assets)).bands["red"].asset.href == "10.tif"


@pytest.mark.parametrize(
    ("fields", "offset"),
    [
        ({}, 0.0),
        ({"s2__processing_baseline": "02.14"}, 0.0),
        ({"s2__processing_baseline": "04.00"}, -0.1),
        ({"s2__processing_baseline": 5.1}, -0.1),
        ({"s2__processing_baseline": "5"}, -0.1),
        ({"s2__processing_baseline": "N0509"}, -0.1),
        ({"s2__processing_baseline": "10.00"}, -0.1),
        ({"processing__version": "05.10"}, -0.1),
        ({"processing__version": "2"}, 0.0),
        ({"s2__product_uri": "S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126.SAFE"}, -0.1),
        ({"s2__datatake_id": "GS2B_20220612T182919_027509_N04.00"}, -0.1),
        ({"s2__processing_baseline": "05.09", "earthsearch__boa_offset_applied": True}, 0.0),
        ({"s2__processing_baseline": "05.09", "earthsearch__boa_offset_applied": False}, -0.1),
    ],
)
def test_sentinel_2_subtracts_1000_from_baseline_4_on_unless_done_before(
    fields: dict[str, Any], offset: float
) -> None:
    assert parse_item(changed(**fields)).calibrations["uint16"].offset == offset


def test_numbers_that_may_have_the_offset_or_not_are_not_guessed() -> None:
    since, before = "2022-01-25T10:00:00Z", "2022-01-24T23:59:59Z"
    for fields, is_guessed in (
        ({"datetime": since}, True),
        ({"datetime": since, "processing__version": "2"}, True),
        ({"datetime": since, "s2__processing_baseline": "02.14"}, False),
        ({"datetime": since, "earthsearch__boa_offset_applied": True}, False),
        ({"datetime": before}, False),
    ):
        usual = parse_item(changed(**fields)).calibrations["uint16"]
        assert (usual.offset, usual.is_guessed) == (0.0, is_guessed), fields


def test_earth_searchs_offset_is_ignored_where_it_was_applied_already() -> None:
    item = changed(s2__processing_baseline="05.09", earthsearch__boa_offset_applied=True)
    item["assets"]["image"]["raster:offset"] = -0.1
    assert parse_item(item).bands["red"].offset == 0.0


def test_landsat_collection_2_has_its_own_scale_and_unsigned_counts_have_none() -> None:
    def scale(dtype: str, **fields: Any) -> tuple[float, float] | None:
        calibration = parse_item(
            changed(constellation=None, platform="landsat-8", **fields)
        ).calibrations.get(dtype)
        return None if calibration is None else (calibration.scale, calibration.offset)

    assert scale("uint16", collection="landsat-c2-l2") == (2.75e-5, -0.2)
    assert scale("int16") == (1e-4, 0.0)
    assert scale("uint16") is None


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        "a\x00b",
        "\\\x00",
        "half a pair \ud800",
        {"key \x00": 1},
        [[float("-inf")]],
    ],
)
def test_what_no_database_can_keep_is_refused_wherever_it_stands(value: Any) -> None:
    assert refusal_of(changed(**{"odd:field": value})) is Cause.MALFORMED_ITEM


@pytest.mark.parametrize("value", ["nan", "\\u0000", "\\\\u0000", "a pair \U0001f30d", 1e300])
def test_what_only_looks_like_it_is_read(value: Any) -> None:
    assert parse_item(changed(**{"odd:field": value})).item_id == parse_item(ITEM).item_id


def test_the_digest_does_not_depend_on_how_the_document_was_written() -> None:
    shuffled = json.loads(json.dumps(dict(reversed(ITEM.items())), indent=3))
    assert parse_item(shuffled).document_sha256 == parse_item(ITEM).document_sha256
    assert parse_item(changed(id="b")).document_sha256 != parse_item(ITEM).document_sha256


def read_documents(folder: Path) -> list[Any]:
    """Every JSON document below a folder, those in collections and lines taken apart."""
    documents: list[Any] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ndjson":
            documents += [json.loads(line) for line in path.read_text().splitlines() if line]
        elif path.suffix in (".json", ".geojson"):
            found = json.loads(path.read_text())
            documents += found if isinstance(found, list) else found.get("features", [found])
    return documents


def test_every_real_document_parses_or_is_refused(shared_data: Path) -> None:
    documents = read_documents(shared_data / "stac")
    assert len(documents) > 170
    for document in documents:
        parses_or_is_refused(document, "https://example.org/stac/item.json")


def test_real_items_of_the_sensors_have_the_six_bands(shared_data: Path) -> None:
    folder = shared_data / "stac"
    for name in (
        "odc-stac/S2A_28QCH_20200714_0_L2A.json",
        "odc-stac/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json",
        "odc-stac/LC08_L2SR_081119_20200101_20200823_02_T2.json",
        "odc-stac/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json",
        "pystac/raster-sentinel2-example.json",
        "pystac/classification_landsat_example.json",
        "stac-geoparquet/sentinel-2-item.json",
        "sentinel2/S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126.json",
        "sentinel2/S2A_OPER_MSI_L2A_TL_VGS1_20220401T110010_A035382_T34LBP.json",
    ):
        item = parse_item(json.loads((folder / name).read_text()), f"/data/{name}")
        assert {"blue", "green", "red", "nir", "swir16", "swir22"} <= set(item.bands), name
        assert item.mask is not None, name
    series = json.loads((folder / "odc-stac/site2-2020_jun_jul-35MNM.geojson").read_text())["features"]
    assert {parse_item(feature).sensor for feature in series} == {"sentinel-2"}
    radar = json.loads((folder / "stac-geoparquet/sentinel-1-rtc-pc.json").read_text())
    assert all({"VV", "VH"} <= set(parse_item(item).bands) for item in radar if "vh" in item["assets"])
