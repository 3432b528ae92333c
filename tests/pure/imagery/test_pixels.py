"""Good scenes are read as they are, in strips of bounded height, with every pixel in its cell."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine

from monitor.grid import locate_cells
from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.pixels import OpenScene, open_scene
from monitor.imagery.strips import Strip, plan_strips
from tests.data.make_scenes import SIX, SOMEWHERE, make_item, make_reflectance, write_raster, write_scene


def read_whole(
    scene: OpenScene, halo: int = 0
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Pixels, valid and labels of all strips put together, without the rows that were seen before."""
    strips = list(scene.strips(halo))
    return (
        np.concatenate([strip.pixels[:, strip.new_from :] for strip in strips], axis=1),
        np.concatenate([strip.valid[strip.new_from :] for strip in strips]),
        np.concatenate([strip.labels[strip.new_from :] for strip in strips]),
    )


def scene_item(folder: Path, data: npt.NDArray[Any] | None = None, **options: Any) -> SceneItem:
    return parse_item(*write_scene(folder, data, **options))


def test_pixels_are_reflectance_in_the_order_asked(tmp_path: Path) -> None:
    data = make_reflectance()
    item = scene_item(tmp_path, data, nodata=0)
    with open_scene(item, ("red", "nir", "blue")) as scene:
        pixels, valid, _ = read_whole(scene)
    assert pixels.dtype == np.float32
    assert valid.all()
    np.testing.assert_allclose(pixels, data[[2, 3, 0]] * 1e-4, rtol=1e-6)


def test_invalid_pixels_are_zero_and_only_they(tmp_path: Path) -> None:
    data = make_reflectance()
    data[:, 10:20, 5:9] = 0
    data[3, 50, 60] = 0  # one band without a measurement spoils the pixel
    with open_scene(scene_item(tmp_path, data), SIX) as scene:
        pixels, valid, _ = read_whole(scene)
    expected = (data != 0).all(axis=0)
    np.testing.assert_array_equal(valid, expected)
    assert (pixels[:, ~expected] == 0).all()
    assert (pixels[:, expected] > 0).all()


def test_nan_is_an_invalid_pixel_and_poisons_nothing(tmp_path: Path) -> None:
    data = make_reflectance(dtype="float32")
    data[2, 5, 5], data[0, 6, 6], data[1, 7, 7] = np.nan, np.inf, -3.4e38
    with open_scene(scene_item(tmp_path, data, nodata=0), SIX) as scene:
        pixels, valid, _ = read_whole(scene)
    assert np.isfinite(pixels).all()
    assert not valid[[5, 6, 7], [5, 6, 7]].any()
    assert valid.sum() == valid.size - 3


@pytest.mark.parametrize("halo", [0, 3, 40])
def test_strips_together_are_the_scene_and_repeat_the_halo(tmp_path: Path, halo: int) -> None:
    data = make_reflectance(height=300, width=200)
    item = scene_item(tmp_path, data)
    with open_scene(item, SIX, strip_bytes=200 * 29 * 40) as scene:
        strips: list[Strip] = list(scene.strips(halo))
        pixels, _, _ = read_whole(scene, halo)
    assert len(strips) > 7
    assert max(strip.valid.shape[0] - strip.new_from for strip in strips) <= 40
    assert strips[0].new_from == 0
    assert pixels.shape == (6, 300, 200)
    np.testing.assert_allclose(pixels, data * 1e-4, rtol=1e-6)
    for before, after in pairwise(strips):
        assert after.new_from == min(halo, before.valid.shape[0])
        assert after.pixels.flags["C_CONTIGUOUS"]
        start = before.valid.shape[0] - after.new_from
        np.testing.assert_array_equal(after.pixels[:, : after.new_from], before.pixels[:, start:])
        np.testing.assert_array_equal(after.labels[: after.new_from], before.labels[start:])
        np.testing.assert_array_equal(after.valid[: after.new_from], before.valid[start:])


