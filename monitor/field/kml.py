"""KML (pure): the placemarks of a file, with their fields and shapes. No Django, no files.

In the words of OGC KML 2.2: shapes in degrees of WGS 84, longitude first; placemarks in folders in folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from monitor.field.outside import OutsideRefused, read_degrees

_WHEN = {"TimeStamp/when": "timestamp", "TimeSpan/begin": "begin", "TimeSpan/end": "end", "name": "name"}


@dataclass(frozen=True, slots=True)
class Placemark:
    """One placemark. fields: its extended data by name, its name, and `timestamp`, `begin` and `end`, where they are
    stated. geometry: as GeoJSON, or None where it has none that is read here."""

    fields: Mapping[str, str]
    geometry: Mapping[str, Any] | None


def read_placemarks(content: bytes) -> list[Placemark]:
    """All placemarks of a KML file, in whatever folders. Raises OutsideRefused where it is none, or holds none."""
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - an operator's own file; expat bounds entities
    except ElementTree.ParseError:
        raise OutsideRefused("The file is no KML, or was cut off; save it again (KMZ: unpack it).") from None
    found = [
        Placemark(_read_fields(each), _read_shape(each)) for each in root.iter() if _name(each) == "Placemark"
    ]
    if not found:
        raise OutsideRefused("The KML file holds no placemark; give the file that holds the polygons.")
    return found


def _read_fields(placemark: ElementTree.Element) -> dict[str, str]:
    fields = {}
    for path, name in _WHEN.items():
        for element in _find(placemark, path):
            fields[name] = (element.text or "").strip()
    for data in _find(placemark, "ExtendedData/Data"):
        fields[data.get("name", "")] = "".join(value.text or "" for value in _find(data, "value")).strip()
    for data in _find(placemark, "ExtendedData/SchemaData/SimpleData"):
        fields[data.get("name", "")] = (data.text or "").strip()
    return fields


def _read_shape(placemark: ElementTree.Element) -> dict[str, Any] | None:
    """What a placemark draws; None where that is nothing, or cannot be read in all its parts."""
    try:
        shapes = _read_parts(placemark)
    except (ValueError, IndexError):
        return None
    return {"type": "GeometryCollection", "geometries": shapes} if shapes else None


def _read_parts(element: ElementTree.Element) -> list[dict[str, Any]]:
    """The shapes within an element. Raises ValueError, IndexError."""
    found: list[dict[str, Any]] = []
    for child in element:
        kind = _name(child)
        if kind == "MultiGeometry":
            found += _read_parts(child)
        elif kind == "Polygon":
            rings = [
                *_find(child, "outerBoundaryIs/LinearRing/coordinates"),
                *_find(child, "innerBoundaryIs/LinearRing/coordinates"),
            ]
            found.append({"type": kind, "coordinates": [_read_positions(ring) for ring in rings]})
        elif kind in {"Point", "LineString"}:
            (line,) = _find(child, "coordinates")
            positions = _read_positions(line)
            found.append({"type": kind, "coordinates": positions if kind == "LineString" else positions[0]})
    return found


def _read_positions(element: ElementTree.Element) -> list[list[float]]:
    """Longitude and latitude of each position. Raises ValueError."""
    positions = []
    for text in (element.text or "").split():
        lon, lat = text.split(",")[:2]
        positions.append([read_degrees(lon), read_degrees(lat)])
    return positions


def _find(element: ElementTree.Element, path: str) -> Iterator[ElementTree.Element]:
    """The elements at a path of names below an element, whatever their name space (KML has had several)."""
    first, _, more = path.partition("/")
    for child in element:
        if _name(child) == first:
            yield from _find(child, more) if more else (child,)


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]
