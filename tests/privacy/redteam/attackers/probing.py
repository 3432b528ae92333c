"""Counting (LC-09, LC-10, LC-25) and timing (LC-24): ask about parts of a block and learn which number of the answer
grows with what lies in a part.

On the half of the country whose sites the attacker knows it finds the number (a count, a length, a header, the median of
seconds) that follows them best; on the other half that number is turned into expected sites for each part, and where it
can be told at all, parts are split until they are cells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tests.privacy.redteam.attackers.lessons import Line, fit_line
from tests.privacy.redteam.campaign import (
    ACTIVITY,
    PAGE,
    Campaign,
    Guess,
    Target,
    Trail,
    is_about,
    normalise,
    write_box,
)
from tests.privacy.redteam.country import Floats, Ints
from tests.privacy.redteam.wire import BudgetSpent, Purse, Reply

Part = tuple[int, int, int, int]
Numbers = dict[str, float]
FLOOR = 0.02
"""Sites that are still thought possible in a part that seems empty."""


@dataclass(frozen=True)
class Probing:
    """Asks about parts. repeats: so many times, of which the median counts; 1 where answers do not vary. sides:
    the block is asked about in sides x sides parts first."""

    name: str
    channel: str
    control: str
    asks_much: bool = True
    repeats: int = 1
    by_clock: bool = False
    sides: int = 3

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        purses = [campaign.purse(number) for number in range(len(campaign.targets))]
        firsts = self._probe_all(campaign, purses)
        rules = {fold: learn_rule(campaign, firsts, fold) for fold in (0, 1)}

        def finish(number: int) -> Trail:
            rule = rules[campaign.fold(number)]
            return self._finish(campaign.targets[number], purses[number], firsts[number], rule)

        if self.by_clock:
            return [finish(number) for number in range(len(campaign.targets))]
        return campaign.each(finish)

    def _probe_all(self, campaign: Campaign, purses: list[Purse]) -> list[dict[Part, Numbers]]:
        """Numbers of all parts of all blocks. By the clock: one after the other, repeats far apart, in mixed order."""
        if not self.by_clock:
            return campaign.each(
                lambda number: {
                    part: self._read(purses[number], campaign.targets[number], part)
                    for part in split(campaign.targets[number].bounds, self.sides)
                }
            )
        seconds: dict[tuple[int, Part], list[float]] = {}
        asked = [
            (number, part)
            for number, target in enumerate(campaign.targets)
            for part in split(target.bounds, self.sides)
        ]
        draw = np.random.default_rng(5)
        for _ in range(self.repeats):
            for k in draw.permutation(len(asked)):
                number, part = asked[k]
                reply = purses[number].ask(ACTIVITY, {"bbox": write_box(*part), "limit": PAGE}, fresh=True)
                seconds.setdefault((number, part), []).append(reply.seconds)
        return [
            {part: _read_clock(seconds[number, part]) for part in split(target.bounds, self.sides)}
            for number, target in enumerate(campaign.targets)
        ]

    def _read(self, purse: Purse, target: Target, part: Part) -> Numbers:
        query: dict[str, object] = {"bbox": write_box(*part), "limit": PAGE}
        numbers = read_numbers(purse.ask(ACTIVITY, query), target)
        short = read_numbers(purse.ask(ACTIVITY, {**query, "limit": 1}), target)
        head = read_numbers(purse.ask(ACTIVITY, query, method="HEAD"), target)
        return (
            numbers
            | {f"first page: {name}": value for name, value in short.items()}
            | {f"HEAD: {name}": value for name, value in head.items()}
        )

    def _finish(
        self, target: Target, purse: Purse, first: Mapping[Part, Numbers], rule: tuple[str, Line] | None
    ) -> Trail:
        if rule is None:
            return [Guess(purse.spent, target.prior)]
        name, line = rule
        parts = dict(first)
        expected = expect_sites(parts, name, line)
        trail = [Guess(purse.spent, spread_over(target, expected))]
        if self.by_clock:
            return trail  # the repeats that single cells would need are better spent on the parts
        try:
            while any(_size(part) > 1 and count > 0.3 for part, count in expected.items()):
                part = max((p for p in expected if _size(p) > 1), key=lambda p: expected[p])
                del expected[part]
                small = {piece: self._read(purse, target, piece) for piece in split(part, 5)}
                expected |= expect_sites(small, name, line, parts)
                trail.append(Guess(purse.spent, spread_over(target, expected)))
        except BudgetSpent:
            trail.append(Guess(purse.spent, spread_over(target, expected)))
        return trail


def _read_clock(seconds: list[float]) -> Numbers:
    """The middle and the least of some times: other work on a machine can only add to them."""
    return {"median of seconds": float(np.median(seconds)), "least of seconds": min(seconds)}


def split(bounds: Part, sides: int) -> list[Part]:
    """A box of cells in up to sides x sides parts of whole cells."""
    rows = np.unique(np.linspace(bounds[0], bounds[2], sides + 1).astype(int))
    cols = np.unique(np.linspace(bounds[1], bounds[3], sides + 1).astype(int))
    return [(int(a), int(c), int(b), int(d)) for a, b in pairwise(rows) for c, d in pairwise(cols)]


def read_numbers(reply: Reply, target: Target) -> Numbers:
    """Every number in an answer that could follow its contents: lengths, counts, headers, extents."""
    numbers: Numbers = {"status": float(reply.status), "length": float(len(reply.body))}
    for name, value in reply.headers:
        if name.lower() in {"date", "x-request-id", "access-receipt"}:
            continue
        for k, digits in enumerate(re.findall(r"\d+", value)[:3]):
            numbers[f"header {name} {k}"] = float(digits[:12])
    if reply.body.startswith(b"{"):
        document = json.loads(reply.body)
        features = document.get("features") or []
        numbers["features"] = float(len(features))
        numbers["rows of the block"] = float(sum(is_about(feature, target) for feature in features))
        numbers["has next"] = float(document.get("next") is not None)
        for name, value in document.items():
            numbers |= _read_leaf(f"field {name}", value)
    return numbers


def _read_leaf(name: str, value: Any) -> Numbers:
    if isinstance(value, bool | int | float):
        return {name: float(value)}
    if isinstance(value, list) and len(value) <= 6 and all(isinstance(each, int | float) for each in value):
        return {f"{name} {k}": float(each) for k, each in enumerate(value)}
    return {}


def learn_rule(
    campaign: Campaign, probed: Sequence[Mapping[Part, Numbers]], fold: int
) -> tuple[str, Line] | None:
    """The number that best follows sites within blocks, over the blocks whose truth the attackers of a fold know."""
    columns: dict[str, list[float]] = {}
    counts: list[float] = []
    for number, parts in enumerate(probed):
        if campaign.fold(number) == fold:
            continue
        counts += _less_mean([_count(campaign.truths[number], part) for part in parts])
        names = {name for numbers in parts.values() for name in numbers}
        for name in names | columns.keys():
            own = _less_mean([numbers.get(name, 0.0) for numbers in parts.values()])
            column = columns.setdefault(name, [0.0] * (len(counts) - len(own)))
            column += own
    y = np.array(counts)
    lines = {name: fit_line(np.array(column), y) for name, column in columns.items()}
    sure = {name: line for name, line in lines.items() if line.is_sure(len(lines))}
    if not sure:
        return None
    best = max(sure, key=lambda name: abs(sure[name].t))
    return best, sure[best]


def _less_mean(values: list[float]) -> list[float]:
    mean = float(np.mean(values)) if values else 0.0
    return [value - mean for value in values]


def _count(places: Ints, part: Part) -> float:
    return float(
        np.sum(
            (places[:, 0] >= part[0])
            & (places[:, 1] >= part[1])
            & (places[:, 0] < part[2])
            & (places[:, 1] < part[3])
        )
    )


def expect_sites(
    parts: Mapping[Part, Numbers], name: str, line: Line, reference: Mapping[Part, Numbers] | None = None
) -> dict[Part, float]:
    """Sites that each part seems to hold, from how far its number lies above the emptiest of the block's first parts.

    By the clock the middle part stands for the emptiest: few parts hold anything, and the least time is luck.
    """
    values = [numbers.get(name, 0.0) * np.sign(line.slope) for numbers in (reference or parts).values()]
    lowest = float(np.median(values)) if "seconds" in name else min(values)
    return {
        part: max(abs(line.slope) * (numbers.get(name, 0.0) * np.sign(line.slope) - lowest), 0.0)
        for part, numbers in parts.items()
    }


def spread_over(target: Target, expected: Mapping[Part, float]) -> Floats:
    """Weights of cells: what each part is expected to hold, over its plausible cells."""
    weights = np.zeros(len(target.cells))
    rows, cols = target.cells[:, 0], target.cells[:, 1]
    for part, count in expected.items():
        inside = (rows >= part[0]) & (cols >= part[1]) & (rows < part[2]) & (cols < part[3])
        if inside.any():
            share = target.prior[inside].sum()
            weights[inside] = target.prior[inside] / share * (count + FLOOR * share)
    return normalise(weights, target.prior)


def _size(part: Part) -> int:
    return (part[2] - part[0]) * (part[3] - part[1])
