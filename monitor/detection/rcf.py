"""Random convolutional features: how strongly the pixels of a cell answer to each of a set of small patches.

Room `detection`, pure numpy and BLAS. `pool_patches` is the whole kernel: a compiled one can take its place as long
as it keeps the signature. Knows nothing of scenes, seeds or models; imports nothing of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg.blas import sasum

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PATCH_ROWS = 128
"""Patches multiplied at a time."""
WINDOWS = 16_384
"""Windows gathered at a time; a cell of 10 m pixels has 12,300. Working memory is below 20 MB for 4 x 4 x 6."""
ALIGNED = 64
"""Bytes of a line of the cache."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Unbroken runs of windows that count for the same cell, sorted by cell, then row, then column.

    rows, starts, stops: int64 (r,), position of the windows' upper left pixels: row, first column, column after the
    last. cells: int32 (g,), the labels that have at least one window, ascending. first_run: int64 (g + 1,): the runs
    of cells[i] are first_run[i] to first_run[i + 1]. counts: int64 (g,), windows of each cell.
    """

    rows: Int64
    starts: Int64
    stops: Int64
    cells: Int32
    first_run: Int64
    counts: Int64


def find_runs(valid: Bool, labels: Int32, size: int, row_step: int = 1, first_row: int = 0) -> Runs:
    """The windows of size x size pixels that count, as runs.

    valid: bool (H, W). labels: int32 (H, W), cell of each pixel, below 0 for none. A window counts if all its pixels
    are valid, and it counts for the cell of its anchor: the centre pixel, or, where `size` is even, the upper left of
    the four in the middle. So a window may look over the edge of its cell, and every window has exactly one cell.
    row_step: only windows whose upper row, plus first_row, is a multiple of it: an unbiased sample.
    """
    height, width = valid.shape[0] - size + 1, valid.shape[1] - size + 1
    if height <= 0 or width <= 0:
        return _sort_runs(np.empty((0, 0), np.int32))
    whole = valid[:, :width].copy()
    for shift in range(1, size):
        whole &= valid[:, shift : shift + width]
    wholly_valid = whole[:height].copy()
    for shift in range(1, size):
        wholly_valid &= whole[shift : shift + height]
    if row_step > 1:
        wholly_valid[(np.arange(height) + first_row) % row_step != 0] = False
    anchor = (size - 1) // 2
    anchored = labels[anchor : anchor + height, anchor : anchor + width]
    return _sort_runs(np.where(wholly_valid, anchored, np.int32(-1)))


def pool_patches(
    pixels: Float32, runs: Runs, patches: Float32, bias: float, *, mirrored: bool = False
) -> Float32:
    """Mean two-sided answer of the windows of each cell to each patch.

    pixels: float32 (C, H, W). patches: float32 (K, C, k, k). Returns float32 (len(runs.cells), 2 K): with
    y = <patch, window> + bias, first the means of relu(+y), then those of relu(-y) (Rolf et al. 2021, Methods;
    the sides of torchgeo's RCF for the same weights and bias). mirrored: the other side is that of the patch's negative,
    relu(<-patch, window> + bias), so that below a negative bias both sides are zero for windows unlike the patch (Coates and
    Ng 2012, Learning feature representations with k-means); with one bias the sides of a patch differ by a mean of
    pixels only.

    relu(+y) = (|y| + y) / 2 and relu(-y) = (|y| - y) / 2: the sum of |y| is BLAS `sasum`, and the sum of y is linear
    in the sum of the windows, so no activation is ever written to memory and the second side costs nothing. Mirrored,
    it costs one more sum, of |y - 2 bias|, while y is in the cache.
    """
    count, channels, size, _ = patches.shape
    features = np.empty((len(runs.cells), 2 * count), np.float32)
    if not len(runs.cells):
        return features
    depth = channels * size * size
    weights = np.empty((count, depth + 1), np.float32)  # the bias as weight of a constant one
    weights[:, :depth] = patches.reshape(count, depth)
    weights[:, depth] = bias
    windows = sliding_window_view(pixels, (size, size), axis=(1, 2)).transpose(0, 3, 4, 1, 2)
    room = int(min(WINDOWS, runs.counts.max()))
    gathered = _allocate((depth + 1) * room).reshape(depth + 1, room)
    gathered[depth] = 1
    slots = gathered[:depth].reshape(channels, size, size, room)
    answers = _allocate(PATCH_ROWS * room)
    for cell, number in enumerate(runs.counts):
        absolute, total, used = np.zeros((2 if mirrored else 1, count)), np.zeros(depth + 1), 0
        for run in range(runs.first_run[cell], runs.first_run[cell + 1]):
            row, start, stop = runs.rows[run], runs.starts[run], runs.stops[run]
            while start < stop:
                part = min(stop - start, room - used)
                slots[..., used : used + part] = windows[:, :, :, row, start : start + part]
                start, used = start + part, used + part
                if used == room:
                    _add_answers(weights, gathered, answers, absolute, total)
                    used = 0
        if used:
            _add_answers(weights, gathered[:, :used], answers, absolute, total)
        signed = weights @ total
        other = signed - 2 * number * bias if mirrored else signed
        features[cell, :count] = (absolute[0] + signed) / (2 * number)
        features[cell, count:] = (absolute[-1] - other) / (2 * number)
    return features


def _allocate(count: int) -> Float32:
    """float32 (count,), from a line of the cache on: BLAS begins sums at the next aligned number, so elsewhere the
    rounding would follow the whims of the allocator."""
    room = np.empty(count + ALIGNED // 4, np.float32)
    first = -room.ctypes.data % ALIGNED // 4
    return room[first : first + count]


def _add_answers(
    weights: Float32,
    gathered: Float32,
    answers: Float32,
    absolute: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
) -> None:
    """Add the sum of |y| of the gathered windows (depth + 1, n) to the first row of `absolute`, that of |y - 2 bias| to
    the second if there is one, and the windows to `total`."""
    number, mirrored, twice_bias = gathered.shape[1], len(absolute) == 2, 2 * weights[0, -1]
    total += gathered.sum(axis=1)
    for first in range(0, len(weights), PATCH_ROWS):
        block = weights[first : first + PATCH_ROWS]
        out = answers[: len(block) * number].reshape(len(block), number)
        np.matmul(block, gathered, out=out)
        places = slice(first, first + len(block))
        if not mirrored:
            absolute[0, places] += [sasum(answer) for answer in out]
            continue
        sums = []
        for answer in out:  # each is summed and moved while it is in the cache
            sums.append((sasum(answer), sasum(np.subtract(answer, twice_bias, out=answer))))
        absolute[:, places] += np.transpose(sums)


def _sort_runs(anchored: Int32) -> Runs:
    """Runs of equal label >= 0 in a picture of labels (h, w), sorted by label."""
    height, width = anchored.shape
    begins = np.ones((height, width), np.bool_)
    begins[:, 1:] = anchored[:, 1:] != anchored[:, :-1]
    at = np.flatnonzero(begins)
    after = np.append(at[1:], height * width)
    label = anchored.ravel()[at]
    wanted = label >= 0
    order = np.argsort(label[wanted], kind="stable")
    at, after, label = at[wanted][order], after[wanted][order], label[wanted][order]
    cells, first = np.unique(label, return_index=True)
    first_run = np.append(first, len(label)).astype(np.int64)
    rows = at // max(width, 1)
    starts = at - rows * width
    stops = after - rows * width
    through = np.concatenate([[0], np.cumsum(stops - starts)])
    return Runs(rows, starts, stops, cells.astype(np.int32), first_run, np.diff(through[first_run]))
