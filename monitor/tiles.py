"""Vector tiles of squares of the lattice (pure): which cells a tile shows, and how squares are written into it.

A tile is a web Mercator square z/x/y; its pixels follow from row and column by arithmetic alone, so no geometry is
stored or built. Written as Mapbox Vector Tile 2.1; features have no id and stand in the caller's order. May import the
lattice only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.grid import CELLS_PER_DEG, COLS, ROWS, Box, Level

EXTENT = 4096
BUFFER = 64
"""Pixels beyond the edge of a tile that a square may reach, so that its outline is not drawn along the edge."""
LAYER = "activity"
MAX_ZOOM: Mapping[Level, int] = {Level.L0: 14, Level.L1: 10, Level.L2: 9, Level.L3: 7}
"""From here on a tile is smaller than a few squares and would show nothing new."""
MIN_ZOOM: Mapping[Level, int] = {Level.L0: 7, Level.L1: 0, Level.L2: 0, Level.L3: 0}
"""A tile of cells at zoom 7 holds 80,000 cells at most."""
_MERCATOR_LAT = math.degrees(math.atan(math.sinh(math.pi)))

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class TileAddress:
    """A tile as addresses name it: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    def is_on_earth(self, level: Level) -> bool:
        """True where there is such a tile at this level: whatever lies in it."""
        if not MIN_ZOOM[level] <= self.z <= MAX_ZOOM[level]:
            return False
        return 0 <= self.x < 1 << self.z and 0 <= self.y < 1 << self.z

    @property
    def box(self) -> Box:
        """The smallest box of cells that covers the tile."""
        count = 1 << self.z
        north, south = (_lat_of_line(y / count) for y in (self.y, self.y + 1))
        return Box(
            max(math.floor((south + 90) * CELLS_PER_DEG), 0),
            self.x * COLS // count,
            min(math.ceil((north + 90) * CELLS_PER_DEG), ROWS),
            -(-(self.x + 1) * COLS // count),
        )


@dataclass(frozen=True, slots=True)
class Square:
    """One square: row and column at its level, and what is said of it."""

    row: int
    col: int
    values: Mapping[str, Value]


def encode_tile(address: TileAddress, squares: Sequence[tuple[Level, Square]]) -> bytes:
    """The tile with these squares. Empty bytes, which is a tile without a layer, where none of them shows in it."""
    keys: dict[str, int] = {}
    values: dict[tuple[type, Value], int] = {}
    edges = _Edges(address)
    features = []
    for level, square in squares:
        ring = edges.ring(level, square)
        if ring is None:
            continue
        tags = []
        for name, value in square.values.items():
            tags += [keys.setdefault(name, len(keys)), values.setdefault((type(value), value), len(values))]
        packed = _message(2, _packed(tags)) + b"\x18\x03" + _message(4, _packed(ring))  # 3: type is polygon
        features.append(_message(2, packed))
    if not features:
        return b""
    layer = b"\x78\x02" + _message(1, LAYER.encode()) + b"".join(features)  # 15: version 2
    layer += b"".join(_message(3, key.encode()) for key in keys)
    layer += b"".join(_message(4, _value(value)) for _, value in values)
    return _message(3, layer + b"\x28" + _varint(EXTENT))


class _Edges:
    """Pixels of the lines of the lattice in one tile; each line is computed once."""

    def __init__(self, address: TileAddress) -> None:
        self._address = address
        self._world = EXTENT << address.z
        self._xs: dict[int, int] = {}
        self._ys: dict[int, int] = {}

    def ring(self, level: Level, square: Square) -> list[int] | None:
        """The outline as commands, clockwise as a screen shows it, clipped; None where nothing of it is left."""
        n = level.span
        west, east = self._x(square.col * n), self._x((square.col + 1) * n)
        north, south = self._y((square.row + 1) * n), self._y(square.row * n)
        if west >= EXTENT or north >= EXTENT or east <= 0 or south <= 0:
            return None
        west, north = max(west, -BUFFER), max(north, -BUFFER)
        east, south = min(east, EXTENT + BUFFER), min(south, EXTENT + BUFFER)
        if west == east or north == south:
            return None
        across, down = east - west, south - north
        move = [9, _zigzag(west), _zigzag(north)]
        return [*move, 26, _zigzag(across), 0, 0, _zigzag(down), _zigzag(-across), 0, 15]

    def _x(self, col_line: int) -> int:
        if col_line not in self._xs:
            self._xs[col_line] = (2 * col_line * self._world + COLS) // (2 * COLS) - self._address.x * EXTENT
        return self._xs[col_line]

    def _y(self, row_line: int) -> int:
        if row_line not in self._ys:
            lat = (row_line - 90 * CELLS_PER_DEG) / CELLS_PER_DEG
            lat = math.radians(min(max(lat, -_MERCATOR_LAT), _MERCATOR_LAT))
            share = 0.5 - math.asinh(math.tan(lat)) / (2 * math.pi)
            self._ys[row_line] = round(share * self._world) - self._address.y * EXTENT
        return self._ys[row_line]


def _lat_of_line(share: float) -> float:
    """Latitude, degrees, of a line at this share of the way from the north edge of the map to the south edge."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * share))))


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return b"\x38" + _varint(value)
    if isinstance(value, int):
        return b"\x28" + _varint(value)
    if isinstance(value, float):
        return b"\x19" + _DOUBLE(value)
    return _message(1, value.encode())


def _zigzag(number: int) -> int:
    return (number << 1) ^ (number >> 63)


def _packed(numbers: Sequence[int]) -> bytes:
    return b"".join(map(_varint, numbers))


def _message(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    if number < 128:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = [bytes([number]) for number in range(128)]
_DOUBLE = struct.Struct("<d").pack
