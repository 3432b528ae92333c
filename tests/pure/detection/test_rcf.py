"""The kernel of the random convolutional features, against arithmetic that nobody can get wrong."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.rcf import Runs, find_runs, pool_patches
from tests.pure.detection.invented import make_scene


def convolve_naively(
    pixels: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.int32],
    patches: npt.NDArray[np.float32],
    bias: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Means of relu(+y) and relu(-y) per label, window by window in float64, and windows per label."""
    count, _, size, _ = patches.shape
    cells = int(labels.max()) + 1
    sums, seen = np.zeros((cells, 2 * count)), np.zeros(cells, np.int64)
    anchor = (size - 1) // 2
    for row in range(valid.shape[0] - size + 1):
        for col in range(valid.shape[1] - size + 1):
            cell = labels[row + anchor, col + anchor]
            if cell < 0 or not valid[row : row + size, col : col + size].all():
                continue
            window = pixels[:, row : row + size, col : col + size].astype(np.float64)
            answer = np.tensordot(patches.astype(np.float64), window, axes=3) + bias
            sums[cell] += np.concatenate([np.maximum(answer, 0), np.maximum(-answer, 0)])
            seen[cell] += 1
    return sums / np.maximum(seen, 1)[:, None], seen


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("bias", [-1.0, 0.0, 1.0])
def test_features_equal_a_naive_convolution_in_double_precision(size: int, bias: float) -> None:
    scene = make_scene(40, 45)
    patches = np.random.default_rng(2).standard_normal((5, 6, size, size)).astype(np.float32)
    expected, seen = convolve_naively(scene.pixels, scene.valid, scene.labels, patches, bias)
    runs = find_runs(scene.valid, scene.labels, size)
    features = pool_patches(scene.pixels, runs, patches, bias)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(runs.cells, np.flatnonzero(seen))
    np.testing.assert_array_equal(runs.counts, seen[runs.cells])
    np.testing.assert_allclose(features, expected[runs.cells], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize("bias", [-1.0, 0.0, 0.5])
def test_mirrored_the_other_side_is_that_of_the_negative_patches(size: int, bias: float) -> None:
    scene = make_scene(40, 45)
    patches = np.random.default_rng(3).standard_normal((5, 6, size, size)).astype(np.float32)
    both = np.concatenate([patches, -patches])
    expected, _ = convolve_naively(scene.pixels, scene.valid, scene.labels, both, bias)
    runs = find_runs(scene.valid, scene.labels, size)
    features = pool_patches(scene.pixels, runs, patches, bias, mirrored=True)
    np.testing.assert_allclose(features, expected[runs.cells, :10], rtol=1e-4, atol=1e-6)


def test_a_window_counts_for_the_cell_of_its_centre_alone() -> None:
    valid = np.ones((3, 6), np.bool_)
    labels = np.array([[7, 7, 7, 3, 3, 3]] * 3, np.int32)
    runs = find_runs(valid, labels, 3)
    assert runs.cells.tolist() == [3, 7]
    # upper left pixels 0..3 have their centres at 1..4: two in each cell, though windows 1 and 2 lie in both
    assert [(runs.starts[i], runs.stops[i]) for i in range(2)] == [(2, 4), (0, 2)]


def test_the_anchor_of_an_even_window_is_the_upper_left_of_its_middle() -> None:
    labels = np.full((4, 4), -1, np.int32)
    labels[1, 1] = 0
    runs = find_runs(np.ones((4, 4), np.bool_), labels, 4)
    assert runs.counts.tolist() == [1]


def test_one_missing_pixel_takes_every_window_that_holds_it() -> None:
    valid = np.ones((9, 9), np.bool_)
    valid[4, 4] = False
    runs = find_runs(valid, np.zeros((9, 9), np.int32), 3)
    assert runs.counts.tolist() == [7 * 7 - 9]


def test_pixels_that_are_not_valid_never_reach_a_feature() -> None:
    scene = make_scene(30, 30, clouds=0.05)
    patches = np.random.default_rng(2).standard_normal((5, 6, 3, 3)).astype(np.float32)
    runs = find_runs(scene.valid, scene.labels, 3)
    clean = pool_patches(scene.pixels, runs, patches, -1.0)
    scene.pixels[:, ~scene.valid] = 1e6
    np.testing.assert_array_equal(pool_patches(scene.pixels, runs, patches, -1.0), clean)


def test_a_scene_smaller_than_a_window_has_no_runs() -> None:
    runs = find_runs(np.ones((2, 9), np.bool_), np.zeros((2, 9), np.int32), 3)
    patches = np.ones((4, 6, 3, 3), np.float32)
    assert pool_patches(np.zeros((6, 2, 9), np.float32), runs, patches, 0.0).shape == (0, 8)


def test_every_second_row_is_a_sample_of_whole_rows_counted_from_the_top_of_the_scene() -> None:
    valid, labels = np.ones((12, 8), np.bool_), np.zeros((12, 8), np.int32)
    assert sorted(set(find_runs(valid, labels, 3, row_step=2).rows.tolist())) == [0, 2, 4, 6, 8]
    assert sorted(set(find_runs(valid, labels, 3, row_step=2, first_row=5).rows.tolist())) == [1, 3, 5, 7, 9]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_runs_hold_every_whole_window_once(seed: int, size: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    valid = rng.random((height, width)) < 0.8
    labels = rng.integers(-1, 3, (height, width)).astype(np.int32)
    runs = find_runs(valid, labels, size)
    met = [
        (int(runs.rows[run]), col, int(cell))
        for index, cell in enumerate(runs.cells)
        for run in range(runs.first_run[index], runs.first_run[index + 1])
        for col in range(runs.starts[run], runs.stops[run])
    ]
    anchor = (size - 1) // 2
    expected = [
        (row, col, int(labels[row + anchor, col + anchor]))
        for row in range(height - size + 1)
        for col in range(width - size + 1)
        if valid[row : row + size, col : col + size].all() and labels[row + anchor, col + anchor] >= 0
    ]
    assert sorted(met) == sorted(expected)
    assert len(met) == runs.counts.sum()


def test_a_cell_larger_than_the_working_memory_is_added_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene(40, 45, cell=40)
    patches = np.random.default_rng(2).standard_normal((5, 6, 3, 3)).astype(np.float32)
    runs = find_runs(scene.valid, scene.labels, 3)
    at_once = pool_patches(scene.pixels, runs, patches, -1.0)
    monkeypatch.setattr("monitor.detection.rcf.WINDOWS", 100)
    np.testing.assert_allclose(pool_patches(scene.pixels, runs, patches, -1.0), at_once, rtol=1e-5, atol=1e-6)


def test_the_kernel_needs_less_than_a_hundred_megabytes() -> None:
    pixels = np.zeros((6, 300, 300), np.float32)
    labels = np.zeros((300, 300), np.int32)
    runs = find_runs(np.ones((300, 300), np.bool_), labels, 4)
    patches = np.ones((1024, 6, 4, 4), np.float32)
    tracemalloc.start()
    pool_patches(pixels, runs, patches, 1.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


def test_the_features_are_those_of_torchgeo_for_the_same_weights() -> None:
    torch = pytest.importorskip("torch")
    models = pytest.importorskip("torchgeo.models")
    reference = models.RCF(in_channels=6, features=32, kernel_size=4, bias=-1.0, seed=5, mode="gaussian")
    pixels = make_scene(60, 60, clouds=0.0).pixels
    with torch.no_grad():
        expected = reference(torch.from_numpy(pixels)[None]).numpy().ravel()
    weights = reference.weights.numpy().astype(np.float32)
    runs: Runs = find_runs(np.ones((60, 60), np.bool_), np.zeros((60, 60), np.int32), 4)
    found = pool_patches(pixels, runs, weights, -1.0)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_features_do_not_depend_on_where_in_memory_they_are_computed() -> None:
    """BLAS begins a sum at the next aligned number, so its rounding would follow the whims of the allocator."""
    scene = make_scene(45, 43, cell=23)
    patches = np.random.default_rng(2).standard_normal((20, 6, 3, 3)).astype(np.float32)
    runs = find_runs(scene.valid, scene.labels, 3)
    first = pool_patches(scene.pixels, runs, patches, -1.0)
    rng, held = np.random.default_rng(0), []
    for _ in range(60):
        held.append(np.empty(int(rng.integers(1, 3000)) * 4, np.float32))  # the heap is never twice the same
        if len(held) > 20:
            del held[int(rng.integers(len(held)))]
        np.testing.assert_array_equal(pool_patches(scene.pixels, runs, patches, -1.0), first)
