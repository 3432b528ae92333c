"""A vector tile: boxes from rows and columns against PostGIS, over stored geometry and over envelopes that it makes."""

from __future__ import annotations

from django.db import connection

from monitor.grid import Level
from monitor.tiles import Square, TileAddress, encode_tile
from tests.bench.country import Country
from tests.bench.measuring import Figure, compare
from tests.roles import as_role
from tests.tile_reader import read_tile

ADDRESS = TileAddress(8, 143, 125)
_FOUND = "state = 'active' AND row >= %(r0)s AND row < %(r1)s AND col >= %(c0)s AND col < %(c1)s"
_ROWS = (
    f"SELECT row, col, state, mine_class, probability FROM public.bench_cell WHERE {_FOUND} ORDER BY row, col"
)
_GEOMETRY = """
    SELECT ST_AsMVT(cell, 'activity', 4096, 'geom') FROM (
        SELECT ST_AsMVTGeom(ST_Transform(geom, 3857), ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64) AS geom, row, col,
            state, mine_class, probability
        FROM public.bench_cell
        WHERE state = 'active' AND geom && ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4326)
    ) AS cell
"""
_LINE = (
    "round((0.5 - asinh(tan(radians((row + {k} - 9000) / 100.0))) / (2 * pi())) * %(world)s) - %(y)s * 4096"
)
_ENVELOPES = f"""
    SELECT ST_AsMVT(cell, 'activity', 4096, 'geom') FROM (
        SELECT ST_MakeEnvelope(col * %(world)s::bigint / 36000 - %(x)s * 4096, {_LINE.format(k=1)},
                (col + 1) * %(world)s::bigint / 36000 - %(x)s * 4096, {_LINE.format(k=0)}) AS geom,
            row, col, state, mine_class, probability
        FROM public.bench_cell WHERE {_FOUND}
    ) AS cell
"""


def compare_tiles(country: Country) -> list[Figure]:
    """Both ways of PostGIS against ours, on the peer's table, so that the ledger plays no part."""
    box = ADDRESS.box
    rows = {"r0": box.row_from, "r1": box.row_to, "c0": box.col_from, "c1": box.col_to}
    values = rows | {"z": ADDRESS.z, "x": ADDRESS.x, "y": ADDRESS.y, "world": 4096 << ADDRESS.z}

    def read(statement: str) -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return bytes(cursor.fetchone()[0])

    def ours() -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, values)
            names = ("row", "col", "state", "class", "probability")
            found = cursor.fetchall()
        return encode_tile(
            ADDRESS, [(Level.L0, Square(row[0], row[1], dict(zip(names, row, strict=True)))) for row in found]
        )

    count = len(read_tile(ours()))
    with as_role("penumbra_web"):
        return [
            compare(
                f"a tile of {count} cells, boxes from rows and columns",
                ours,
                lambda: read(_GEOMETRY),
                "peer: ST_AsMVT over stored geometry, transformed and clipped by PostGIS",
            ),
            compare(
                f"a tile of {count} cells, written by PostGIS from integers",
                ours,
                lambda: read(_ENVELOPES),
                "peer: ST_AsMVT over envelopes made from row and column in SQL, not clipped",
            ),
        ]
