"""The plausibility prior: a public layer of cell weights, kept as tiles of 100 x 100 cells. The newest one acts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from monitor.grid import IntArray
from monitor.privacy.hiding import TILE

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PriorRow:
    """A loaded prior. digest: SHA-256 over its tiles. cells: how many have a weight above zero."""

    id: UUID
    name: str
    is_even: bool
    digest: str
    cells: int


def write_prior(name: str, tiles: Iterable[tuple[int, int, Weights]], is_even: bool = False) -> PriorRow:
    """Keep a prior, and let it act from the next batch on; tiles of the one before go.

    tiles: row and column at L3 in any order, each once, and weights, float32 (100, 100), at least 0, row 0 in the south.
    A cell in no tile weighs nothing. Raises ValueError for a weight that is negative or no number.
    """
    prior_id, cells, digests = uuid4(), 0, []
    with transaction.atomic(), connection.cursor() as cursor:
        for row, col, weights in tiles:
            if (
                weights.shape != (TILE, TILE)
                or not bool(np.isfinite(weights).all())
                or bool((weights < 0).any())
            ):
                raise ValueError("A prior's weights must be numbers of at least 0.")
            if not weights.any():
                continue
            content = weights.astype("<f4").tobytes()
            cursor.execute(
                "INSERT INTO release.prior_tile VALUES (%s, %s, %s, %s)", [prior_id, row, col, content]
            )
            cells += int((weights > 0).sum())
            digests.append(f"{row},{col},{hashlib.sha256(content).hexdigest()}")
        digest = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
        cursor.execute(
            "INSERT INTO release.prior (id, name, is_even, digest, cells) VALUES (%s, %s, %s, %s, %s)",
            [prior_id, name, is_even, digest, cells],
        )
        cursor.execute("DELETE FROM release.prior_tile WHERE prior_id <> %s", [prior_id])
    return PriorRow(prior_id, name, is_even, digest, cells)


def find_prior() -> PriorRow | None:
    """The prior that acts, or None: every cell of a known region is then as plausible as any other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, is_even, digest, cells FROM release.prior ORDER BY loaded_at DESC LIMIT 1"
        )
        row = cursor.fetchone()
    prior = PriorRow(*row) if row else None
    return None if prior is None or prior.is_even else prior


def read_weights(prior_id: UUID, tiles: IntArray) -> Weights:
    """The weights of tiles, float32 (tiles, 100, 100); zero where the prior says nothing."""
    weights = np.zeros((len(tiles), TILE, TILE), dtype=np.float32)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.position - 1, tile.weights FROM unnest(%s::smallint[], %s::smallint[])"
            " WITH ORDINALITY AS wanted (row, col, position) JOIN release.prior_tile tile"
            " ON tile.prior_id = %s AND tile.row = wanted.row AND tile.col = wanted.col",
            [tiles[:, 0].tolist(), tiles[:, 1].tolist(), prior_id],
        )
        for position, content in cursor.fetchall():
            weights[position] = np.frombuffer(content, dtype="<f4").reshape(TILE, TILE)
    return weights
