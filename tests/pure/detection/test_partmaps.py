"""Part maps: the means of the parts of a cell, whatever strips the scene comes in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.partmaps import UNSEEN, Layout, PartMeans, find_seen, list_maps
from tests.pure.detection.invented import BANDS, make_featurizer, make_scene

ACROSS = 4


def add_up(
    pixels: np.ndarray, valid: np.ndarray, labels: np.ndarray, parts: np.ndarray, step: int
) -> np.ndarray:
    maps = np.full((3, len(pixels), ACROSS, ACROSS), np.nan, np.float32)
    means = PartMeans(maps)
    for row in range(0, len(labels), step):
        rows = slice(row, row + step)
        means.add_rows(pixels[:, rows], valid[rows], labels[rows], parts[rows])
    means.finish(np.full(3, 4.0 * ACROSS**2, np.float32))
    return maps


@given(st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_every_part_is_the_mean_of_its_valid_pixels(step: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.random((2, 30, 25)).astype(np.float32)
    valid = rng.random((30, 25)) < 0.7
    labels = rng.integers(-1, 3, (30, 25)).astype(np.int32)
    parts = rng.integers(0, ACROSS**2, (30, 25)).astype(np.int16)
    maps = add_up(pixels, valid, labels, parts, step)
    for cell in range(3):
        for part in range(ACROSS**2):
            own = valid & (labels == cell) & (parts == part)
            found = maps[cell, :, part // ACROSS, part % ACROSS]
            expected = pixels[:, own].mean(axis=1) if own.sum() >= 2 else UNSEEN
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_part_of_which_less_than_half_is_seen_counts_as_unseen() -> None:
    pixels, labels = np.ones((1, 1, 3), np.float32), np.zeros((1, 3), np.int32)
    parts = np.array([[0, 0, 1]], np.int16)
    seen = find_seen(add_up(pixels, np.ones((1, 3), np.bool_), labels, parts, 1))
    assert seen[0, 0, 0]
    assert seen.sum() == 1  # two pixels of four, and one of four


def test_unseen_is_kept_exactly_by_the_store() -> None:
    assert np.float16(UNSEEN) == np.float32(UNSEEN)


def test_the_layout_finds_what_the_featurizer_put_where() -> None:
    featurizer = replace(make_featurizer(), across=ACROSS)
    layout = featurizer.layout
    features = featurizer.extract(make_scene(clouds=0.0))
    plain = make_featurizer().extract(make_scene(clouds=0.0))
    np.testing.assert_allclose(layout.plain(features.values), plain.values, rtol=1e-5, atol=1e-6)
    assert layout.summaries(features.values).shape[1] == len(featurizer.names) - 16 - layout.map_size
    assert featurizer.names[-layout.map_size :] == list_maps(BANDS, ACROSS)
    maps = layout.maps(features.values)
    assert maps.shape == (len(features.rows), len(BANDS), ACROSS, ACROSS)
    assert np.isfinite(maps[features.valid_share > 0]).all()
    assert find_seen(maps).any()


@pytest.mark.parametrize("step", [7, 20, 1000])
def test_the_map_does_not_depend_on_how_the_scene_is_cut_into_strips(step: int) -> None:
    featurizer = replace(make_featurizer(), across=ACROSS)
    whole, cut = featurizer.extract(make_scene()), featurizer.extract(make_scene(step=step))
    np.testing.assert_allclose(whole.values, cut.values, rtol=1e-4, atol=1e-5)


def test_features_with_maps_are_told_from_features_without() -> None:
    assert replace(make_featurizer(), across=ACROSS).digest != make_featurizer().digest
    assert Layout(4, BANDS, 0).map_size == 0
