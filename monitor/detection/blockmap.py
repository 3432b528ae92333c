"""Errors on a map, as coarse as anybody may see: counts per block of one degree, never a cell.

Room `detection`, pure. A report of figures holds no place at all; the page beside it may hold these blocks and nothing
finer, so it can be handed to whoever may read the report. Imports `figures` and `grid`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from monitor.detection.figures import JudgedCells
from monitor.grid import CELLS_PER_DEG, Level

LEVEL = Level.L3
"""The coarsest level, which every role may see: one degree."""
CALLED_MINE = 0.5
LEAST_CELLS = 5
"""Of a block with fewer judged cells only that is said."""


@dataclass(frozen=True, slots=True)
class BlockErrors:
    """One block. south, west: degrees, whole numbers. cells: judged, None where they are few. wrong: share of them that
    is called what it is not, None where they are few."""

    south: int
    west: int
    cells: int | None
    wrong: float | None


def map_errors(judged: JudgedCells) -> tuple[BlockErrors, ...]:
    """The blocks that hold judged cells, from south-west to north-east."""
    span = LEVEL.span
    wrong = (judged.score >= CALLED_MINE) != judged.mining
    places: dict[tuple[int, int], list[int]] = {}
    for at, label in enumerate(judged.labels):
        places.setdefault((label.row // span, label.col // span), []).append(at)
    return tuple(_sum_up(block, wrong[own]) for block, own in sorted(places.items()))


def _sum_up(block: tuple[int, int], wrong: Iterable[bool]) -> BlockErrors:
    side = LEVEL.span // CELLS_PER_DEG
    south, west = block[0] * side - 90, block[1] * side - 180
    found = np.asarray(wrong, np.bool_)
    if len(found) < LEAST_CELLS:
        return BlockErrors(south, west, None, None)
    return BlockErrors(south, west, len(found), float(found.mean()))
