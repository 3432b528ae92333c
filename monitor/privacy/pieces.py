"""Pieces (pure): into which pieces a release divides the earth at each level, from public geography alone (P3).

An edition is what is published for one level. Its pieces are blocks of that level, and where a block hides too little,
the rest of a coarser square: all blocks of it that are not published by themselves. Editions are nested: a piece lies
wholly inside one piece of the next coarser edition, which is exactly the sum of such pieces, or no piece of that edition
touches it. So two editions side by side show nothing that the finer one does not (LC-40, LC-41), and every piece of
every edition is safe by itself. A block that was once published coarser stays so (`floors`, LC-57).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.grid import IntArray, Level
from monitor.privacy.hiding import ACROSS, TILE, Hiding, MaskArray

Square = tuple[int, int]
Index = tuple[int, list[int], list[int]]
"""Tile, and rows and columns of blocks inside it."""
Levels = npt.NDArray[np.int8]
"""By tile and block (tiles, n, n): the level at which each block is published; 0 where it is not."""
Floors = Mapping[Level, Levels]
"""By edition, the coarsest level at which each block was ever published; 0 where it never was."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the published rows of an edition speak of; arrays of one length, one element a piece, in no special order.

    level, row, col: its square. is_whole: False where it is the rest of its square. parent: number of the piece of the
    next coarser edition that holds it, or -1. tile: in which tile it lies. blocks: how many blocks of the edition's level
    it counts. hiding: among what it hides a site.
    """

    level: npt.NDArray[np.int8]
    row: IntArray
    col: IntArray
    is_whole: MaskArray
    parent: IntArray
    tile: IntArray
    blocks: IntArray
    hiding: Hiding

    def __len__(self) -> int:
        return len(self.level)


@dataclass(frozen=True, slots=True)
class Edition:
    """What is published for one level. piece_of: int (tiles, n, n), the number of the piece that counts each block of the
    edition's level; -1 where the block is published nowhere or holds no plausible cell. levels: of the blocks.
    hidden: how many blocks hold plausible cells and are published nowhere."""

    level: Level
    pieces: Pieces
    piece_of: IntArray
    levels: Levels
    hidden: int


def divide(tiles: IntArray, hiding: Hiding, floors: Floors | None = None) -> dict[Level, Edition]:
    """The pieces of all editions.

    tiles: int (tiles, 2), rows and columns at L3. hiding: of the L1 blocks, (tiles, 10, 10).
    """
    by_level = {Level.L1: hiding, Level.L2: hiding.coarser(2), Level.L3: hiding.coarser(10)}
    before = floors or {level: np.zeros(each.cells.shape, dtype=np.int8) for level, each in by_level.items()}
    l3, l2, l1 = (
        _Making(level, tiles, by_level[level], before[level]) for level in (Level.L3, Level.L2, Level.L1)
    )
    l3.add_alone(l3.hiding.is_safe(), np.full(l3.piece_of.shape, -1))
    _divide_squares(l2, l3)
    _divide_blocks(l1, l2, l2.done().pieces)
    return {made.level: made.done() for made in (l1, l2, l3)}


def name_pieces(edition: Edition, tiles: IntArray, counted: MaskArray) -> list[bytes]:
    """A name of 16 bytes for each piece: the same as long as it counts the same cells in the same edition.

    tiles: as for `divide`. counted: bool (tiles, 100, 100), the plausible cells.
    """
    across = ACROSS[Level.L1]
    ratio = across // edition.piece_of.shape[1]
    piece_of = edition.piece_of.repeat(ratio, axis=1).repeat(ratio, axis=2)
    cells = counted.reshape(len(tiles), across, TILE // across, across, TILE // across).swapaxes(2, 3)
    bits = np.packbits(cells.reshape(len(tiles), across, across, -1), axis=3)
    tile, row, col = np.nonzero(piece_of >= 0)
    places = np.stack([tiles[tile, 0] * across + row, tiles[tile, 1] * across + col], axis=1).astype(">i4")
    lines = np.concatenate([places.view(np.uint8).reshape(len(tile), 8), bits[tile, row, col]], axis=1)
    pieces = piece_of[tile, row, col]
    lines = lines[np.argsort(pieces, kind="stable")]
    ends = np.cumsum(np.bincount(pieces, minlength=len(edition.pieces))).tolist()
    head = bytes([edition.level])
    return [
        hashlib.sha256(head + lines[first:end].tobytes()).digest()[:16]
        for first, end in zip([0, *ends], ends, strict=False)
    ]


class _Making:
    """An edition while it is made: blocks that stand alone, many at once, and squares' rests one by one."""

    def __init__(self, level: Level, tiles: IntArray, hiding: Hiding, before: Levels) -> None:
        self.level, self.tiles, self.hiding, self.before = level, tiles, hiding, before
        self.piece_of = np.full(hiding.cells.shape, -1, dtype=np.int64)
        self.levels = np.zeros(hiding.cells.shape, dtype=np.int8)
        self._parts: list[Pieces] = []
        self._count = 0

    def add_alone(self, alone: MaskArray, parents: IntArray) -> None:
        """Every block of `alone` as a piece of its own. parents: by block."""
        tile, row, col = np.nonzero(alone)
        across = ACROSS[self.level]
        self.piece_of[alone] = self._count + np.arange(len(tile))
        self.levels[alone] = int(self.level)
        self._append(
            Pieces(
                self.levels[alone],
                self.tiles[tile, 0] * across + row,
                self.tiles[tile, 1] * across + col,
                np.ones(len(tile), dtype=bool),
                parents[alone],
                tile.astype(np.int64),
                np.ones(len(tile), dtype=np.int64),
                self.hiding[alone],
            )
        )

    def add_rest(self, level: Level, position: Square, is_whole: bool, blocks: Index, parent: int) -> None:
        """The rest of a square, which counts `blocks`."""
        self.piece_of[blocks] = self._count
        self.levels[blocks] = int(level)
        self._append(
            Pieces(
                np.array([int(level)], dtype=np.int8),
                np.array([position[0]]),
                np.array([position[1]]),
                np.array([is_whole]),
                np.array([parent]),
                np.array([blocks[0]]),
                np.array([len(blocks[1])]),
                self.hiding[blocks].together()[np.newaxis],
            )
        )

    def _append(self, pieces: Pieces) -> None:
        self._parts.append(pieces)
        self._count += len(pieces)

    def done(self) -> Edition:
        """The edition as it is now."""
        parts = self._parts
        names = ("level", "row", "col", "is_whole", "parent", "tile", "blocks")
        hiding = Hiding(
            *(
                np.concatenate([getattr(part.hiding, name) for part in parts])
                for name in ("cells", "mass", "peak", "spread")
            )
        )
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in names
        }
        hidden = int(((self.hiding.cells > 0) & (self.piece_of < 0)).sum())
        return Edition(self.level, Pieces(**columns, hiding=hiding), self.piece_of, self.levels, hidden)


