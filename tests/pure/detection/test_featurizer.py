"""The featurizer: from strips to one row of numbers per cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.detection.featurizer import Featurizer, number_cells
from monitor.detection.patches import standardise_pixels
from monitor.detection.rcf import find_runs
from monitor.detection.spectral import list_summaries, summarise_pixels
from monitor.detection.windows import PatchesNotDrawn
from tests.pure.detection.invented import BANDS, make_featurizer, make_scene


@pytest.mark.parametrize("step", [3, 8, 23])
def test_strips_and_the_whole_image_give_the_same_features(step: int) -> None:
    featurizer = make_featurizer()
    whole, cut = (featurizer.extract(make_scene(step=height)) for height in (1000, step))
    np.testing.assert_array_equal(cut.numbers, whole.numbers)
    np.testing.assert_array_equal(cut.valid_share, whole.valid_share)
    np.testing.assert_allclose(cut.values, whole.values, rtol=1e-5, atol=1e-5)


def test_features_follow_their_definition() -> None:
    """Both signs of a patch with bias -1: relu(y - 1) and relu(-y - 1), means over the windows of the cell."""
    featurizer, scene = make_featurizer(), make_scene()
    found = featurizer.extract(scene)
    assert found.values.shape == (len(scene.rows), len(featurizer.names))
    standard = standardise_pixels(scene.pixels, featurizer.patch_set).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(standard, (3, 3), axis=(1, 2))
    runs = find_runs(scene.valid, scene.labels, 3)
    patch = featurizer.patch_set.patches[0][5].astype(np.float64)
    for index, cell in enumerate(runs.cells):
        own = range(runs.first_run[index], runs.first_run[index + 1])
        answers = np.concatenate(
            [
                np.einsum(
                    "cwij,cij->w", windows[:, runs.rows[run], runs.starts[run] : runs.stops[run]], patch
                )
                for run in own
            ]
        )
        plus, minus = np.maximum(answers - 1, 0).mean(), np.maximum(-answers - 1, 0).mean()
        assert found.values[cell, featurizer.names.index("patch0005+")] == pytest.approx(
            plus, rel=1e-4, abs=1e-6
        )
        assert found.values[cell, featurizer.names.index("patch0005-")] == pytest.approx(
            minus, rel=1e-4, abs=1e-6
        )
    cell = int(runs.cells[0])
    pixels = scene.pixels[:, scene.valid & (scene.labels == cell)]
    summaries = found.values[cell, -len(list_summaries(BANDS)) :]
    np.testing.assert_allclose(summaries, summarise_pixels(pixels, BANDS), rtol=1e-6)


def test_valid_share_counts_valid_pixels_against_a_whole_cell() -> None:
    scene = make_scene(clouds=0.1)
    found = make_featurizer().extract(scene)
    expected = [(scene.valid & (scene.labels == cell)).sum() / (20 * 20) for cell in range(len(scene.rows))]
    seen = find_runs(scene.valid, scene.labels, 3).cells
    assert len(seen) > 6
    np.testing.assert_allclose(found.valid_share[seen], np.minimum(expected, 1)[seen], rtol=1e-6)


def test_a_cell_without_a_whole_window_is_not_seen_at_all() -> None:
    scene = make_scene(clouds=0)
    scene.valid[(scene.labels == 4) & (np.indices(scene.labels.shape).sum(axis=0) % 2 == 0)] = False
    found = make_featurizer().extract(scene)
    assert found.valid_share[4] == 0
    assert np.isnan(found.values[4]).all()
    assert np.isfinite(found.values[0]).all()


def test_wanted_cells_get_the_numbers_they_would_get_among_all() -> None:
    featurizer, scene = make_featurizer(), make_scene(step=11)
    everything = featurizer.extract(scene)
    wanted = everything.numbers[[2, 5]]
    some = featurizer.extract(scene, wanted=np.append(wanted, 1))
    np.testing.assert_array_equal(some.numbers, wanted)
    np.testing.assert_array_equal(some.values, everything.values[[2, 5]])
    np.testing.assert_array_equal(some.valid_share, everything.valid_share[[2, 5]])


def test_no_wanted_cell_in_the_scene_gives_no_features() -> None:
    found = make_featurizer().extract(make_scene(), wanted=np.array([1]))
    assert found.values.shape == (0, len(make_featurizer().names))


@pytest.mark.parametrize("row_step", [2, 3])
def test_row_skipping_changes_features_little_and_not_with_the_strips(row_step: int) -> None:
    featurizer, scene = make_featurizer(), make_scene(200, 200, cell=100)
    full = featurizer.extract(scene)
    sample = featurizer.extract(scene, row_step=row_step)
    scene.step = 7
    cut = featurizer.extract(scene, row_step=row_step)
    np.testing.assert_allclose(cut.values, sample.values, rtol=1e-5, atol=1e-5)
    inside = full.valid_share > 0.5
    assert np.abs(sample.values - full.values)[inside].max() < 0.1
    assert not np.array_equal(sample.values, full.values)


@pytest.mark.parametrize("row_step", [0, -2])
def test_a_step_of_no_row_is_refused(row_step: int) -> None:
    with pytest.raises(ValueError, match="row_step must be 1"):
        make_featurizer().extract(make_scene(), row_step=row_step)


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_scenes_that_show_nothing_give_no_patches(value: float) -> None:
    """Before, all patches were zero, and so was what they said of any scene."""
    scene = make_scene()
    scene.pixels[:] = value
    with pytest.raises(PatchesNotDrawn, match="are alike"):
        Featurizer.fit([scene], sensor="sentinel-2", bands=BANDS, n_patches=8)
    scene.pixels[0] += np.linspace(
        0, 0.1, scene.pixels.shape[2], dtype=np.float32
    )  # one band shows something
    assert Featurizer.fit([scene], sensor="sentinel-2", bands=BANDS, n_patches=8).patch_set.count == 8


@pytest.mark.parametrize(
    ("name", "value"), [("bias", np.nan), ("across", -3), ("across", 1.5), ("across", np.inf)]
)
def test_parameters_that_mean_nothing_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a"):
        Featurizer.fit([make_scene()], sensor="sentinel-2", bands=BANDS, n_patches=8, **{name: value})


def test_progress_is_told_in_rows() -> None:
    told: list[tuple[int, int]] = []
    make_featurizer().extract(make_scene(60, step=25), lambda done, total: told.append((done, total)))
    assert told == [(25, 60), (50, 60), (60, 60)]


def test_bands_in_another_order_are_refused() -> None:
    scene = make_scene()
    scene.bands = tuple(reversed(BANDS))
    with pytest.raises(ValueError, match="opened with bands swir22"):
        make_featurizer().extract(scene)
    with pytest.raises(ValueError, match="opened with bands swir22"):
        Featurizer.fit([scene], sensor="sentinel-2", bands=BANDS)


def test_fit_is_the_same_for_the_same_seed_and_keeps_it() -> None:
    def fit(seed: int) -> Featurizer:
        scenes = (make_scene(seed=number) for number in range(3))
        return Featurizer.fit(
            scenes, sensor="sentinel-2", bands=BANDS, n_patches=16, patch_sizes=(2,), seed=seed
        )

    assert fit(5).digest == fit(5).digest != fit(6).digest
    assert fit(5).seed == 5
    assert len(fit(5).names) == 2 * 16 + 99 + 6 * 20**2


def test_the_digest_is_of_what_defines_the_features() -> None:
    featurizer = make_featurizer()
    assert replace(featurizer, seed=99).digest == featurizer.digest
    assert replace(featurizer, bias=-0.5).digest != featurizer.digest
    moved = replace(featurizer.patch_set, centre=featurizer.patch_set.centre + np.float32(1e-6))
    assert replace(featurizer, patch_set=moved).digest != featurizer.digest


def test_numbers_of_cells_are_those_of_the_lattice() -> None:
    assert number_cells([1], [2]).tolist() == [36_002]
