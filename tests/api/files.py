"""How a test reads an exported file: each format by something that is not our writer, as squares with their values."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

FORMATS = ("geojson", "csv", "gpkg", "kml", "fgb")
MEDIA_TYPES = {
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "gpkg": "application/geopackage+sqlite3",
    "kml": "application/vnd.google-earth.kml+xml",
    "fgb": "application/flatgeobuf",
}
_KML = "{http://www.opengis.net/kml/2.2}"


@dataclass(frozen=True)
class Square:
    """One square of a file: corners as written (degrees, rounded to 1e-9), and its values as text."""

    bounds: tuple[float, float, float, float]
    values: dict[str, str]


def read_file(file_format: str, content: bytes) -> list[Square]:
    """All squares of a file, in its order."""
    return list(_READERS[file_format](content))


def open_geopackage(content: bytes) -> sqlite3.Connection:
    """The file as a database in memory."""
    database = sqlite3.connect(":memory:")
    database.deserialize(content)
    return database


def _read_geojson(content: bytes) -> Iterator[Square]:
    for feature in json.loads(content)["features"]:
        yield _square(feature["geometry"]["coordinates"][0], feature["properties"])


def _read_csv(content: bytes) -> Iterator[Square]:
    for row in csv.DictReader(io.StringIO(content.decode())):
        west, south, east, north = (float(row.pop(side)) for side in ("west", "south", "east", "north"))
        yield _square([(west, south), (east, north)], row)


def _read_gpkg(content: bytes) -> Iterator[Square]:
    database = open_geopackage(content)
    database.row_factory = sqlite3.Row
    for row in database.execute("SELECT * FROM activity ORDER BY fid"):
        values = dict(row)
        blob = values.pop("geom")
        assert blob[:2] == b"GP"
        numbers = struct.unpack("<10d", blob[-80:])
        del values["fid"]
        yield _square(list(zip(numbers[::2], numbers[1::2], strict=True)), values)


def _read_kml(content: bytes) -> Iterator[Square]:
    root = ElementTree.fromstring(content)  # noqa: S314 - our own file
    for placemark in root.iter(f"{_KML}Placemark"):
        text = placemark.findtext(f".//{_KML}coordinates") or ""
        ring = [tuple(map(float, pair.split(","))) for pair in text.split()]
        values = {d.attrib["name"]: d.findtext(f"{_KML}value") for d in placemark.iter(f"{_KML}Data")}
        yield _square(ring, values)


def _read_fgb(content: bytes) -> Iterator[Square]:
    """PostGIS reads it, into a table that it makes from the file's own head."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS public.read_back")
        cursor.execute("SELECT ST_FromFlatGeobufToTable('public', 'read_back', %s)", [content])
        cursor.execute(
            "SELECT ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom), to_jsonb(t) - 'geom' - 'id'"
            " FROM ST_FromFlatGeobuf(NULL::public.read_back, %s) AS t",
            [content],
        )
        rows = cursor.fetchall()
        cursor.execute("DROP TABLE public.read_back")
    for west, south, east, north, values in rows:
        yield _square(
            [(west, south), (east, north)], values if isinstance(values, dict) else json.loads(values)
        )


def _square(ring: Any, values: dict[str, Any]) -> Square:
    xs, ys = [point[0] for point in ring], [point[1] for point in ring]
    bounds = (min(xs), min(ys), max(xs), max(ys))
    return Square(
        tuple(round(x, 9) for x in bounds),
        {name: str(value) for name, value in values.items() if value not in (None, "")},
    )


_READERS = {
    "geojson": _read_geojson,
    "csv": _read_csv,
    "gpkg": _read_gpkg,
    "kml": _read_kml,
    "fgb": _read_fgb,
}
