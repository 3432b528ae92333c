"""Sensors are recognised by what items say, masks are decoded bit by bit, units are doubted where they must be."""

from __future__ import annotations

import re

import numpy as np
import pytest

from monitor.imagery.masks import decode_mask
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import (
    OPTICAL_BANDS,
    PROFILES,
    REQUIRED_BANDS,
    MaskRule,
    choose_product,
    choose_sensor,
    profile_of,
)
from monitor.imagery.survey import Tally, check_units, drop_fill


@pytest.mark.parametrize(
    ("words", "sensor"),
    [
        (["sentinel-2"], "sentinel-2"),
        (["Sentinel 2"], "sentinel-2"),
        (["Sentinel-2B"], "sentinel-2"),
        (["sentinel-s2-l2a-cogs"], "sentinel-2"),
        (["S2B_33SVB_20210221_0_L2A"], "sentinel-2"),
        (["HLSS30.v2.0"], "sentinel-2"),
        (["LANDSAT_8"], "landsat"),
        (["landsat-7"], "landsat"),
        (["LC08_L2SP_047027_20201204_02_T1"], "landsat"),
        (["HLSL30.v1.5"], "landsat"),
        (["SENTINEL-1A"], "sentinel-1"),
        (["sentinel-1-rtc"], "sentinel-1"),
        (["odd constellation", "sentinel-1", "sentinel-2"], "sentinel-1"),
        (["envisat", "asar"], None),
        (["planetscope"], None),
        (["s2"], None),
        ([], None),
    ],
)
def test_the_sensor_is_recognised(words: list[str], sensor: str | None) -> None:
    assert choose_sensor(words) == sensor


def test_an_unknown_sensor_has_no_profile() -> None:
    for name in (None, "", "envisat"):
        with pytest.raises(SceneRefused) as caught:
            profile_of(name)
        assert caught.value.cause is Cause.UNKNOWN_SENSOR


def test_required_bands_are_known_for_every_sensor() -> None:
    assert set(REQUIRED_BANDS) == set(PROFILES)
    assert REQUIRED_BANDS["sentinel-2"] == REQUIRED_BANDS["landsat"] == OPTICAL_BANDS
    assert REQUIRED_BANDS["sentinel-1"] == ("VV", "VH")


def test_every_sensor_has_a_product_for_words_that_say_nothing() -> None:
    for profile in PROFILES.values():
        assert choose_product(profile, "").refused is None


@pytest.mark.parametrize(
    ("sensor", "words"),
    [
        ("sentinel-2", "sentinel-2-l1c"),
        ("sentinel-2", "S2MSI1C"),
        ("landsat", "landsat-8-l1"),
        ("landsat", "LC08_L1TP_232066_20190727_20190801_01_T1"),
        ("landsat", "level L1T"),
    ],
)
def test_products_without_surface_reflectance_are_refused(sensor: str, words: str) -> None:
    assert choose_product(PROFILES[sensor], words).refused is not None


def test_names_of_products_are_looked_for_in_one_go() -> None:
    """In the web process, which answers nothing else meanwhile: a part of no bounded length is tried from each place at
    which it could begin, to the end of whatever an item says of itself."""
    for product in (product for profile in PROFILES.values() for product in profile.products):
        assert not re.search(r"[*+]|\{\d*,\}", product.pattern), product.pattern


@pytest.mark.parametrize(
    "id_", ["LC08_L2SP_028030_20200114_20200824_02_T1", "LC08_L2SP_047027_20201204_02_T1"]
)
def test_a_landsat_product_of_collection_2_is_known_by_its_id(id_: str) -> None:
    assert not choose_product(PROFILES["landsat"], id_).calibrations["uint16"].is_guessed


def test_scene_classes_that_are_empty_or_cloud() -> None:
    beyond = [12, 255, 65535]
    empty, cloudy = decode_mask(MaskRule.SCL, np.array([*range(12), *beyond], np.uint16))
    assert np.flatnonzero(empty).tolist() == [0, 1, 12, 13, 14]
    assert np.flatnonzero(cloudy).tolist() == [3, 8, 9, 10]


