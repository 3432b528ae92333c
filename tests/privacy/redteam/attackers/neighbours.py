"""Nearest neighbour on transcripts: blocks whose answers look alike may hide their sites alike.

Everything that the answers say of a block makes a vector. The maps of sites of the most similar blocks among those whose
truth the attacker knows are laid over each other; how far that map is believed is decided on the known half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from monitor.grid import Level
from tests.privacy.redteam.attackers.lessons import fit_line
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
from tests.privacy.redteam.country import Floats, Ints
from tests.privacy.redteam.wire import Purse

SIDE = Level.L2.span
NEIGHBOURS = 5
BELIEFS = (0.3, 0.6, 0.9)
TELLING, UNTOLD = 3.0, 0.1
"""Least t of a coordinate that counts in full, and the weight of all others."""
ROWS_KEPT = 14
"""Newest months of a block that go into its vector."""


@dataclass(frozen=True)
class NearestNeighbour:
    """Maps of the most similar known blocks."""

    name: str = "nearest neighbour on transcripts"
    channel: str = "LC-11"
    control: str = "texture of blocks"
    asks_much: bool = False

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        purses = [campaign.purse(number) for number in range(len(campaign.targets))]
        spoken = campaign.each(lambda number: _read_words(purses[number], campaign.targets[number]))
        table = _make_table(spoken)
        vectors = {fold: _weigh_coordinates(campaign, table, fold) for fold in (0, 1)}
        maps = [_draw_map(truth) for truth in campaign.truths]
        beliefs = {fold: _choose_belief(campaign, vectors[fold], maps, fold) for fold in (0, 1)}
        trails = []
        for number, target in enumerate(campaign.targets):
            belief = beliefs[campaign.fold(number)]
            weights = target.prior
            if belief > 0 and target.level is Level.L2:
                own = vectors[campaign.fold(number)]
                near = _average(own, maps, number, campaign.lessons_for(number))
                weights = _believe(target, near, belief)
            trails.append([Guess(purses[number].spent, weights)])
        return trails


def _read_words(purse: Purse, target: Target) -> dict[str, float]:
    """Every leaf of the answer about a block as a coordinate; rows are counted from the newest back."""
    reply = purse.ask(ACTIVITY, {"bbox": write_box(*target.bounds), "limit": PAGE})
    found: dict[str, float] = {"length": float(len(reply.body))}
    rows = [f["properties"] for f in read_features(reply) if is_about(f, target)]
    for back, row in enumerate(reversed(rows[-ROWS_KEPT:])):
        for name, value in row.items():
            if name not in {"row", "col", "period", "level"}:
                found |= _coordinates(f"{back} {name}", value)
    return found


def _coordinates(name: str, value: Any) -> dict[str, float]:
    if isinstance(value, bool | int | float):
        return {name: float(value)}
    if isinstance(value, str):
        return {f"{name} {hashlib.sha256(value.encode()).hexdigest()[:6]}": 1.0}
    if isinstance(value, list):
        return {
            key: x
            for k, each in enumerate(value[:32])
            for key, x in _coordinates(f"{name} {k}", each).items()
        }
    return {}


def _make_table(spoken: Sequence[dict[str, float]]) -> Floats:
    """Vectors with coordinates of equal spread, shape (blocks, coordinates)."""
    names = sorted({name for each in spoken for name in each})
    table = np.array([[each.get(name, 0.0) for name in names] for each in spoken]).reshape(len(spoken), -1)
    spread = table.std(axis=0)
    return np.asarray((table - table.mean(axis=0))[:, spread > 0] / spread[spread > 0])


def _weigh_coordinates(campaign: Campaign, table: Floats, fold: int) -> Floats:
    """The table with each coordinate stretched by how well it follows, on the known half, where in a block sites lie."""
    known = [k for k, truth in enumerate(campaign.truths) if campaign.fold(k) != fold and len(truth)]
    middles = np.array([(campaign.truths[k] % SIDE).mean(axis=0) for k in known])
    weights = np.full(table.shape[1], UNTOLD)
    for column in range(table.shape[1]):
        lines = [fit_line(table[known, column], middles[:, axis]) for axis in (0, 1)]
        weights[column] = max(UNTOLD, *(abs(line.t) for line in lines if abs(line.t) > TELLING), UNTOLD)
    return np.asarray(table * weights)


def _draw_map(truth: Ints) -> Floats:
    """Where in its block each site is, smoothed; shape (20, 20), summing to one."""
    drawn = np.zeros((SIDE, SIDE))
    for row, col in truth:
        drawn[row % SIDE, col % SIDE] += 1
    smooth = gaussian_filter(drawn, 1.5, mode="nearest")
    total = smooth.sum()
    return np.asarray(smooth / total) if total > 0 else np.full((SIDE, SIDE), 1 / SIDE**2)


def _average(vectors: Floats, maps: Sequence[Floats], number: int, lessons: Sequence[int]) -> Floats:
    usable = [other for other in lessons if other != number]
    away = np.linalg.norm(vectors[usable] - vectors[number], axis=1)
    nearest = [usable[k] for k in np.argsort(away, kind="stable")[:NEIGHBOURS]]
    return np.asarray(np.mean([maps[other] for other in nearest], axis=0))


def _believe(target: Target, near: Floats, belief: float) -> Floats:
    here = near[target.cells[:, 0] % SIDE, target.cells[:, 1] % SIDE] * SIDE**2
    return normalise(target.prior * (1 - belief + belief * here), target.prior)


def _choose_belief(campaign: Campaign, vectors: Floats, maps: Sequence[Floats], fold: int) -> float:
    """How far neighbours are believed: the share that explains the known half best, if it does so beyond chance."""
    known = [
        number
        for number in range(len(campaign.targets))
        if campaign.fold(number) != fold
        and len(campaign.truths[number])
        and campaign.targets[number].level is Level.L2
    ]
    best, gain = 0.0, 0.0
    for belief in BELIEFS:
        gains = np.array(
            [_gain(campaign, number, _average(vectors, maps, number, known), belief) for number in known]
        )
        if len(gains) < 10:
            continue
        error = float(gains.std()) / np.sqrt(len(gains))
        if gains.mean() > max(gain, 2 * error):
            best, gain = belief, float(gains.mean())
    return best


def _gain(campaign: Campaign, number: int, near: Floats, belief: float) -> float:
    """Mean gain in log likelihood, over the prior, of a known block's sites."""
    target, truth = campaign.targets[number], campaign.truths[number]
    order = {(int(row), int(col)): k for k, (row, col) in enumerate(target.cells)}
    at = [order[int(row), int(col)] for row, col in truth if (int(row), int(col)) in order]
    weights = _believe(target, near, belief)
    return float(np.mean(np.log(weights[at] / target.prior[at]))) if at else 0.0
