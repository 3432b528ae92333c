"""Ground (pure): which cells count in a release, from one batch to the next.

Batches tell past months anew, so a block before and after a change tells of the cells that came or went, and of those
that came and went over many batches. So cells come and go in groups that hide a site by themselves: whatever anybody
subtracts from whatever was ever published is made of whole groups (LC-38, LC-57).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.grid import IntArray, Level
from monitor.privacy.hiding import Hiding, MaskArray, Weights, weigh_blocks, weigh_groups
from monitor.privacy.pieces import Edition, Floors, divide

Groups = npt.NDArray[np.uint16]
GROUPS_MAX = int(np.iinfo(np.uint16).max)


class GroundSpoilt(RuntimeError):
    """What was published together would now be published apart. A fault of ours: nothing may be published."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing was published, what was before stands: what the database remembers of earlier batches (release.tile) "
            "does not fit together, and a new one could tell more. Where that table was changed, restore a backup; else "
            "it is a fault of Penumbra's: report it."
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """Arrays (tiles, 100, 100). counted: the cells that count. groups: 0 for a cell that was never published, else the
    number, inside its tile, of the cells that have been in every publication together with it."""

    counted: MaskArray
    groups: Groups

    def __getitem__(self, tiles: IntArray) -> Ground:
        """The ground of some tiles."""
        return Ground(self.counted[tiles], self.groups[tiles])


def bare_ground(tiles: int) -> Ground:
    """Tiles of which nothing was ever published."""
    return Ground(np.zeros((tiles, 100, 100), dtype=bool), np.zeros((tiles, 100, 100), dtype=np.uint16))


def settle(
    tiles: IntArray, before: Ground, wanted: MaskArray, floors: Floors, weights: Weights | None = None
) -> tuple[Ground, Mapping[Level, Edition]]:
    """The ground and the pieces of the next batch.

    tiles: int (tiles, 2), rows and columns at L3. wanted: the cells that should count, (tiles, 100, 100). Cells that are
    too few to come or go stay out, or in. Raises GroundSpoilt.
    """
    changed = np.flatnonzero(
        ((wanted != before.counted) | (before.counted & (before.groups == 0))).any(axis=(1, 2))
    )
    counted, groups = before.counted.copy(), before.groups.copy()
    if len(changed):
        some = weights[changed] if weights is not None else None
        lower = {level: levels[changed] for level, levels in floors.items()}
        moved = _move_groups(before[changed], wanted[changed], some)
        settled = _let_in(tiles[changed], moved, lower, some)
        counted[changed], groups[changed] = settled.counted, settled.groups
    editions = divide(tiles, weigh_blocks(counted, weights), floors)
    after = Ground(counted, groups)
    _check_whole(after, editions[Level.L1])
    return after, editions


def _move_groups(before: Ground, wanted: MaskArray, weights: Weights | None) -> Ground:
    """Let published cells leave and come back: a group as a whole, or in two parts that are both enough to hide among.

    What was never published follows `wanted`.
    """
    groups = before.groups.astype(np.int64)
    number, count = _number(groups)
    stay, leave = (groups > 0) & wanted, (groups > 0) & ~wanted
    staying, leaving = weigh_groups(number, stay, count, weights), weigh_groups(number, leave, count)
    can_move = _is_enough(staying) & _is_enough(leaving)
    is_divided = can_move & (staying.cells > 0) & (leaving.cells > 0)
    counted = np.where((groups == 0) | can_move[number], wanted, before.counted)
    apart = leave & is_divided[number]
    width = count // max(1, len(groups))
    groups[apart] = _new_numbers(is_divided, np.arange(count) // max(1, width), groups)[number[apart]]
    return Ground(counted, _narrow(groups))


def _let_in(tiles: IntArray, ground: Ground, floors: Floors, weights: Weights | None) -> Ground:
    """Give every cell that is published for the first time a group: those of one L1 piece together.

    Where they would be too few beside cells that were published before, they stay out.
    """
    counted = ground.counted.copy()
    while True:
        edition = divide(tiles, weigh_blocks(counted, weights), floors)[Level.L1]
        piece = edition.piece_of.repeat(10, axis=1).repeat(10, axis=2)
        fresh = counted & (ground.groups == 0) & (piece >= 0)
        count = len(edition.pieces)
        old = counted & (ground.groups > 0) & (piece >= 0)
        is_old = np.bincount(piece[old], minlength=count) > 0
        is_bare = is_old & ~_is_enough(weigh_groups(piece, fresh, count, weights))
        refused = fresh & np.append(is_bare, False)[piece]  # piece -1 is no piece
        if not refused.any():
            break
        counted &= ~refused
    groups = ground.groups.astype(np.int64)
    is_new = np.bincount(piece[fresh], minlength=count) > 0
    groups[fresh] = _new_numbers(is_new, edition.pieces.tile, groups)[piece[fresh]]
    return Ground(counted, _narrow(groups))


def _check_whole(ground: Ground, edition: Edition) -> None:
    """Raise GroundSpoilt where a published cell has no group, or a group lies in two pieces: finer than before."""
    piece = edition.piece_of.repeat(10, axis=1).repeat(10, axis=2)
    meant = ground.counted & (ground.groups > 0)
    if bool((ground.counted & (piece >= 0) & (ground.groups == 0)).any()):
        raise GroundSpoilt
    number, count = _number(ground.groups.astype(np.int64))
    lowest = np.full(count, np.iinfo(np.int64).max)
    highest = np.full(count, -2)
    np.minimum.at(lowest, number[meant], piece[meant])
    np.maximum.at(highest, number[meant], piece[meant])
    if bool((lowest < highest).any()):
        raise GroundSpoilt


def _is_enough(hiding: Hiding) -> MaskArray:
    """None, or enough to hide among."""
    return np.asarray(hiding.is_safe() | (hiding.cells == 0))


def _number(groups: IntArray) -> tuple[IntArray, int]:
    """Groups numbered through all tiles, and how many numbers there are."""
    width = int(groups.max(initial=0)) + 1
    tile = np.arange(len(groups))[:, np.newaxis, np.newaxis]
    return tile * width + groups, len(groups) * width


def _new_numbers(present: MaskArray, tile_of: IntArray, groups: IntArray) -> IntArray:
    """The next free numbers of their tiles, for kinds of cells that are `present`. tile_of: of each kind."""
    kinds = np.flatnonzero(present)
    kinds = kinds[np.argsort(tile_of[kinds], kind="stable")]
    tile = tile_of[kinds]
    fresh = np.zeros(len(present) + 1, dtype=np.int64)
    fresh[kinds] = (
        groups.max(axis=(1, 2), initial=0)[tile] + 1 + np.arange(len(kinds)) - np.searchsorted(tile, tile)
    )
    return fresh


def _narrow(groups: IntArray) -> Groups:
    if int(groups.max(initial=0)) > GROUPS_MAX:
        raise GroundSpoilt
    return groups.astype(np.uint16)
