"""Misplaced scenes: what each cell is compared with where some of the earlier scenes lie apart from the new one.

Room `detection`, pure. Measures nothing and keeps nothing: both are handed in. May import `registration` and
`imagery.refusal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from monitor.detection.registration import APART_M, Offset
from monitor.imagery.refusal import Cause, SceneRefused

Place = TypeVar("Place")

LOOK_BACK = 5
"""Times that an earlier scene is looked for instead of one that lies apart."""


def choose_references(
    find: Callable[[frozenset[Place]], Mapping[Place, npt.NDArray[np.int64]]],
    measure: Callable[[Place], Offset | None],
) -> tuple[dict[Place, npt.NDArray[np.int64]], bool]:
    """The reference of each cell among scenes that the new one lies upon, and whether it lies upon none of them.

    find: positions of the cells by the scene that each would be compared with, given scenes to be passed over. measure:
    the offset from one of those. What cannot be told counts as lying upon. Says true where some lie apart and none is
    known to lie upon: then the new scene is the odd one, and nothing of it can be compared.
    """
    apart: set[Place] = set()
    told: dict[Place, Offset | None] = {}
    found: Mapping[Place, npt.NDArray[np.int64]] = {}
    for _ in range(LOOK_BACK):
        found = find(frozenset(apart))
        for place in found:
            if place not in told:
                told[place] = measure(place)
        odd = {place for place in found if (offset := told[place]) is not None and offset.is_apart}
        if not odd:
            break
        apart |= odd
    kept = {place: cells for place, cells in found.items() if place not in apart}
    return kept, bool(apart) and all(told[place] is None for place in kept)


def refuse_misplaced() -> SceneRefused:
    """Why nothing of a scene that lies upon none before it is compared. Says how far at least, never where."""
    return SceneRefused(
        Cause.MISREGISTERED,
        f"The scene does not lie upon those before it: its ground is more than {APART_M:.0f} m from where they have it."
        " Register it to them and hand it in again.",
    )
