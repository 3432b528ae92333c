"""Canaries: an exact place in every way in which a file could hold it, to be looked for in bytes (pure).

Places are looked for by what only they have: a line of the lattice that is no line of a coarser level. What every block's
own corners contain is no canary.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

from monitor.grid import COLS, ROWS, Level, cell_number

Cell = tuple[int, int]

SCALES = (10**5, 10**6, 10**7)
"""Degrees are often kept as whole numbers of these."""


def write_canaries(cell: Cell) -> Iterator[bytes]:
    """Every encoding of a cell that is looked for: edges and centre as text and as doubles and singles in both byte
    orders, scaled whole numbers, row and column, the cell's number."""
    row, col = cell
    lons = [Fraction(col - COLS // 2, 100) + Fraction(k, 200) for k in (0, 1, 2)]
    lats = [Fraction(row - ROWS // 2, 100) + Fraction(k, 200) for k in (0, 1, 2)]
    for degrees in _telling([*lons, *lats]):
        yield from write_degrees(degrees)
    yield from (struct.pack(order, cell_number(row, col)) for order in ("<i", ">i"))
    yield str(cell_number(row, col)).encode()
    for order in ("<ii", ">ii", "<qq", ">qq"):
        yield struct.pack(order, row, col)
        yield struct.pack(order, col, row)
    for between in (
        ",",
        ", ",
        " ",
        ";",
        "/",
        "-",
        '","col":',
        ',"col":',
        '</value></Data><Data name="col"><value>',
    ):
        yield f"{row}{between}{col}".encode()


def write_degrees(degrees: Fraction) -> Iterator[bytes]:
    """One coordinate in all encodings."""
    value = float(degrees)
    yield from (struct.pack(order, value) for order in ("<d", ">d", "<f", ">f"))
    for scale in SCALES:
        whole = int(degrees * scale)
        yield from (struct.pack(order, whole) for order in ("<i", ">i"))
        yield str(whole).encode()
    yield f"{value:.3f}".encode()
    yield f"{value:.2f}".encode() + b"0"
    minutes = abs(degrees) % 1 * 60
    yield f"{int(abs(degrees))}°{int(minutes)}′{float(minutes % 1 * 60):g}".encode()


def find_canaries(content: bytes, cells: Iterable[Cell]) -> list[tuple[Cell, bytes]]:
    """Cells that the content tells, with the encoding in which it does; also inside of what is compressed in it."""
    haystacks, innocent = [content, *_inflated(content)], b"\x00".join(write_corners(cells))
    return [
        (cell, canary)
        for cell in cells
        for canary in write_canaries(cell)
        if canary not in innocent and any(canary in haystack for haystack in haystacks)
    ]


def write_corners(cells: Iterable[Cell]) -> Iterator[bytes]:
    """The corners of the blocks of these cells as doubles: the single of 2.05 happens to be the end of the double of 2.4."""
    for row, col in cells:
        for n in (Level.L2.span, Level.L3.span):
            south, west = row // n * n - ROWS // 2, col // n * n - COLS // 2
            for line in (south, south + n, west, west + n):
                yield from (struct.pack(order, line / 100) for order in ("<d", ">d"))


def _telling(degrees: Iterable[Fraction]) -> Iterator[Fraction]:
    step = Fraction(Level.L1.span, 100)
    yield from (value for value in degrees if value % step != 0)


def _inflated(content: bytes) -> Iterator[bytes]:
    for start in (b"\x1f\x8b\x08", b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        place = content.find(start)
        if place >= 0:
            try:
                yield zlib.decompressobj(47).decompress(content[place:])
            except zlib.error:
                continue
