"""Tile pyramid (LC-12): fetch the tiles over a block, zoom by zoom, and look into those that are not empty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tests.privacy.redteam.campaign import Campaign, Guess, Target, Trail, normalise
from tests.privacy.redteam.country import Floats, centre_of
from tests.privacy.redteam.wire import BudgetSpent, Purse

ADDRESSES = (
    "/tiles/activity/{z}/{x}/{y}.mvt",
    "/tiles/activity/{z}/{x}/{y}.pbf",
    "/tiles/activity/{z}/{x}/{y}.png",
    "/api/v1/tiles/activity/{z}/{x}/{y}.mvt",
    "/api/v1/tiles/{z}/{x}/{y}.mvt",
    "/api/v1/tiles/activity/{z}/{x}/{y}",
)
FIRST_ZOOM, LAST_ZOOM = 9, 15
Tile = tuple[int, int, int]


@dataclass(frozen=True)
class TilePyramid:
    """Which tiles over a block have something in them."""

    name: str = "tile pyramid"
    channel: str = "LC-12"
    control: str = "exact tiles"
    asks_much: bool = True
    last_zoom: int = LAST_ZOOM

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        return campaign.each(lambda number: self._climb(campaign, number))

    def _climb(self, campaign: Campaign, number: int) -> Trail:
        target, purse = campaign.targets[number], campaign.purse(number)
        address = _find_address(purse, target)
        if address is None:
            return [Guess(purse.spent, target.prior)]
        weights, trail = target.prior.copy(), []
        parents: set[tuple[int, int]] | None = None
        try:
            for zoom in range(FIRST_ZOOM, self.last_zoom + 1):
                tiles = _tiles_of_cells(target, zoom)
                wanted = {
                    (int(x), int(y))
                    for x, y in np.unique(tiles, axis=0)
                    if parents is None or (int(x) // 2, int(y) // 2) in parents
                }
                replies = {at: purse.ask(address.format(z=zoom, x=at[0], y=at[1])) for at in sorted(wanted)}
                full = {at for at, reply in replies.items() if reply.status == 200 and reply.body}
                if not full:
                    break  # either there is nothing here, or this zoom is refused: neither tells one part from another
                if full != wanted:
                    is_empty = [(int(x), int(y)) not in full for x, y in tiles]
                    weights = weights * np.where(is_empty, 1e-6, 1.0)
                trail.append(Guess(purse.spent, normalise(weights, target.prior)))
                parents = full
        except BudgetSpent:
            trail.append(Guess(purse.spent, normalise(weights, target.prior)))
        return trail or [Guess(purse.spent, target.prior)]


def _find_address(purse: Purse, target: Target) -> str | None:
    """The first address of tiles that is answered."""
    x, y = _tiles_of_cells(target, FIRST_ZOOM)[0]
    for address in ADDRESSES:
        if purse.ask(address.format(z=FIRST_ZOOM, x=int(x), y=int(y))).status == 200:
            return address
    return None


def _tiles_of_cells(target: Target, zoom: int) -> Floats:
    """The tile (x, y) that holds the middle of each cell; shape (n, 2)."""
    return np.array([tile_of(*centre_of((int(row), int(col))), zoom) for row, col in target.cells])


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Column and row of the web-mercator tile that holds a point."""
    side = 2**zoom
    north = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * side), int(north * side)
