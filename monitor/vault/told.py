"""What batches have told of pieces, and when: kept so that none tells anything anew that few cells could have changed.

Exact counts of whole pieces, read and written by the worker alone. Nothing is ever changed or deleted here: whoever keeps
batches has what was told once, so it is remembered for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.grid import IntArray
from monitor.vault.blocks import NEVER


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of the pieces of one edition under the models that act.

    last, at: int (pieces,), the latest `number_month` of which anything was told, and when anything was told last,
    microseconds since 1970; NEVER for both where nothing was. piece, month, active, told_at: what stands of it, int (n,), in
    the order of months: how many cells of a piece were active by the end of a month in which it had settled, and when that
    was told. What was told later of an earlier or the same month took the place of it.
    """

    last: IntArray
    at: IntArray
    piece: IntArray
    month: IntArray
    active: IntArray
    told_at: IntArray


@dataclass(frozen=True, slots=True)
class Telling:
    """What a batch tells of pieces for the first time, or anew; int arrays (n,). piece: numbers of pieces."""

    piece: IntArray
    month: IntArray
    active: IntArray


def read_told(models: Sequence[UUID], names: Sequence[bytes]) -> Told:
    """What was told of pieces under these models and no others. names: of all pieces of an edition (`name_pieces`)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name.number - 1, told.month, told.active, (extract(epoch FROM told.told_at) * 1000000)::bigint,"
            " coalesce(told.month < min(told.month) OVER (PARTITION BY name.number ORDER BY told.told_at DESC"
            "  GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true)::int"
            " FROM unnest(%s::bytea[]) WITH ORDINALITY AS name (piece, number)"
            " JOIN vault.told told ON told.models = %s AND told.piece = name.piece"
            " ORDER BY told.month",
            [list(names), _name_models(models)],
        )
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 5)
    piece, month, active, told_at, stands = rows.T
    last, at = (np.full(len(names), NEVER, dtype=np.int64) for _ in range(2))
    np.maximum.at(last, piece, month)
    np.maximum.at(at, piece, told_at)
    kept = stands > 0
    return Told(last, at, piece[kept], month[kept], active[kept], told_at[kept])


def keep_told(models: Sequence[UUID], names: Sequence[bytes], telling: Telling) -> None:
    """Remember what the batch of the present transaction tells; all of one edition at once, after its scores were read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.told (models, piece, month, active, told_at)"
            " SELECT %s, new.*, statement_timestamp() FROM unnest(%s::bytea[], %s::int[], %s::int[]) AS new",
            [
                _name_models(models),
                [names[piece] for piece in telling.piece.tolist()],
                telling.month.tolist(),
                telling.active.tolist(),
            ],
        )


def _name_models(models: Sequence[UUID]) -> bytes:
    return hashlib.sha256(b"".join(sorted(model.bytes for model in models))).digest()[:16]
