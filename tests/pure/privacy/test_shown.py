"""What is shown: each part of the earth once, at one level, and nothing that could be subtracted from it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.grid import IntArray, Level
from monitor.privacy.hiding import EDITIONS, MaskArray, weigh_blocks
from monitor.privacy.pieces import divide
from monitor.privacy.shown import EditionFigures, Map, Sight, choose_shown
from tests.pure.privacy.geographies import TILES, cells_of_tiles

EAST, WEST, NORTH = UUID(int=1), UUID(int=2), UUID(int=3)
WHOLE = np.ones((2, 100, 100), dtype=bool)


def draw(cells: MaskArray, regions: Mapping[UUID, MaskArray]) -> Map:
    """The map of plausible cells and regions."""
    editions = divide(TILES, weigh_blocks(cells))
    figures = {}
    for level, edition in editions.items():
        p = edition.pieces
        figures[level] = EditionFigures(
            p.level,
            p.row,
            p.col,
            p.is_whole,
            p.parent,
            p.tile,
            p.blocks,
            p.hiding.cells,
            p.hiding.k_eff,
            p.hiding.largest_prior,
        )
    piece_of = editions[Level.L1].piece_of
    touched = {
        region: np.unique(piece_of[weigh_blocks(mask & cells).cells > 0]) for region, mask in regions.items()
    }
    return Map(TILES, figures, {region: numbers[numbers >= 0] for region, numbers in touched.items()})


def half(row_from: int, row_to: int, col_from: int = 0, col_to: int = 100, tile: int = 0) -> MaskArray:
    """Cells of a rectangle."""
    cells = np.zeros((2, 100, 100), dtype=bool)
    cells[tile, row_from:row_to, col_from:col_to] = True
    return cells


def count(ground: Map, sight: Sight) -> list[int]:
    """How many pieces of L1, L2 and L3 are shown."""
    shown = choose_shown(ground, sight)
    return [int(shown[level].sum()) for level in EDITIONS]


def descendants(ground: Map, shown: Mapping[Level, MaskArray]) -> list[IntArray]:
    """The L1 pieces that each shown piece holds."""
    l1, l2 = ground.editions[Level.L1], ground.editions[Level.L2]
    by_l3 = np.append(l2.parent, -1)[l1.parent]
    return [
        *(np.array([number]) for number in np.flatnonzero(shown[Level.L1])),
        *(np.flatnonzero(l1.parent == number) for number in np.flatnonzero(shown[Level.L2])),
        *(np.flatnonzero(by_l3 == number) for number in np.flatnonzero(shown[Level.L3])),
    ]


@pytest.mark.parametrize(("level", "pieces"), [(1, [50, 0, 0]), (2, [0, 15, 0]), (3, [0, 0, 1])])
def test_one_agreement_shows_the_pieces_of_its_level_that_hold_ground_of_the_region(
    level: int, pieces: list[int]
) -> None:
    ground = draw(WHOLE, {EAST: half(0, 50)})  # five rows of L1 blocks, two and a half of L2 blocks
    assert count(ground, Sight({EAST: Level(level)}, {})) == pieces


def test_where_two_agreements_meet_the_coarser_one_holds_for_the_whole_piece() -> None:
    ground = draw(WHOLE, {EAST: half(0, 50), WEST: half(50, 100)})
    assert count(ground, Sight({EAST: Level.L1, WEST: Level.L2}, {})) == [40, 15, 0]
    assert count(ground, Sight({EAST: Level.L1, WEST: Level.L3}, {})) == [0, 0, 1]


def test_ground_that_nobody_agreed_on_makes_nothing_coarser() -> None:
    ground = draw(WHOLE, {EAST: half(0, 50), WEST: half(50, 100)})
    assert count(ground, Sight({EAST: Level.L1}, {})) == [50, 0, 0]


def test_a_floor_makes_its_whole_tile_coarser_and_no_other() -> None:
    ground = draw(WHOLE, {EAST: half(0, 50) | half(0, 50, tile=1)})
    sealed = (int(TILES[1, 0]), int(TILES[1, 1]))
    assert count(ground, Sight({EAST: Level.L1}, {sealed: Level.L3})) == [50, 0, 1]


def test_a_piece_that_reaches_into_cells_that_one_sees_is_not_shown() -> None:
    """Its figure minus one's own cells would be a figure for the rest (LC-42)."""
    ground = draw(WHOLE, {EAST: half(0, 50), WEST: half(50, 100)})
    assert count(ground, Sight({EAST: Level.L2, WEST: Level.L0}, {})) == [0, 10, 0]
    assert count(ground, Sight({EAST: Level.L3, WEST: Level.L0}, {})) == [0, 0, 0]
    assert count(ground, Sight({WEST: Level.L0}, {})) == [0, 0, 0]


