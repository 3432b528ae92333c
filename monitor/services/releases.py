"""Publish a release: months of the vault become bands of pieces in three editions, in one batch, all or nothing.

Runs as the worker. What goes in is counted once, here; what comes out is bands. Corrections and withdrawals appear
with the next batch, which is complete in itself, so nothing is left behind that says what changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction

from accounts.ledger.entry import Entry
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.writer import recorded
from monitor.grid import IntArray, Level
from monitor.models import TrainedModel
from monitor.privacy.certificate import Scope, canonical_json, make_certificate
from monitor.privacy.coarsen import grade_activity, grade_observed, grade_trend, is_enough_seen
from monitor.privacy.hiding import ACROSS, EDITIONS, MaskArray
from monitor.privacy.pieces import Edition
from monitor.privacy.policy import MONTHS_OF_PERIOD, POLICY_VERSION, PUBLISHED_AFTER_DAYS
from monitor.privacy.shown import EditionFigures
from monitor.releases.batches import (
    NewBatch,
    NewRows,
    combine_digests,
    find_same_batch,
    write_batch,
)
from monitor.releases.parts import write_parts
from monitor.services.geography import Geography, renew_geography
from monitor.vault.blocks import NEVER, MonthCounts, number_month, summarise_blocks

Period = tuple[date, list[int]]
"""Its first day, and the numbers of its months in their list, of which there is one at least."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What a batch holds: ids and counts of rows, which are public. periods: months. promoted: rows of a coarser level than
    their edition's."""

    batch: UUID
    is_new: bool
    blocks: int
    periods: int
    promoted: int


def publish_release(today: date, only_changes: bool = False) -> Publication:
    """Publish every calendar month that ended before `today`'s month, and for L3 every quarter that ended 90 days ago.

    only_changes: publish nothing where the newest batch has the same rows and the same pieces under the same policy.
    Raises GroundSpoilt, and then nothing is published; LedgerUnavailable, as `recorded` does.
    """
    models = list(TrainedModel.objects.filter(state="active").values_list("id", flat=True))
    geography = renew_geography()
    months = summarise_blocks(geography.tiles, geography.counted, models, today) if models else []
    place = {(row, col): number for number, (row, col) in enumerate(geography.tiles.tolist())}
    tiles = [_tiles_of(month, place) for month in months]
    rows: dict[Level, NewRows] = {}
    finer: _Settled | None = None
    for level in EDITIONS:
        edition, figures = geography.editions[level], geography.map.editions[level]
        periods = _gather_periods(level, months, today)
        settled = (
            _settle(edition, figures, months, tiles)
            if finer is None
            else _settle_sums(figures, finer, periods)
        )
        rows[level] = _make_rows(edition, figures, months, tiles, periods, settled)
        finer = settled
    digests = {level: rows[level].digest() for level in EDITIONS}
    content_digest = combine_digests([digests[level] for level in EDITIONS])
    count = sum(map(len, rows.values()))
    promoted = sum(int((each.pieces.level[each.piece] != level).sum()) for level, each in rows.items())
    if only_changes and (same := find_same_batch(geography.id, content_digest)) is not None:
        return Publication(same, False, count, len(months), promoted)
    batch_id = uuid4()
    certificate = _certify(batch_id, geography, rows, digests[Level.L2])
    batch = NewBatch(
        batch_id,
        geography.id,
        POLICY_VERSION,
        digests[Level.L2],
        len(rows[Level.L2]),
        content_digest,
        certificate,
    )
    entry = Entry(None, "release.publish", "publish_release", uuid4(), policy_version=POLICY_VERSION)
    with recorded(entry), transaction.atomic():
        write_batch(batch, rows)
        write_parts(batch_id, geography.map, rows)
    return Publication(batch_id, True, count, len(months), promoted)


@dataclass(slots=True)
class _Settled:
    """What may be told of the pieces of one edition, and since when, as time goes on.

    figures: of the edition. active, at: by the number of the month after which it was so, int (pieces,): how many cells were
    active when nearly all of the piece had been seen for the last time, and the `number_month` of that; NEVER before.
    """

    figures: EditionFigures
    active: dict[int, IntArray] = field(default_factory=dict)
    at: dict[int, IntArray] = field(default_factory=dict)
    _active: IntArray = field(init=False)
    _at: IntArray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.figures)
        self._active = np.zeros(count, dtype=np.int64)
        self._at = np.full(count, NEVER, dtype=np.int64)

    def since(self, pieces: IntArray) -> IntArray:
        """The `number_month` in which each of these pieces has settled last; NEVER for the number of no piece, -1."""
        return np.append(self._at, NEVER)[pieces]

    def add(self, number: int, month: int, enough: MaskArray, active: IntArray) -> None:
        """Where `enough` was seen, `active` holds from now on. number: of the month in its list. month: `number_month`."""
        self._active, self._at = np.where(enough, active, self._active), np.where(enough, month, self._at)
        self.active[number], self.at[number] = self._active, self._at


