"""Published blocks as FlatGeobuf, written by PostGIS from integers; and how such a file is cut into head and features.

A file without an index is a head and then features, so the features of several files with one head make one file.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from monitor.grid import Level
from monitor.privacy.certificate import period_text
from monitor.releases.batches import BlockRow

MAGIC_BYTES = 8

_BLOCKS = """
    SELECT public.ST_AsFlatGeobuf(square, false, 'geom') FROM (
        SELECT
            public.ST_MakeEnvelope(
                (b.col * b.n - 18000) / 100.0, (b.row * b.n - 9000) / 100.0,
                ((b.col + 1) * b.n - 18000) / 100.0, ((b.row + 1) * b.n - 9000) / 100.0, 4326
            ) AS geom,
            b.level, b.row, b.col, b.period, b.band, b.trend, b.observed, b.part,
            b.n / 100.0::float8 AS precision_deg,
            %s::text AS rule, %s::text AS policy_version, true AS generalised
        FROM unnest(%s::text[], %s::int[], %s::int[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::text[]) WITH ORDINALITY AS b (level, n, row, col, period, band, trend, observed, part, number)
        ORDER BY b.number
    ) AS square
"""
_NO_CELL = """
    SELECT public.ST_AsFlatGeobuf(cell, false, 'geom') FROM (
        SELECT public.ST_MakeEnvelope(0, 0, 1, 1, 4326) AS geom, 0::int AS row, 0::int AS col, ''::text AS state,
            ''::text AS class, 0::float8 AS probability, 0::float8 AS low, 0::float8 AS high, ''::text AS observed_on,
            0::float8 AS valid_share, ''::text AS confidence, ''::text AS public_elsewhere, ''::text AS level,
            0::float8 AS precision_deg, ''::text AS rule, ''::text AS policy_version, false AS generalised
    ) AS cell
"""


def cut_flatgeobuf(file: bytes) -> tuple[bytes, bytes]:
    """Head and features of a FlatGeobuf file without an index. Nothing of nothing for an empty one."""
    if not file:
        return b"", b""
    end = MAGIC_BYTES + 4 + int.from_bytes(file[MAGIC_BYTES : MAGIC_BYTES + 4], "little")
    return file[:end], file[end:]


def write_flatgeobuf_features(blocks: Sequence[BlockRow], rule: str, policy: str) -> bytes:
    """The features of these blocks, in their order, without a head."""
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKS, [rule, policy, *_columns(blocks)])
        return cut_flatgeobuf(bytes(cursor.fetchone()[0] or b""))[1]


def write_flatgeobuf_head() -> bytes:
    """What begins a file of blocks."""
    with connection.cursor() as cursor:
        cursor.execute(
            _BLOCKS, ["", "", [Level.L3.name], [Level.L3.span], [0], [0], *([""] for _ in range(5))]
        )
        return cut_flatgeobuf(bytes(cursor.fetchone()[0]))[0]


def write_flatgeobuf_head_of_cells() -> bytes:
    """What begins a file of cells as `vault.exact_activity` writes them. Made from a row that is no cell."""
    with connection.cursor() as cursor:
        cursor.execute(_NO_CELL)
        return cut_flatgeobuf(bytes(cursor.fetchone()[0]))[0]


def _columns(blocks: Sequence[BlockRow]) -> list[list[object]]:
    return [
        [block.level.name for block in blocks],
        [block.level.span for block in blocks],
        [block.row for block in blocks],
        [block.col for block in blocks],
        [period_text(block.edition, block.period) for block in blocks],
        [block.band.value for block in blocks],
        [block.trend.value for block in blocks],
        [block.observed.value for block in blocks],
        ["whole" if block.is_whole else "rest" for block in blocks],
    ]
