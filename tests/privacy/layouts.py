"""What a world holds, laid out from seeds (pure).

A coarse seed decides what is published; a hidden seed decides everything that no coarse role may learn: where inside
its block a cell lies, its scores, the days of its observations, the order in which anything was stored. Identifiers
follow from their names, so that two worlds can be compared byte by byte.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from monitor.grid import Level

Cell = tuple[int, int]
Block = tuple[int, int]

MONTHS = (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))
PRESENT = date(2026, 11, 1)
BLOCKS = {
    "east": [(460, 1000), (460, 1001), (461, 1000), (461, 1001)],
    "west": [(461, 998), (461, 999), (460, 998), (460, 999)],
    "strip": [(462, 1000), (462, 1001)],
}
ACTIVE_COUNTS = ((0, 0), (1, 7), (8, 19), (20, 40), (41, 90))
"""Counts of active cells of a whole block that fall in one band."""
OBSERVED_COUNTS = ((200, 299), (300, 400))
ALERTS = 4


@dataclass(frozen=True)
class Plan:
    """Seeds of one world, by region: what is published and what is hidden. same_counts: hidden counts are equal too."""

    coarse: dict[str, int]
    hidden: dict[str, int]
    same_counts: bool = False


@dataclass(frozen=True)
class Look:
    """One cell in one month, as a scene left it."""

    cell: Cell
    day: date
    state: str
    probability: float


@dataclass
class Layout:
    """Everything that a world holds, before it is written."""

    plan: Plan
    looks: list[Look] = field(default_factory=list)
    sites: dict[UUID, list[Cell]] = field(default_factory=dict)
    """Cells of the site of each alert."""
    regions: dict[UUID, str] = field(default_factory=dict)
    """Region of each alert."""

    def active_cells(self) -> list[Cell]:
        """Cells whose last look left them active."""
        last = {look.cell: look.state for look in sorted(self.looks, key=lambda look: look.day)}
        return sorted(cell for cell, state in last.items() if state == "active")


def identify(word: object) -> UUID:
    """The id (version 4) that stands for a name in every world."""
    return UUID(int=random.Random(f"id {word}").getrandbits(128), version=4)


def lay_out(plan: Plan) -> Layout:
    """Decide what a world holds. Pure: the same plan is the same world."""
    layout = Layout(plan)
    for name, blocks in BLOCKS.items():
        coarse = random.Random(f"coarse {name} {plan.coarse[name]}")
        hidden = random.Random(f"hidden {name} {plan.hidden[name]}")
        counts = coarse if plan.same_counts else hidden
        if name == "strip":
            _lay_strip(layout, coarse, hidden)
        else:
            for block in blocks:
                _lay_block(layout, block, coarse, hidden, counts)
            _lay_alerts(layout, name, plan.coarse[name], hidden)
    return layout


def _lay_block(
    layout: Layout, block: Block, coarse: random.Random, hidden: random.Random, counts: random.Random
) -> None:
    n = Level.L2.span
    cells = [(block[0] * n + k // n, block[1] * n + k % n) for k in range(n * n)]
    active: list[Cell] = []
    for number, month in enumerate((*MONTHS, PRESENT)):
        is_seen = number == 0 or coarse.random() < 0.8
        band, seen_band = coarse.choice(ACTIVE_COUNTS), coarse.choice(OBSERVED_COUNTS)
        if month == PRESENT and not layout.plan.same_counts:
            band = hidden.choice(ACTIVE_COUNTS)  # nothing of the present month is published
        count, seen_count = counts.randint(*band), counts.randint(*seen_band)
        if not is_seen:
            continue
        before, active = active, hidden.sample(cells, count)
        others = [cell for cell in cells if cell not in {*before, *active}]
        must_see = sorted({*before, *active})
        seen = must_see + hidden.sample(others, max(seen_count - len(must_see), 0))
        chosen = set(active)
        layout.looks += [_look(cell, month, cell in chosen, hidden) for cell in seen]


def _lay_strip(layout: Layout, coarse: random.Random, hidden: random.Random) -> None:
    cells = [(9240, 20000 + k) for k in range(40)]
    count = coarse.choice([1, 3, 6])
    active = set(hidden.sample(cells, count))
    layout.looks += [_look(cell, MONTHS[1], cell in active, hidden) for cell in cells]


def _look(cell: Cell, month: date, is_active: bool, hidden: random.Random) -> Look:
    day = month + timedelta(days=hidden.randrange(19 if month == PRESENT else 28))
    probability = hidden.uniform(0.5, 1) if is_active else hidden.uniform(0, 0.3)
    return Look(cell, day, "active" if is_active else "quiet", round(probability, 4))


def _lay_alerts(layout: Layout, name: str, coarse_seed: int, hidden: random.Random) -> None:
    """Alerts of a region on sites of three cells; the first site of the east reaches over the border into the west."""
    n = Level.L2.span
    taken = {cell for cells in layout.sites.values() for cell in cells}
    for number in range(ALERTS):
        row = BLOCKS[name][0][0] * n + 4 * number + hidden.randrange(3)
        col = BLOCKS[name][0][1] * n + 1 + hidden.randrange(2 * n - 4)
        site = [(row, col), (row, col + 1), (row, col + 2)]
        if name == "east" and number == 0:
            other = random.Random(f"hidden border {layout.plan.hidden['west']}")
            site = [(row, 20000), *((row, 19999 - k) for k in range(other.randint(1, 4)))]
        alert_id = identify(f"alert {name} {number} {coarse_seed}")
        layout.sites[alert_id] = [cell for cell in site if cell not in taken]
        taken |= set(site)
        layout.regions[alert_id] = name
