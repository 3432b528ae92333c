"""Spatial folds: no block on both sides, no cell forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.folds import FoldsNotPossible, assign_blocks, choose_block_deg, split_blocks

CELLS = st.lists(st.tuples(st.integers(0, 17_999), st.integers(0, 35_999)), min_size=1, max_size=60)


@given(CELLS, st.sampled_from([0.1, 0.2, 1.0, 2.0]))
def test_two_cells_share_a_block_exactly_when_the_lattice_says_so(
    cells: list[tuple[int, int]], block_deg: float
) -> None:
    span = round(block_deg * 100)
    blocks = assign_blocks([row for row, _ in cells], [col for _, col in cells], block_deg)
    squares = [(row // span, col // span) for row, col in cells]
    for one in range(len(cells)):
        for other in range(one):
            assert (blocks[one] == blocks[other]) == (squares[one] == squares[other])


def test_one_fold_is_not_blamed_on_the_labels() -> None:
    with pytest.raises(FoldsNotPossible, match="folds must be 2 or more"):
        list(split_blocks(np.arange(40) % 2, np.arange(40) // 4, folds=1))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=80), st.integers(0, 1000))
def test_no_block_is_in_two_folds_and_every_cell_is_judged_once(
    cells: list[tuple[int, bool]], seed: int
) -> None:
    blocks = np.array([block for block, _ in cells])
    mining = np.array([mine for _, mine in cells])
    most = max(mining.sum(), (~mining).sum())
    if len(set(blocks.tolist())) < 2 or most < 2:
        with pytest.raises(FoldsNotPossible, match="nothing can be held back"):
            list(split_blocks(mining, blocks, 5, seed))
        return
    judged: list[int] = []
    for fit_on, judge_on in split_blocks(mining, blocks, 5, seed):
        assert not set(blocks[fit_on].tolist()) & set(blocks[judge_on].tolist())
        assert len(fit_on) + len(judge_on) == len(cells)
        judged.extend(judge_on.tolist())
    assert sorted(judged) == list(range(len(cells)))


def test_the_same_seed_deals_the_same_folds() -> None:
    rng = np.random.default_rng(0)
    blocks, mining = rng.integers(0, 30, 200), rng.random(200) < 0.3
    one, again, other = (
        [judge_on.tolist() for _, judge_on in split_blocks(mining, blocks, 5, seed)] for seed in (1, 1, 2)
    )
    assert one == again != other


def test_folds_have_like_shares_of_mines() -> None:
    rng = np.random.default_rng(0)
    blocks, mining = rng.integers(0, 40, 400), rng.random(400) < 0.3
    shares = [mining[judge_on].mean() for _, judge_on in split_blocks(mining, blocks, 5)]
    assert max(shares) - min(shares) < 0.1


def test_a_block_of_no_whole_number_of_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole number of cells"):
        assign_blocks([0], [0], 0.015)


def test_blocks_are_as_wide_as_the_cells_allow() -> None:
    rng = np.random.default_rng(0)
    mining = np.arange(300) % 3 == 0
    wide, far = rng.integers(0, 2000, (2, 300))
    rows, cols = rng.integers(0, 60, (2, 300))
    assert choose_block_deg(wide, far, mining) == 2.0
    assert choose_block_deg(rows, cols, mining) == 0.1
    assert choose_block_deg(rows, cols, mining, folds=2) == 0.5


def test_mines_of_one_block_alone_ask_for_smaller_blocks() -> None:
    rows = np.arange(0, 4000, 10)
    mining = rows < 100
    assert choose_block_deg(rows, rows, mining) == 0.2
