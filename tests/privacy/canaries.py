"""A place in all the forms in which it could get out, and a search for them in whatever a side door receives.

Not covered here: H3 and MGRS, which need libraries of their own.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.grid import cell_bounds, cell_number

_GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"
_ZOOMS = range(13, 19)
"""Zooms at which a web map tile is about as small as a cell, or smaller."""


@dataclass(frozen=True)
class Canary:
    """One form of one place. name: of the form."""

    name: str
    pattern: re.Pattern[bytes]


def write_canaries(row: int, col: int) -> list[Canary]:
    """The cell as numbers, pairs, text, bytes, codes and tiles."""
    west, south, east, north = cell_bounds(row, col)
    lon, lat = (west + east) / 2, (south + north) / 2
    number = str(cell_number(row, col))
    forms: list[tuple[str, str]] = [
        ("row and column", rf"(?<!\d){row}\D{{1,40}}{col}(?!\d)"),
        ("column and row", rf"(?<!\d){col}\D{{1,40}}{row}(?!\d)"),
        ("cell number", rf"(?<!\d){number}(?!\d)"),
        ("decimal longitude", rf"(?<![\d.:]){re.escape(f'{west:.2f}')}"),
        ("decimal latitude", rf"(?<![\d.:]){re.escape(f'{south:.2f}')}"),
        ("geohash", _geohash(lon, lat)[:6]),
    ]
    for name, degrees in (("longitude", lon), ("latitude", lat)):
        forms += [
            (f"{name} in units of 1e-{n}", rf"(?<!\d){round(degrees * 10**n)}(?!\d)") for n in (5, 6, 7)
        ]
        whole, minutes = int(degrees), int(degrees * 60) % 60
        forms.append((f"{name} in degrees and minutes", rf"(?<!\d){whole}\s?(°|º|deg)\s?0?{minutes}(?!\d)"))
    for zoom in _ZOOMS:
        x, y = _tile(lon, lat, zoom)
        forms += [("tile", rf"(?<!\d){zoom}/{x}/{y}(?!\d)"), ("quadkey", _quadkey(x, y, zoom))]
    canaries = [Canary(name, re.compile(text.encode(), re.IGNORECASE)) for name, text in forms]
    for degrees in (west, south, east, north, lon, lat):
        for order in "<>":
            packed = struct.pack(f"{order}d", degrees)
            canaries.append(Canary("well-known binary", re.compile(re.escape(packed))))
            canaries.append(
                Canary("well-known binary in hex", re.compile(packed.hex().encode(), re.IGNORECASE))
            )
    return canaries


def find_canaries(canaries: Sequence[Canary], sink: str, contents: Iterable[bytes]) -> list[str]:
    """Where a place is told: one line for each form found in each content, also inside base64."""
    told = []
    for content in contents:
        for layer in (content, *_decode_inner(content)):
            told += [
                f"{sink}: {canary.name}: {layer[:200]!r}"
                for canary in canaries
                if canary.pattern.search(layer)
            ]
    return told


def _decode_inner(content: bytes) -> list[bytes]:
    found = re.findall(rb"[A-Za-z0-9+/]{24,}", content)
    return [base64.b64decode(text[: len(text) // 4 * 4]) for text in found]


def _geohash(lon: float, lat: float) -> str:
    ranges, value, bits = [[-180.0, 180.0], [-90.0, 90.0]], 0, 40
    for number in range(bits):
        span, point = ranges[number % 2], (lon, lat)[number % 2]
        middle = sum(span) / 2
        value = value * 2 + (point >= middle)
        span[0 if point >= middle else 1] = middle
    return "".join(_GEOHASH[value >> shift & 31] for shift in range(bits - 5, -1, -5))


def _tile(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    scale = 2**zoom
    return int((lon + 180) / 360 * scale), int(
        (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * scale
    )


def _quadkey(x: int, y: int, zoom: int) -> str:
    return "".join(str((x >> bit & 1) + 2 * (y >> bit & 1)) for bit in range(zoom - 1, -1, -1))
