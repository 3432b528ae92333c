"""Publish a batch and read batches: the rows of schema `release`."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend

KEPT_BATCHES = 2
"""So many batches keep their rows: what was withdrawn is gone with the second batch after it, and a page that was begun
before a new batch can be read to its end. Older ones keep their digest only."""


@dataclass(frozen=True, slots=True, order=True)
class BlockRow:
    """One published block of one month, as it is stored."""

    level: Level
    row: int
    col: int
    period: date
    band: ActivityBand
    trend: Trend
    observed: ObservedBand


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One published batch, or the part of it that some regions cover, without its rows."""

    id: UUID
    published_at: datetime
    policy_version: str
    digest: str
    row_count: int


def digest_rows(rows: Sequence[BlockRow]) -> str:
    """SHA-256 over the rows in canonical order, so that anybody with the rows can check what was published."""
    lines = [
        [int(r.level), r.row, r.col, r.period.isoformat(), r.band.value, r.trend.value, r.observed.value]
        for r in sorted(rows)
    ]
    return hashlib.sha256(json.dumps(lines, separators=(",", ":")).encode()).hexdigest()


def write_batch(rows: Sequence[BlockRow], policy_version: str) -> UUID:
    """Publish a batch: all its rows or none; its id. From the commit on it is the one that is read."""
    batch_id = uuid4()
    ordered = sorted(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO release.batch (id, policy_version, digest, row_count) VALUES (%s, %s, %s, %s)",
            [batch_id, policy_version, digest_rows(ordered), len(ordered)],
        )
        cursor.execute(
            "INSERT INTO release.block (batch_id, level, row, col, period, band, trend, observed)"
            " SELECT %s, * FROM unnest(%s::smallint[], %s::int[], %s::int[], %s::date[], %s::text[], %s::text[],"
            " %s::text[])",
            [
                batch_id,
                [int(r.level) for r in ordered],
                [r.row for r in ordered],
                [r.col for r in ordered],
                [r.period for r in ordered],
                [r.band.value for r in ordered],
                [r.trend.value for r in ordered],
                [r.observed.value for r in ordered],
            ],
        )
        _write_parts(batch_id)
        cursor.execute(
            "DELETE FROM release.block WHERE batch_id NOT IN"
            " (SELECT id FROM release.batch ORDER BY published_at DESC LIMIT %s)",
            [KEPT_BATCHES],
        )
    return batch_id


def _write_parts(batch_id: UUID) -> None:
    """Keep, for each region, how many rows of the batch it covers and their digest."""
    parts: dict[UUID, list[BlockRow]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT held.region_id, b.level, b.row, b.col, b.period, b.band, b.trend, b.observed FROM release.block b"
            " JOIN release.region_block held ON held.level = b.level AND held.row = b.row AND held.col = b.col"
            " WHERE b.batch_id = %s",
            [batch_id],
        )
        for region_id, *row in cursor.fetchall():
            parts[region_id].append(shape_row(tuple(row)))
        cursor.execute(
            "INSERT INTO release.batch_region (batch_id, region_id, digest, row_count)"
            " SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %s::int[])",
            [
                batch_id,
                list(parts),
                [digest_rows(rows) for rows in parts.values()],
                [len(rows) for rows in parts.values()],
            ],
        )


@lru_cache(maxsize=16_384)
def shape_row(row: tuple[Any, ...]) -> BlockRow:
    """A row of `release.block` (level, row, col, period, band, trend, observed) as what it means."""
    level, block_row, block_col, period, band, trend, observed = row
    return BlockRow(
        _LEVELS[level], block_row, block_col, period, _BANDS[band], _TRENDS[trend], _OBSERVED[observed]
    )


# a page has thousands of rows, and calling an enum for each word would cost more than reading them
_LEVELS = {int(level): level for level in Level}
_BANDS = {band.value: band for band in ActivityBand}
_TRENDS = {trend.value: trend for trend in Trend}
_OBSERVED = {band.value: band for band in ObservedBand}


def list_batches(limit: int, before: datetime | None = None) -> list[BatchRow]:
    """Batches, newest first, published before `before` where it is given."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, published_at, policy_version, digest, row_count FROM release.batch"
            " WHERE %(before)s::timestamptz IS NULL OR published_at < %(before)s"
            " ORDER BY published_at DESC LIMIT %(limit)s",
            {"before": before, "limit": limit},
        )
        return [BatchRow(*row) for row in cursor.fetchall()]


def list_batches_of_regions(
    regions: Sequence[UUID], limit: int, before: datetime | None = None
) -> list[BatchRow]:
    """As `list_batches`, but digest and row count speak of the rows that these regions cover and of no others (P5).

    The digest of one region is `digest_rows` of its rows; that of several is SHA-256 over their hex digests in the order
    of the regions' ids. A block on a border counts in each of its regions.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id, b.published_at, b.policy_version,"
            " array_agg(coalesce(part.digest, %(empty)s) ORDER BY held.id), coalesce(sum(part.row_count), 0)"
            " FROM release.batch b LEFT JOIN unnest(%(regions)s::uuid[]) AS held (id) ON true"
            " LEFT JOIN release.batch_region part ON part.batch_id = b.id AND part.region_id = held.id"
            " WHERE %(before)s::timestamptz IS NULL OR b.published_at < %(before)s"
            " GROUP BY b.id ORDER BY b.published_at DESC LIMIT %(limit)s",
            {"regions": list(regions), "empty": digest_rows([]), "before": before, "limit": limit},
        )
        return [
            BatchRow(
                identifier,
                published_at,
                policy,
                digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest(),
                int(rows),
            )
            for identifier, published_at, policy, digests, rows in cursor.fetchall()
        ]
