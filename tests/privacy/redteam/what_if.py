"""The rule of coverage tried on paper: what would the temporal attacker learn if bands moved sooner, or later?

    python -m tests.privacy.redteam.what_if

No database and no server: the bands of a large, sparse country are computed here, read by the attacker as its journal, and
judged as in the full run. Every picture is handled in its week here. It answers in minutes how much must have been
observed before a band may move, so that clouds do not tell the place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, grade_activity
from monitor.privacy.policy import K_EFF_MIN, SEEN_PER_CENT_MIN
from tests.privacy.redteam.attackers.calendar import Differencing
from tests.privacy.redteam.campaign import Campaign, Page, Target, publish_atlas
from tests.privacy.redteam.country import Country, Ints, Plan, Site, invent_country, weeks_from_start
from tests.privacy.redteam.judging import Score, judge
from tests.privacy.redteam.wire import Desk, HttpWire

SPARSE = Plan("sparse", 9, 20.0, 1.0, 7.0, 5.0, 4, 900, 0.0, 52)
BANDS = [band.value for band in ActivityBand]
SHARES = (0, 50, 75, 90, SEEN_PER_CENT_MIN, 99)
"""Per cent of a block that must have been observed before its band may move; with 0 it moves in every month."""


@dataclass(frozen=True)
class Paper:
    """A country and what a release would count of it.

    parts, blocks: the numbers of each cell's L1 and L2 block. block_of: of each L1 block, the number of its L2 block.
    active: of L1 blocks, by month. seen: of L2 blocks, by month.
    """

    country: Country
    parts: Ints
    blocks: Ints
    block_of: Ints
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
    (_, parts), (keys, blocks) = (_number_blocks(country, level) for level in (Level.L1, Level.L2))
    block_of = np.zeros(parts.max() + 1, dtype=np.int64)
    block_of[parts] = blocks
    land = country.region >= 0
    count = len(keys)
    plausible = np.bincount(blocks[land], minlength=count)
    believed, active, seen = np.zeros(land.shape, dtype=bool), [], []
    for month in country.months[:-1]:
        week = np.array([weeks_from_start(day) for day in month.day])[country.swath]
        is_seen = month.clear & land
        believed = np.where(is_seen, (country.since <= week) & (country.until > week), believed)
        active.append(np.bincount(parts[believed & land], minlength=len(block_of)))
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
    return Paper(country, parts, blocks, block_of, active, seen, targets, hidden, numbers)


def _number_blocks(country: Country, level: Level) -> tuple[Ints, Ints]:
    """Rows and columns of a country's blocks, and the number of each cell's block."""
    rows, cols = np.indices(country.region.shape) + np.array(country.origin)[:, None, None]
    places = np.stack([rows // level.span, cols // level.span], axis=-1).reshape(-1, 2)
    keys, numbers = np.unique(places, axis=0, return_inverse=True)
    return keys, numbers.reshape(country.region.shape)


def read_journal(paper: Paper, per_cent: int) -> Iterator[Page]:
    """What a partner would have been told on the first Monday after each month."""
    features: list[dict[str, Any]] = []
    land = paper.country.region >= 0
    cells = np.bincount(paper.parts[land], minlength=len(paper.block_of))
    plausible = np.bincount(paper.block_of, cells).astype(np.int64)
    settled, band = np.zeros(len(cells), dtype=np.int64), np.full(len(plausible), -1)
    seen, waiting = np.zeros(land.shape, dtype=bool), np.zeros(len(cells), dtype=bool)
    for k, month in enumerate(paper.country.months[:-1]):
        seen |= month.clear & land
        counts = np.bincount(paper.parts[seen], minlength=len(cells))
        could = 100 * counts >= per_cent * cells
        settled = np.where(could, paper.active[k], settled)
        seen &= ~could[paper.parts]
        waiting |= could
        moves = 100 * np.bincount(paper.block_of, cells * waiting) >= per_cent * plausible
        moves &= paper.seen[k] > 0
        active = np.bincount(paper.block_of, settled).astype(np.int64)
        band = np.where(moves, grade_activity(active, plausible), band)
        waiting &= ~moves[paper.block_of]
        for target, number in zip(paper.targets, paper.numbers, strict=True):
            if paper.seen[k][number] and band[number] >= 0:
                place = {"level": target.level.name, "row": target.row, "col": target.col}
                said = {"period": f"{month.first:%Y-%m}", "band": BANDS[band[number]]}
                features.append({"properties": place | said})
        week = int(np.ceil(weeks_from_start(paper.country.months[k + 1].first)))
        if week >= 0:
            yield Page(week, list(features), 1)


def try_share(paper: Paper, per_cent: int) -> tuple[Score, int]:
    """How well the temporal attacker, who knows the rule, does under it; and how many rows are published."""
    desk = Desk(HttpWire(0), [{}])  # nobody asks: everything is in the journal
    truths = [np.array([cell for site in sites for cell in site.cells]) for sites in paper.hidden]
    journal = list(read_journal(paper, per_cent))
    atlas = publish_atlas(paper.country)
    campaign = Campaign(desk, desk, paper.targets, atlas, journal, truths)
    score = judge(paper.targets, paper.hidden, Differencing(seen_per_cent=per_cent).attack(campaign))
    return score, len(journal[-1].features)


def main() -> int:
    """Print a line for each share."""
    paper = write_paper(SPARSE)
    print(f"{sum(map(len, paper.hidden))} sites in {len(paper.targets)} blocks, {len(paper.active)} months")
    for per_cent in SHARES:
        score, rows = try_share(paper, per_cent)
        print(
            f"a band moves once {per_cent:2} per cent were seen: rho {score.rho:.3f} [{score.rho_low:.3f},"
            f" {score.rho_high:.3f}]  rank {score.rank:.4f}, SE {score.rank_se:.4f}  {rows} rows",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
