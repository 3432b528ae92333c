"""KML 2.2: one placemark a square. No view, no region and no name: each of them would be a place of its own (LC-13)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from monitor.api.files.tables import Columns, about_of, columns_of, read_parts
from monitor.privacy.released_files import ExactFile, ReleasedFile

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'


def write_kml(shape: ExactFile | ReleasedFile) -> Iterator[bytes]:
    """The file, part by part. A file that was cut has no closing tags, so it is no XML."""
    provenance, columns = shape.provenance, columns_of(shape)
    names = ("precision_deg", "rule", "policy_version", "generalised", "level")
    about = zip(names, [*about_of(provenance), provenance.level], strict=True)
    yield f"{_HEAD}<ExtendedData>{''.join(_datum(name, value) for name, value in about)}</ExtendedData>\n".encode()
    for rows in read_parts(shape):
        yield "".join(_placemark(columns, row) for row in rows).encode()
    yield b"</Document></kml>\n"


def _placemark(columns: Columns, row: list[str]) -> str:
    west, south, east, north = row[:4]
    ring = f"{west},{south} {east},{south} {east},{north} {west},{north} {west},{south}"
    data = "".join(_datum(name, value) for (name, _), value in zip(columns, row[4:], strict=True) if value)
    return (
        f"<Placemark><ExtendedData>{data}</ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>\n"
    )


def _datum(name: str, value: str) -> str:
    return f'<Data name="{name}"><value>{escape(value)}</value></Data>'
