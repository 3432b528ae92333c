"""Pieces: whatever the geography and the prior, all that can be learnt by subtracting is about enough cells."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.grid import Level
from monitor.privacy.coarsen import count_effective_cells, is_safe_to_publish
from monitor.privacy.ground import GroundSpoilt, bare_ground, settle
from monitor.privacy.hiding import EDITIONS, TILE, MaskArray, weigh_blocks
from monitor.privacy.pieces import Edition, divide, name_pieces
from monitor.privacy.policy import K_EFF_MIN
from tests.pure.privacy.geographies import TILES, History, cells_of_tiles, piece_of_cells, weights_of_tiles

Prior = np.ndarray[tuple[int, int, int], np.dtype[np.float64]]


def signatures(
    published: list[np.ndarray[tuple[int, int, int], np.dtype[np.int64]]],
) -> dict[bytes, MaskArray]:
    """The parts of the earth that nobody can tell apart: cells that lie in exactly the same published pieces.

    Every sum and difference of published figures is about a union of such parts. published: by edition and batch, the
    piece of each cell. Cells that were never published are left out.
    """
    stacked = np.stack([each.reshape(-1) for each in published], axis=1)
    kinds, of = np.unique(stacked, axis=0, return_inverse=True)
    of = of.reshape(-1)
    return {kind.tobytes(): (of == number) for number, kind in enumerate(kinds) if bool((kind >= 0).any())}


@settings(max_examples=60, deadline=None)
@given(cells_of_tiles(), st.none() | weights_of_tiles())
def test_no_figure_and_no_difference_of_figures_is_about_too_few_cells(
    cells: MaskArray, weights: Prior | None
) -> None:
    editions = History.new().publish(cells, weights)
    prior = (np.ones(cells.shape) if weights is None else weights).reshape(-1)
    for part in signatures([piece_of_cells(editions[level], cells) for level in EDITIONS]).values():
        shares = prior[part]
        k_eff = count_effective_cells(shares.tolist())
        assert is_safe_to_publish(k_eff, float(shares.max() / shares.sum()))


@settings(max_examples=60, deadline=None)
@given(st.lists(cells_of_tiles(), min_size=2, max_size=5))
def test_nor_over_many_batches_while_cells_come_and_go(changes: list[MaskArray]) -> None:
    """Batches tell past months anew: all pieces of all batches together must leave no small difference."""
    history, published = History.new(), []
    for cells in changes:
        editions = history.publish(cells)
        published += [piece_of_cells(editions[level], history.ground.counted) for level in EDITIONS]
    for part in signatures(published).values():
        assert part.sum() >= K_EFF_MIN


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(cells_of_tiles(), st.none() | weights_of_tiles()), min_size=2, max_size=4))
def test_a_level_never_gets_finer_whatever_is_loaded_or_added(
    changes: list[tuple[MaskArray, Prior | None]],
) -> None:
    history = History.new()
    for cells, weights in changes:
        before = history.floors
        editions = history.publish(cells, weights)
        for level in EDITIONS:
            published = editions[level].levels > 0
            assert (editions[level].levels[published] >= before[level][published]).all()


@settings(max_examples=60, deadline=None)
@given(cells_of_tiles(), st.none() | weights_of_tiles())
def test_editions_are_nested_and_a_coarser_piece_is_exactly_the_sum_of_its_finer_ones(
    cells: MaskArray, weights: Prior | None
) -> None:
    editions = divide(TILES, weigh_blocks(cells, weights))
    for fine, coarse in pairwise(EDITIONS):
        inner, outer = piece_of_cells(editions[fine], cells), piece_of_cells(editions[coarse], cells)
        parents = editions[fine].pieces.parent
        assert (np.append(parents, -1)[inner[inner >= 0]] == outer[inner >= 0]).all()
        assert (
            (outer >= 0) <= (inner >= 0)
        ).all()  # nothing of a coarser piece is missing in the finer edition


@settings(max_examples=40, deadline=None)
@given(cells_of_tiles(), st.none() | weights_of_tiles())
def test_a_piece_counts_just_the_cells_of_its_blocks(cells: MaskArray, weights: Prior | None) -> None:
    editions = divide(TILES, weigh_blocks(cells, weights))
    for level, edition in editions.items():
        of = piece_of_cells(edition, cells)
        pieces = edition.pieces
        counted = np.bincount(of[of >= 0], minlength=len(pieces))
        assert (counted == pieces.hiding.cells).all()
        assert (counted >= K_EFF_MIN).all()
        assert (pieces.level >= int(level)).all()
        assert (pieces.blocks == np.bincount(edition.piece_of[edition.piece_of >= 0], minlength=len(pieces)))[
            pieces.blocks > 1
        ].all()


def test_whole_tiles_are_whole_blocks_at_every_level() -> None:
    editions = divide(TILES, weigh_blocks(np.ones((2, 100, 100), dtype=bool)))
    assert [len(editions[level].pieces) for level in EDITIONS] == [200, 50, 2]
    assert all(editions[level].pieces.is_whole.all() for level in EDITIONS)
    assert editions[Level.L1].pieces.hiding.k_eff.tolist() == pytest.approx([100.0] * 200)


def test_a_cell_that_is_far_likelier_than_its_block_is_published_in_the_parent_only() -> None:
    weights = np.ones((2, 100, 100))
    weights[0, 5, 5] = 20  # a sixth of its L1 block, a twentieth of its L2 block
    editions = divide(TILES, weigh_blocks(np.ones(weights.shape, dtype=bool), weights))
    piece = int(editions[Level.L1].piece_of[0, 0, 0])
    assert editions[Level.L1].pieces.level[piece] == Level.L2
    assert not editions[Level.L1].pieces.is_whole[piece]
    assert editions[Level.L2].levels[0, 0, 0] == Level.L2


def test_a_new_region_brings_no_block_back_to_a_finer_level() -> None:
    """LC-57: twenty cells were published with their square; the rest of their block comes later."""
    history, cells = History.new(), np.zeros((2, 100, 100), dtype=bool)
    cells[0, :20, :20] = True
    cells[0, :10, 8:10] = False
    cells[0, :10, :8] = False
    cells[0, :2, :10] = True  # twenty cells of the first L1 block
    first = history.publish(cells)
    assert first[Level.L1].levels[0, 0, 0] == Level.L2
    second = history.publish(np.ones_like(cells))
    assert history.ground.counted[0, :10, :10].all()
    assert second[Level.L1].levels[0, 0, 0] == Level.L2
    assert second[Level.L2].levels[0, 0, 0] == Level.L2


def test_a_handful_of_new_cells_beside_published_ones_does_not_count() -> None:
    history, cells = History.new(), np.zeros((2, 100, 100), dtype=bool)
    cells[0, :10, :6] = True
    history.publish(cells)
    cells[0, :3, 6] = True
    history.publish(cells)
    assert history.ground.counted.sum() == 60
    cells[0, :10, :10] = True
    history.publish(cells)
    assert history.ground.counted.sum() == 100


def test_cells_that_left_come_back_only_all_together() -> None:
    """Two safe steps in a row would leave ten cells in the difference of the first and the third."""
    history, cells = History.new(), np.zeros((2, 100, 100), dtype=bool)
    cells[0, :10, :10] = True
    history.publish(cells)
    gone = cells.copy()
    gone[0, :5] = False
    history.publish(gone)
    assert history.ground.counted.sum() == 50
    back = cells.copy()
    back[0, 0] = False
    history.publish(back)
    assert history.ground.counted.sum() == 50
    history.publish(cells)
    assert history.ground.counted.sum() == 100


def test_what_was_published_together_is_never_published_apart() -> None:
    """A memory that was lost must not go unnoticed: the levels are forgotten, the groups are not."""
    history, cells = History.new(), np.zeros((2, 100, 100), dtype=bool)
    cells[0, :10, :13] = True  # 100 cells and 30: together, at L2
    history.publish(cells)
    forgotten = History.new().floors
    with pytest.raises(GroundSpoilt):
        settle(TILES, history.ground, np.ones_like(cells), forgotten)


def test_nothing_plausible_is_nothing_published() -> None:
    _, editions = settle(TILES, bare_ground(2), np.zeros((2, 100, 100), dtype=bool), History.new().floors)
    assert all(len(editions[level].pieces) == 0 for level in EDITIONS)


def test_the_choice_is_the_same_in_any_order_of_tiles() -> None:
    cells = np.random.default_rng(3).random((2, 100, 100)) < 0.3
    forth, back = divide(TILES, weigh_blocks(cells)), divide(TILES[::-1], weigh_blocks(cells[::-1]))
    for level in EDITIONS:
        assert squares(forth[level]) == squares(back[level])


def squares(edition: Edition) -> set[tuple[int, ...]]:
    """What an edition publishes, in no order."""
    pieces = edition.pieces
    columns = (pieces.level, pieces.row, pieces.col, pieces.is_whole, pieces.hiding.cells)
    return set(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=40, deadline=None)
@given(st.lists(cells_of_tiles(), min_size=2, max_size=4))
def test_a_piece_has_the_same_name_as_long_as_it_counts_the_same_cells(changes: list[MaskArray]) -> None:
    history = History.new()
    names: dict[bytes, bytes] = {}
    for cells in changes:
        editions = history.publish(cells)
        counted = history.ground.counted
        for level in EDITIONS:
            piece_of = piece_of_cells(editions[level], counted).reshape(-1)
            named = name_pieces(editions[level], TILES, counted)
            for number, name in enumerate(named):
                what = bytes([level]) + np.flatnonzero(piece_of == number).tobytes()
                assert names.setdefault(name, what) == what
                assert names.setdefault(what, name) == name


def test_the_name_of_a_piece_does_not_hang_on_other_tiles() -> None:
    counted = np.ones((len(TILES), TILE, TILE), dtype=bool)
    every = divide(TILES, weigh_blocks(counted))
    alone = divide(TILES[1:2], weigh_blocks(counted[1:2]))
    for level in EDITIONS:
        of_one = name_pieces(alone[level], TILES[1:2], counted[1:2])
        assert len(set(of_one)) == len(of_one)
        assert set(of_one) < set(name_pieces(every[level], TILES, counted))
