"""Publish a batch and read batches: the rows of schema `release`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from accounts.ledger.certificates import ask_signature
from accounts.ledger.own_connection import own_connection
from monitor.grid import IntArray, Level
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend
from monitor.privacy.hiding import MaskArray
from monitor.privacy.shown import EditionFigures

KEPT_BATCHES = 2
"""So many batches keep their rows: what was withdrawn is gone with the second batch after it, and a page that was begun
before a new batch can be read to its end. Older ones keep their digests only."""
EMPTY = hashlib.sha256(b"[]").hexdigest()
CHUNK = 20_000
EPOCH = date(1970, 1, 1)
COPIED = "batch_id, edition, level, row, col, period, band, trend, observed, is_whole, piece"


@dataclass(frozen=True, slots=True, order=True)
class BlockRow:
    """One published piece of one period, as it is stored. edition: for which level it is published. period: the first day
    of the month, or of the quarter in the L3 edition. is_whole: False where it speaks of the rest of its square."""

    edition: Level
    level: Level
    row: int
    col: int
    period: date
    band: ActivityBand
    trend: Trend
    observed: ObservedBand
    is_whole: bool = True


COLUMNS = "b.edition, b.level, b.row, b.col, b.period, b.band, b.trend, b.observed, b.is_whole"
"""The columns of `release.block b` that `shape_row` takes."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One published batch, without its rows. digest, row_count: of its L2 edition, or of the part that somebody receives;
    None where its rows are kept no longer and nothing was noted of that part."""

    id: UUID
    published_at: datetime
    policy_version: str
    geography_id: UUID | None
    digest: str | None
    row_count: int | None


@dataclass(frozen=True, slots=True)
class NewRows:
    """The rows of one edition before they are published, in canonical order; arrays of one length, one element a row.

    pieces: the edition's. piece: number of the piece. period: place in `periods` (first days). band, trend, observed:
    places in ActivityBand, Trend, ObservedBand.
    """

    edition: Level
    pieces: EditionFigures
    periods: Sequence[date]
    piece: IntArray
    period: IntArray
    band: IntArray
    trend: IntArray
    observed: IntArray

    def __len__(self) -> int:
        return len(self.piece)

    def sorted(self) -> NewRows:
        """In the order of level, row, column and period."""
        square = self.pieces.level[self.piece], self.pieces.row[self.piece], self.pieces.col[self.piece]
        order = np.lexsort((self.period, square[2], square[1], square[0]))
        columns = (self.piece, self.period, self.band, self.trend, self.observed)
        return NewRows(self.edition, self.pieces, self.periods, *(column[order] for column in columns))

    def digest(self, chosen: MaskArray | None = None) -> str:
        """`digest_rows` of the rows, or of the chosen ones."""
        squares = zip(
            *(each.tolist() for each in (self.pieces.level, self.pieces.row, self.pieces.col)), strict=True
        )
        heads = [f"[{level},{row},{col}," for level, row, col in squares]
        lines = self._write(heads, '"{}",', '"{}","{}","{}"]', [""] * len(heads), chosen)
        return hashlib.sha256(f"[{','.join(lines)}]".encode()).hexdigest()

    def write_copy(self, batch_id: UUID) -> list[str]:
        """Lines for COPY in the order of COPIED."""
        names = ("level", "row", "col", "is_whole")
        squares = zip(*(getattr(self.pieces, name).tolist() for name in names), strict=True)
        heads, tails = [], []
        for number, (level, row, col, is_whole) in enumerate(squares):
            heads.append(f"{batch_id}\t{int(self.edition)}\t{level}\t{row}\t{col}\t")
            tails.append(f"\t{is_whole}\t{number}\n")
        return self._write(heads, "{}\t", "{}\t{}\t{}", tails, None)

    def count(self, chosen: MaskArray | None = None) -> dict[tuple[date, Level], int]:
        """How many of the rows, or of the chosen ones, by period and level."""
        rows = slice(None) if chosen is None else chosen
        kinds = self.period[rows] * 4 + self.pieces.level[self.piece[rows]]
        found, counts = np.unique(kinds, return_counts=True)
        return {
            (self.periods[kind // 4], Level(kind % 4)): count
            for kind, count in zip(found.tolist(), counts.tolist(), strict=True)
        }

    def _write(
        self, heads: list[str], period: str, words: str, tails: list[str], chosen: MaskArray | None
    ) -> list[str]:
        """A line a row. There are few different periods and words, so each is written once."""
        rows = slice(None) if chosen is None else chosen
        periods = [period.format(each.isoformat()) for each in self.periods]
        triples = [
            words.format(band.value, trend.value, observed.value)
            for band in ActivityBand
            for trend in Trend
            for observed in ObservedBand
        ]
        triple = (self.band * len(Trend) + self.trend) * len(ObservedBand) + self.observed
        columns = self.piece[rows].tolist(), self.period[rows].tolist(), triple[rows].tolist()
        return [heads[p] + periods[t] + triples[w] + tails[p] for p, t, w in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch before it is published. digest, row_count: of the L2 edition, the one that partners receive by default.
    content_digest: of all editions; it never leaves. certificate: canonical JSON."""

    id: UUID
    geography_id: UUID
    policy_version: str
    digest: str
    row_count: int
    content_digest: str
    certificate: str


