"""What the attackers who learn have in common: from blocks whose truth they know, does a number tell where sites are?

A rule is used only where it holds far beyond chance on the known half of the country; else the attacker keeps the prior.
So an attacker that finds nothing does not do worse than one that does not ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from tests.privacy.redteam.campaign import Campaign, Target, normalise
from tests.privacy.redteam.country import Floats

CHANCE = 1e-3
"""Probability that an attacker takes up any rule where there is none, whatever the number of rules it tries."""


@dataclass(frozen=True)
class Line:
    """A straight line learned: y = slope x + level, with the spread of what is left. t, n: how sure, from how much."""

    slope: float
    level: float
    spread: float
    t: float
    n: int

    def is_sure(self, tried: int) -> bool:
        """Whether the line would hardly be there by chance among so many that were tried."""
        return is_beyond_chance(self.t, self.n - 2, tried)


def is_beyond_chance(t: float, freedom: int, tried: int) -> bool:
    """Whether a t of so many degrees of freedom is rarer than CHANCE among `tried` (Bonferroni), from both sides."""
    return freedom > 0 and 2 * float(student.sf(abs(t), freedom)) * max(tried, 1) < CHANCE


def fit_line(x: Floats, y: Floats) -> Line:
    """The least-squares line through points of shape (n,); t 0 where x or y does not vary."""
    if len(x) < 8 or float(np.ptp(x)) < 1e-12 or float(np.ptp(y)) < 1e-12:
        return Line(
            0.0, float(np.mean(y)) if len(y) else 0.0, float(np.std(y)) if len(y) else 1.0, 0.0, len(x)
        )
    r = float(np.corrcoef(x, y)[0, 1])
    t = r * np.sqrt((len(x) - 2) / max(1 - r * r, 1e-9))
    slope = r * float(np.std(y)) / float(np.std(x))
    level = float(np.mean(y)) - slope * float(np.mean(x))
    return Line(slope, level, max(float(np.std(y - slope * x - level)), 1e-6), float(t), len(x))


BELIEFS = (0.3, 0.6, 0.9)
FEW = 3
"""Blocks with at most so many sites are learned from apart: a map means more where there is little to find."""


def mix(target: Target, found: Floats, belief: float) -> Floats:
    """A map believed to a degree, and the prior for the rest."""
    return normalise(belief * found + (1 - belief) * target.prior, target.prior)


def choose_beliefs(campaign: Campaign, found: Sequence[Floats]) -> list[float]:
    """For each target, how far an attacker's own map (weights that sum to one) should be believed: the degree that
    explains the sites of known blocks of its kind best, or 0 where the gain over the prior is not beyond chance."""
    kinds = [(campaign.fold(number), target.places <= FEW) for number, target in enumerate(campaign.targets)]
    chosen = {kind: _choose(campaign, found, kind) for kind in set(kinds)}
    return [chosen[kind] for kind in kinds]


def _choose(campaign: Campaign, found: Sequence[Floats], kind: tuple[int, bool]) -> float:
    fold, is_sparse = kind
    known = [
        number
        for number, target in enumerate(campaign.targets)
        if campaign.fold(number) != fold and (target.places <= FEW) == is_sparse
    ]
    best, most = 0.0, 0.0
    for belief in BELIEFS if len(known) >= 8 else ():
        gains = np.array([_gain(campaign, number, found[number], belief) for number in known])
        error = float(gains.std()) / np.sqrt(len(gains))
        if gains.mean() > max(most, 2 * error):
            best, most = belief, float(gains.mean())
    return best


def _gain(campaign: Campaign, number: int, found: Floats, belief: float) -> float:
    """Mean gain in log likelihood, over the prior, of a known block's sites."""
    target, truth = campaign.targets[number], campaign.truths[number]
    order = {(int(row), int(col)): k for k, (row, col) in enumerate(target.cells)}
    at = [order[int(row), int(col)] for row, col in truth if (int(row), int(col)) in order]
    weights = mix(target, found, belief)
    return float(np.mean(np.log(weights[at] / target.prior[at]))) if at else 0.0
