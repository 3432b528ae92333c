"""A place in all the forms in which it could get out, and a search for them in whatever a side door receives."""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from monitor.grid import cell_bounds, cell_number
from tests.chance import HEX, ID
from tests.privacy.codes import find_tile, project_utm, write_geohash, write_h3, write_mgrs, write_quadkey

ZOOMS = range(13, 20)
"""Zooms at which a web map tile is about as small as a cell, or smaller."""
RESOLUTIONS = range(7, 12)
"""Of H3: from about five square kilometres to about two thousand square metres."""


AROUND = 100
"""Bytes before and behind a place that are shown."""

_ID = re.compile(ID.encode(), re.IGNORECASE)
_HEX = re.compile(HEX.encode(), re.IGNORECASE)
"""No numbers, so they are searched as the bytes that they are."""


@dataclass(frozen=True)
class Canary:
    """One form of one place. name: of the form. in_ids: whether hexadecimal digits can be this form."""

    name: str
    pattern: re.Pattern[bytes]
    in_ids: bool = False


def write_canaries(row: int, col: int) -> list[Canary]:
    """The cell as numbers, pairs, text, bytes, codes and tiles."""
    west, south, east, north = cell_bounds(row, col)
    lon, lat = (west + east) / 2, (south + north) / 2
    points = [(lon, lat), (west, south), (east, south), (east, north), (west, north)]
    forms = [
        ("row and column", rf"(?<!\d){row}\D{{1,40}}{col}(?!\d)"),
        ("column and row", rf"(?<!\d){col}\D{{1,40}}{row}(?!\d)"),
        ("cell number", rf"(?<!\d){cell_number(row, col)}(?!\d)"),
        ("decimal longitude", rf"(?<![\d.:]){re.escape(f'{west:.2f}')}"),
        ("decimal latitude", rf"(?<![\d.:]){re.escape(f'{south:.2f}')}"),
        ("geohash", write_geohash(lon, lat, 6)),
        *_write_degrees(lon, lat),
        *_write_tiles(lon, lat),
        *_write_metres(points),
        *(("H3", write_h3(*point, resolution)) for point in points for resolution in RESOLUTIONS),
    ]
    canaries = [Canary(name, re.compile(text.encode(), re.IGNORECASE)) for name, text in dict.fromkeys(forms)]
    return [*canaries, *_write_binary([west, south, east, north, lon, lat])]


def find_canaries(canaries: Sequence[Canary], sink: str, contents: Iterable[bytes]) -> list[str]:
    """Where a place is told: one line for each form found in each content, also in base64, hex and what is compressed."""
    told = []
    for content in contents:
        for layer in (content, *_open_layers(content)):
            plain = _HEX.sub(b"<hex>", _ID.sub(b"<id>", layer))
            for canary in canaries:
                searched = layer if canary.in_ids else plain
                if found := canary.pattern.search(searched):
                    around = searched[max(found.start() - AROUND, 0) : found.end() + AROUND]
                    told.append(f"{sink}: {canary.name}: {around!r}")
    return told


def _write_degrees(lon: float, lat: float) -> Iterator[tuple[str, str]]:
    """Scaled whole numbers; degrees with minutes, also as decimal minutes, signs and letters in front or behind."""
    for name, degrees in (("longitude", lon), ("latitude", lat)):
        for power in (5, 6, 7):
            yield f"{name} in units of 1e-{power}", rf"(?<!\d){round(degrees * 10**power)}(?!\d)"
        whole, minutes = int(degrees), int(degrees * 60) % 60
        sign = r"\s?(°|º|deg|&deg;|\\u00b0|\\xc2\\xb0)\s?"
        yield f"{name} in degrees and minutes", rf"(?<!\d)0*{whole}{sign}0?{minutes}(?!\d)"
        # not within the hexadecimal digits of an id
        yield f"{name} in d and minutes", rf"(?<![\w-])0*{whole}\s?d\s?0?{minutes}(?![0-9a-f-])"
        seconds = round(degrees * 3600) % 60
        yield (
            f"{name} in degrees, minutes and seconds",
            rf"(?<!\d)0*{whole}[ :]0?{minutes}[ :]0?{seconds}(?!\d)",
        )


def _write_tiles(lon: float, lat: float) -> Iterator[tuple[str, str]]:
    for zoom in ZOOMS:
        x, y = find_tile(lon, lat, zoom)
        yield "tile", rf"(?<!\d){zoom}\D{{1,8}}{x}\D{{1,8}}{y}(?!\d)"
        yield "quadkey", rf"(?<!\d){write_quadkey(x, y, zoom)}"


def _write_metres(points: Sequence[tuple[float, float]]) -> Iterator[tuple[str, str]]:
    """UTM to the metre, and whatever begins with an MGRS reference to the kilometre."""
    for point in points:
        utm = project_utm(*point)
        yield "UTM", rf"(?<!\d){int(utm.easting)}(\.\d+)?\D{{1,20}}{int(utm.northing)}(?!\d)"
        reference = write_mgrs(*point, 2)
        head, east, north = reference[:-4], reference[-4:-2], reference[-2:]
        yield "MGRS", rf"{head[:-2]}\s?{head[-2:]}\s?{east}\d{{0,3}}\s?{north}\d{{0,3}}(?!\d)"


def _write_binary(numbers: Sequence[float]) -> Iterator[Canary]:
    """Doubles as well-known binary has them, in both byte orders, raw and in hex; EWKB differs in its head only."""
    for degrees in numbers:
        for order in "<>":
            packed = struct.pack(f"{order}d", degrees)
            yield Canary("well-known binary", re.compile(re.escape(packed)))
            yield Canary("well-known binary in hex", re.compile(packed.hex().encode(), re.IGNORECASE), True)


def _open_layers(content: bytes) -> Iterator[bytes]:
    """What is inside: hex, base64 of the usual and of the URL alphabet, gzip and zlib."""
    for digits in _HEX.findall(content):
        yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode())
    for text in re.findall(rb"[A-Za-z0-9+/_-]{24,}", content):
        usual = text.translate(bytes.maketrans(b"-_", b"+/"))
        try:
            yield base64.b64decode(usual[: len(usual) // 4 * 4])
        except binascii.Error:
            continue
    for start in (b"\x1f\x8b\x08", b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        place = content.find(start)
        if place >= 0:
            try:
                yield zlib.decompressobj(47).decompress(content[place:])
            except zlib.error:
                continue
