"""Patches: drawn alike on every machine, from every window alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.detection.patches import (
    gaussian_patches,
    make_patches,
    whiten_patches,
)
from monitor.detection.windows import PatchesNotDrawn, draw_windows
from monitor.imagery.pixels import Strip
from monitor.imagery.refusal import Cause, SceneRefused
from tests.pure.detection.invented import BANDS, ArrayScene, make_scene

KNOWN_SHA256 = {
    "empirical 3": "db1194c3e160fa101ee8c36346c0d15262f4116c0b4b6ed2d7050cd089462221",
    "empirical 4,6": "0225bdfa5172165e63eb897c5728b415790a2d06c84c62a780e7e3ee8c8e4867",
    "gaussian 4,6": "a5cb7889f855025a60fbf137efbdfef4425c061793ff691ba789529e59e1a5ce",
}
"""Of the patches below, as first computed; other machines and other BLAS must agree."""
KNOWN_FEATURES = {
    "empirical 3": [
        0.0902924,
        0.1218937,
        0.1298235,
        0.1105469,
        0.0753667,
        0.0317004,
        0.1024059,
        0.0371986,
        0.0601614,
        0.1358836,
    ],
    "empirical 4,6": [
        0.072713,
        0.0495017,
        0.0985721,
        0.0479026,
        0.0919341,
        0.0451663,
        0.1495306,
        0.0669435,
        0.0770792,
        0.0752463,
    ],
    "gaussian 4,6": [
        0.048966,
        0.1010959,
        0.0293592,
        0.0882754,
        0.2380167,
        0.0798431,
        0.096024,
        0.0433108,
        0.0909481,
        0.0088479,
    ],
}
"""Some of the features that they give, as first computed."""

DRAW = """
import hashlib
import json
from monitor.detection.featurizer import Featurizer
from tests.pure.detection.invented import BANDS, make_scene
told = {}
for way in %r:
    drawing, sizes = way.split()
    scenes = [make_scene(seed=1), make_scene(seed=2)]
    made = Featurizer.fit(
        scenes,
        sensor="sentinel-2",
        bands=BANDS,
        n_patches=64,
        patch_sizes=tuple(map(int, sizes.split(","))),
        drawing=drawing,
        seed=11,
    )
    drawn = made.patch_set
    parts = [*drawn.patches, drawn.centre, drawn.spread]
    values = made.extract(scenes[0]).values[0, :128:13].tolist()
    told[way] = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest(), values
print(json.dumps(told))
"""


@pytest.mark.parametrize("core", ["", "Haswell", "Prescott"])
def test_the_same_seed_gives_the_same_patches_bit_for_bit_and_features_whatever_the_blas(core: str) -> None:
    settings = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS")}
    if core:
        settings["OPENBLAS_CORETYPE"] = core  # another kernel of the library, with other roundings
    run = subprocess.run(
        [sys.executable, "-c", DRAW % list(KNOWN_SHA256)],
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    told = json.loads(run.stdout)
    assert {way: digest for way, (digest, _) in told.items()} == KNOWN_SHA256
    for way, (_, values) in told.items():
        np.testing.assert_allclose(values, KNOWN_FEATURES[way], rtol=0, atol=1e-5)


def test_another_seed_draws_other_patches() -> None:
    one, other = (whiten_patches(draw_windows([make_scene()], 3, seed), 16).patches[0] for seed in (1, 2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("step", [2, 13])
def test_windows_do_not_depend_on_how_a_scene_is_cut_into_strips(step: int) -> None:
    whole = draw_windows([make_scene()], 3, seed=4, sample=100_000)
    cut = draw_windows([make_scene(step=step)], 3, seed=4, sample=100_000)
    np.testing.assert_array_equal(cut, whole)


def test_a_sample_is_part_of_all_windows_and_holds_each_scene_by_its_size() -> None:
    small, large = make_scene(30, 30, clouds=0), make_scene(90, 90, clouds=0)
    small.pixels[:], large.pixels[:] = 1, 2
    drawn = draw_windows([small, large], 3, seed=0, sample=2000)
    share = (drawn[:, 0, 0, 0] == 1).mean()
    assert len(drawn) == 2000
    assert share == pytest.approx(28 * 28 / (28 * 28 + 88 * 88), abs=0.03)


def test_windows_with_a_missing_pixel_are_never_drawn() -> None:
    scene = make_scene(clouds=0.1)
    scene.pixels[:, ~scene.valid] = np.nan
    assert np.isfinite(draw_windows([scene], 3, seed=0)).all()


def test_an_answer_has_unit_spread_over_the_sample() -> None:
    windows = draw_windows([make_scene(200, 200, clouds=0)], 3, seed=0)
    drawn = whiten_patches(windows, 32)
    standard = (windows - drawn.centre[:, None, None]) / drawn.spread[:, None, None]
    answers = np.tensordot(standard, drawn.patches[0], axes=([1, 2, 3], [1, 2, 3]))
    np.testing.assert_allclose(answers.std(axis=0), 1, atol=0.05)


def test_gaussian_patches_need_windows_for_the_scale_of_bands_alone() -> None:
    windows = draw_windows([make_scene()], 3, seed=0)
    drawn = gaussian_patches(windows, 4, seed=9)
    again = gaussian_patches(windows, 4, seed=9)
    np.testing.assert_array_equal(drawn.patches[0], again.patches[0])
    assert drawn.patches[0].shape == (4, len(BANDS), 3, 3)
    np.testing.assert_allclose(drawn.centre, windows.mean(axis=(0, 2, 3)), atol=1e-5)


def test_a_band_that_never_varies_is_left_as_it_is() -> None:
    scene = make_scene()
    scene.pixels[5] = 0.25
    drawn = whiten_patches(draw_windows([scene], 3, seed=0), 8)
    assert drawn.spread[5] == 1
    assert np.isfinite(drawn.patches[0]).all()


class CutOff(ArrayScene):
    """A scene whose file ends in the middle."""

    def strips(self, halo: int = 0) -> Iterator[Strip]:
        yield next(super().strips(halo))
        raise SceneRefused(Cause.TRUNCATED, "The file ends early.")


def test_a_scene_that_is_refused_while_it_is_read_gives_no_window() -> None:
    good, bad = make_scene(seed=1), make_scene(seed=2, step=20)
    cut_off = CutOff(bad.pixels, bad.valid, bad.labels, bad.rows, bad.cols, bad.full_pixels, step=20)
    np.testing.assert_array_equal(draw_windows([good, cut_off], 3, seed=0), draw_windows([good], 3, seed=0))


def test_scenes_without_clear_pixels_are_refused_with_a_reason() -> None:
    with pytest.raises(PatchesNotDrawn, match="No scene holds a whole window"):
        draw_windows([make_scene(clouds=1.0)], 3, seed=0)
    with pytest.raises(PatchesNotDrawn, match="64 patches need at least as many"):
        whiten_patches(draw_windows([make_scene(8, 8, clouds=0)], 3, seed=0), 64)


@pytest.mark.parametrize("drawing", ["empirical", "gaussian"])
def test_windows_that_are_not_finite_or_not_there_give_no_patches(drawing: str) -> None:
    """Before, patches of NaN came of them, and features of NaN for cells that were seen."""
    windows = np.random.default_rng(0).random((50, 2, 3, 3), np.float32)
    windows[49, 0, 0, 0] = np.nan
    for odd in (windows, windows[:0]):
        with pytest.raises(PatchesNotDrawn, match="not finite; draw wholly valid ones"):
            make_patches(odd, 4, drawing=drawing)
