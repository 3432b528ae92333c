"""What the attackers who learn have in common: from blocks whose truth they know, does a number tell where sites are?

A rule is used only where it holds far beyond chance on the known half of the country; else the attacker keeps the prior.
So an attacker that finds nothing does not do worse than one that does not ask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.privacy.redteam.country import Floats

SURE = 5.0
"""Least t of a correlation: one in a million by chance, for attackers that try hundreds of numbers."""


@dataclass(frozen=True)
class Line:
    """A straight line learned: y = slope x + level, with the spread of what is left, and how sure it is."""

    slope: float
    level: float
    spread: float
    t: float

    @property
    def is_sure(self) -> bool:
        """Whether the line is there at all."""
        return abs(self.t) > SURE


def fit_line(x: Floats, y: Floats) -> Line:
    """The least-squares line through points of shape (n,); t 0 where x or y does not vary."""
    if len(x) < 8 or float(np.ptp(x)) < 1e-12 or float(np.ptp(y)) < 1e-12:
        return Line(0.0, float(np.mean(y)) if len(y) else 0.0, float(np.std(y)) if len(y) else 1.0, 0.0)
    r = float(np.corrcoef(x, y)[0, 1])
    t = r * np.sqrt((len(x) - 2) / max(1 - r * r, 1e-9))
    slope = r * float(np.std(y)) / float(np.std(x))
    level = float(np.mean(y)) - slope * float(np.mean(x))
    return Line(slope, level, max(float(np.std(y - slope * x - level)), 1e-6), float(t))
