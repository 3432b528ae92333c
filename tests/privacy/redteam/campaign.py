"""What an attacker has to go by: targets, public knowledge, accounts, the weekly journal, and the truth of other blocks.

Nothing here holds the truth of a block under attack: `lessons_for` hands out the sites of the other half of the country,
as if the attacker had scouted it, which is more than simulated worlds would teach.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from monitor.grid import Level, decimal_deg
from tests.privacy.redteam.country import Country, Floats, Ints, Month, survey_terrain
from tests.privacy.redteam.wire import Desk, Purse, Reply

ACTIVITY = "/api/v1/activity"
PAGE = 10_000
THREADS = 4
Item = TypeVar("Item")
Found = TypeVar("Found")
Features = list[dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """A published block that hides sites. cells: its plausible cells, shape (n, 2); prior: sums to one; places: how many
    sites it holds, which attacker and prior-only attacker are both told."""

    level: Level
    row: int
    col: int
    cells: Ints
    prior: Floats
    places: int

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """First and end row and column in cells of the part that is plausible."""
        low, high = self.cells.min(axis=0), self.cells.max(axis=0) + 1
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


@dataclass(frozen=True)
class Guess:
    """What an attacker believes after so many questions. weights: over the target's cells, summing to one."""

    queries: int
    weights: Floats


Trail = list[Guess]
"""Guesses about one target, in the order of questions; the last one counts."""


@dataclass(frozen=True)
class Atlas:
    """What is public of a country: which cells are whose, clouds and acquisitions, terrain."""

    origin: tuple[int, int]
    region: Ints
    swath: Ints
    months: tuple[Month, ...]
    layers: Mapping[str, Floats]

    def look_up(self, values: Any, cells: Ints) -> Any:
        """The values of a layer at cells."""
        return values[cells[:, 0] - self.origin[0], cells[:, 1] - self.origin[1]]


@dataclass(frozen=True)
class Page:
    """What the partners were told in one week: the features of all pages, and how many questions that took."""

    week: int
    features: Features
    queries: int


@dataclass
class Campaign:
    """Everything an attacker may use. truths: places by target, of which only lessons are handed out."""

    desk: Desk
    colluding: Desk
    targets: Sequence[Target]
    atlas: Atlas
    journal: Sequence[Page]
    truths: Sequence[Ints] = field(repr=False, default=())
    threads: int = THREADS

    def purse(self, number: int) -> Purse:
        """A fresh budget for a target."""
        return Purse(self.desk, number)

    def fold(self, number: int) -> int:
        """To which half of the country a target belongs."""
        return (number * 2654435761 >> 7) % 2

    def lessons_for(self, number: int) -> list[int]:
        """The targets whose truth the attacker of this one knows: the other half."""
        return [other for other in range(len(self.targets)) if self.fold(other) != self.fold(number)]

    def each(self, do: Callable[[int], Found]) -> list[Found]:
        """Do something for every target, on a few threads."""
        if self.threads == 1:
            return [do(number) for number in range(len(self.targets))]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(do, range(len(self.targets))))


class Attacker(Protocol):
    """One way to ask."""

    @property
    def name(self) -> str:
        """As it is called in the report."""
        ...

    @property
    def channel(self) -> str:
        """The channel it tries."""
        ...

    @property
    def control(self) -> str:
        """The variant of `variants.py` that opens that channel."""
        ...

    @property
    def asks_much(self) -> bool:
        """Whether it asks hundreds of questions about each block."""
        ...

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        ...


def publish_atlas(country: Country) -> Atlas:
    """The public part of a country."""
    rows, cols = np.indices(country.region.shape) + np.array(country.origin)[:, None, None]
    layers = survey_terrain(rows, cols)
    return Atlas(country.origin, country.region, country.swath, country.months, layers)


def write_box(row_from: int, col_from: int, row_to: int, col_to: int) -> str:
    """A box of cells as `bbox` wants it, a hair smaller, so that it is not the box of its neighbours."""
    west, south = float(decimal_deg(col_from - 18000)) + 0.001, float(decimal_deg(row_from - 9000)) + 0.001
    east, north = float(decimal_deg(col_to - 18000)) - 0.001, float(decimal_deg(row_to - 9000)) - 0.001
    return f"{west:.3f},{south:.3f},{east:.3f},{north:.3f}"


def read_features(reply: Reply) -> Features:
    """The features of an answer; none where it is not a collection."""
    if reply.status != 200 or not reply.body.startswith(b"{"):
        return []
    found = json.loads(reply.body).get("features", [])
    return found if isinstance(found, list) else []


def is_about(feature: Mapping[str, Any], target: Target) -> bool:
    """Whether a feature is a row of the target's block."""
    said = feature.get("properties") or {}
    return (said.get("level"), said.get("row"), said.get("col")) == (
        target.level.name,
        target.row,
        target.col,
    )


def read_all(desk: Desk, account: int, query: str = f"limit={PAGE}") -> tuple[Features, int]:
    """All features that one account is told, and how many questions that took."""
    features: Features = []
    url, queries = f"{ACTIVITY}?{query}", 0
    while url:
        reply = desk.ask(url, account)
        queries += 1
        features += read_features(reply)
        url = (json.loads(reply.body).get("next") or "") if reply.status == 200 else ""
    return features, queries


def normalise(weights: Floats, prior: Floats) -> Floats:
    """Weights that sum to one; the prior where nothing is left."""
    total = float(weights.sum())
    return weights / total if total > 0 and np.isfinite(total) else prior
