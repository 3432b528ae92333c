"""Every fault of a scene's files has its own cause, and no sentence tells where the scene lies."""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.shutil import copy as copy_raster

from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import Cause, SceneRefused
from tests.data.make_scenes import SIX, SOMEWHERE, make_item, make_reflectance, write_raster, write_scene


def read_to_the_end(item: SceneItem, bands: Sequence[str], **options: Any) -> None:
    with open_scene(item, bands, **options) as scene:
        for strip in scene.strips():
            assert np.isfinite(strip.pixels).all()


def refuse(document: dict[str, Any], href: str, bands: Sequence[str] = SIX, **options: Any) -> SceneRefused:
    """Read the scene to its end and hand back the refusal, after a look at its words."""
    item = parse_item(document, href)
    with pytest.raises(SceneRefused) as caught:
        read_to_the_end(item, bands, **options)
    refused = caught.value
    assert_tells_no_place(refused, href)
    return refused


def assert_tells_no_place(refused: SceneRefused, href: str) -> None:
    """No path, no id, no number that could be a coordinate, in the sentence or in the chain of errors behind it."""
    assert refused.__suppress_context__ or refused.__context__ is None
    for word in (str(Path(href).parent), "scene.tif", "EPSG", "invented"):
        assert word not in str(refused), word
    assert not re.search(r"\d+\.\d{2,}|\d{4,}", refused.detail.replace("JPEG 2000", "")), refused.detail


def write_odd(folder: Path, **options: Any) -> tuple[dict[str, Any], str]:
    return write_scene(folder, make_reflectance(), **options)


def test_ground_control_points_alone(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row, col, 20.0 + col / 1e4, 2.0 - row / 1e4)
        for row, col in ((0, 0), (0, 9), (9, 0))
    ]
    document, href = write_odd(
        tmp_path, transform=None, crs=None, gcps=(points, rasterio.CRS.from_epsg(4326))
    )
    assert refuse(document, href).cause is Cause.GCPS_ONLY


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("options", [{"crs": None}, {"transform": None}, {"crs": None, "transform": None}])
def test_no_coordinate_system_or_no_transform(tmp_path: Path, options: dict[str, Any]) -> None:
    document, href = write_odd(tmp_path, **options)
    assert refuse(document, href).cause is Cause.NO_CRS


def test_a_coordinate_system_without_an_authority(tmp_path: Path) -> None:
    odd = "+proj=tmerc +lon_0=20.5 +k=0.9993 +x_0=500000 +a=6378100 +rf=298 +units=m"
    assert refuse(*write_odd(tmp_path, crs=odd)).cause is Cause.UNNAMED_CRS


@pytest.mark.parametrize(
    "transform",
    [
        Affine(20.0, 1.0, 5e5, 1.0, -20.0, 2.4e5),
        Affine(20.0, 0.0, 5e5, 0.0, 20.0, 2.4e5),
        Affine(-20.0, 0.0, 5e5, 0.0, -20.0, 2.4e5),
    ],
)
def test_axes_that_do_not_run_east_and_south(tmp_path: Path, transform: Affine) -> None:
    assert refuse(*write_odd(tmp_path, transform=transform)).cause is Cause.NOT_NORTH_UP


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32660", Affine(20.0, 0, 833_000, 0, -20.0, 240_000)),
        ("EPSG:3031", Affine(20.0, 0, -900, 0, -20.0, 900)),
    ],
)
def test_pixels_across_the_antimeridian_or_over_a_pole(tmp_path: Path, crs: str, transform: Affine) -> None:
    document, href = write_odd(tmp_path, crs=crs, transform=transform)
    document["bbox"] = [179.9, 2.0, 180.0, 2.1]
    assert refuse(document, href).cause is Cause.ANTIMERIDIAN


@pytest.mark.parametrize("shift_px", [-5, 5])
@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_a_footprint_beyond_the_pixels(tmp_path: Path, side: int, shift_px: int) -> None:
    document, href = write_odd(tmp_path)
    outward = -1 if side < 2 else 1
    document["bbox"][side] += outward * abs(shift_px) * 20 / 111_320
    assert refuse(document, href).cause is Cause.FOOTPRINT_MISMATCH


