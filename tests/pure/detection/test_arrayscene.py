"""Scenes held in memory: an array is featurized as a scene on disk would be."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection import arrayscene
from monitor.detection.arrayscene import ArrayScene
from monitor.detection.featurizer import Featurizer
from tests.pure.detection.invented import BANDS, make_featurizer

PIXELS = np.random.default_rng(0).random((len(BANDS), 45, 62)).astype(np.float32)


def test_cells_are_squares_counted_northwards_and_eastwards() -> None:
    scene = ArrayScene(PIXELS, BANDS, 20, corner=(9002, 20000))
    (strip,) = scene.strips()
    assert scene.rows[strip.labels[0, 0]] == 9002
    assert scene.rows[strip.labels[44, 61]] == 9000
    assert scene.cols[strip.labels[44, 61]] == 20003
    assert scene.rows[strip.labels[20, 19]] == 9001
    assert scene.full_pixels.tolist() == [400.0] * 12


@pytest.mark.parametrize("rows", [1, 7, 20])
def test_features_do_not_depend_on_the_strips(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, featurizer = ArrayScene(PIXELS, BANDS, 20), make_featurizer()
    whole = featurizer.extract(scene)
    monkeypatch.setattr(arrayscene, "STRIP_ROWS", rows)
    np.testing.assert_allclose(featurizer.extract(scene).values, whole.values, rtol=1e-5, atol=1e-5)


def test_the_map_of_a_cell_lies_northwards_then_eastwards() -> None:
    pixels = np.zeros((1, 20, 20), np.float32)
    pixels[0, :10, 10:] = 1  # the north-east
    scene = ArrayScene(pixels, ("VV",), 20)
    made = Featurizer.fit([scene], sensor="sentinel-1", bands=("VV",), n_patches=2, across=2)
    maps = made.layout.maps(made.extract(scene).values)
    np.testing.assert_allclose(maps[0, 0], [[0, 0], [0, 1]], atol=1e-6)


def test_pixels_that_are_not_finite_or_masked_are_not_seen() -> None:
    pixels, valid = PIXELS.copy(), np.ones((45, 62), np.bool_)
    pixels[2, :20, :20], valid[20:40, 20:40] = np.nan, False
    found = make_featurizer().extract(ArrayScene(pixels, BANDS, 20, valid=valid))
    assert found.valid_share[[0, 5]].tolist() == [0, 0]
    assert found.valid_share[1] == 1
    assert np.isfinite(found.values[1]).all()
    assert np.isnan(pixels[2, 0, 0])  # what was given is left as it was


@pytest.mark.parametrize(
    ("pixels", "bands", "cell", "valid", "said"),
    [
        (PIXELS[0], BANDS, 20, None, "bands, rows, columns"),
        (PIXELS, BANDS[:2], 20, None, "a name for each band"),
        (PIXELS[:2], ("red", "red"), 20, None, "each band once"),
        (PIXELS[:, :0], BANDS, 20, None, "rows"),
        (PIXELS, BANDS, 0, None, "number of pixels wide, at least one"),
        (PIXELS, BANDS, 2.5, None, "whole number of pixels"),
        (PIXELS + 1j, BANDS, 20, None, "real numbers"),
        (PIXELS, BANDS, 20, np.ones((3, 3)), "rows and columns of pixels"),
        (PIXELS, BANDS, 20, np.full(PIXELS.shape[1:], 9), "decode a band of clouds or classes first"),
        (PIXELS, BANDS, 20, np.full(PIXELS.shape[1:], np.nan), "True or False for each pixel"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    pixels: np.ndarray, bands: tuple[str, ...], cell: float, valid: np.ndarray | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        ArrayScene(pixels, bands, cell, valid=valid)  # type: ignore[arg-type]


def test_pixels_that_are_masked_in_any_band_are_not_valid() -> None:
    """Before, the fill values under the mask, as rasterio reads them, were taken for ground."""
    mask = np.zeros(PIXELS.shape, np.bool_)
    mask[1, :20, :20] = True
    found = make_featurizer().extract(ArrayScene(np.ma.array(PIXELS, mask=mask), BANDS, 20))
    told = make_featurizer().extract(ArrayScene(PIXELS, BANDS, 20, valid=~mask.any(axis=0)))
    np.testing.assert_array_equal(found.values, told.values)
    assert found.valid_share[:2].tolist() == [0, 1]