def test_every_pixel_is_labelled_with_the_cell_of_its_centre(tmp_path: Path) -> None:
    with open_scene(scene_item(tmp_path, make_reflectance(height=200, width=150)), ("red",)) as scene:
        _, _, labels = read_whole(scene)
        rows, cols = scene.rows[labels], scene.cols[labels]
        assert set(np.unique(labels)) == set(range(scene.rows.size))
    y, x = np.mgrid[:200, :150] + 0.5
    xs, ys = SOMEWHERE @ (x, y)
    lon, lat = rasterio.warp.transform("EPSG:32634", "EPSG:4326", xs.ravel(), ys.ravel())
    expected_rows, expected_cols = locate_cells(lon, lat)
    np.testing.assert_array_equal(rows.ravel(), expected_rows)
    np.testing.assert_array_equal(cols.ravel(), expected_cols)


def test_a_whole_cell_has_as_many_pixels_as_promised(tmp_path: Path) -> None:
    with open_scene(scene_item(tmp_path, make_reflectance(height=260, width=260)), ("red",)) as scene:
        _, _, labels = read_whole(scene)
        counts = np.bincount(labels.ravel(), minlength=scene.rows.size)
        inner = (scene.rows > scene.rows.min()) & (scene.rows < scene.rows.max())
        inner &= (scene.cols > scene.cols.min()) & (scene.cols < scene.cols.max())
        assert inner.sum() >= 4
        np.testing.assert_allclose(counts[inner], scene.full_pixels[inner], rtol=0.04)
        assert (counts <= scene.full_pixels * 1.04).all()


def test_coarser_bands_are_repeated_onto_the_finest_grid(tmp_path: Path) -> None:
    fine = make_reflectance(height=120, width=160, bands=4)
    coarse = make_reflectance(height=60, width=80, bands=2, seed=8)
    ten = Affine(10.0, 0.0, SOMEWHERE.c, 0.0, -10.0, SOMEWHERE.f)
    paths = {
        "fine": write_raster(tmp_path / "fine.tif", fine, transform=ten),
        "coarse": write_raster(tmp_path / "coarse.tif", coarse),
    }
    item = parse_item(make_item(paths, {"fine": SIX[:4], "coarse": SIX[4:]}), str(tmp_path / "item.json"))
    with open_scene(item, SIX, strip_bytes=160 * 29 * 30) as scene:
        pixels, _, _ = read_whole(scene, halo=2)
        assert (scene.height, scene.width) == (120, 160)
        assert scene.pixel_m == pytest.approx(10, rel=0.01)
    np.testing.assert_allclose(pixels[:4], fine * 1e-4, rtol=1e-6)
    np.testing.assert_allclose(pixels[4:], coarse.repeat(2, axis=1).repeat(2, axis=2) * 1e-4, rtol=1e-6)


def test_clouds_of_the_scene_classification_are_not_valid(tmp_path: Path) -> None:
    classes = np.full((1, 60, 80), 4, np.uint8)
    classes[0, :10], classes[0, 10:12], classes[0, 12] = 9, 3, 0
    forty = Affine(40.0, 0.0, SOMEWHERE.c, 0.0, -40.0, SOMEWHERE.f)
    paths = {
        "image": write_raster(tmp_path / "image.tif", make_reflectance()),
        "SCL": write_raster(tmp_path / "scl.tif", classes, transform=forty),
    }
    item = parse_item(make_item(paths, {"image": SIX, "SCL": ["SCL"]}), str(tmp_path / "item.json"))
    with open_scene(item, SIX) as scene:
        pixels, valid, _ = read_whole(scene)
    assert not valid[:26].any()
    assert valid[26:].all()
    assert (pixels[:, :26] == 0).all()