def test_a_footprint_is_allowed_what_rounding_does(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    document["bbox"] = [round(degrees, 4) for degrees in document["bbox"]]
    with open_scene(parse_item(document, href), SIX):
        pass


def test_a_geometry_elsewhere_is_seen_even_where_the_bbox_fits(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    ring = [[-90.0, 18.0], [-89.9, 18.0], [-89.9, 18.1], [-90.0, 18.0]]
    document["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    assert refuse(document, href).cause is Cause.FOOTPRINT_MISMATCH


def test_data_outside_a_footprint_that_claims_a_corner(tmp_path: Path) -> None:
    document, href = write_scene(tmp_path, make_reflectance(height=300, width=300))
    west, south, _, _ = document["bbox"]
    document["bbox"] = [west, south, west + 0.005, south + 0.005]
    assert refuse(document, href).cause is Cause.FOOTPRINT_MISMATCH


@pytest.mark.parametrize(
    "stated",
    [
        {"proj:code": "EPSG:32635"},
        {"proj:epsg": 4326},
        {"proj:code": "/vsicurl/https://example.org/crs"},
        {"proj:shape": [121, 160]},
        {"proj:shape": [60, 80]},
        {"proj:transform": [20.0, 0, SOMEWHERE.c + 40, 0, -20.0, SOMEWHERE.f]},
        {"proj:transform": [10.0, 0, SOMEWHERE.c, 0, -10.0, SOMEWHERE.f]},
        {"proj:transform": [10.0, 0, SOMEWHERE.c, 0, -20.0, SOMEWHERE.f]},
        {"proj:transform": [20.0, 0, SOMEWHERE.c, 0, -10.0, SOMEWHERE.f]},
        {"proj:transform": [20.0, 0.5, SOMEWHERE.c, 0, -20.0, SOMEWHERE.f]},
    ],
)
def test_a_stated_grid_that_is_not_the_files(tmp_path: Path, stated: dict[str, Any]) -> None:
    document, href = write_odd(tmp_path)
    document["assets"]["image"] |= stated
    assert refuse(document, href).cause is Cause.FOOTPRINT_MISMATCH


def test_a_stated_grid_that_is_the_files_passes(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    document["assets"]["image"] |= {"proj:code": "EPSG:32634", "proj:shape": [120, 160]}
    document["assets"]["image"]["proj:transform"] = [*SOMEWHERE][:9]
    with open_scene(parse_item(document, href), SIX):
        pass


def test_bands_on_grids_that_do_not_fit_together(tmp_path: Path) -> None:
    aside = Affine(20.0, 0.0, SOMEWHERE.c + 100, 0.0, -20.0, SOMEWHERE.f)
    paths = {
        "a": write_raster(tmp_path / "a.tif", make_reflectance(bands=4)),
        "b": write_raster(tmp_path / "b.tif", make_reflectance(bands=2), transform=aside),
    }
    document = make_item(paths, {"a": SIX[:4], "b": SIX[4:]})
    west, south, east, north = document["bbox"]
    document["bbox"] = [west + 0.002, south, east - 0.002, north]
    assert refuse(document, str(tmp_path / "item.json")).cause is Cause.BAND_GRIDS_DIFFER


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_eight_bits_are_a_picture_even_if_bands_lack(tmp_path: Path, dtype: str) -> None:
    document, href = write_scene(tmp_path, (make_reflectance() / 40).astype(dtype))
    assert refuse(document, href).cause is Cause.WRONG_DTYPE
    document["assets"]["image"]["bands"] = [{"name": "VV or VH"}]
    assert refuse(document, href).cause is Cause.WRONG_DTYPE


def test_a_type_other_than_stated(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    document["assets"]["image"]["data_type"] = "int16"
    assert refuse(document, href).cause is Cause.WRONG_DTYPE


def test_radar_amplitudes_are_no_backscatter(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", make_reflectance(bands=2))
    document = make_item({"a": path}, {"a": ("VV", "VH")}, constellation="sentinel-1")
    assert refuse(document, str(tmp_path / "item.json"), ("VV", "VH")).cause is Cause.WRONG_DTYPE


def test_a_platform_without_a_profile(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    document["properties"] |= {"constellation": None, "platform": "envisat"}
    assert refuse(document, href).cause is Cause.UNKNOWN_SENSOR


def test_bands_that_are_not_named_or_not_there(tmp_path: Path) -> None:
    document, href = write_scene(tmp_path, make_reflectance(bands=4))
    refused = refuse(document, href)
    assert refused.cause is Cause.MISSING_BAND
    assert "swir16, swir22" in refused.detail
    document["assets"]["image"]["bands"] = [{"eo:common_name": name} for name in SIX]
    assert refuse(document, href).cause is Cause.MISSING_BAND  # the item lists six, the file holds four
    document["assets"]["image"]["bands"] = []
    assert refuse(document, href).cause is Cause.UNNAMED_BANDS


@pytest.mark.parametrize("side_m", [2.0, 60.0])
def test_pixels_too_coarse_or_too_fine(tmp_path: Path, side_m: float) -> None:
    transform = Affine(side_m, 0.0, SOMEWHERE.c, 0.0, -side_m, SOMEWHERE.f)
    assert refuse(*write_odd(tmp_path, transform=transform)).cause is Cause.RESOLUTION_UNFIT


@pytest.mark.parametrize("north_m", [240_000.0, 5_400_000.0])
def test_pixels_of_the_greatest_size_are_read_wherever_they_lie(tmp_path: Path, north_m: float) -> None:
    """Near the equator 30 m of a map came out as 30.1 m: all of Harmonized Landsat Sentinel-2 was refused there."""
    transform = Affine(30.0, 0.0, SOMEWHERE.c, 0.0, -30.0, north_m)
    document, href = write_scene(tmp_path, make_reflectance(dtype="int16"), transform=transform)
    document["collection"] = "HLSS30.v2.0"
    with open_scene(parse_item(document, href), SIX) as scene:
        assert scene.pixel_m == pytest.approx(30, rel=0.01)


@pytest.mark.parametrize(
    ("stored", "stated"),
    [
        (make_reflectance(dtype="float32") * 1e-4, {}),  # reflectance already, but nobody says so
        (make_reflectance(), {"raster:scale": 1.0}),
        (make_reflectance(), {"raster:scale": 0.0}),
        (make_reflectance() // 3, {"raster:offset": -0.1}),  # subtracted twice
    ],
)
def test_a_scale_that_cannot_be_right(tmp_path: Path, stored: Any, stated: dict[str, float]) -> None:
    document, href = write_scene(tmp_path, stored.astype(stored.dtype))
    document["assets"]["image"] |= stated
    assert refuse(document, href).cause is Cause.UNKNOWN_SCALE


def test_numbers_that_may_hold_the_offset_of_sentinel_2(tmp_path: Path) -> None:
    document, href = write_scene(tmp_path, make_reflectance() + 1000)
    assert refuse(document, href).cause is Cause.UNKNOWN_SCALE
    document["properties"]["s2:processing_baseline"] = "05.09"
    read_to_the_end(parse_item(document, href), SIX)


@pytest.mark.parametrize("tagged", [True, False])
def test_an_offset_of_0_that_contradicts_the_baseline_is_asked_of_the_pixels(
    tmp_path: Path, tagged: bool
) -> None:
    # a tag that names a scale alone reads as one that names an offset of 0
    for more, is_refused in ((1000, True), (0, False)):
        tags: dict[str, Any] = {"scales": (1e-4,) * len(SIX)} if tagged else {}
        document, href = write_scene(tmp_path, make_reflectance() + more, **tags)
        document["properties"]["s2:processing_baseline"] = "05.09"
        if not tagged:
            document["assets"]["image"] |= {"raster:scale": 1e-4, "raster:offset": 0}
        if is_refused:
            assert refuse(document, href).cause is Cause.UNKNOWN_SCALE
        else:
            read_to_the_end(parse_item(document, href), SIX)


def test_a_band_of_clouds_that_cannot_be_read(tmp_path: Path) -> None:
    paths = {
        "image": write_raster(tmp_path / "image.tif", make_reflectance()),
        "cloud": write_raster(tmp_path / "cloud.tif", np.zeros((1, 120, 160), np.float32)),
    }
    for bands, cause in ((["cloud"], Cause.UNKNOWN_SCALE), (["x", "cloud"], Cause.MISSING_BAND)):
        document = make_item(paths, {"image": SIX, "cloud": bands})
        assert refuse(document, str(tmp_path / "item.json")).cause is cause


def test_unsigned_landsat_counts_of_an_unnamed_product(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    document["properties"] |= {"constellation": None, "platform": "landsat-8"}
    assert refuse(document, href).cause is Cause.UNKNOWN_SCALE


def test_nothing_but_missing_pixels(tmp_path: Path) -> None:
    nothing = np.full((6, 90, 90), np.nan, np.float32)
    assert refuse(*write_scene(tmp_path, nothing)).cause is Cause.NO_VALID_PIXELS
    assert refuse(*write_scene(tmp_path, np.zeros((6, 90, 90), np.uint16))).cause is Cause.NO_VALID_PIXELS


def cloudy_scene(folder: Path, share: float, **options: Any) -> tuple[dict[str, Any], str]:
    classes = np.full((1, 120, 160), 5, np.uint8)
    classes[0, :, : round(160 * share)] = 9
    paths = {
        "image": write_raster(folder / "image.tif", make_reflectance(), **options),
        "SCL": write_raster(folder / "scl.tif", classes, **options),
    }
    return make_item(paths, {"image": SIX, "SCL": ["SCL"]}), str(folder / "item.json")


def test_clouds_over_the_limit(tmp_path: Path) -> None:
    document, href = cloudy_scene(tmp_path, 0.95)
    refused = refuse(document, href)
    assert refused.cause is Cause.TOO_CLOUDY
    assert "95 %" in refused.detail
    with open_scene(parse_item(document, href), SIX, max_cloud_share=0.96):
        pass


def test_what_is_too_large_to_be_seen_at_once_is_judged_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.imagery.pixels.WHOLE_PIXELS", 5_000)
    document, href = cloudy_scene(tmp_path, 0.95)
    with open_scene(parse_item(document, href), SIX, strip_bytes=160 * 29 * 16) as scene:
        strips = scene.strips()
        for _ in range(8):
            next(strips)
        with pytest.raises(SceneRefused) as caught:
            next(strips)
    assert caught.value.cause is Cause.TOO_CLOUDY


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("first", ["directory", "pixels"])
def test_a_file_cut_off(tmp_path: Path, kept: float, first: str) -> None:
    data = np.random.default_rng(0).integers(300, 3000, (6, 256, 256)).astype(np.uint16)
    document, href = write_scene(tmp_path, data)
    path = tmp_path / "scene.tif"
    if first == "directory":  # as a cloud-optimised file has it: opens well, ends early
        copy_raster(path, tmp_path / "cog.tif", driver="COG", blocksize=128)
        path = (tmp_path / "cog.tif").replace(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert refuse(document, href).cause is Cause.TRUNCATED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a raster at all",
        b'<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>',
        b"<GDAL_WMS><Service name='TMS'><ServerUrl>http://example.org/</ServerUrl></Service></GDAL_WMS>",
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: bytes) -> None:
    document, href = write_odd(tmp_path)
    (tmp_path / "scene.tif").write_bytes(content)
    assert refuse(document, href).cause is Cause.WRONG_FORMAT


def test_a_checksum_is_verified(tmp_path: Path) -> None:
    document, href = write_odd(tmp_path)
    found = hashlib.sha256((tmp_path / "scene.tif").read_bytes()).hexdigest()
    document["assets"]["image"]["file:checksum"] = "1220" + found.upper()
    with open_scene(parse_item(document, href), SIX):
        pass
    document["assets"]["image"]["file:checksum"] = "1220" + found[::-1]
    assert refuse(document, href).cause is Cause.CHECKSUM_MISMATCH


def test_gdal_says_nothing_of_paths_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="root")
    document, href = write_odd(tmp_path)
    (tmp_path / "scene.tif").write_bytes((tmp_path / "scene.tif").read_bytes()[:900])
    refuse(document, href)
    assert str(tmp_path) not in caplog.text
    assert "scene.tif" not in caplog.text


def test_a_refusal_crosses_a_process_boundary() -> None:
    refused = pickle.loads(pickle.dumps(SceneRefused(Cause.TOO_CLOUDY, "too much")))  # noqa: S301
    assert (refused.cause, refused.detail) == (Cause.TOO_CLOUDY, "too much")


@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, damages: list[tuple[float, bytes]]) -> None:
    path = tmp_path / "scene.tif"
    path.unlink(missing_ok=True)
    document, href = write_scene(tmp_path, make_reflectance(height=40, width=40))
    content = bytearray(path.read_bytes())
    for where, what in damages:
        start = int(where * (len(content) - len(what)))
        content[start : start + len(what)] = what
    path.write_bytes(content)
    try:
        read_to_the_end(parse_item(document, href), SIX)
    except SceneRefused as refused:
        assert_tells_no_place(refused, href)
