"""Temporal differencing over weekly batches (LC-16, LC-17, LC-38): what changed this week, and which cells could anybody
have seen then?

The attacker has read every batch, has the clouds of every picture from public archives, and knows when each scene was
handed in (a feeder's account would tell). It knows the rule of releases too, and so in which months a band could move at
all. A band that rises in the batch of a week can be due only to cells that were clear in the pictures that came since it was
told last, or since the month in which the band could move before. Where answers carry dates, each week's dates
are matched with the day on which each cell was last seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from monitor.grid import Level
from tests.privacy.redteam.attackers.lessons import choose_beliefs, mix
from tests.privacy.redteam.campaign import Atlas, Campaign, Guess, Page, Target, Trail, is_about, normalise
from tests.privacy.redteam.country import Bools, Floats, Ints

MIDDLE_OF_BAND = {"none": 0.0, "under_2": 0.01, "2_to_5": 0.035, "5_to_10": 0.075, "over_10": 0.15}
SEEN_PER_CENT = 95
"""`limits.seen_per_cent_min` of every certificate."""
PERIOD = re.compile(r"(?P<year>\d{4})-((?P<month>\d{2})|Q(?P<quarter>[1-4]))")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Bands = dict[date, float]
"""Expected active share by month."""


@dataclass(frozen=True)
class Look:
    """What one month's pictures showed of a target. seen: cells; week: when each was handled; gap: days since the look
    before, at each cell; day: of the look, as a day number."""

    first: date
    seen: Bools
    week: Floats
    gap: Floats
    day: Floats


@dataclass(frozen=True)
class Differencing:
    """Reads the journal of the batches. How far its map is believed is decided on the known half.

    seen_per_cent: of a block, as the policy has it, before its band may move.
    """

    name: str = "temporal differencing"
    channel: str = "LC-38"
    control: str = "exact dates"
    asks_much: bool = False
    seen_per_cent: int = SEEN_PER_CENT

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target, with a guess every quarter of a year."""
        trails = [self._follow(campaign, target) for target in campaign.targets]
        beliefs = choose_beliefs(campaign, [trail[-1].weights for trail in trails])
        return [
            [Guess(guess.queries, mix(target, guess.weights, belief)) for guess in trail]
            for target, trail, belief in zip(campaign.targets, trails, beliefs, strict=True)
        ]

    def _follow(self, campaign: Campaign, target: Target) -> Trail:
        looks = list(_list_looks(campaign.atlas, target))
        expected = np.zeros(len(target.cells))
        run = np.zeros(len(target.cells))
        before: Bands = {}
        told: dict[date, int] = {}
        trail, queries, has_dates = [], 0, False
        for page in campaign.journal:
            queries += page.queries
            own = [feature["properties"] for feature in page.features if is_about(feature, target)]
            bands = _read_bands(own)
            expected += self._explain(target, looks, before, bands, page, told)
            told |= {first: page.week for first in bands if bands[first] != before.get(first)}
            before = bands
            days = {date.fromisoformat(text).toordinal() for said in own for text in _list_days(said)}
            if days:
                has_dates = True
                fits = np.isin(_last_seen(looks, page.week), list(days))
                run = np.where(fits, run + 1, 0)
            if page.week % 13 == 12 or page is campaign.journal[-1]:
                weights = target.prior * ((run / max(run.max(), 1)) ** 8 + 1e-6) if has_dates else expected
                trail.append(Guess(queries, normalise(weights, target.prior)))
        return trail

    def _explain(
        self,
        target: Target,
        looks: list[Look],
        before: Bands,
        now: Bands,
        page: Page,
        told: Mapping[date, int],
    ) -> Floats:
        """Where what rose in this batch can be: for each rise, its size spread over the cells that can be its cause.

        Those were clear in a look since the month in which the band could move before, and the longer a cell had not been
        seen until then the likelier it is. A month that was published before and rises now is due to pictures handled since
        its band was new, unless they are why the band can move in it at all. told: by month, in which week its band was new.
        """
        expected = np.zeros(len(target.cells))
        level, unseen, unseen_since = 0.0, np.zeros(len(target.cells)), np.zeros(len(target.cells))
        months = 1 if any(month.month % 3 for month in now) else 3
        blocks = _nest(target)
        moved, moves = (self._find_moves(looks, blocks, week, months) for week in (page.week - 1, page.week))
        for look in looks:
            unseen += np.where(look.seen & (look.week <= page.week), look.gap, 0.0)
            is_late = (look.week <= page.week) & (look.week > told.get(look.first, -1))
            unseen_since += np.where(look.seen & is_late, look.gap, 0.0)
            if look.first not in now or look.first not in moves:
                continue
            is_new = look.first not in before or look.first not in moved
            known = level if is_new else max(level, before[look.first])
            if now[look.first] > known:
                cause = target.prior * (unseen if is_new else unseen_since) if before else target.prior
                expected += (now[look.first] - known) * len(target.cells) * normalise(cause, target.prior)
                level = now[look.first] if is_new else max(level, now[look.first])
            else:
                level = now[look.first]
            unseen, unseen_since = np.zeros(len(target.cells)), np.zeros(len(target.cells))
        return expected

    def _find_moves(self, looks: list[Look], blocks: list[Ints], week: int, months: int) -> set[date]:
        """At the ends of which months the band could move, by the rule and the pictures handled up to a week.

        Finer blocks can once nearly all of each was seen, coarser ones once finer ones with nearly all of their cells could.
        blocks: of `_nest`. months: of a period.
        """
        found = set()
        fresh = [np.zeros(len(looks[0].seen), dtype=bool) for _ in blocks]
        for look in looks:
            could = look.seen & (look.week <= week)
            for level, (block, waiting) in enumerate(zip(blocks, fresh, strict=True)):
                waiting |= could
                if level == len(blocks) - 1 and look.first.month % months:
                    break
                share = 100 * np.bincount(block, waiting) >= self.seen_per_cent * np.bincount(block)
                could = share[block]
                waiting &= ~could
            else:
                if could.any():
                    found.add(look.first)
        return found


