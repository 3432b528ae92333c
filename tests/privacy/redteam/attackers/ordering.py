"""Ordering (LC-03, LC-04): find an order that can be asked for, and learn whether a block's rank among its neighbours of
the same row or column of blocks tells where in the block its sites lie.

Every spelling of an order is tried, from four far points of the compass where it takes a point; so is the order in which
answers come anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.privacy.redteam.attackers.lessons import Line, fit_line
from tests.privacy.redteam.campaign import (
    ACTIVITY,
    PAGE,
    Campaign,
    Guess,
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
FAR = 60.0
"""Degrees to the points that distances are ordered from."""
Ranks = dict[str, dict[tuple[str, int, int], int]]


@dataclass(frozen=True)
class Ordering:
    """Ranks of blocks under every order that a server lets itself be asked for."""

    name: str = "ordering"
    channel: str = "LC-04"
    control: str = "exact order"

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target: all ask the same questions."""
        purse = campaign.purse(0)
        ranks = _read_ranks(campaign, purse)
        shares = {
            (name, axis): _share_before(campaign, order, axis)
            for name, order in ranks.items()
            for axis in (0, 1)
        }
        lines = {fold: _learn(campaign, shares, fold) for fold in (0, 1)}
        trails = []
        for number, target in enumerate(campaign.targets):
            weights = target.prior.copy()
            for (name, axis), line in lines[campaign.fold(number)].items():
                share = shares[name, axis][number]
                if np.isfinite(share):
                    at = target.cells[:, axis] - float(target.cells[:, axis] @ target.prior)
                    weights = weights * np.exp(-0.5 * ((at - line.slope * share - line.level) / line.spread) ** 2)
            trails.append([Guess(purse.spent, normalise(weights, target.prior))])
        return trails


def _read_ranks(campaign: Campaign, purse: Purse) -> Ranks:
    """Rank of each block, by the question."""
    middle = np.mean([target.cells.mean(axis=0) for target in campaign.targets], axis=0)
    lon, lat = centre_of((int(middle[0]), int(middle[1])))
    points = {"west": (lon - FAR, lat), "south": (lon, lat - FAR), "east": (lon + FAR, lat), "north": (lon, lat + FAR)}
    questions: dict[str, dict[str, object]] = {"as it comes": {}}
    for key in KEYS:
        for value in VALUES:
            if purse.ask(ACTIVITY, {"limit": PAGE, key: value}).status == 200:
                questions[f"{key}={value}"] = {key: value}
            for side, (x, y) in points.items():
                near: dict[str, object] = {key: value, "near": f"{x:.3f},{y:.3f}"}
                if "distance" not in value:
                    continue
                if purse.ask(ACTIVITY, {"limit": PAGE, **near}).status == 200:
                    questions[f"{key}={value} from the {side}"] = near
    return {
        name: _rank(campaign, purse, {"limit": PAGE, **question}) for name, question in questions.items()
    }


def _rank(campaign: Campaign, purse: Purse, question: dict[str, object]) -> dict[tuple[str, int, int], int]:
    """Order in which blocks first appear."""
    order: dict[tuple[str, int, int], int] = {}
    for feature in read_features(purse.ask(ACTIVITY, question)):
        said = feature.get("properties") or {}
        order.setdefault((str(said.get("level")), int(said.get("row", -1)), int(said.get("col", -1))), len(order))
    return order


def _share_before(campaign: Campaign, order: dict[tuple[str, int, int], int], axis: int) -> Floats:
    """For each target: the share of blocks in the same line across `axis` that come before it; nan where it is alone.

    Blocks with the same row of blocks can be told apart by latitude only through their contents, so for axis 0 (rows)
    the line is the blocks of that row, for axis 1 those of that column.
    """
    keys = [(target.level.name, target.row, target.col) for target in campaign.targets]
    shares = np.full(len(keys), np.nan)
    for number, key in enumerate(keys):
        peers = [other for other in keys if other[0] == key[0] and other[1 + axis] == key[1 + axis] and other != key]
        known = [order[other] for other in peers if other in order]
        if key in order and len(known) >= 3:
            shares[number] = np.mean([rank < order[key] for rank in known])
    return shares


def _learn(
    campaign: Campaign, shares: dict[tuple[str, int], Floats], fold: int
) -> dict[tuple[str, int], Line]:
    """For each axis the order that tells most, if any does."""
    found: dict[tuple[str, int], Line] = {}
    for axis in (0, 1):
        lines = {}
        for (name, own_axis), values in shares.items():
            if own_axis != axis:
                continue
            x, y = [], []
            for number, target in enumerate(campaign.targets):
                if campaign.fold(number) != fold and np.isfinite(values[number]):
                    middle = float(target.cells[:, axis] @ target.prior)
                    for place in campaign.truths[number]:
                        x.append(values[number])
                        y.append(float(place[axis]) - middle)
            line = fit_line(np.array(x), np.array(y))
            if line.is_sure:
                lines[name, axis] = line
        if lines:
            best = max(lines, key=lambda key: abs(lines[key].t))
            found[best] = lines[best]
    return found