def test_the_mask_inside_a_file_is_heeded(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", make_reflectance())
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        seen = np.ones((120, 160), bool)
        seen[:7] = False
        file.write_mask(seen)
    with open_scene(parse_item(make_item({"a": path}, {"a": SIX}), str(tmp_path / "i.json")), SIX) as scene:
        _, valid, _ = read_whole(scene)
    np.testing.assert_array_equal(valid, seen)


@pytest.mark.parametrize(
    ("dtype", "fill", "tag"),
    [
        ("uint16", 0, 65535),
        ("uint16", 65535, 0),
        ("int16", -9999, None),
        ("float32", -9999, None),
        ("float32", 0, None),
    ],
)
def test_a_fill_value_is_no_measurement_whatever_the_tag_says(
    tmp_path: Path, dtype: str, fill: int, tag: int | None
) -> None:
    data = make_reflectance(dtype=dtype)
    data[:, :70] = fill
    with open_scene(scene_item(tmp_path, data, nodata=tag), SIX) as scene:
        pixels, valid, _ = read_whole(scene)
    assert not valid[:70].any()
    assert valid[70:].all()
    assert 0 < pixels[:, 70:].min() < pixels.max() < 1


def test_reflectance_that_was_clipped_to_zero_is_a_measurement(tmp_path: Path) -> None:
    data = make_reflectance(dtype="float32") * np.float32(1e-4)
    data[:, :9], data[:, 9:12] = 0, -1
    document, href = write_scene(tmp_path, data, nodata=-1)
    document["assets"]["image"]["raster:scale"] = 1
    with open_scene(parse_item(document, href), SIX) as scene:
        _, valid, _ = read_whole(scene)
    assert valid[:9].all()
    assert not valid[9:12].any()


def test_fill_values_do_not_make_decibels_of_power(tmp_path: Path) -> None:
    data = np.random.default_rng(1).gamma(2.0, 0.05, (2, 90, 90))
    data[:, :60] = -9999
    with open_scene(radar_item(tmp_path, data), ("VV", "VH")) as scene:
        pixels, valid, _ = read_whole(scene)
    assert not valid[:60].any()
    np.testing.assert_allclose(pixels[:, 60:], 10 * np.log10(data[:, 60:]), atol=1e-4)


@pytest.mark.parametrize(("fill", "tag"), [(-9999, 0), (0, -32768)])
def test_a_fill_value_of_radar_is_no_measurement(tmp_path: Path, fill: int, tag: int) -> None:
    data = np.random.default_rng(1).normal(-12, 3, (2, 90, 90))
    data[:, :60] = fill
    path = write_raster(tmp_path / "radar.tif", data.astype("float32"), nodata=tag)
    document = make_item({"image": path}, {"image": ("VV", "VH")}, constellation="sentinel-1")
    with open_scene(parse_item(document, str(tmp_path / "item.json")), ("VV", "VH")) as scene:
        _, valid, _ = read_whole(scene)
    assert not valid[:60].any()
    assert valid[60:].all()


def test_a_scale_in_the_file_counts_where_the_item_is_silent(tmp_path: Path) -> None:
    data = make_reflectance(bands=1)
    item = scene_item(tmp_path, data, scales=(2e-4,), offsets=(-0.05,))
    with open_scene(item, ("blue",)) as scene:
        pixels, _, _ = read_whole(scene)
    np.testing.assert_allclose(pixels, data * 2e-4 - 0.05, atol=1e-6)


def test_the_items_word_goes_before_the_files(tmp_path: Path) -> None:
    document, href = write_scene(tmp_path, make_reflectance(bands=1), scales=(0.5,), offsets=(9.0,))
    document["assets"]["image"] |= {"raster:scale": 1e-4, "raster:offset": 0, "nodata": 7}
    with open_scene(parse_item(document, href), ("blue",)) as scene:
        pixels, _, _ = read_whole(scene)
    assert 0 < pixels.mean() < 0.3


def test_an_offset_that_was_applied_is_not_taken_off_again_by_the_files_tag(tmp_path: Path) -> None:
    data = make_reflectance(bands=1) + np.uint16(2000)
    document, href = write_scene(tmp_path, data, scales=(1e-4,), offsets=(-0.1,))
    document["properties"]["earthsearch:boa_offset_applied"] = True
    with open_scene(parse_item(document, href), ("blue",)) as scene:
        pixels, _, _ = read_whole(scene)
    np.testing.assert_allclose(pixels, data * 1e-4, atol=1e-6)


def radar_item(folder: Path, data: npt.NDArray[Any], **stated: Any) -> SceneItem:
    path = write_raster(folder / "radar.tif", data.astype("float32"), nodata=0)
    document = make_item({"image": path}, {"image": ("VV", "VH")}, constellation="sentinel-1")
    for band in document["assets"]["image"]["bands"]:
        band |= stated
    return parse_item(document, str(folder / "item.json"))


@pytest.mark.parametrize("stated", [{}, {"unit": "dB"}])
def test_radar_in_decibels_stays_so(tmp_path: Path, stated: dict[str, str]) -> None:
    data = np.random.default_rng(1).normal(-12, 3, (2, 90, 90))
    with open_scene(radar_item(tmp_path, data, **stated), ("VV", "VH")) as scene:
        pixels, _, _ = read_whole(scene)
    np.testing.assert_allclose(pixels, data, atol=1e-5)


def test_decibels_of_a_collection_that_usually_holds_power_stay_so(tmp_path: Path) -> None:
    data = np.random.default_rng(1).normal(-5, 4, (2, 90, 90))
    item = replace(radar_item(tmp_path, data), collection="sentinel-1-rtc")
    with open_scene(item, ("VV", "VH")) as scene:
        pixels, valid, _ = read_whole(scene)
    assert valid.all()
    np.testing.assert_allclose(pixels, data, atol=1e-5)


def test_power_from_which_noise_was_taken_off_stays_power(tmp_path: Path) -> None:
    data = np.random.default_rng(1).gamma(2.0, 0.05, (2, 90, 90))
    data[:, 7:60] *= -0.01  # more than half of it
    with open_scene(radar_item(tmp_path, data), ("VV", "VH")) as scene:
        pixels, valid, _ = read_whole(scene)
    assert not valid[7:60].any()
    np.testing.assert_allclose(pixels[:, valid], 10 * np.log10(data[:, valid]), atol=1e-4)


@pytest.mark.parametrize("stated", [{}, {"description": "gamma0, linear power"}])
def test_radar_power_becomes_decibels_and_zero_is_missing(tmp_path: Path, stated: dict[str, str]) -> None:
    data = np.random.default_rng(1).gamma(2.0, 0.05, (2, 90, 90))
    data[:, 4] = 0
    with open_scene(radar_item(tmp_path, data, **stated), ("VV", "VH")) as scene:
        pixels, valid, _ = read_whole(scene)
    assert not valid[4].any()
    assert valid.sum() == valid.size - 90
    np.testing.assert_allclose(pixels[:, valid], 10 * np.log10(data[:, valid]), atol=1e-4)


def test_the_unit_of_radar_is_found_in_a_large_scene_with_little_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.imagery.pixels.WHOLE_PIXELS", 1_000)
    data = np.full((2, 400, 90), 0.0)
    data[:, 385:] = np.random.default_rng(1).normal(-12, 3, (2, 15, 90))
    item = radar_item(tmp_path, data)
    with open_scene(item, ("VV", "VH"), strip_bytes=90 * 13 * 10) as scene:
        pixels, valid, _ = read_whole(scene)
    assert valid[385:].all()
    assert not valid[:385].any()
    np.testing.assert_allclose(pixels[:, 385:], data[:, 385:], atol=1e-5)


def test_strips_are_bounded_and_follow_the_blocks() -> None:
    for height, width, channels, block in [(10980, 10980, 6, 512), (10980, 10980, 6, 1), (900, 90, 2, 1024)]:
        plan = plan_strips(height, width, channels, block, strip_bytes=24 * 2**20)
        assert plan[0][0] == 0
        assert plan[-1][1] == height
        assert all(before[1] == after[0] for before, after in pairwise(plan))
        assert max(end - start for start, end in plan) * width * (channels * 4 + 5) <= 24 * 2**20
    starts = {start for start, _ in plan_strips(10980, 10980, 6, 512)}
    assert set(range(0, 10980, 512)) <= starts


def test_a_scene_can_be_read_twice_and_closes_its_files(tmp_path: Path) -> None:
    with open_scene(scene_item(tmp_path), SIX) as scene:
        first, second = read_whole(scene)[0], read_whole(scene)[0]
        np.testing.assert_array_equal(first, second)
    with pytest.raises(Exception, match="closed"):
        next(iter(scene.strips()))


def test_bands_must_be_named_and_each_once(tmp_path: Path) -> None:
    item = scene_item(tmp_path)
    for bands in ((), ("red", "red")):
        with pytest.raises(ValueError, match="each once"):
            open_scene(item, bands)
