"""Sites from cells (pure): neighbouring active cells form one site; what touched a site before keeps its identity."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Cell = tuple[int, int]
SiteKey = TypeVar("SiteKey")

_NEIGHBOURS = [(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if (dr, dc) != (0, 0)]


@dataclass(frozen=True, slots=True)
class SiteChange(Generic[SiteKey]):
    """What the present cells mean for the known sites.

    kept: the site that goes on, or None for a new one. absorbed: sites that now touch it and end in it.
    cells: all its cells now. new_cells: those that no site had.
    """

    kept: SiteKey | None
    absorbed: tuple[SiteKey, ...]
    cells: frozenset[Cell]
    new_cells: frozenset[Cell]


def group_cells(cells: Collection[Cell]) -> list[frozenset[Cell]]:
    """Connected groups of cells (sides and corners touch), each group once, in the order of its smallest cell."""
    left = set(cells)
    groups = []
    for start in sorted(left):
        if start not in left:
            continue
        left.discard(start)
        group, edge = {start}, [start]
        while edge:
            row, col = edge.pop()
            for step in _NEIGHBOURS:
                cell = (row + step[0], col + step[1])
                if cell in left:
                    left.discard(cell)
                    group.add(cell)
                    edge.append(cell)
        groups.append(frozenset(group))
    return groups


def neighbours_of(cells: Collection[Cell]) -> set[Cell]:
    """The cells themselves and all that touch them."""
    return {(row + dr, col + dc) for row, col in cells for dr, dc in [*_NEIGHBOURS, (0, 0)]}


def plan_sites(
    active: Collection[Cell], known: Mapping[Cell, SiteKey], age: Mapping[SiteKey, int]
) -> list[SiteChange[SiteKey]]:
    """Compare the active cells with the known sites and say which site each group continues.

    active: cells believed active now. known: the site that each cell belonged to before. age: the greater, the older;
    of several sites that touch, the oldest goes on and the others are absorbed, so a history is never cut.
    A cell that went quiet stays a member of its site: a site is where mining was found, not where it is loud today.
    """
    cells = set(active) | set(known)
    changes = []
    for group in group_cells(cells):
        met = sorted(
            {known[cell] for cell in group if cell in known}, key=lambda site: (-age[site], str(site))
        )
        fresh = frozenset(cell for cell in group if cell not in known)
        kept, absorbed = (met[0], tuple(met[1:])) if met else (None, ())
        changes.append(SiteChange(kept, absorbed, group, fresh))
    return changes
