"""The pieces of the editions, kept: which block is published in which piece, and of which regions a piece shows ground.

A geography is written once and never changed; a batch names the one that it was made with. What has to be remembered of
each tile, so that a level never gets finer, is kept beside it.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import numpy.typing as npt
from django.db import connection

from monitor.grid import COLS, IntArray, Level
from monitor.privacy.ground import Ground, bare_ground
from monitor.privacy.hiding import ACROSS, EDITIONS, TILE
from monitor.privacy.pieces import Edition, Floors
from monitor.privacy.shown import EditionFigures, Map

TILE_COLS = COLS // TILE
_COLUMNS = [field.name for field in fields(EditionFigures)]
Arrays = Mapping[str, npt.NDArray[np.generic]]


def list_tiles() -> IntArray:
    """Rows and columns of all tiles that are remembered, int (tiles, 2)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT row, col FROM release.tile ORDER BY row, col")
        return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)


def read_tiles(tiles: IntArray) -> tuple[Ground, Floors]:
    """What is remembered of tiles, in their order; bare ground for one that is new."""
    ground = bare_ground(len(tiles))
    levels = np.zeros((len(tiles), 126), dtype=np.int8)
    place = {(row, col): number for number, (row, col) in enumerate(tiles.tolist())}
    with connection.cursor() as cursor:
        cursor.execute("SELECT row, col, counted, groups, levels FROM release.tile")
        for row, col, counted, groups, known in cursor.fetchall():
            if (number := place.get((row, col))) is not None:
                bits = np.unpackbits(np.frombuffer(counted, dtype=np.uint8), bitorder="little")
                ground.counted[number] = bits.astype(bool).reshape(TILE, TILE)
                ground.groups[number] = np.frombuffer(zlib.decompress(groups), dtype="<u2").reshape(
                    TILE, TILE
                )
                levels[number] = np.frombuffer(known, dtype=np.int8)
    return ground, _split_levels(levels)


def write_tiles(
    tiles: IntArray, before: Ground, floors: Floors, after: Ground, editions: Mapping[Level, Edition]
) -> None:
    """Remember what has changed of tiles. before, floors: what `read_tiles` found."""
    known = _join_levels(floors)
    levels = np.maximum(known, _join_levels({level: editions[level].levels for level in EDITIONS}))
    is_changed = (
        (levels != known).any(axis=1)
        | (after.counted != before.counted).any(axis=(1, 2))
        | (after.groups != before.groups).any(axis=(1, 2))
    )
    lines = []
    for number in np.flatnonzero(is_changed).tolist():
        bits = np.packbits(after.counted[number].reshape(-1), bitorder="little").tobytes()
        groups = zlib.compress(after.groups[number].astype("<u2").tobytes(), 1)
        lines.append((*tiles[number].tolist(), bits, groups, levels[number].tobytes()))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO release.tile (row, col, counted, groups, levels)"
            " SELECT * FROM unnest(%s::smallint[], %s::smallint[], %s::bytea[], %s::bytea[], %s::bytea[])"
            " ON CONFLICT (row, col) DO UPDATE SET counted = excluded.counted, groups = excluded.groups,"
            " levels = excluded.levels",
            [[line[number] for line in lines] for number in range(5)],
        )


def _split_levels(levels: npt.NDArray[np.int8]) -> Floors:
    parts = np.split(levels, [100, 125], axis=1)
    shapes = [(-1, ACROSS[level], ACROSS[level]) for level in EDITIONS]
    return {level: part.reshape(shape) for level, part, shape in zip(EDITIONS, parts, shapes, strict=True)}


def _join_levels(levels: Mapping[Level, npt.NDArray[np.int8]]) -> npt.NDArray[np.int8]:
    return np.concatenate([levels[level].reshape(len(levels[level]), -1) for level in EDITIONS], axis=1)


