"""The mines of the invented country: many small ones along the rivers, two large ones with straight edges.

Room `imagery`, pure. Where a mine is, is known exactly here, which is what makes labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.imagery.invented.ground import CELL_PX, Classes, Points, stamp, stamp_rectangle
from monitor.imagery.invented.land import Cover, Land

ARTISANAL_SITES = 60
ARTISANAL_COVERS = (Cover.TAILINGS, Cover.POND)
INDUSTRIAL_COVERS = (Cover.PIT, Cover.TERRACE, Cover.WASTE, Cover.SETTLING, Cover.PLANT)


@dataclass(frozen=True, slots=True)
class Dig:
    """One mine as it was dug. kind: artisanal or industrial. since: 0 if it is there at both dates, 1 if at the
    second alone. pixels: (n, 2) rows and columns dug or covered at the second date."""

    kind: str
    since: int
    pixels: npt.NDArray[np.intp]


def dig_mines(land: Land, seed: int) -> tuple[Dig, ...]:
    """Paint all mines onto the land's two covers, in place, and say where they are."""
    rng = np.random.default_rng([seed, 3])
    digs = [
        _dig_industrial(land, np.array(spot) * land.covers[0].shape, rng)
        for spot in ((0.5, 0.2), (0.53, 0.77))
    ]
    branches = land.rivers[2:]
    for number in range(ARTISANAL_SITES):
        since = 0 if number % 4 == 0 else 1
        river = branches[rng.integers(len(branches))] if rng.random() < 0.7 else land.rivers[rng.integers(2)]
        length = int(rng.choice([50, 90, 160, 320], p=(0.3, 0.3, 0.25, 0.15)))  # half pixels along the river
        start = rng.integers(60, max(61, len(river) - length - 60))
        digs.append(_dig_artisanal(land, river[start : start + length], river[start:], since, rng))
    return tuple(dig for dig in digs if len(dig.pixels))


def _dig_artisanal(
    land: Land, reach: Points, downstream: Points, since: int, rng: np.random.Generator
) -> Dig:
    """Pits, ponds and heaps on both sides of a reach, without a straight line; the water below is turbid.

    A mine that was there at the first date has grown by the second.
    """
    for date in range(since, 2):
        layer = land.covers[date]
        stamp(layer, downstream[:900], 1.1, Cover.TURBID)
        spots = reach[:: rng.integers(7, 13)]
        spots = spots[: max(2, int(len(spots) * (1.0 if date == 1 else 0.7)))]
        for pit in spots + rng.normal(0, 5.0, spots.shape):
            stamp(
                layer,
                pit + rng.normal(0, 2.2, (rng.integers(2, 6), 2)),
                rng.uniform(1.2, 3.1),
                Cover.TAILINGS,
            )
            stamp(layer, pit + rng.normal(0, 2.6, (rng.integers(1, 5), 2)), rng.uniform(0.6, 1.8), Cover.POND)
    return Dig("artisanal", since, _find_near(land.covers[1], reach[::6], 24.0, ARTISANAL_COVERS))


def _find_near(
    layer: Classes, points: Points, radius_px: float, covers: tuple[Cover, ...]
) -> npt.NDArray[np.intp]:
    """Pixels (n, 2) of some covers within a radius of any of the points."""
    reach = int(radius_px) + 1
    corner = np.maximum(np.rint(points.min(axis=0)).astype(np.intp) - reach, 0)
    end = np.rint(points.max(axis=0)).astype(np.intp) + reach + 1
    window = layer[corner[0] : end[0], corner[1] : end[1]]
    near = np.zeros(window.shape, np.uint8)
    stamp(near, points - corner, radius_px, 1)
    found: npt.NDArray[np.intp] = np.argwhere((near > 0) & np.isin(window, covers)) + corner
    return found


def _dig_industrial(land: Land, centre: Points, rng: np.random.Generator) -> Dig:
    """An open pit in terraces, a settling pond, waste in a block, a plant, and a straight road; there at both dates."""
    angle, side = rng.uniform(-1.5, 1.5), rng.choice([-1.0, 1.0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    length, breadth = rng.uniform(46, 62), rng.uniform(32, 42)
    pond, waste = (
        np.array([0.0, length + 58.0]) @ turn,
        np.array([breadth + 36.0, rng.uniform(-20, 20)]) @ turn,
    )
    plant = [(-breadth - row, side * col) for row, col in ((24, 20), (24, 42), (38, 20), (38, 42), (24, 64))]
    road = centre + np.linspace(0, side * 5.5 * CELL_PX, 600)[:, None] * turn[0]
    for date, layer in enumerate(land.covers):
        stamp(layer, road, 1.2, Cover.ROAD)
        for step in range(7):
            cover = Cover.TERRACE if step % 2 else Cover.PIT
            half = (length + 4 * date) * (1 - step / 8), (breadth + 4 * date) * (1 - step / 8)
            stamp_rectangle(layer, centre, half, angle, cover)
        stamp_rectangle(layer, centre + side * pond, (42.0, 34.0), angle, Cover.WASTE)
        stamp_rectangle(layer, centre + side * pond, (38.0, 30.0), angle, Cover.SETTLING)
        stamp_rectangle(layer, centre + waste, (46.0, 26.0), angle, Cover.WASTE)
        for spot in plant:
            stamp_rectangle(layer, centre + np.array(spot) @ turn, (7.0, 4.0), angle, Cover.PLANT)
    return Dig("industrial", 0, _find_near(land.covers[1], centre[None], 200.0, INDUSTRIAL_COVERS))
