"""Sites from cells (pure): neighbouring active cells form one site; what touched a site before keeps its identity.

Which cells a site has follows from the cells alone, never from the order in which they came; only which of several ids goes
on depends on the past.
"""

from __future__ import annotations

from collections import Counter
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
    cells: all its cells now. new_cells: those that no site had. parted_from: the site that a new one was a part of, until
    the cells between the two fell away.
    """

    kept: SiteKey | None
    absorbed: tuple[SiteKey, ...]
    cells: frozenset[Cell]
    new_cells: frozenset[Cell]
    parted_from: SiteKey | None = None


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
    active: Collection[Cell],
    known: Mapping[Cell, SiteKey],
    age: Mapping[SiteKey, int],
) -> list[SiteChange[SiteKey]]:
    """Compare the active cells of one region with its known sites and say which site each group continues.

    active: cells that were active at some time. known: the site that each cell belongs to. age: the greater, the older; of
    several sites that touch, the oldest goes on and the others are absorbed, so a history is never cut. A site that falls
    apart goes on in its largest part, and the other parts are new sites.
    A cell that went quiet stays a member of its site: a site is where mining was found, not where it is loud today.
    """
    groups = group_cells(set(active) | set(known))
    heir = _choose_heirs(groups, known)
    changes = []
    for number, group in enumerate(groups):
        met = {known[cell] for cell in group if cell in known}
        own = sorted((key for key in met if heir[key] == number), key=lambda key: (-age[key], str(key)))
        parted = sorted((key for key in met if heir[key] != number), key=lambda key: (-age[key], str(key)))
        kept, absorbed = (own[0], tuple(own[1:])) if own else (None, ())
        fresh = frozenset(cell for cell in group if cell not in known)
        changes.append(SiteChange(kept, absorbed, group, fresh, parted[0] if parted else None))
    return changes


def _choose_heirs(groups: list[frozenset[Cell]], known: Mapping[Cell, SiteKey]) -> dict[SiteKey, int]:
    """The group in which each known site goes on: the one with most of its cells, and of equal ones the first."""
    counts: dict[SiteKey, Counter[int]] = {}
    for number, group in enumerate(groups):
        for cell in group:
            if cell in known:
                counts.setdefault(known[cell], Counter())[number] += 1
    return {key: min(count, key=lambda number: (-count[number], number)) for key, count in counts.items()}
