"""Publish a release: months of the vault become bands of pieces in three editions, in one batch, all or nothing.

Runs as the worker. What goes in is counted once, here; what comes out is bands. Corrections and withdrawals appear with
the next batch by which nearly all of a piece was seen anew (`services/settling.py`). Each batch is complete in itself, so
nothing is left behind that says what changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

import numpy as np
from django.db import connection, transaction

from accounts.ledger.entry import Entry
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.writer import recorded
from monitor.grid import IntArray, Level
from monitor.models import TrainedModel
from monitor.privacy.certificate import Scope, canonical_json, make_certificate
from monitor.privacy.coarsen import grade_activity, grade_observed, grade_trend
from monitor.privacy.hiding import EDITIONS
from monitor.privacy.pieces import Edition, name_pieces
from monitor.privacy.policy import MONTHS_OF_PERIOD, POLICY_VERSION, PUBLISHED_AFTER_DAYS
from monitor.releases.batches import (
    NewBatch,
    NewRows,
    combine_digests,
    find_same_batch,
    write_batch,
)
from monitor.releases.parts import write_parts
from monitor.services.geography import Geography, renew_geography
from monitor.services.settling import (
    Counted,
    Settled,
    find_told_blocks,
    pieces_of,
    place_months,
    settle_cells,
    settle_sums,
    sum_by_piece,
)
from monitor.vault.blocks import NEVER, MonthCounts, number_month, summarise_blocks
from monitor.vault.told import Telling, Told, keep_told, read_told

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
    with _one_at_a_time():
        return _publish(today, only_changes)


def _publish(today: date, only_changes: bool) -> Publication:
    models = list(TrainedModel.objects.filter(state="active").values_list("id", flat=True))
    geography = renew_geography()
    names = {
        level: name_pieces(geography.editions[level], geography.tiles, geography.counted)
        for level in EDITIONS
    }
    told = {level: read_told(models, names[level]) for level in EDITIONS}
    counted, news = _count_months(geography, models, today, told[Level.L1])
    rows: dict[Level, NewRows] = {}
    telling: dict[Level, Telling] = {}
    finer: Settled | None = None
    for level in EDITIONS:
        edition, figures = geography.editions[level], geography.map.editions[level]
        periods = _gather_periods(level, counted.months, today)
        if finer is None:
            settled = settle_cells(edition, figures, counted, news, told[level])
        else:
            settled = settle_sums(figures, finer, counted, [parts[-1] for _, parts in periods], told[level])
        rows[level], telling[level] = _make_rows(edition, counted, periods, settled), settled.list_new()
        finer = settled
    digests = {level: rows[level].digest() for level in EDITIONS}
    content_digest = combine_digests([digests[level] for level in EDITIONS])
    count = sum(map(len, rows.values()))
    promoted = sum(int((each.pieces.level[each.piece] != level).sum()) for level, each in rows.items())
    if only_changes and (same := find_same_batch(geography.id, content_digest)) is not None:
        return Publication(same, False, count, len(counted.months), promoted)
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
        for level in EDITIONS:
            keep_told(models, names[level], telling[level])
    return Publication(batch_id, True, count, len(counted.months), promoted)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait until nobody else publishes: what a batch tells follows from what those before it told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext('release.batch'))")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('release.batch'))")


def _count_months(
    geography: Geography, models: Sequence[UUID], today: date, told: Told
) -> tuple[Counted, Counted]:
    """All looks, and the news. told: of the L1 edition."""
    if not models:
        return Counted([], []), Counted([], [])
    tiles = geography.tiles
    blocks = find_told_blocks(geography.editions[Level.L1], told)
    months, news = summarise_blocks(tiles, geography.counted, models, today, blocks)
    return place_months(months, tiles), place_months(news, tiles)


def _make_rows(edition: Edition, counted: Counted, periods: Sequence[Period], settled: Settled) -> NewRows:
    """The rows of one edition: one for each period in which a piece was observed, from the first on by whose end it has
    settled, with the band of what has settled last."""
    figures = settled.figures
    count = len(figures)
    band = np.full(count, -1, dtype=np.int64)
    columns: list[tuple[IntArray, ...]] = [(np.empty(0, dtype=np.int64),) * 5]
    for place, (period, parts) in enumerate(periods):
        observed = np.zeros(count, dtype=np.int64)
        for number in parts:
            month, of_block = counted.months[number], pieces_of(edition, counted, number)
            in_period = month.before < number_month(period)
            observed += sum_by_piece(of_block, np.where(in_period, month.observed, 0), count)
        active, at = settled.active[parts[-1]], settled.at[parts[-1]]
        previous, band = band, np.where(at > NEVER, grade_activity(active, figures.cells), -1)
        seen = np.flatnonzero((observed > 0) & (band >= 0))
        share = grade_observed(observed[seen], figures.cells[seen])
        trend = grade_trend(previous[seen], band[seen])
        columns.append((seen, np.full(len(seen), place), band[seen], trend, share))
    together = [np.concatenate(column) for column in zip(*columns, strict=True)]
    return NewRows(edition.level, figures, [period for period, _ in periods], *together).sorted()


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