def _settle(
    edition: Edition, figures: EditionFigures, months: Sequence[MonthCounts], tiles: Sequence[IntArray]
) -> _Settled:
    """The finest edition, from cells: a piece settles in a month by whose end nearly all of it was seen, so often that its
    state could have changed, since it settled before. Whoever knows which cells were under clouds learns nothing from when.

    tiles: of the blocks of each month.
    """
    count = len(figures)
    settled = _Settled(figures)
    active, looked = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for number, month in enumerate(months):
        of_block = _pieces_of(edition, month, tiles[number])
        since = settled.since(of_block)
        is_new = (month.enough_before <= since) & (since < month.enough)
        looked += _sum_by_piece(of_block, np.where(is_new, month.observed, 0), count)
        active += _sum_by_piece(of_block, month.step, count)
        enough = is_enough_seen(looked, figures.cells)
        settled.add(number, number_month(month.month), enough, active)
        looked[enough] = 0
    return settled


def _settle_sums(figures: EditionFigures, finer: _Settled, periods: Sequence[Period]) -> _Settled:
    """A coarser edition, from what the finer one has settled and from nothing else.

    A piece settles at the end of a period by which finer pieces with nearly all of its cells have settled since it settled
    before. Were it settled from cells, whoever reads both would learn, from what the coarser one tells first, in which
    of the finer pieces that is, and among how few of its cells (decisions/0048).
    """
    count, parent = len(figures), finer.figures.parent
    settled = _Settled(figures)
    for _, parts in periods:
        number, below = parts[-1], finer.at[parts[-1]]
        is_new = below > settled.since(parent)
        looked = _sum_by_piece(parent, np.where(is_new, finer.figures.cells, 0), count)
        active = _sum_by_piece(parent, finer.active[number], count)
        month = int(below.max(initial=NEVER))
        settled.add(number, month, is_enough_seen(looked, figures.cells), active)
    return settled


def _make_rows(
    edition: Edition,
    figures: EditionFigures,
    months: Sequence[MonthCounts],
    tiles: Sequence[IntArray],
    periods: Sequence[Period],
    settled: _Settled,
) -> NewRows:
    """The rows of one edition: one for each period in which a piece was observed, from the first on by whose end it has
    settled, with the band of what has settled last.

    tiles: of the blocks of each month.
    """
    count = len(figures)
    band = np.full(count, -1, dtype=np.int64)
    columns: list[tuple[IntArray, ...]] = [(np.empty(0, dtype=np.int64),) * 5]
    for place, (period, parts) in enumerate(periods):
        observed = np.zeros(count, dtype=np.int64)
        for number in parts:
            month, of_block = months[number], _pieces_of(edition, months[number], tiles[number])
            in_period = month.before < number_month(period)
            observed += _sum_by_piece(of_block, np.where(in_period, month.observed, 0), count)
        active, at = settled.active[parts[-1]], settled.at[parts[-1]]
        previous, band = band, np.where(at > NEVER, grade_activity(active, figures.cells), -1)
        seen = np.flatnonzero((observed > 0) & (band >= 0))
        share = grade_observed(observed[seen], figures.cells[seen])
        trend = grade_trend(previous[seen], band[seen])
        columns.append((seen, np.full(len(seen), place), band[seen], trend, share))
    together = [np.concatenate(column) for column in zip(*columns, strict=True)]
    return NewRows(edition.level, figures, [period for period, _ in periods], *together).sorted()


def _sum_by_piece(pieces: IntArray, cells: IntArray, count: int) -> IntArray:
    """The sum of `cells` by piece; a block without a piece is left out."""
    kept = pieces >= 0
    return np.bincount(pieces[kept], cells[kept], count).astype(np.int64)


def _gather_periods(edition: Level, months: Sequence[MonthCounts], today: date) -> list[Period]:
    """The numbers of the months of each period of an edition that may be published today, oldest first."""
    length = MONTHS_OF_PERIOD[edition]
    periods: dict[date, list[int]] = {}
    for number, month in enumerate(months):
        first = month.month.replace(month=(month.month.month - 1) // length * length + 1)
        periods.setdefault(first, []).append(number)
    delay = timedelta(days=PUBLISHED_AFTER_DAYS[edition])
    return [(first, parts) for first, parts in periods.items() if _end_of(first, length) + delay <= today]


def _end_of(first: date, months: int) -> date:
    """The day after a period of whole months."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def _tiles_of(month: MonthCounts, place: Mapping[tuple[int, int], int]) -> IntArray:
    """The number of the tile of each L1 block of a month. place: numbers by row and column at L3."""
    across = ACROSS[Level.L1]
    pairs = zip((month.rows // across).tolist(), (month.cols // across).tolist(), strict=True)
    return np.array([place[pair] for pair in pairs], dtype=np.int64)


def _pieces_of(edition: Edition, month: MonthCounts, tiles: IntArray) -> IntArray:
    """The numbers of the pieces that count the L1 blocks of a month; -1 where none does."""
    across, ratio = ACROSS[Level.L1], edition.level.span // Level.L1.span
    return edition.piece_of[tiles, month.rows % across // ratio, month.cols % across // ratio]


def _certify(batch_id: UUID, geography: Geography, rows: Mapping[Level, NewRows], digest: str) -> str:
    """The certificate of a whole batch, for auditors, who receive no row and may learn no place.

    Its digest is that of the L2 edition, keyed, so that it can be recognised and not tried out. Nothing is told of what
    the L1 edition holds: it would change with where inside an L2 block anything was seen.
    """
    counts = {level: rows[level].count() for level in (Level.L2, Level.L3)}
    keyed = keyed_digest(digest.encode())
    return canonical_json(
        make_certificate(batch_id, POLICY_VERSION, Scope("batch"), geography.map.editions, counts, keyed)
    )
