"""Publish a batch and read batches: the rows of schema `release`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from django.db import connection, transaction

from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend


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
    """One published batch, without its rows."""

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
    return batch_id


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
