"""Spectral summaries of cells."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.spectral import (
    PERCENTILES,
    STATISTICS,
    SpectralSummaries,
    list_channels,
    list_summaries,
    summarise_pixels,
)
from tests.pure.detection.invented import BANDS, make_scene


def test_optical_bands_give_five_indices_and_radar_bands_their_ratio() -> None:
    assert list_channels(BANDS) == [*BANDS, "ndvi", "ndwi", "mndwi", "bsi", "ndti"]
    assert list_channels(("VV", "VH")) == ["VV", "VH", "VV-VH"]
    assert list_channels(("red", "nir")) == ["red", "nir", "ndvi"]


def test_summaries_equal_those_of_numpy() -> None:
    pixels = np.random.default_rng(1).gamma(3.0, 0.05, (6, 137)).astype(np.float32)
    names, values = list_summaries(BANDS), summarise_pixels(pixels, BANDS)
    assert len(names) == len(values) == 11 * len(STATISTICS)
    found = dict(zip(names, values.tolist(), strict=True))
    nir, red = pixels[3].astype(np.float64), pixels[2].astype(np.float64)
    ndvi = (nir - red) / (nir + red)
    for name, channel in (("red", red), ("ndvi", ndvi)):
        assert found[f"{name}_mean"] == pytest.approx(channel.mean(), rel=1e-5, abs=1e-7)
        assert found[f"{name}_std"] == pytest.approx(channel.std(), rel=1e-5)
        for percent in PERCENTILES:
            expected = np.percentile(channel, percent)
            assert found[f"{name}_p{percent:02d}"] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_indices_stay_finite_where_correction_left_negative_reflectance() -> None:
    pixels = np.array([[-0.01, 0.0, 0.3]] * 6, np.float32)
    values = summarise_pixels(pixels, BANDS)
    assert np.isfinite(values).all()
    ndvi = [
        value for name, value in zip(list_summaries(BANDS), values, strict=True) if name.startswith("ndvi")
    ]
    assert max(map(abs, ndvi)) <= 1


def test_radar_ratio_is_the_difference_of_decibels() -> None:
    values = summarise_pixels(np.array([[-8.0, -9.0], [-14.0, -16.0]], np.float32), ("VV", "VH"))
    found = dict(zip(list_summaries(("VV", "VH")), values.tolist(), strict=True))
    assert found["VV-VH_mean"] == pytest.approx(6.5)


def test_one_pixel_is_enough_for_a_summary() -> None:
    values = summarise_pixels(np.full((6, 1), 0.2, np.float32), BANDS)
    found = dict(zip(list_summaries(BANDS), values.tolist(), strict=True))
    assert found["blue_std"] == 0
    assert found["blue_p02"] == found["blue_p98"] == pytest.approx(0.2)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_strips_of_any_height_give_the_same_summaries_to_the_bit(step: int) -> None:
    scene = make_scene(step=step)
    whole = SpectralSummaries(BANDS, len(scene.rows))
    whole.add_rows(scene.pixels, scene.valid, scene.labels)
    whole.finish()
    stripped = SpectralSummaries(BANDS, len(scene.rows))
    for strip in scene.strips():
        stripped.add_rows(strip.pixels, strip.valid, strip.labels)
    stripped.finish()
    np.testing.assert_array_equal(stripped.values, whole.values)
    np.testing.assert_array_equal(stripped.pixel_counts, whole.pixel_counts)
    assert whole.pixel_counts.sum() == scene.valid.sum()


def test_cells_that_have_passed_are_let_go() -> None:
    scene = make_scene(200, 50, step=5)
    summaries = SpectralSummaries(BANDS, len(scene.rows))
    held = []
    for strip in scene.strips():
        summaries.add_rows(strip.pixels, strip.valid, strip.labels)
        held.append(sum(part.nbytes for parts in summaries._open.values() for part in parts))
    assert max(held) <= 30 * 50 * 6 * 4  # one line of cells and the strip that ends it


def test_a_cell_without_a_valid_pixel_has_no_numbers() -> None:
    summaries = SpectralSummaries(BANDS, 1)
    summaries.add_rows(
        np.zeros((6, 4, 4), np.float32), np.zeros((4, 4), np.bool_), np.zeros((4, 4), np.int32)
    )
    summaries.finish()
    assert summaries.pixel_counts.tolist() == [0]
    assert np.isnan(summaries.values).all()