def digest_rows(rows: Sequence[BlockRow]) -> str:
    """SHA-256 over the rows, so that anybody with the rows can check what was published.

    Of one edition: the text is a JSON list without blanks of [level, row, col, first day of the period, band, trend,
    observed], in the order of level, row, column and period. Of several: SHA-256 over the hex digests of those that have
    rows, the finest first.
    """
    lines: dict[Level, list[str]] = {}
    for r in sorted(rows, key=lambda row: (row.edition, row.level, row.row, row.col, row.period)):
        words = f'"{r.period.isoformat()}","{r.band.value}","{r.trend.value}","{r.observed.value}"'
        lines.setdefault(r.edition, []).append(f"[{int(r.level)},{r.row},{r.col},{words}]")
    return combine_digests(
        [hashlib.sha256(f"[{','.join(each)}]".encode()).hexdigest() for each in lines.values()]
    )


def combine_digests(digests: Sequence[str]) -> str:
    """One digest for several: itself where it is one, that of no rows where there is none."""
    if len(digests) < 2:
        return digests[0] if digests else EMPTY
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def write_batch(batch: NewBatch, rows: Mapping[Level, NewRows]) -> None:
    """Publish a batch: all its rows or none. From the commit on it is the one that is read, and its certificate waits for
    the log's signature."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO release.batch (id, geography_id, policy_version, digest, row_count, content_digest, certificate)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                batch.id,
                batch.geography_id,
                batch.policy_version,
                batch.digest,
                batch.row_count,
                batch.content_digest,
                batch.certificate,
            ],
        )
        for edition in sorted(rows):
            lines = rows[edition].write_copy(batch.id)
            with cursor.copy(f"COPY release.block ({COPIED}) FROM STDIN") as copy:
                for first in range(0, len(lines), CHUNK):
                    copy.write("".join(lines[first : first + CHUNK]))
        cursor.execute(
            "DELETE FROM release.block WHERE batch_id <> ALL"
            " (ARRAY(SELECT id FROM release.batch ORDER BY published_at DESC LIMIT %s))",
            [KEPT_BATCHES],
        )
        ask_signature(own_connection(), batch.certificate)


@lru_cache(maxsize=16_384)
def shape_row(row: tuple[Any, ...]) -> BlockRow:
    """A row of COLUMNS as what it means."""
    edition, level, block_row, block_col, period, band, trend, observed, is_whole = row
    return BlockRow(
        _LEVELS[edition],
        _LEVELS[level],
        block_row,
        block_col,
        period,
        _BANDS[band],
        _TRENDS[trend],
        _OBSERVED[observed],
        is_whole,
    )


@lru_cache(maxsize=16_384)
def shape_line(line: str) -> BlockRow:
    """The column `line` of a row, which holds the same as COLUMNS, as what it means."""
    edition, level, row, col, period, band, trend, observed, is_whole = line.split(" ")
    first = EPOCH + timedelta(days=int(period))
    return shape_row(
        (int(edition), int(level), int(row), int(col), first, band, trend, observed, is_whole == "true")
    )


# a page has thousands of rows, and calling an enum for each word would cost more than reading them
_LEVELS = {int(level): level for level in Level}
_BANDS = {band.value: band for band in ActivityBand}
_TRENDS = {trend.value: trend for trend in Trend}
_OBSERVED = {band.value: band for band in ObservedBand}

_BATCH = "SELECT id, published_at, policy_version, geography_id, digest, row_count FROM release.batch"


def list_batches(limit: int, before: datetime | None = None) -> list[BatchRow]:
    """Batches, newest first, published before `before` where it is given."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_BATCH} WHERE %(before)s::timestamptz IS NULL OR published_at < %(before)s"
            " ORDER BY published_at DESC LIMIT %(limit)s",
            {"before": before, "limit": limit},
        )
        return [BatchRow(*row) for row in cursor.fetchall()]


def find_batch(batch_id: UUID) -> BatchRow | None:
    """A batch, or None."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_BATCH} WHERE id = %s", [batch_id])
        row = cursor.fetchone()
    return BatchRow(*row) if row else None


def find_certificate(batch_id: UUID) -> str | None:
    """The certificate of a whole batch, canonical JSON; None for batches of before there were any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT certificate FROM release.batch WHERE id = %s", [batch_id])
        row = cursor.fetchone()
    return row[0] if row else None


def find_same_batch(geography_id: UUID, content_digest: str) -> UUID | None:
    """The newest batch, if it has these pieces and rows of this digest; else None."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, geography_id, content_digest FROM release.batch ORDER BY published_at DESC LIMIT 1"
        )
        newest = cursor.fetchone()
    return newest[0] if newest and newest[1:] == (geography_id, content_digest) else None
