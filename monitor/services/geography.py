"""Renew the geography of releases: which cells are plausible, and which pieces hide them well enough (P3).

Runs as the worker, before a batch. Reads regions, the prior and what is remembered of each tile; never a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from monitor.grid import IntArray, Level
from monitor.privacy.ground import settle
from monitor.privacy.hiding import TILE, MaskArray
from monitor.privacy.pieces import Edition
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.shown import Map
from monitor.releases.geography import draw_map, list_tiles, read_tiles, write_geography, write_tiles
from monitor.releases.priors import find_prior, read_weights
from monitor.vault.plausible import read_known_cells


@dataclass(frozen=True, slots=True)
class Geography:
    """What a batch publishes. tiles: int (tiles, 2). counted: bool (tiles, 100, 100), the plausible cells."""

    id: UUID
    tiles: IntArray
    counted: MaskArray
    editions: Mapping[Level, Edition]
    map: Map


def renew_geography() -> Geography:
    """The geography of the next batch: the one before, if nothing public has changed.

    A block is never published at a finer level than before, and cells come and go only where they are enough to hide
    among (`privacy/ground.py`). Raises GroundSpoilt; then nothing is kept.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # one at a time: what a tile remembers is read, changed and written
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('release.tile'))")
        tiles, wanted = _gather_wanted()
        prior = find_prior()
        weights = read_weights(prior.id, tiles) if prior else None
        if weights is not None:
            wanted &= weights > 0
        before, floors = read_tiles(tiles)
        after, editions = settle(tiles, before, wanted, floors, weights)
        write_tiles(tiles, before, floors, after, editions)
        ground = draw_map(tiles, editions)
        geography_id = write_geography(POLICY_VERSION, prior.id if prior else None, ground)
    return Geography(geography_id, tiles, after.counted, editions, ground)


def _gather_wanted() -> tuple[IntArray, MaskArray]:
    """The cells of the known regions, by tile; with the tiles of regions that are known no longer, which hold none."""
    tiles, known = read_known_cells()
    present = {(row, col) for row, col in tiles.tolist()}
    gone = [tile for tile in list_tiles().tolist() if tuple(tile) not in present]
    if gone:
        tiles = np.concatenate([tiles, np.array(gone, dtype=np.int64)])
        known = np.concatenate([known, np.zeros((len(gone), TILE, TILE), dtype=bool)])
        order = np.lexsort((tiles[:, 1], tiles[:, 0]))
        tiles, known = tiles[order], known[order]
    return tiles, known