def _nest(target: Target) -> list[Ints]:
    """The number of each cell's block, of the finest blocks, then of coarser ones, and at last of the target alone."""
    finer = [level for level in (Level.L1, Level.L2) if level < target.level]
    places = [target.cells // level.span @ np.array([36_000, 1]) for level in finer]
    inside = [np.unique(place, return_inverse=True)[1] for place in places]
    return [*inside, np.zeros(len(target.cells), dtype=np.int64)]


def _list_looks(atlas: Atlas, target: Target) -> Iterator[Look]:
    swath = atlas.look_up(atlas.swath, target.cells)
    previous = np.full(len(target.cells), np.nan)
    for month in atlas.months:
        day = np.array([each.toordinal() for each in month.day], dtype=np.float64)[swath]
        seen = np.asarray(atlas.look_up(month.clear, target.cells), dtype=bool)
        gap = np.where(np.isnan(previous), 120.0, day - previous)
        yield Look(month.first, seen, np.array(month.week, dtype=np.float64)[swath], gap, day)
        previous = np.where(seen, day, previous)


def _read_bands(rows: list[Mapping[str, Any]]) -> Bands:
    """Expected active share by the month that ends a period: a month 2026-09, or a quarter 2026-Q3."""
    bands: Bands = {}
    for said in rows:
        period = PERIOD.fullmatch(str(said.get("period")))
        if period is not None:
            month = int(period["month"] or 3 * int(period["quarter"] or 0))
            bands[date(int(period["year"]), month, 1)] = MIDDLE_OF_BAND.get(str(said.get("band")), 0.0)
    return bands


def _last_seen(looks: list[Look], week: int) -> Floats:
    """The day on which each cell was last seen by pictures handled up to a week; 0 where never."""
    last = np.zeros(len(looks[0].seen))
    for look in looks:
        last = np.where(look.seen & (look.week <= week), np.maximum(last, look.day), last)
    return last


def _list_days(said: Any) -> Iterator[str]:
    """Every date in a JSON value."""
    if isinstance(said, str) and DAY.fullmatch(said):
        yield said
    elif isinstance(said, list):
        for each in said:
            yield from _list_days(each)
    elif isinstance(said, dict):
        for each in said.values():
            yield from _list_days(each)
