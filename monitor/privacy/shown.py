"""What is shown (pure): which pieces one viewer sees, each part of the earth once, at one level.

Scope selects, it never recomputes (P5). Where agreements meet, a piece is divided further only if all of it that the
viewer sees may be seen finer; otherwise the coarser piece is shown whole. Editions are nested, so this loses nothing and
shows nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt

from monitor.grid import Box, IntArray, Level
from monitor.privacy.hiding import EDITIONS, MaskArray

NOT_SHOWN = 9
"""Coarser than every level."""


@dataclass(frozen=True, slots=True)
class EditionFigures:
    """The pieces of one edition without anything that was counted: arrays of one length, one element a piece.

    level, row, col: its square. is_whole: False for the rest of its square. parent: number of the piece of the next coarser
    edition, or -1. tile: number of its tile. blocks: how many blocks of the edition's level it counts. cells, k_eff,
    largest_prior: among what it hides a site. hidden: how many blocks of the edition's level are published nowhere; None of
    some of its pieces, because such a block belongs to no piece.
    """

    level: npt.NDArray[np.int8]
    row: IntArray
    col: IntArray
    is_whole: MaskArray
    parent: IntArray
    tile: IntArray
    blocks: IntArray
    cells: IntArray
    k_eff: npt.NDArray[np.float64]
    largest_prior: npt.NDArray[np.float64]
    hidden: int | None = 0

    def __len__(self) -> int:
        return len(self.level)

    def __getitem__(self, chosen: MaskArray) -> EditionFigures:
        """Some of the pieces."""
        columns = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "hidden"}
        return EditionFigures(**{name: values[chosen] for name, values in columns.items()}, hidden=None)

    def overlaps(self, box: Box) -> MaskArray:
        """Whose squares overlap a box of L0 cells."""
        span = _SPANS[self.level]
        row, col = self.row * span, self.col * span
        in_rows = (row < box.row_to) & (row + span > box.row_from)
        return np.asarray(in_rows & (col < box.col_to) & (col + span > box.col_from))


_SPANS = np.array([level.span for level in Level])


@dataclass(frozen=True, slots=True)
class Map:
    """The pieces of all editions, and of which regions they show ground. tiles: rows and columns at L3, int (tiles, 2).

    region_pieces: for each region, the numbers of the L1 pieces that show ground of it.
    """

    tiles: IntArray
    editions: Mapping[Level, EditionFigures]
    region_pieces: Mapping[UUID, IntArray]

    def pieces_of(self, region: UUID, edition: Level) -> IntArray:
        """The numbers of the pieces of an edition that show ground of a region."""
        numbers = self.region_pieces.get(region, np.empty(0, dtype=np.int64))
        for finer in EDITIONS[: EDITIONS.index(edition)]:
            numbers = np.unique(self.editions[finer].parent[numbers])
            numbers = numbers[numbers >= 0]
        return numbers

    def touches(self, regions: Iterable[UUID], edition: Level) -> MaskArray:
        """Which pieces of an edition show ground of any of some regions."""
        mask = np.zeros(len(self.editions[edition]), dtype=bool)
        for region in regions:
            mask[self.pieces_of(region, edition)] = True
        return mask

    def find_shared(self) -> tuple[MaskArray, MaskArray, MaskArray]:
        """Which pieces of L1, which of L2, and which tiles show ground of more than one region."""
        l1, l2 = self.editions[Level.L1], self.editions[Level.L2]
        by_l1, by_l2, by_tile = (np.zeros(n, dtype=np.int64) for n in (len(l1), len(l2), len(self.tiles)))
        for numbers in self.region_pieces.values():
            by_l1[numbers] += 1
            by_l2[np.unique(l1.parent[numbers])] += 1
            by_tile[np.unique(l1.tile[numbers])] += 1
        return by_l1 > 1, by_l2 > 1, by_tile > 1


@dataclass(frozen=True, slots=True)
class Sight:
    """How sharply a viewer sees, now. levels: by region, the finest level; L0 where they see exact cells. floors: by tile
    (row and column at L3), the finest level of anything in it. is_public: everything that is published at L3, by no
    agreement. knows_cells: a role that reads exact cells where nothing bends it, and may know some from before."""

    levels: Mapping[UUID, Level]
    floors: Mapping[tuple[int, int], Level]
    is_public: bool = False
    knows_cells: bool = False

    def at_least(self, level: Level) -> Sight:
        """The same, nothing finer than `level`: the viewer asked for no more."""
        raised = {region: max(own, level) if own else own for region, own in self.levels.items()}
        return replace(self, levels=raised)

    @property
    def finest(self) -> Level | None:
        """The finest level at which blocks are seen, or None where none are."""
        if self.is_public:
            return Level.L3
        return min((level for level in self.levels.values() if level), default=None)


def choose_shown(ground: Map, sight: Sight) -> dict[Level, MaskArray]:
    """By edition, which pieces a viewer sees.

    Whoever knows cells sees no piece that shows ground of two regions: less the cells that they know of the one, now or from
    before, it would be a figure for the rest in the other (LC-42).
    """
    l1, l2, l3 = (ground.editions[level] for level in EDITIONS)
    if sight.is_public:
        nothing = [np.zeros(len(each), dtype=bool) for each in (l1, l2)]
        return dict(zip(EDITIONS, [*nothing, np.ones(len(l3), dtype=bool)], strict=True))
    due = np.full(len(l1), NOT_SHOWN, dtype=np.int8)
    for region, level in sight.levels.items():
        if level is not Level.L0:
            numbers = ground.region_pieces.get(region, np.empty(0, dtype=np.int64))
            due[numbers] = np.minimum(due[numbers], int(level))
    if sight.floors:
        floor = np.array(
            [sight.floors.get((row, col), 0) for row, col in ground.tiles.tolist()], dtype=np.int8
        )
        due = np.where(due < NOT_SHOWN, np.maximum(due, floor[l1.tile]), due)
    is_l3 = _any_of(l1.tile, due == Level.L3, len(ground.tiles))
    is_l2 = _any_of(l1.parent, due == Level.L2, len(l2))
    shown_l1 = (due == Level.L1) & ~is_l2[l1.parent] & ~is_l3[l1.tile]
    shown_l2 = is_l2 & ~is_l3[l2.tile]
    if sight.knows_cells or Level.L0 in sight.levels.values():
        shared_l1, shared_l2, shared_tile = ground.find_shared()
        shown_l1, shown_l2, is_l3 = shown_l1 & ~shared_l1, shown_l2 & ~shared_l2, is_l3 & ~shared_tile
    return {Level.L1: shown_l1, Level.L2: shown_l2, Level.L3: is_l3[l3.tile]}


def _any_of(parents: IntArray, chosen: MaskArray, count: int) -> MaskArray:
    """By parent, whether any child is chosen."""
    return np.bincount(parents[chosen], minlength=count).astype(bool)
