"""Handing in (LC-27, LC-28): offer a scene of a part of the block, and see whether it is taken otherwise than the whole.

Whoever compares what is handed in with what is known, at once and in the answer, tells what is known there. The scene is
read back too: its state, progress and cause are an answer as well. Parts that are taken otherwise seem empty; where nothing
differs the attacker goes down so many steps, tries single cells, and gives up.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.grid import decimal_deg
from tests.privacy.redteam.attackers.probing import split
from tests.privacy.redteam.campaign import Campaign, Guess, Target, Trail, normalise
from tests.privacy.redteam.country import Bools
from tests.privacy.redteam.wire import BudgetSpent, Purse, Reply

Part = tuple[int, int, int, int]
SCENES = "/api/v1/scenes"
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
EMPTY = 1e-6
"""What is left of the weight of a cell in a part that seems empty."""
_OWN = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z")
"""What differs between any two scenes: an id, a moment."""


@dataclass(frozen=True)
class Offering:
    """Hands in scenes of parts of a block. steps: how far it goes where nothing differs."""

    name: str = "handing in"
    channel: str = "LC-28"
    control: str = "known places"
    asks_much: bool = True
    steps: int = 2
    single_cells: int = 4

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        return campaign.each(lambda number: self._offer(campaign, number))

    def _offer(self, campaign: Campaign, number: int) -> Trail:
        target, purse = campaign.targets[number], campaign.purse(number)
        weights, trail = target.prior.copy(), []
        draw = np.random.default_rng(number)
        try:
            whole = _hand_in(purse, target.bounds)
            full, steps, has_differed = [target.bounds], 0, False
            while full and (has_differed or steps < self.steps):
                parts = [small for large in full for small in split(large, 2)]
                empty = [part for part in parts if _hand_in(purse, part) != whole]
                for part in empty:
                    weights[_inside(target, part)] *= EMPTY
                trail.append(Guess(purse.spent, normalise(weights, target.prior)))
                steps, has_differed = steps + 1, has_differed or bool(empty)
                full = [p for p in parts if p not in empty and (p[2] - p[0] > 1 or p[3] - p[1] > 1)]
            if not has_differed:
                for row, col in target.cells[draw.integers(len(target.cells), size=self.single_cells)]:
                    cell = int(row), int(col), int(row) + 1, int(col) + 1
                    if _hand_in(purse, cell) != whole:
                        weights[_inside(target, cell)] *= EMPTY
        except BudgetSpent:
            pass  # the guess below is what the questions so far were good for
        return [*trail, Guess(purse.spent, normalise(weights, target.prior))]


def _hand_in(purse: Purse, part: Part) -> str:
    """What came of handing in a scene of a part, and of reading it back, without ids and moments."""
    offered = purse.ask(SCENES, method="POST", body=json.dumps(describe_scene(part)))
    said = [_sign(offered)]
    if offered.status in {200, 201, 202} and offered.header("location"):
        said.append(_sign(purse.ask(offered.header("location"), fresh=True)))
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _sign(reply: Reply) -> tuple[int, bytes]:
    return reply.status, _OWN.sub(b"", reply.body)


def describe_scene(part: Part) -> dict[str, Any]:
    """A STAC item whose footprint is a box of cells."""
    row_from, col_from, row_to, col_to = part
    west, south = float(decimal_deg(col_from - 18000)), float(decimal_deg(row_from - 9000))
    east, north = float(decimal_deg(col_to - 18000)), float(decimal_deg(row_to - 9000))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    bands = [{"name": name, "eo:common_name": name} for name in BANDS]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "-".join(map(str, part)),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {"datetime": "2026-03-05T10:00:00Z", "constellation": "sentinel-2"},
        "links": [],
        "assets": {"image": {"href": "file:///imagery/scene.tif", "bands": bands, "roles": ["data"]}},
    }


def _inside(target: Target, part: Part) -> Bools:
    rows, cols = target.cells[:, 0], target.cells[:, 1]
    return np.asarray((rows >= part[0]) & (cols >= part[1]) & (rows < part[2]) & (cols < part[3]))