@pytest.mark.parametrize(
    ("level", "known", "not_known"), [(1, 40, 50), (2, 10, 15), (3, 0, 1)], ids=["L1", "L2", "L3"]
)
def test_whoever_knows_cells_sees_no_piece_of_two_regions_whatever_they_see_now(
    level: int, known: int, not_known: int
) -> None:
    """Nobody sees a cell of the east now; who saw some before could take them from what a border piece says."""
    ground = draw(WHOLE, {EAST: half(0, 45), WEST: half(45, 100)})
    now = {EAST: Level(level)}
    assert count(ground, Sight(now, {}, knows_cells=True))[level - 1] == known
    assert count(ground, Sight(now, {}))[level - 1] == not_known
    both = count(ground, Sight({EAST: Level(level), WEST: Level(level)}, {}, knows_cells=True))
    assert both[level - 1] == (90, 20, 0)[level - 1]


def test_the_public_sees_all_of_l3_and_nothing_else() -> None:
    ground = draw(WHOLE, {EAST: half(0, 50)})
    assert count(ground, Sight({}, {}, is_public=True)) == [0, 0, 2]


def test_whoever_holds_nothing_sees_nothing() -> None:
    ground = draw(WHOLE, {EAST: half(0, 50)})
    assert count(ground, Sight({}, {})) == [0, 0, 0]
    assert count(ground, Sight({uuid4(): Level.L1}, {})) == [0, 0, 0]


def test_somebody_can_ask_for_coarser_and_never_for_finer() -> None:
    sight = Sight({EAST: Level.L2, WEST: Level.L0}, {})
    assert sight.at_least(Level.L3).levels == {EAST: Level.L3, WEST: Level.L0}
    assert sight.at_least(Level.L1) == sight
    assert Sight({EAST: Level.L2}, {}, knows_cells=True).at_least(Level.L3).knows_cells
    assert (sight.finest, Sight({WEST: Level.L0}, {}).finest) == (Level.L2, None)


levels = st.dictionaries(
    st.sampled_from([EAST, WEST, NORTH]), st.sampled_from([Level.L1, Level.L2, Level.L3])
)
floors = st.dictionaries(
    st.sampled_from([(int(row), int(col)) for row, col in TILES]), st.sampled_from([Level.L2, Level.L3])
)


@settings(max_examples=80, deadline=None)
@given(st.tuples(cells_of_tiles(), cells_of_tiles(), cells_of_tiles()), levels, floors)
def test_nothing_is_shown_twice_and_nothing_finer_than_was_agreed(
    regions: tuple[MaskArray, MaskArray, MaskArray],
    agreed: dict[UUID, Level],
    sealed: dict[tuple[int, int], Level],
) -> None:
    held = dict(zip((EAST, WEST, NORTH), regions, strict=True))
    ground = draw(regions[0] | regions[1] | regions[2], held)
    shown = choose_shown(ground, Sight(agreed, sealed))
    parts = descendants(ground, shown)
    together = np.concatenate([*parts, np.empty(0, dtype=np.int64)])
    assert len(together) == len(set(together.tolist()))
    due = np.full(len(ground.editions[Level.L1]), 9)  # by L1 piece, how sharply it may be seen at all
    for region, level in agreed.items():
        due[ground.region_pieces[region]] = np.minimum(due[ground.region_pieces[region]], int(level))
    tiles = [tuple(TILES[tile].tolist()) for tile in ground.editions[Level.L1].tile]
    floor = np.array([int(sealed.get(tile, Level.L1)) for tile in tiles], dtype=int)
    due = np.where(due < 9, np.maximum(due, floor), due)
    at = [edition for edition in EDITIONS for _ in range(int(shown[edition].sum()))]
    for edition, part in zip(at, parts, strict=True):
        may_be_seen = due[part][due[part] < 9]
        assert (may_be_seen <= edition).all()  # not finer than any of it may be seen
        assert edition in may_be_seen  # and no coarser than some of it has to be
    # what may be seen is seen, unless the square that it would be seen in hides too little
    missing = np.setdiff1d(np.flatnonzero(due < Level.L3), together)
    assert all(
        (due[ground.editions[Level.L1].tile == ground.editions[Level.L1].tile[n]] == 3).any() for n in missing
    )


@settings(max_examples=80, deadline=None)
@given(st.tuples(cells_of_tiles(), cells_of_tiles(), cells_of_tiles()), levels, floors)
def test_what_is_shown_to_whoever_knows_cells_shows_ground_of_one_region_and_is_all_that_does(
    regions: tuple[MaskArray, MaskArray, MaskArray],
    seen: dict[UUID, Level],
    sealed: dict[tuple[int, int], Level],
) -> None:
    ground = draw(regions[0] | regions[1] | regions[2], dict(zip((EAST, WEST, NORTH), regions, strict=True)))
    for edition in EDITIONS:
        known, not_known = (
            choose_shown(ground, Sight(seen, sealed, knows_cells=knows))[edition] for knows in (True, False)
        )
        touching = np.sum([ground.touches([region], edition) for region in ground.region_pieces], axis=0)
        assert (known == (not_known & (touching < 2))).all()
