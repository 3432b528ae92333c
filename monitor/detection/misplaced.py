"""Misplaced scenes: what each cell is compared with where the new scene cannot be compared with some of the earlier ones.

Room `detection`, pure. Measures nothing and keeps nothing: both are handed in. May import `likeness`, `registration` and
`imagery.refusal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from monitor.detection.likeness import MOST_LIGHT, Fit
from monitor.detection.registration import APART_M
from monitor.imagery.refusal import Cause, SceneRefused

Place = TypeVar("Place")

LOOK_BACK = 5
"""Times that an earlier scene is looked for instead of one that the new one cannot be compared with."""
COMPARED = (Cause.MISREGISTERED, Cause.UNLIKE_BEFORE)
"""Causes that come of comparing a scene with earlier ones: others may come that it can be compared with."""


def choose_references(
    find: Callable[[frozenset[Place]], Mapping[Place, npt.NDArray[np.int64]]],
    judge: Callable[[Place], Fit],
) -> tuple[dict[Place, npt.NDArray[np.int64]], Fit | None]:
    """The reference of each cell among scenes that the new one can be compared with, and what is odd where there is none.

    find: positions of the cells by the scene that each would be compared with, given scenes to be passed over. judge: how
    the new one lies to one of those. What cannot be told counts as lying upon. Says a fault where it has one to some and is
    known to lie upon none: then the new scene is the odd one, and nothing of it can be compared. Of several faults
    the one that `Fit` names first.
    """
    odd: set[Place] = set()
    told: dict[Place, Fit] = {}
    found: Mapping[Place, npt.NDArray[np.int64]] = {}
    for _ in range(LOOK_BACK):
        found = find(frozenset(odd))
        for place in found:
            if place not in told:
                told[place] = judge(place)
        more = {place for place in found if told[place].is_odd}
        if not more:
            break
        odd |= more
    kept = {place: cells for place, cells in found.items() if place not in odd}
    if not odd or any(told[place] is Fit.UPON for place in kept):
        return kept, None
    faults = {told[place] for place in odd}
    return kept, next(fit for fit in Fit if fit in faults)


def refuse_odd(fault: Fit) -> SceneRefused:
    """Why nothing of a scene that can be compared with none before it is. Says how far off at least, never where."""
    if fault is Fit.APART:
        return SceneRefused(
            Cause.MISREGISTERED,
            f"The scene does not lie upon those before it: its ground is more than {APART_M:.0f} m from where they have it."
            " Register it to them and hand it in again.",
        )
    if fault is Fit.STRANGE:
        return SceneRefused(
            Cause.UNLIKE_BEFORE,
            "Nothing that the scene shows is where those before it have it. See whether its rows or columns are reversed,"
            " and whether clouds, smoke or another place are in it, and hand it in again.",
        )
    return SceneRefused(
        Cause.UNLIKE_BEFORE,
        f"The scene is {fault.value} than those before it in every band, by a factor of {MOST_LIGHT} or more over most of"
        " its ground. See to its scale, haze and the light, and hand it in again.",
    )