def draw_map(tiles: IntArray, editions: Mapping[Level, Edition]) -> Map:
    """The map of editions: of which regions their pieces show ground, by the blocks that a region touches."""
    figures = {}
    for level in EDITIONS:
        pieces, hiding = editions[level].pieces, editions[level].pieces.hiding
        figures[level] = EditionFigures(
            pieces.level,
            pieces.row,
            pieces.col,
            pieces.is_whole,
            pieces.parent,
            pieces.tile,
            pieces.blocks,
            hiding.cells,
            hiding.k_eff,
            hiding.largest_prior,
            editions[level].hidden,
        )
    piece_of, across = editions[Level.L1].piece_of, ACROSS[Level.L1]
    known = tiles[:, 0] * TILE_COLS + tiles[:, 1]
    regions = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT region_id, array_agg(row), array_agg(col) FROM release.region_block WHERE level = 1"
            " GROUP BY region_id ORDER BY region_id"
        )
        for region_id, rows, cols in cursor.fetchall():
            row, col = np.array(rows, dtype=np.int64), np.array(cols, dtype=np.int64)
            tile = np.searchsorted(known, row // across * TILE_COLS + col // across)
            numbers = np.unique(piece_of[tile, row % across, col % across])
            regions[region_id] = numbers[numbers >= 0]
    return Map(tiles, figures, regions)


def write_geography(policy_version: str, prior_id: UUID | None, ground: Map) -> UUID:
    """Keep a geography, if it is another than the newest; its id."""
    arrays = _pack(ground)
    digest = hashlib.sha256(f"{policy_version} {prior_id}".encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, digest FROM release.geography ORDER BY made_at DESC LIMIT 1")
        newest = cursor.fetchone()
        if newest is not None and newest[1] == digest.hexdigest():
            return newest[0]  # type: ignore[no-any-return]
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        geography_id = uuid4()
        cursor.execute(
            "INSERT INTO release.geography (id, policy_version, prior_id, digest, content) VALUES (%s, %s, %s, %s, %s)",
            [
                geography_id,
                policy_version,
                prior_id,
                digest.hexdigest(),
                zlib.compress(content.getvalue(), 1),
            ],
        )
    return geography_id


@lru_cache(maxsize=3)
def read_map(geography_id: UUID) -> Map:
    """The map of a geography. It never changes, so each process reads it once. Raises KeyError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM release.geography WHERE id = %s", [geography_id])
        row = cursor.fetchone()
    if row is None:
        raise KeyError("There is no such geography.")
    with np.load(io.BytesIO(zlib.decompress(row[0])), allow_pickle=False) as content:
        return _unpack({name: content[name] for name in content.files})


def _pack(ground: Map) -> dict[str, npt.NDArray[np.generic]]:
    arrays: dict[str, npt.NDArray[np.generic]] = {"tiles": ground.tiles}
    for level in EDITIONS:
        for name in _COLUMNS:
            arrays[f"{level.name}_{name}"] = np.asarray(getattr(ground.editions[level], name))
    regions = sorted(ground.region_pieces)
    numbers = [ground.region_pieces[region] for region in regions]
    arrays["regions"] = np.array([str(region) for region in regions], dtype="U36")
    arrays["region_sizes"] = np.array([len(each) for each in numbers], dtype=np.int64)
    arrays["region_pieces"] = np.concatenate([*numbers, np.empty(0, dtype=np.int64)])
    return arrays


def _unpack(arrays: Arrays) -> Map:
    figures = {}
    for level in EDITIONS:
        columns: dict[str, Any] = {name: arrays[f"{level.name}_{name}"] for name in _COLUMNS}
        figures[level] = EditionFigures(**columns | {"hidden": int(columns["hidden"])})
    ends = np.cumsum(arrays["region_sizes"])[:-1]
    numbers = np.split(arrays["region_pieces"], ends) if len(arrays["regions"]) else []
    regions = dict(zip((UUID(str(region)) for region in arrays["regions"]), numbers, strict=True))
    return Map(arrays["tiles"], figures, regions)  # type: ignore[arg-type]
