"""Bisection of boxes (LC-01): does a part of the block answer otherwise than the whole? Then look into that part.

Asks every exit that takes a box. A part in which the block does not appear is taken to be empty; as long as nothing
differs the attacker goes down two steps everywhere and then tries single cells at random, before it gives up.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tests.privacy.redteam.campaign import (
    ACTIVITY,
    PAGE,
    Campaign,
    Guess,
    Target,
    Trail,
    is_about,
    normalise,
    read_features,
    write_box,
)
from tests.privacy.redteam.country import Bools
from tests.privacy.redteam.wire import BudgetSpent, Purse, Reply

Part = tuple[int, int, int, int]
FILES = tuple(f"/export/activity.{kind}" for kind in ("geojson", "csv", "kml", "gpkg", "fgb"))
EMPTY = 1e-6
"""What is left of the weight of a cell in a part that seems empty."""


@dataclass(frozen=True)
class Bisection:
    """Looks into the parts of a block that answer differently. steps: how far it goes where nothing differs."""

    name: str = "bisection"
    channel: str = "LC-01"
    control: str = "exact box"
    asks_much: bool = True
    steps: int = 2
    single_cells: int = 20
    file_steps: int = 1

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        return campaign.each(lambda number: self._look_into(campaign, number))

    def _look_into(self, campaign: Campaign, number: int) -> Trail:
        target, purse = campaign.targets[number], campaign.purse(number)
        weights, trail = target.prior.copy(), []
        draw = np.random.default_rng(number)
        try:
            for path, query, steps, single_cells in self._list_exits():
                whole = _sign(purse.ask(path, {**query, "bbox": write_box(*target.bounds)}), target)
                for parts in _descend(purse, target, path, query, whole, steps):
                    for part in parts:
                        weights[_inside(target, part)] *= EMPTY
                    trail.append(Guess(purse.spent, normalise(weights, target.prior)))
                if not trail or np.allclose(trail[-1].weights, target.prior):
                    for row, col in target.cells[draw.integers(len(target.cells), size=single_cells)]:
                        part = int(row), int(col), int(row) + 1, int(col) + 1
                        if _differs(purse, target, path, query, part, whole):
                            weights[_inside(target, part)] *= EMPTY
                    trail.append(Guess(purse.spent, normalise(weights, target.prior)))
        except BudgetSpent:
            trail.append(Guess(purse.spent, normalise(weights, target.prior)))
        return trail

    def _list_exits(self) -> list[tuple[str, dict[str, object], int, int]]:
        """What takes a box: path, query, steps, single cells. Files cost more, so they are looked into less far."""
        files: list[tuple[str, dict[str, object], int, int]] = [
            (path, {}, self.file_steps, 1) for path in FILES if self.file_steps
        ]
        return [(ACTIVITY, {"limit": PAGE}, self.steps, self.single_cells), *files]


def _descend(
    purse: Purse, target: Target, path: str, query: dict[str, object], whole: str, least: int
) -> list[list[Part]]:
    """The parts that seem empty, step by step; no further than `least` steps where nothing differs."""
    steps: list[list[Part]] = []
    full, has_differed = [target.bounds], False
    while full and (has_differed or len(steps) < least):
        empty, rest = [], []
        for part in [small for large in full for small in _quarter(large)]:
            if _differs(purse, target, path, query, part, whole):
                empty.append(part)
            else:
                rest.append(part)
        has_differed = has_differed or bool(empty)
        full = [part for part in rest if part[2] - part[0] > 1 or part[3] - part[1] > 1]
        steps.append(empty)
    return steps


def _differs(
    purse: Purse, target: Target, path: str, query: dict[str, object], part: Part, whole: str
) -> bool:
    return _sign(purse.ask(path, {**query, "bbox": write_box(*part)}), target) != whole


def _sign(reply: Reply, target: Target) -> str:
    """What an answer says about the target, in a few characters. Of a collection the rows of the block; else all bytes."""
    features = [feature for feature in read_features(reply) if is_about(feature, target)]
    if reply.body.startswith(b'{"type":"FeatureCollection"'):
        text = json.dumps(features, sort_keys=True)
    else:
        text = reply.body.hex()
    return hashlib.sha256(f"{reply.status} {text}".encode()).hexdigest()


def _quarter(part: Part) -> list[Part]:
    top, left, bottom, right = part
    rows = sorted({top, (top + bottom + 1) // 2, bottom})
    cols = sorted({left, (left + right + 1) // 2, right})
    return [(a, c, b, d) for a, b in pairwise(rows) for c, d in pairwise(cols)]


def _inside(target: Target, part: Part) -> Bools:
    rows, cols = target.cells[:, 0], target.cells[:, 1]
    return np.asarray((rows >= part[0]) & (cols >= part[1]) & (rows < part[2]) & (cols < part[3]))
