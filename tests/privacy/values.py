"""Values that somebody who looks for a place would try: words, boxes and tiles around hidden cells, days, moments."""

from __future__ import annotations

import math
import random
from typing import Any

from monitor.grid import cell_bounds
from tests.privacy.questions import SOON, Bait

DATES = ("2026-09-15", "2026-11-05", "2026-02-30", "1900-01-01", "2099-12-31")
MOMENTS = (
    "2026-09-15T10:00:00Z",
    "2026-11-19T00:00:00Z",
    "2098-12-01T00:00:00Z",
    "2099-01-01T00:00:00+02:00",
    SOON,
)
TEXTS = (
    *("ivo", "ines", "rosa", "nobody", "partner", "regulator", "Aruwe East", "2026-08", "2026-09", "2026-11"),
    *("active", "active,suspected", "quiet,not_observed", "read.activity", "refuse.alert", "release.publish"),
    *("token.issue", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "k1", "inspection-planning", "field-visit; week 7"),
    *("s5yt", "16/36422/32379", "20.07,2.13", "by the old bridge", "' OR 1=1--", "%", "*", "é", "a" * 500),
)


def draw_text(draw: random.Random, bait: Bait) -> Any:
    """Any word that somebody who looks for a place might try."""
    west, south, east, north = cell_bounds(*draw.choice(bait.cells))
    row, col = draw.choice(bait.cells)
    return draw.choice(
        [
            *TEXTS,
            write_bbox(draw, bait),
            f"{west:.4f}",
            f"POINT({west} {south})",
            f"{row}",
            f"{col}",
            f"{row * 36000 + col}",
            f"{{'type':'Point','coordinates':[{east},{north}]}}",
            str(draw.choice(bait.ids)),
        ]
    )


def box_within(row: int, col: int) -> str:
    """A box smaller than the cell that it lies in."""
    west, south, east, north = cell_bounds(row, col)
    return f"{west + 0.002:.4f},{south + 0.002:.4f},{east - 0.002:.4f},{north - 0.002:.4f}"


def write_bbox(draw: random.Random, bait: Bait) -> str:
    """A box around or beside a hidden cell: smaller than a cell, a block, a region, the earth, or no box at all."""
    west, south, east, north = cell_bounds(*draw.choice(bait.cells))
    kind = draw.randrange(7)
    if kind == 0:  # a point inside the cell
        return f"{west + 0.004},{south + 0.004},{west + 0.004},{south + 0.004}"
    if kind == 1:
        return box_within(*draw.choice(bait.cells))
    if kind == 2:
        return f"{west},{south},{east},{north}"
    if kind == 3:  # one half of a bisection
        step = draw.choice([0.02, 0.05, 0.1])
        return f"{west - step * draw.random():.4f},{south - step:.4f},{east:.4f},{north + step * draw.random():.4f}"
    if kind == 4:
        return f"{west - 1},{south - 1},{east + 1},{north + 1}"
    if kind == 5:
        return draw.choice(["-180,-90,180,90", "19.6,2,20,2.4", "0,0,0,0", "20,2,20,2"])
    return draw.choice(
        ["20,2,19,3", "a,b,c,d", "20,2,20.4", "nan,2,20.4,2.4", "1e309,0,1,1", "20;2;20.4;2.4"]
    )


def write_tile(draw: random.Random, bait: Bait) -> str:
    """A tile of any zoom that holds a hidden cell, or its neighbour, or one that is nowhere."""
    row, col = draw.choice(bait.cells)
    zoom = draw.choice([0, 3, 5, 6, 7, 8, 8, 9, 9, 10, 12, 14, 15, 18])
    lat = math.radians((row + 0.5) / 100 - 90)
    x = int((col + 0.5) / 36000 * 2**zoom)
    y = int((0.5 - math.asinh(math.tan(lat)) / (2 * math.pi)) * 2**zoom)
    if draw.random() < 0.3:
        x, y = x + draw.choice([-1, 0, 1]), y + draw.choice([-1, 0, 1, 2**zoom])
    return f"{zoom}/{x}/{y}"
