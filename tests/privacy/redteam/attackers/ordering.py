"""Ordering (LC-03, LC-04): find an order that can be asked for, and learn whether a block's rank among its peers tells
where in the block its sites lie.

Every spelling of an order is tried, with far points of eight directions where it takes a point; so is the order in which
answers come anyway. Peers in a direction are the blocks on one line across it: seen from far away they are equally near,
so only their contents can put them in order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.privacy.redteam.attackers.lessons import Line, fit_line
from tests.privacy.redteam.campaign import (
    ACTIVITY,
    PAGE,
    Campaign,
    Guess,
    Target,
    Trail,
    normalise,
    read_features,
)
from tests.privacy.redteam.country import Floats, centre_of
from tests.privacy.redteam.wire import Purse

KEYS = ("ordering", "order_by", "sort", "sortby", "sort_by", "order", "o")
VALUES = (
    *("score", "-score", "probability", "confidence", "distance", "-distance", "id", "-id", "pk"),
    *("observed_on", "first_seen", "created_at", "updated_at", "cell", "row", "col", "geom", "count"),
)
Direction = tuple[int, int]
DIRECTIONS: tuple[Direction, ...] = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2))
"""Steps in rows and columns."""
FAR = 60.0
"""Degrees to the points that distances are ordered from."""
LEAST_PEERS = 3
Order = dict[tuple[str, int, int], int]


@dataclass(frozen=True)
class Ordering:
    """Ranks of blocks under every order that a server lets itself be asked for."""

    name: str = "ordering"
    channel: str = "LC-04"
    control: str = "exact order"
    asks_much: bool = False

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target: all ask the same questions."""
        purse = campaign.purse(0)
        orders = _read_orders(campaign, purse)
        shares = {
            (name, direction): _share_before(campaign, order, direction)
            for name, order in orders.items()
            for direction in DIRECTIONS
        }
        lines = {fold: _learn(campaign, shares, fold) for fold in (0, 1)}
        trails = []
        for number, target in enumerate(campaign.targets):
            log = np.zeros(len(target.cells))
            for (name, direction), line in lines[campaign.fold(number)].items():
                share = shares[name, direction][number]
                if np.isfinite(share):
                    off = _project(target, direction) - line.slope * share - line.level
                    log -= 0.5 * (off / line.spread) ** 2
            weights = target.prior * np.exp(log - log.max())
            trails.append([Guess(purse.spent, normalise(weights, target.prior))])
        return trails


def _read_orders(campaign: Campaign, purse: Purse) -> dict[str, Order]:
    """In which order blocks first appear, by the question."""
    middle = np.mean([target.cells.mean(axis=0) for target in campaign.targets], axis=0)
    lon, lat = centre_of((int(middle[0]), int(middle[1])))
    questions: dict[str, dict[str, object]] = {"as it comes": {}}
    for key in KEYS:
        for value in VALUES:
            if purse.ask(ACTIVITY, {"limit": PAGE, key: value}).status != 200:
                continue
            questions[f"{key}={value}"] = {key: value}
            for up, right in DIRECTIONS if "distance" in value else ():
                far = FAR / np.hypot(up, right)
                point = f"{lon - far * right:.3f},{lat - far * up:.3f}"
                questions[f"{key}={value} along {up} {right}"] = {key: value, "near": point}
    return {name: _read_order(purse, {"limit": PAGE, **asked}) for name, asked in questions.items()}


def _read_order(purse: Purse, question: dict[str, object]) -> Order:
    order: Order = {}
    for feature in read_features(purse.ask(ACTIVITY, question)):
        said = feature.get("properties") or {}
        key = str(said.get("level")), int(said.get("row", -1)), int(said.get("col", -1))
        order.setdefault(key, len(order))
    return order


def _project(target: Target, direction: Direction) -> Floats:
    """How far along a direction each cell lies from the middle of what is plausible; shape (n,), in cells."""
    along = (target.cells @ np.array(direction)) / np.hypot(*direction)
    return np.asarray(along - along @ target.prior)


def _share_before(campaign: Campaign, order: Order, direction: Direction) -> Floats:
    """For each target: the share of its peers that come before it; nan where it has too few."""
    keys = [(target.level.name, target.row, target.col) for target in campaign.targets]
    line = [(level, direction[0] * row + direction[1] * col) for level, row, col in keys]
    shares = np.full(len(keys), np.nan)
    for number, key in enumerate(keys):
        peers = [
            order[o] for k, o in enumerate(keys) if line[k] == line[number] and k != number and o in order
        ]
        if key in order and len(peers) >= LEAST_PEERS:
            shares[number] = np.mean([rank < order[key] for rank in peers])
    return shares


def _learn(
    campaign: Campaign, shares: dict[tuple[str, Direction], Floats], fold: int
) -> dict[tuple[str, Direction], Line]:
    """For each direction the order that tells most, if any does."""
    found: dict[tuple[str, Direction], Line] = {}
    for direction in DIRECTIONS:
        lines = {key: _fit(campaign, shares[key], direction, fold) for key in shares if key[1] == direction}
        best = max(lines, key=lambda key: abs(lines[key].t))
        if lines[best].is_sure(len(shares)):
            found[best] = lines[best]
    return found


def _fit(campaign: Campaign, shares: Floats, direction: Direction, fold: int) -> Line:
    """The line from share to place along a direction, over the blocks that attackers of a fold know. A block counts once:
    its sites lie in clusters, so each by itself would make chance look like knowledge."""
    x, y, cells = [], [], []
    for number, target in enumerate(campaign.targets):
        if campaign.fold(number) == fold or not np.isfinite(shares[number]):
            continue
        middle = float(target.prior @ target.cells @ np.array(direction))
        along = (campaign.truths[number] @ np.array(direction) - middle) / np.hypot(*direction)
        x.append(float(shares[number]))
        y.append(float(along.mean()))
        cells.append(along)
    line = fit_line(np.array(x), np.array(y))
    off = [along - line.slope * share - line.level for share, along in zip(x, cells, strict=True)]
    return replace(line, spread=float(np.concatenate(off).std())) if off else line
