"""The light of two dates: what did not change says how one date becomes the other."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.cells import gather_cells
from monitor.detection.labels import CellLabel
from monitor.detection.partmaps import UNSEEN, Layout
from monitor.detection.radiometry import (
    LEAST_PARTS,
    MOST_GAIN,
    normalise_maps,
    normalise_reference,
    weigh_unchanged,
)
from tests.pure.detection.invented import make_features, make_scene_features

GAIN = np.array([0.8, 1.3, 1.1], np.float32)[:, None, None]
OFFSET = np.array([0.05, -0.02, 0.1], np.float32)[:, None, None]


def make_dates(cells: int = 4, changed: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps now, at the reference in another light, and which parts changed: to bare ground, three times as bright."""
    rng = np.random.default_rng(cells)
    ground = rng.uniform(0.05, 0.4, (cells, 3, 12, 12)).astype(np.float32)
    is_changed = rng.random((cells, 12, 12)) < changed
    later = np.where(is_changed[:, None], 1.2 - ground[:, ::-1], ground)
    noise = 0.002 * rng.standard_normal(ground.shape)
    return (later * GAIN + OFFSET + noise).astype(np.float32), ground, is_changed


def test_ground_that_did_not_change_looks_the_same_in_the_light_of_now() -> None:
    now, reference, is_changed = make_dates()
    there = ~is_changed[:, None] & np.ones_like(now, np.bool_)
    before = np.abs(now - reference)[there].mean()
    after = np.abs(now - normalise_maps(now, reference))[there].mean()
    assert after < 0.1 * before


def test_what_changed_does_not_move_the_light() -> None:
    """A map fitted to all parts alike would take a fifth of bare ground for light."""
    now, reference, is_changed = make_dates()
    expected = reference * GAIN + OFFSET
    np.testing.assert_allclose(normalise_maps(now, reference), expected, atol=0.02)
    all_alike = reference + (now - reference).mean(axis=(0, 2, 3), keepdims=True)
    assert np.abs(all_alike - expected).max() > 0.05
    weights = weigh_unchanged(*(maps.transpose(1, 0, 2, 3).reshape(3, -1).T for maps in (reference, now)))
    assert weights[is_changed.ravel()].max() < 0.01 < 0.1 < weights[~is_changed.ravel()].mean()


def test_unseen_parts_stay_unseen_and_say_nothing() -> None:
    now, reference, _ = make_dates()
    reference[0, :, :6] = UNSEEN
    now[1, :, 6:] = UNSEEN
    mapped = normalise_maps(now, reference)
    np.testing.assert_array_equal(mapped == UNSEEN, reference == UNSEEN)
    seen = reference != UNSEEN
    np.testing.assert_allclose(mapped[seen], (reference * GAIN + OFFSET)[seen], atol=0.02)


def test_too_few_parts_leave_the_reference_as_it_is() -> None:
    now, reference, _ = make_dates(1)
    now[:, :, LEAST_PARTS // 12 :] = UNSEEN
    np.testing.assert_array_equal(normalise_maps(now, reference), reference)


def test_a_band_is_never_stretched_beyond_what_light_does() -> None:
    now, reference, _ = make_dates(1)
    stretched = normalise_maps(100 * now, reference)
    for band in range(3):
        assert np.ptp(stretched[:, band]) == pytest.approx(MOST_GAIN * np.ptp(reference[:, band]), rel=1e-3)


@pytest.mark.parametrize("normalise", [False, True])
def test_only_the_map_of_the_reference_moves_and_only_when_asked(normalise: bool) -> None:
    now, reference, _ = make_dates(2, changed=0.0)
    layout = Layout(1, ("green", "red", "nir"), 12)
    rows = [
        np.concatenate([np.full((2, 1 + 5 * 9), 7, np.float32), maps.reshape(2, -1)], axis=1)
        for maps in (now, reference)
    ]
    places = [(9000, 20000), (9001, 20000)]
    scenes = [
        make_scene_features(f"scene-{year}", f"{year}-01-01", f"{year}-01-01", make_features(places, values))
        for year, values in ((2024, rows[0]), (2021, rows[1]))
    ]
    labels = [CellLabel(row, col, 1) for row, col in places]
    cells = gather_cells(labels, scenes, layout=layout, normalise=normalise)
    expected = normalise_reference(rows[0], rows[1], layout) if normalise else rows[1]
    np.testing.assert_array_equal(cells.reference, expected)
    np.testing.assert_array_equal(layout.plain(cells.reference), 7)
    np.testing.assert_array_equal(cells.now, rows[0])
    assert (np.abs(layout.maps(cells.reference) - now).max() < 0.03) == normalise