def test_landsat_quality_bits() -> None:
    clear, fill, water = 0b1010101000000, 0b1, 0b1010110000000
    dilated, cirrus, cloud, shadow, snow = (1 << bit for bit in (1, 2, 3, 4, 5))
    unset = 0  # where whoever cut the file had nothing
    stored = np.array([clear, fill, water, dilated, cirrus, cloud, shadow, snow, unset], np.uint16)
    empty, cloudy = decode_mask(MaskRule.QA_PIXEL, stored)
    assert np.flatnonzero(empty).tolist() == [1, 8]
    assert np.flatnonzero(cloudy).tolist() == [3, 4, 5, 6]


def test_quality_bits_of_the_harmonized_product() -> None:
    clear, fill, water, snow, aerosol = 0, 255, 1 << 5, 1 << 4, 0b11 << 6
    cirrus, cloud, beside, shadow = (1 << bit for bit in (0, 1, 2, 3))
    stored = np.array([clear, fill, water, snow, aerosol, cirrus, cloud, beside, shadow], np.uint16)
    empty, cloudy = decode_mask(MaskRule.FMASK, stored)
    assert np.flatnonzero(empty).tolist() == [1]
    assert np.flatnonzero(cloudy).tolist() == [5, 6, 7, 8]


def test_cloud_probability_from_half_on() -> None:
    empty, cloudy = decode_mask(MaskRule.CLOUD_PROBABILITY, np.array([0, 49, 50, 100], np.uint16))
    assert not empty.any()
    assert cloudy.tolist() == [False, False, True, True]


def test_a_tally_names_what_is_wrong() -> None:
    for tally, cause in (
        (Tally(), Cause.NO_VALID_PIXELS),
        (Tally(data=100, cloudy=95, valid=5), Cause.TOO_CLOUDY),
        (Tally(data=10, cloudy=0, valid=0), Cause.NO_VALID_PIXELS),
        (Tally(data=1000, valid=1000, outside=11), Cause.FOOTPRINT_MISMATCH),
    ):
        with pytest.raises(SceneRefused) as caught:
            tally.judge(0.9)
        assert caught.value.cause is cause
    Tally(data=1000, cloudy=900, valid=100, outside=1).judge(0.9)


OPTICAL = ["reflectance"] * 6


def test_a_fill_value_that_nothing_names_is_no_wrong_scale() -> None:
    values = np.random.default_rng(0).uniform(0.05, 0.2, (2, 1000)).astype(np.float32)
    values[:, 200:] = -9999.0  # most of it, as at the edge of a swath
    left = drop_fill(("red", "nir"), values)
    np.testing.assert_array_equal(left, values[:, :200])
    values[:, 200:] = np.random.default_rng(0).uniform(500, 2000, (2, 800))  # a wrong scale
    assert drop_fill(("red", "nir"), values).shape == values.shape


def test_dark_water_and_bright_ground_are_possible_units() -> None:
    def sample(*levels: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        rng = np.random.default_rng(0)
        return (np.array(levels)[:, None] * rng.uniform(0.8, 1.2, (len(levels), 500))).astype(np.float32)

    check_units(OPTICAL_BANDS, sample(0.03, 0.02, 0.01, 0.001, 0.0005, 0.0003), OPTICAL)  # deep water
    check_units(OPTICAL_BANDS, sample(0.5, 0.55, 0.6, 0.7, 0.8, 0.7), OPTICAL)  # salt
    check_units(("VV", "VH"), sample(-9.0, -15.0), ["dB", "dB"])
    check_units(("red",), np.empty((1, 0), np.float32), OPTICAL[:1])
    for bands, levels in (
        (("red", "nir"), (3e-6, 3e-5)),
        (("red", "nir"), (400.0, 2900.0)),
        (("blue", "red", "nir"), (-0.07, -0.06, 0.2)),
        (("VV", "VH"), (120.0, 90.0)),
        (("VV", "VH"), (0.15, 0.02)),  # power that is said to be dB
    ):
        with pytest.raises(SceneRefused) as caught:
            check_units(bands, sample(*levels), ["dB" if "VV" in bands else "reflectance"] * len(bands))
        assert caught.value.cause is Cause.UNKNOWN_SCALE
