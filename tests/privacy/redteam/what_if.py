"""Release rules tried on paper: what would the temporal attacker learn if months were published by another rule?

    python -m tests.privacy.redteam.what_if

No database and no server: the bands of a large, sparse country are computed here, read by the attacker as its journal, and
judged as in the full run. It answers in minutes which rule for periods keeps the clouds from telling the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from monitor.grid import Level
from monitor.privacy.coarsen import ObservedBand, choose_activity_band, choose_observed_band
from monitor.privacy.policy import K_EFF_MIN
from tests.privacy.redteam.attackers.calendar import Differencing
from tests.privacy.redteam.campaign import Campaign, Page, Target, publish_atlas
from tests.privacy.redteam.country import Country, Ints, Plan, Site, invent_country, weeks_from_start
from tests.privacy.redteam.judging import Score, judge
from tests.privacy.redteam.wire import Desk, HttpWire

SPARSE = Plan("sparse", 9, 20.0, 1.0, 7.0, 5.0, 4, 900, 0.0, 52)
_AT_LEAST_HALF = (ObservedBand.FROM_50_TO_75, ObservedBand.OVER_75)
Rule = Callable[[date, ObservedBand], bool]
"""Whether the row of a month is published, by its first day and the share of the block that was seen."""
RULES: dict[str, Rule] = {
    "every month that was seen at all": lambda month, seen: True,
    "months of which half was seen": lambda month, seen: seen in _AT_LEAST_HALF,
    "months of which three quarters were seen": lambda month, seen: seen is ObservedBand.OVER_75,
    "the last month of a quarter": lambda month, seen: month.month % 3 == 0,
    "the last month of a quarter, if three quarters were seen": lambda month, seen: (
        month.month % 3 == 0 and seen is ObservedBand.OVER_75
    ),
}


@dataclass(frozen=True)
class Paper:
    """A country and what a release would count of it. blocks: number of each cell's block; active, seen: by month."""

    country: Country
    blocks: Ints
    plausible: Ints
    active: Sequence[Ints]
    seen: Sequence[Ints]
    targets: Sequence[Target]
    hidden: Sequence[Sequence[Site]]
    numbers: Sequence[int]


def write_paper(plan: Plan) -> Paper:
    """Invent a country and count its months as `monitor.vault.blocks` does; every scene is handled in its week."""
    country = invent_country(plan)
    months = tuple(
        replace(month, week=tuple(max(int(np.ceil(weeks_from_start(day) + 0.1)), 0) for day in month.day))
        for month in country.months
    )
    country = replace(country, months=months)
    n = Level.L2.span
    rows, cols = np.indices(country.region.shape) + np.array(country.origin)[:, None, None]
    keys, blocks = np.unique(
        np.stack([rows // n, cols // n], axis=-1).reshape(-1, 2), axis=0, return_inverse=True
    )
    blocks = blocks.reshape(country.region.shape)
    land = country.region >= 0
    count = len(keys)
    plausible = np.bincount(blocks[land], minlength=count)
    believed, active, seen = np.zeros(land.shape, dtype=bool), [], []
    for month in country.months[:-1]:
        week = np.array([weeks_from_start(day) for day in month.day])[country.swath]
        is_seen = month.clear & land
        believed = np.where(is_seen, (country.since <= week) & (country.until > week), believed)
        active.append(np.bincount(blocks[believed & land], minlength=count))
        seen.append(np.bincount(blocks[is_seen], minlength=count))
    targets, hidden, numbers = [], [], []
    by_block: dict[tuple[int, int], list[Site]] = {}
    for site in country.sites:
        by_block.setdefault((site.cells[0][0] // n, site.cells[0][1] // n), []).append(site)
    for number, (row, col) in enumerate(keys.tolist()):
        if (row, col) in by_block and plausible[number] >= K_EFF_MIN:
            cells = country.cells_of(Level.L2, row, col)
            prior = np.full(len(cells), 1 / len(cells))
            targets.append(Target(Level.L2, row, col, cells, prior, len(by_block[row, col])))
            hidden.append(by_block[row, col])
            numbers.append(number)
    return Paper(country, blocks, plausible, active, seen, targets, hidden, numbers)


def read_journal(paper: Paper, rule: Rule) -> Iterator[Page]:
    """What a partner would have been told on the first Monday after each month."""
    features: list[dict[str, Any]] = []
    for k, month in enumerate(paper.country.months[:-1]):
        for target, number in zip(paper.targets, paper.numbers, strict=True):
            plausible = int(paper.plausible[number])
            seen = choose_observed_band(int(paper.seen[k][number]), plausible)
            if seen is ObservedBand.NONE or not rule(month.first, seen):
                continue
            said = {
                "level": target.level.name,
                "row": target.row,
                "col": target.col,
                "period": f"{month.first:%Y-%m}",
                "band": choose_activity_band(int(paper.active[k][number]), plausible).value,
                "observed": seen.value,
            }
            features.append({"properties": said})
        week = int(np.ceil(weeks_from_start(paper.country.months[k + 1].first)))
        if week >= 0:
            yield Page(week, list(features), 1)


def try_rule(paper: Paper, rule: Rule) -> Score:
    """How well the temporal attacker does under a rule."""
    desk = Desk(HttpWire(0), [{}])  # nobody asks: everything is in the journal
    truths = [np.array([cell for site in sites for cell in site.cells]) for sites in paper.hidden]
    journal = list(read_journal(paper, rule))
    atlas = publish_atlas(paper.country)
    campaign = Campaign(desk, desk, paper.targets, atlas, journal, truths)
    return judge(paper.targets, paper.hidden, Differencing().attack(campaign))


def main() -> int:
    """Print a line for each rule."""
    paper = write_paper(SPARSE)
    print(f"{sum(map(len, paper.hidden))} sites in {len(paper.targets)} blocks, {len(paper.active)} months")
    for name, rule in RULES.items():
        score = try_rule(paper, rule)
        print(
            f"{name:<58} rho {score.rho:.3f} [{score.rho_low:.3f}, {score.rho_high:.3f}]"
            f"  rank {score.rank:.4f}, SE {score.rank_se:.4f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
