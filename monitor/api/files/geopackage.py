"""OGC GeoPackage 1.3 on the standard library's sqlite3: built in memory, never on disk, never by deleting from a copy.

A new database has no free pages, and its bytes follow from its rows alone: the date of the last change is that of the
release, not the clock's. It cannot be sent before it is whole, so it is bounded (`door/exports.py`).
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing

from monitor.api.files.tables import Kind, about_of, columns_of, read_parts
from monitor.privacy.released_files import ExactFile, ReleasedFile

APPLICATION_ID = 0x47504B47  # "GPKG"
USER_VERSION = 10300
PAGE_SIZE = 4096
TABLE = "activity"
NO_RELEASE = "1970-01-01T00:00:00.000Z"
"""Date of a file that no batch stands behind: exact cells, or nothing published yet."""

_SYSTEM_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT
);
CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
    last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
    z TINYINT NOT NULL, m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents (table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);
"""
_WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)
_REFERENCE_SYSTEMS = (
    (
        "Undefined cartesian SRS",
        -1,
        "NONE",
        -1,
        "undefined",
        "undefined cartesian coordinate reference system",
    ),
    (
        "Undefined geographic SRS",
        0,
        "NONE",
        0,
        "undefined",
        "undefined geographic coordinate reference system",
    ),
    ("WGS 84 geodetic", 4326, "EPSG", 4326, _WGS84, "longitude and latitude in degrees"),
)
# "GP", version 0, flags: little-endian, no envelope; SRS; then a polygon (3) of one ring of five points
_BLOB = struct.Struct("<2sBBi BIII 10d")


def write_geopackage(shape: ExactFile | ReleasedFile) -> bytes:
    """The whole file. Raises what the stream raises; then nothing of it has left."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {USER_VERSION}")
        database.executescript(_SYSTEM_TABLES)
        with database:
            database.executemany(
                "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _REFERENCE_SYSTEMS
            )
            extent = _write_squares(database, shape)
            database.execute(
                "INSERT INTO gpkg_contents VALUES (?, 'features', ?, ?, ?, ?, ?, ?, ?, 4326)",
                [TABLE, TABLE, _describe(shape), _last_change(shape), *extent],
            )
            database.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', 4326, 0, 0)", [TABLE]
            )
        return database.serialize()


def _write_squares(database: sqlite3.Connection, shape: ExactFile | ReleasedFile) -> tuple[float | None, ...]:
    """Write the table of squares; its extent, which is that of its squares."""
    columns = columns_of(shape)
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    database.execute(
        f"CREATE TABLE {TABLE} (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom POLYGON, {declared})"
    )
    marks = ", ".join("?" * (1 + len(columns)))
    names = ", ".join(f'"{name}"' for name in ("geom", *(name for name, _ in columns)))
    insert = f"INSERT INTO {TABLE} ({names}) VALUES ({marks})"  # noqa: S608
    corners: list[tuple[float, ...]] = []
    for rows in read_parts(shape):
        bounds = [tuple(map(float, row[:4])) for row in rows]
        database.executemany(insert, _values(rows, bounds, [kind for _, kind in columns]))
        if bounds:
            corners = [_extent([*corners, *bounds])]
    return corners[0] if corners else (None, None, None, None)


def _values(
    rows: list[list[str]], bounds: list[tuple[float, ...]], kinds: list[Kind]
) -> Iterator[list[object]]:
    for row, square in zip(rows, bounds, strict=True):
        yield [_blob(*square), *(_value(text, kind) for text, kind in zip(row[4:], kinds, strict=True))]


def _value(text: str, kind: Kind) -> object:
    if not text:
        return None
    match kind:
        case Kind.INTEGER:
            return int(text)
        case Kind.REAL:
            return float(text)
        case Kind.FLAG:
            return int(text == "true")
    return text


def _blob(west: float, south: float, east: float, north: float) -> bytes:
    ring = (west, south, east, south, east, north, west, north, west, south)
    return _BLOB.pack(b"GP", 0, 1, 4326, 1, 3, 1, 5, *ring)


def _extent(bounds: list[tuple[float, ...]]) -> tuple[float, ...]:
    wests, souths, easts, norths = zip(*bounds, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _describe(shape: ExactFile | ReleasedFile) -> str:
    names = ("precision_deg", "rule", "policy_version", "generalised", "level")
    about = [*about_of(shape.provenance), shape.provenance.level]
    return json.dumps(dict(zip(names, about, strict=True)))


def _last_change(shape: ExactFile | ReleasedFile) -> str:
    if isinstance(shape, ReleasedFile) and shape.published_at is not None:
        return f"{shape.published_at:%Y-%m-%dT%H:%M:%S}.000Z"
    return NO_RELEASE
