"""Collusion (LC-40, LC-41): five accounts with different regions, at two levels, put their answers side by side.

A block on a border is seen by several of them. If they are told different things of it, each speaks of the part in its
own regions, and the difference says in which part the sites are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.privacy.redteam.attackers.calendar import MIDDLE_OF_BAND
from tests.privacy.redteam.campaign import (
    PAGE,
    Campaign,
    Features,
    Guess,
    Target,
    Trail,
    is_about,
    normalise,
    read_all,
)
from tests.privacy.redteam.country import Floats

QUERIES = (f"limit={PAGE}", f"limit={PAGE}&level=L3", "limit=50")
"""Each account asks for its blocks, for the coarser level, and for its blocks in small pages."""


@dataclass(frozen=True)
class Collusion:
    """Five accounts and one table."""

    name: str = "collusion of five accounts"
    channel: str = "LC-41"
    control: str = "own cells only"
    asks_much: bool = False

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target: all ask the same questions."""
        told: list[tuple[int, Features]] = []
        queries = 0
        for account in range(len(campaign.colluding.accounts)):
            for query in QUERIES:
                features, asked = read_all(campaign.colluding, account, query)
                told.append((account, features))
                queries += asked
        return [[Guess(queries, self._compare(campaign, target, told))] for target in campaign.targets]

    def _compare(self, campaign: Campaign, target: Target, told: list[tuple[int, Features]]) -> Floats:
        accounts = len(campaign.colluding.accounts)
        seen: dict[str, dict[int, float]] = {}
        for account, features in told:
            for feature in features:
                if is_about(feature, target):
                    said = feature["properties"]
                    share = MIDDLE_OF_BAND.get(str(said.get("band")), 0.0)
                    seen.setdefault(str(said.get("period")), {})[account] = share
        owner = campaign.atlas.look_up(campaign.atlas.region, target.cells) % accounts
        expected = np.zeros(len(target.cells))
        differs = False
        for shares in seen.values():
            differs = differs or len(set(shares.values())) > 1
            for account, share in shares.items():
                own = owner == account
                if own.any():
                    expected += target.prior * own / target.prior[own].sum() * share
        if not differs:
            return target.prior
        return normalise(expected + 1e-6 * target.prior, target.prior)
