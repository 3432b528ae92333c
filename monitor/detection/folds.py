"""Folds: cells are split by blocks of the lattice, so that no model is judged on the neighbours of what it learnt.

Room `detection`, pure. Random splits leak: neighbouring cells show the same mine. Blocks are made from integer rows
and columns. Imports `grid` alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from monitor.grid import CELLS_PER_DEG

Int64 = npt.NDArray[np.int64]

BLOCK_DEG = 2.0
SMALLER_BLOCKS_DEG = (1.0, 0.5, 0.2, 0.1)
"""Tried in this order where the cells lie too close together for blocks of the wanted size."""
FOLDS = 5
LEAST_SPREAD = 3
"""Blocks with mines, and with others: one to hold back, one to hold back of what is left, and one to learn from."""


class FoldsNotPossible(ValueError):
    """The cells cannot be split into folds that can be learnt from."""


def assign_blocks(rows: npt.ArrayLike, cols: npt.ArrayLike, block_deg: float = BLOCK_DEG) -> Int64:
    """Number of the block of each cell.

    Parameters
    ----------
    rows, cols : int array (n,)
        L0 cells.
    block_deg : float
        Side of a block in degrees, a whole number of cells.

    Returns
    -------
    int64 (n,)
        Counted from 0; equal numbers are the same block.

    Raises
    ------
    ValueError
        If a side is no whole number of cells.

    Examples
    --------
    >>> assign_blocks([9000, 9199, 9200], [20000, 20000, 20000], 2.0).tolist()
    [0, 0, 1]
    """
    span = round(block_deg * CELLS_PER_DEG)
    if span < 1 or abs(span - block_deg * CELLS_PER_DEG) > 1e-6:
        raise ValueError(f"A block of {block_deg} degree is no whole number of cells of 0.01 degree.")
    block_rows = np.asarray(rows, np.int64) // span
    block_cols = np.asarray(cols, np.int64) // span
    pairs = np.stack([block_rows, block_cols], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def choose_block_deg(
    rows: npt.ArrayLike, cols: npt.ArrayLike, mining: npt.ArrayLike, folds: int = FOLDS
) -> float:
    """The greatest block side, at most `BLOCK_DEG`, that still makes folds.

    Needs two blocks for every fold, and mines and others in `LEAST_SPREAD` blocks each, or folds would teach nothing.
    Falls back to the smallest side; `split_blocks` says whether that is enough.
    """
    is_mine = np.asarray(mining, np.bool_)
    for block_deg in (BLOCK_DEG, *SMALLER_BLOCKS_DEG):
        blocks = assign_blocks(rows, cols, block_deg)
        spread = min(len(np.unique(blocks[is_mine])), len(np.unique(blocks[~is_mine])))
        if len(np.unique(blocks)) >= 2 * folds and spread >= LEAST_SPREAD:
            return block_deg
    return SMALLER_BLOCKS_DEG[-1]


def split_blocks(
    classes: npt.ArrayLike, blocks: npt.ArrayLike, folds: int = FOLDS, seed: int = 0
) -> Iterator[tuple[Int64, Int64]]:
    """Folds of which no block is on both sides.

    Parameters
    ----------
    classes : int array (n,)
        Blocks are dealt out so that the folds have like shares of classes.
    blocks : int array (n,)
        As of `assign_blocks`.
    folds : int
        Fewer where there are fewer blocks.
    seed : int
        Deals the blocks.

    Yields
    ------
    fit_on, judge_on : int64
        Positions; every cell is judged once.

    Raises
    ------
    FoldsNotPossible
        Where there are not two, or fewer are asked for.

    Examples
    --------
    >>> classes, blocks = np.arange(12) % 2, np.arange(12) // 4
    >>> sorted(sorted(set(blocks[own].tolist())) for _, own in split_blocks(classes, blocks, folds=3))
    [[0], [1], [2]]
    """
    if folds < 2:
        raise FoldsNotPossible("folds must be 2 or more: with one there is nothing to learn from.")
    groups, kinds = np.asarray(blocks), np.asarray(classes)
    most = np.unique(kinds, return_counts=True)[1].max(initial=0)
    count = min(folds, len(np.unique(groups)), int(most))
    if count < 2:
        raise FoldsNotPossible(
            "The labelled cells are too few or lie in one block, so nothing can be held back; "
            "choose smaller blocks or add labels from elsewhere."
        )
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # a class with fewer cells than folds is known and harmless here
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for fit_on, judge_on in splitter.split(np.zeros(len(groups)), kinds, groups):
            if len(judge_on):
                yield fit_on.astype(np.int64), judge_on.astype(np.int64)


def find_judged(classes: Int64, taught_by: Int64, judge_on: Int64) -> npt.NDArray[np.bool_]:
    """bool, for each cell of a fold that is judged, whether its score says something.

    classes: int64 (n,). taught_by, judge_on: positions. A model that never saw the class of a cell gives it the least score
    there is, as if by knowledge; and one that saw a single class tells nothing apart.
    """
    known = np.unique(classes[taught_by])
    return np.asarray(np.isin(classes[judge_on], known) & (len(known) > 1), np.bool_)