def _divide_squares(l2: _Making, l3: _Making) -> None:
    """L2: safe blocks by themselves, the others of a tile together as the rest of their square."""
    across = ACROSS[Level.L2]
    parents = l3.piece_of.repeat(across, axis=1).repeat(across, axis=2)
    held = l2.hiding.cells > 0
    alone = held & l2.hiding.is_safe() & (l2.before <= Level.L2)
    rests = []
    for t in np.flatnonzero((held & ~alone).any(axis=(1, 2))).tolist():
        blocks, hidden = _pairs(held[t]), set(_pairs(held[t] & ~alone[t]))
        standing, rest = _gather_rest(l2.hiding[t], blocks, hidden)
        alone[t] = False
        alone[t][_places(standing)] = True
        if rest:
            rests.append((t, rest, len(rest) == len(blocks)))
    l2.add_alone(alone, parents)
    for t, rest, is_whole in rests:
        l2.add_rest(Level.L3, _pair(l2.tiles[t]), is_whole, (t, *_places(rest)), int(parents[t, 0, 0]))


def _divide_blocks(l1: _Making, l2: _Making, pieces: Pieces) -> None:
    """L1: each piece of the L2 edition as it is where it is a rest, else divided once more."""
    parents = l2.piece_of.repeat(2, axis=1).repeat(2, axis=2)
    held = (parents >= 0) & (l1.hiding.cells > 0)
    alone = held & (l2.levels == Level.L2).repeat(2, axis=1).repeat(2, axis=2)
    alone &= l1.hiding.is_safe() & (l1.before <= Level.L1)
    rests = []
    for number in np.unique(parents[held & ~alone]).tolist():
        t = int(pieces.tile[number])
        inside = held[t] & (parents[t] == number)
        blocks, hidden = _pairs(inside), set(_pairs(inside & ~alone[t]))
        rest = blocks
        if pieces.level[number] == Level.L2:
            standing, rest = _gather_rest(l1.hiding[t], blocks, hidden)
            alone[t][inside] = False
            alone[t][_places(standing)] = True
        is_whole = bool(pieces.is_whole[number]) and len(rest) == len(blocks)
        rests.append((number, is_whole, (t, *_places(rest))))
    l1.add_alone(alone, parents)
    for number, is_whole, index in rests:
        position = int(pieces.row[number]), int(pieces.col[number])
        l1.add_rest(Level(int(pieces.level[number])), position, is_whole, index, number)


def _gather_rest(
    hiding: Hiding, blocks: Sequence[Square], hidden: set[Square]
) -> tuple[list[Square], list[Square]]:
    """Which blocks of a square stand alone, and which make up its rest.

    The rest are the hidden ones; where they hide too little even together, the smallest of the others join them one by
    one. Where that never suffices, the hidden ones are published nowhere; then the whole square hides too little, so no
    coarser piece holds them either.
    """
    alone = [block for block in blocks if block not in hidden]
    rest = sorted(hidden)
    others = sorted(alone, key=lambda block: (float(hiding.mass[block]), block))
    while not bool(hiding[_places(rest)].together().is_safe()):
        if not others:
            return alone, []
        rest.append(others.pop(0))
    return sorted(others), sorted(rest)


def _places(blocks: Sequence[Square]) -> tuple[list[int], list[int]]:
    return [row for row, _ in blocks], [col for _, col in blocks]


def _pairs(blocks: MaskArray) -> list[Square]:
    return [_pair(block) for block in np.argwhere(blocks)]


def _pair(values: IntArray) -> Square:
    return int(values[0]), int(values[1])
