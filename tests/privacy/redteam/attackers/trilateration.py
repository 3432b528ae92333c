"""Trilateration (LC-02): find a way to ask for what is near a point, then from many points how far the nearest site is.

Every spelling of such a question is tried. For each anchor the radius at which the block appears is bisected; a cell
nearer than that radius to any anchor is empty, and one that lies on many of the circles is likely.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from tests.privacy.redteam.country import centre_of
from tests.privacy.redteam.wire import BudgetSpent, Purse

Spelling = dict[str, str]
SPELLINGS: tuple[Spelling, ...] = (
    {"near": "{lon},{lat}", "radius_km": "{km}"},
    {"near": "{lat},{lon}", "radius_km": "{km}"},
    {"near": "{lon},{lat}", "radius": "{m}"},
    {"near": "{lon},{lat}", "distance": "{m}"},
    {"point": "{lon},{lat}", "dist": "{m}"},
    {"point": "{lon},{lat}", "distance": "{km}"},
    {"lat": "{lat}", "lon": "{lon}", "radius": "{km}"},
    {"lat": "{lat}", "lon": "{lon}", "distance": "{m}"},
    {"latitude": "{lat}", "longitude": "{lon}", "radius": "{km}"},
    {"dwithin": "{lon},{lat},{m}"},
    {"geom__dwithin": "{lon},{lat},{m}"},
    {"distance_from": "{lon},{lat}", "max_distance": "{m}"},
    {"center": "{lon},{lat}", "r": "{km}"},
    {"circle": "{lon},{lat},{km}"},
    {"within": "POINT({lon} {lat})", "buffer": "{m}"},
    {"intersects": "POINT({lon} {lat})", "distance": "{m}"},
)
KM_A_CELL = 1.1132
FAR_KM = 40.0
HALVINGS = 7
BLURRED = 0.9
"""Half the width of a circle, in cells."""


@dataclass(frozen=True)
class Trilateration:
    """Circles around anchors in and beside the block. anchors: along one side."""

    name: str = "trilateration"
    channel: str = "LC-02"
    control: str = "exact distance"
    asks_much: bool = True
    anchors: int = 4

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        return campaign.each(lambda number: self._measure(campaign, number))

    def _measure(self, campaign: Campaign, number: int) -> Trail:
        target, purse = campaign.targets[number], campaign.purse(number)
        spelling = _find_spelling(purse, target)
        if spelling is None:
            return [Guess(purse.spent, target.prior)]
        empty = np.zeros(len(target.cells), dtype=bool)
        hits = np.zeros(len(target.cells))
        trail = []
        try:
            for anchor in self._choose_anchors(target):
                away = np.hypot(target.cells[:, 0] - anchor[0], target.cells[:, 1] - anchor[1])
                radius = _bisect_radius(purse, target, spelling, anchor)
                empty |= away < radius - BLURRED
                hits += np.abs(away - radius) <= BLURRED
                weights = target.prior * np.where(empty, 1e-6, 1e-3 + hits)
                trail.append(Guess(purse.spent, normalise(weights, target.prior)))
        except BudgetSpent:
            trail.append(Guess(purse.spent, trail[-1].weights if trail else target.prior))
        return trail

    def _choose_anchors(self, target: Target) -> list[tuple[float, float]]:
        top, left, bottom, right = target.bounds
        rows = np.linspace(top - 2, bottom + 1, self.anchors)
        cols = np.linspace(left - 2, right + 1, self.anchors)
        anchors = [(float(row), float(col)) for row in rows for col in cols]
        order = np.random.default_rng(target.row * 31 + target.col).permutation(len(anchors))
        return [anchors[k] for k in order]


def _find_spelling(purse: Purse, target: Target) -> Spelling | None:
    """The first spelling that is not refused."""
    middle = target.cells.mean(axis=0)
    for spelling in SPELLINGS:
        reply = purse.ask(ACTIVITY, _spell(spelling, target, (float(middle[0]), float(middle[1])), 5.0))
        if reply.status == 200:
            return spelling
    return None


def _spell(spelling: Spelling, target: Target, anchor: tuple[float, float], km: float) -> dict[str, object]:
    row, col = int(anchor[0]), int(anchor[1])
    lon, lat = centre_of((row, col))
    lon, lat = lon + (anchor[1] - col) / 100, lat + (anchor[0] - row) / 100
    words = {"lon": f"{lon:.4f}", "lat": f"{lat:.4f}", "km": f"{km:.3f}", "m": f"{1000 * km:.0f}"}
    asked: dict[str, object] = {"limit": PAGE, "bbox": write_box(*target.bounds)}
    return asked | {name: text.format(**words) for name, text in spelling.items()}


def _bisect_radius(purse: Purse, target: Target, spelling: Spelling, anchor: tuple[float, float]) -> float:
    """Cells from the anchor to the nearest site of the block; the block appears within it."""
    low, high = 0.0, FAR_KM
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        reply = purse.ask(ACTIVITY, _spell(spelling, target, anchor, middle))
        if any(is_about(feature, target) for feature in read_features(reply)):
            high = middle
        else:
            low = middle
    return (low + high) / 2 / KM_A_CELL
