"""What may be told of the pieces of a release, and since when: bands move once nearly all of a piece was seen, and what was
told once is told anew only once nearly all of it was seen again, by pictures that nothing that was told had heard of.

Two clocks run here: the months in which pictures were taken, and the batches by which they were known. Runs in the worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.grid import COLS, IntArray, Level
from monitor.privacy.coarsen import is_enough_seen
from monitor.privacy.hiding import ACROSS, MaskArray
from monitor.privacy.pieces import Edition
from monitor.privacy.shown import EditionFigures
from monitor.vault.blocks import NEVER, MonthCounts, ToldBlocks, number_month
from monitor.vault.told import Telling, Told

NOW = np.iinfo(np.int64).max
"""The moment of this batch, after all at which anything was told; and of months, one that does not come."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The months of a batch. tiles: of each month, the number of the tile of each of its L1 blocks."""

    months: Sequence[MonthCounts]
    tiles: Sequence[IntArray]

    def number(self, place: int) -> int:
        """The `number_month` of the month at a place in the list."""
        return number_month(self.months[place].month)


@dataclass(slots=True)
class Settled:
    """What may be told of the pieces of one edition, and since when, as time goes on.

    figures, told: of the edition. active, at, told_at: by the place of the month after which it was so, int (pieces,): how
    many cells were active when nearly all of the piece had been seen for the last time, the `number_month` of that, NEVER
    before, and when that was told, NOW where this batch does.
    """

    figures: EditionFigures
    told: Told
    active: dict[int, IntArray] = field(default_factory=dict)
    at: dict[int, IntArray] = field(default_factory=dict)
    told_at: dict[int, IntArray] = field(default_factory=dict)
    _opened: IntArray = field(init=False)
    _active: IntArray = field(init=False)
    _at: IntArray = field(init=False)
    _told_at: IntArray = field(init=False)
    _taken: int = 0
    _new: list[tuple[IntArray, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.figures)
        self._opened = np.where(self.told.last == NEVER, NEVER, NOW)
        self._active = np.zeros(count, dtype=np.int64)
        self._at, self._told_at = (np.full(count, NEVER, dtype=np.int64) for _ in range(2))

    def since(self, pieces: IntArray) -> IntArray:
        """The `number_month` in which each of these pieces has settled last; NEVER for the number of no piece, -1."""
        return np.append(self._at, NEVER)[pieces]

    def open(self, month: int, heard: IntArray) -> None:
        """From a month on, a piece is told anew once nearly all of its cells are `heard`: seen by the month's end, by looks
        that nothing that was told of it had heard of. It settles in that month, and what was told of that month and later
        ones no longer stands."""
        opens = (self._opened == NOW) & is_enough_seen(heard, self.figures.cells)
        self._opened[opens] = month

    def add(self, place: int, month: int, seen: IntArray, active: IntArray) -> MaskArray:
        """What a month leaves: what was told of it before, or where enough cells were `seen`, `active` from now on.

        Returns which pieces settle. Of months one after the other; the month was opened before.
        """
        until = int(np.searchsorted(self.told.month, month, side="right"))
        rows = np.arange(self._taken, until)
        rows = rows[self.told.month[rows] < self._opened[self.told.piece[rows]]]
        pieces, was = self.told.piece[rows], self.told
        self._active = _replace(self._active, pieces, was.active[rows])
        self._at = _replace(self._at, pieces, was.month[rows])
        self._told_at = _replace(self._told_at, pieces, was.told_at[rows])
        settles = (self._opened < month) & is_enough_seen(seen, self.figures.cells)
        settles |= self._opened == month
        self._active, self._at = np.where(settles, active, self._active), np.where(settles, month, self._at)
        self._told_at = np.where(settles, NOW, self._told_at)
        self.active[place], self.at[place], self.told_at[place] = self._active, self._at, self._told_at
        self._taken = until
        self._new.append((np.flatnonzero(settles), place))
        return settles

    def list_new(self) -> Telling:
        """What is told by this batch and was not before."""
        parts = [
            (pieces, self.at[place][pieces], self.active[place][pieces])
            for pieces, place in self._new
            if len(pieces)
        ]
        nothing = (np.empty(0, dtype=np.int64),) * 3
        return Telling(*(np.concatenate(each) for each in zip(nothing, *parts, strict=True)))


def _replace(values: IntArray, places: IntArray, by: IntArray) -> IntArray:
    """Other values at some places, the last one where a place is there twice; the array that was given stays as it was."""
    changed = values.copy()
    changed[places] = by
    return changed


def settle_cells(
    edition: Edition, figures: EditionFigures, counted: Counted, news: Counted, told: Told
) -> Settled:
    """The finest edition, from cells: a piece settles in a month by whose end nearly all of it was seen, so often that its
    state could have changed, since it settled before. Whoever knows which cells were under clouds learns nothing from when,
    and whoever knows which pictures came late learns nothing from what is told anew (decisions/0021, 0058).

    counted: all looks. news: those that nothing told had heard of, where something was told.
    """
    count = len(figures)
    settled = Settled(figures, told)
    active, looked, heard = (np.zeros(count, dtype=np.int64) for _ in range(3))
    next_news = 0
    for place, month in enumerate(counted.months):
        number = counted.number(place)
        while next_news < len(news.months) and news.number(next_news) <= number:
            new, of_new = news.months[next_news], pieces_of(edition, news, next_news)
            is_first = (new.enough_before == NEVER) & (new.enough > NEVER)
            heard += sum_by_piece(of_new, np.where(is_first, new.observed, 0), count)
            next_news += 1
        settled.open(number, heard)
        of_block = pieces_of(edition, counted, place)
        since = settled.since(of_block)
        is_new = (month.enough_before <= since) & (since < month.enough)
        looked += sum_by_piece(of_block, np.where(is_new, month.observed, 0), count)
        active += sum_by_piece(of_block, month.step, count)
        looked[settled.add(place, number, looked, active)] = 0
    return settled


def settle_sums(
    figures: EditionFigures, finer: Settled, counted: Counted, ends: Sequence[int], told: Told
) -> Settled:
    """A coarser edition, from what the finer one has settled and from nothing else.

    A piece settles at the end of a period by which finer pieces with nearly all of its cells have settled since it settled
    before; it is told anew once finer pieces with nearly all of its cells were. Were it settled from cells, whoever reads
    both would learn, from what the coarser one tells first, in which of the finer pieces that is, and among how few of its
    cells (decisions/0048). ends: the places of the last months of the periods.
    """
    count, parent = len(figures), finer.figures.parent
    settled = Settled(figures, told)
    last, heard_at = np.append(told.last, NEVER)[parent], np.append(told.at, NEVER)[parent]
    for place in ends:
        month, below = counted.number(place), finer.at[place]
        is_heard = (below > NEVER) & ((below > last) | (finer.told_at[place] > heard_at))
        settled.open(month, sum_by_piece(parent, np.where(is_heard, finer.figures.cells, 0), count))
        is_new = below > settled.since(parent)
        looked = sum_by_piece(parent, np.where(is_new, finer.figures.cells, 0), count)
        settled.add(place, month, looked, sum_by_piece(parent, finer.active[place], count))
    return settled


def find_told_blocks(edition: Edition, told: Told) -> ToldBlocks:
    """What was told of the pieces of L1 blocks, by block. edition, told: of L1."""
    return ToldBlocks(*(np.append(each, NEVER)[edition.piece_of] for each in (told.last, told.at)))


def sum_by_piece(pieces: IntArray, cells: IntArray, count: int) -> IntArray:
    """The sum of `cells` by piece, int (count,); what has no piece (-1) is left out. pieces, cells: int (n,)."""
    kept = pieces >= 0
    return np.bincount(pieces[kept], cells[kept], count).astype(np.int64)


def pieces_of(edition: Edition, counted: Counted, place: int) -> IntArray:
    """The numbers of the pieces that count the L1 blocks of the month at a place, int (blocks,); -1 where none does."""
    month, tiles = counted.months[place], counted.tiles[place]
    across, ratio = ACROSS[Level.L1], edition.level.span // Level.L1.span
    return edition.piece_of[tiles, month.rows % across // ratio, month.cols % across // ratio]


def place_months(months: Sequence[MonthCounts], tiles: IntArray) -> Counted:
    """Months with the tiles of their blocks. tiles: int (tiles, 2), rows and columns at L3, sorted, those of all blocks."""
    across = ACROSS[Level.L1]
    known = tiles[:, 0] * COLS + tiles[:, 1]
    wanted = [month.rows // across * COLS + month.cols // across for month in months]
    return Counted(months, [np.searchsorted(known, each) for each in wanted])
