"""What a world holds, laid out from seeds (pure).

A coarse seed decides what is published; a hidden seed decides everything that no coarse role may learn: where inside
its block a cell lies, its scores, the days of its observations, the order in which anything was stored, what other systems
have told of; a field seed decides alerts, inspections and findings. Identifiers follow from their names, so that two
worlds can be compared byte by byte.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from monitor.grid import Level, block_of

Cell = tuple[int, int]
Block = tuple[int, int]

MONTHS = (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))
PRESENT = date(2026, 11, 1)
BLOCKS = {
    "east": [(460, 1000), (460, 1001), (461, 1000), (461, 1001)],
    "west": [(461, 998), (461, 999), (460, 998), (460, 999)],
    "strip": [(462, 1000), (462, 1001)],
}
ACTIVE_COUNTS = {
    Level.L1: ((0, 0), (1, 1), (2, 4), (5, 10), (11, 22)),
    Level.L2: ((0, 0), (1, 7), (8, 19), (20, 40), (41, 90)),
}
"""Counts of active cells of a whole block that fall in one band."""
OBSERVED_COUNTS = {Level.L1: ((45, 49), (100, 100)), Level.L2: ((181, 199), (400, 400))}
"""Counts of observed cells of a whole block that fall in one band: few enough that two such months do not make up nearly
all of a block, or all of it, so that a band moves in the same months wherever the observed cells lie."""
BANKS = {"near bank": (9200, 9215), "far bank": (9215, 9220)}
"""Two regions that meet in the middle of a block of L1: first row, and the row after the last."""
BANK_COLS = range(20100, 20110)
BANK_COUNTS = (0, 2, 6, 12)
"""Counts of active cells of a part of a block of L1, of which the band of the block follows."""
BORDER_SITES = frozenset((9200 + number, 20000) for number in range(3))
"""Eastern cells in which the site that reaches over the border can lie."""
STATUSES = ("raised", "raised", "triaged", "visited")
"""What alerts without an inspection are at."""

HELD = {(460, 1001): "once", (461, 1001): "partly", (461, 1000): "late"}
"""Eastern blocks of which the last published months could not tell whether anything had changed, and why: most of their
cells were seen but once, or an L1 block in them too little, or what was seen of a few of them in a month was known only
when that had been published."""
HELD_COUNTS = (0, 4, 14, 30, 60)
"""Counts of active cells, beside a few that were so before, that would each give such a block another band, mostly."""
SEEN_AGAIN, UNSEEN = 70, 16
"""Cells of a block seen once or late that were looked at often enough; cells of the L1 block that were not seen."""

DRAWS = 200
"""So often a site is drawn again that would lie on cells that are shown anyway."""


@dataclass(frozen=True)
class Plan:
    """Seeds of one world, by region. same_counts: hidden counts are equal too. level: of the blocks whose bands follow from
    the coarse seed, so that the hidden one decides only what lies inside them. sites_are_active: the east's cells of sites
    are active in the present month, so that whoever reads activity there is shown them; which lies south of which is
    hidden."""

    coarse: Mapping[str, int]
    hidden: Mapping[str, int]
    field: Mapping[str, int]
    same_counts: bool = False
    level: Level = Level.L2
    sites_are_active: bool = False


@dataclass(frozen=True)
class Look:
    """One cell in one month, as a scene left it."""

    cell: Cell
    day: date
    state: str
    probability: float
    is_single: bool = False
    """Of one day and with nothing before it, so that no change is confirmed."""
    is_late: bool = False
    """Known once its month has been published."""


@dataclass(frozen=True)
class Raised:
    """An alert and the cells of its site."""

    id: UUID
    region: str
    status: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Visit:
    """An inspection, with its one finding. inspector: by name."""

    id: UUID
    alert: UUID
    inspector: str
    status: str
    finding: UUID
    kind: str
    found_on: date
    people: str
    mercury: bool


@dataclass(frozen=True)
class Wish:
    """An access request for a region, and its grant where it was granted. asker: by name."""

    id: UUID
    region: str
    asker: str
    level: int
    status: str
    grant: UUID


@dataclass(frozen=True)
class Told:
    """A cell that another system has told of, in public."""

    cell: Cell
    system: str
    day: date


@dataclass
class Layout:
    """Everything that a world holds, before it is written."""

    plan: Plan
    looks: list[Look] = field(default_factory=list)
    alerts: list[Raised] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

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
            held = HELD if plan.level is Level.L2 and not plan.same_counts else {}
            for block in blocks:
                if held.get(block) == "late":
                    _lay_late(layout, block, hidden)
                    continue
                if block in held:
                    _lay_held(layout, block, hidden, held[block])
                    continue
                for part in _divide(block, plan.level):
                    _lay_block(layout, part, coarse, hidden, counts)
            _lay_alerts(layout, name, hidden)
            if name == "east" and plan.sites_are_active:
                _show_sites(layout)
            _lay_visits(layout, name, hidden)
            _lay_wishes(layout, name)
            _lay_told(layout, name)
    for name, (row_from, row_to) in BANKS.items():
        _lay_bank(layout, name, range(row_from, row_to))
    return layout


def _divide(block: Block, level: Level) -> list[Block]:
    """The blocks of a level in a block of L2."""
    ratio = Level.L2.span // level.span
    return [(block[0] * ratio + k // ratio, block[1] * ratio + k % ratio) for k in range(ratio**2)]


def _lay_block(
    layout: Layout, block: Block, coarse: random.Random, hidden: random.Random, counts: random.Random
) -> None:
    level = layout.plan.level
    n = level.span
    cells = [(block[0] * n + k // n, block[1] * n + k % n) for k in range(n * n)]
    # where counts are told, the site on the border must find a cell there that was not shown already, whatever is drawn
    may_be_active = [cell for cell in cells if not (layout.plan.same_counts and cell in BORDER_SITES)]
    active: list[Cell] = []
    for number, month in enumerate((*MONTHS, PRESENT)):
        is_seen = number == 0 or coarse.random() < 0.8
        band, seen_band = coarse.choice(ACTIVE_COUNTS[level]), coarse.choice(OBSERVED_COUNTS[level])
        if number == 0:
            seen_band = OBSERVED_COUNTS[level][-1]
        if month == PRESENT and not layout.plan.same_counts:
            band = hidden.choice(ACTIVE_COUNTS[level])  # nothing of the present month is published
        count, seen_count = counts.randint(*band), counts.randint(*seen_band)
        if not is_seen:
            continue
        before, active = active, hidden.sample(may_be_active, count)
        others = [cell for cell in cells if cell not in {*before, *active}]
        must_see = sorted({*before, *active})
        seen = must_see + hidden.sample(others, max(seen_count - len(must_see), 0))
        chosen, days = set(active), _draw_days(month, hidden)
        layout.looks += [_look(cell, days, cell in chosen, hidden) for cell in seen]


def _lay_held(layout: Layout, block: Block, hidden: random.Random, why: str) -> None:
    """A block that settles in the first month, with a few cells active, and may not since; what is active in it in the last
    one is hidden."""
    n = Level.L2.span
    cells = [(block[0] * n + k // n, block[1] * n + k % n) for k in range(n * n)]
    first, last = (_draw_days(month, hidden) for month in (MONTHS[0], MONTHS[-1]))
    before = set(hidden.sample(cells, hidden.randint(*ACTIVE_COUNTS[Level.L2][1])))
    layout.looks += [_look(cell, first, cell in before, hidden) for cell in cells]
    corner = [cell for cell in cells if min(cell[0] % n, cell[1] % n) >= Level.L1.span]
    unseen = set(hidden.sample(corner, UNSEEN)) if why == "partly" else set()
    seen = [cell for cell in cells if cell not in unseen]
    told = set(hidden.sample(seen, SEEN_AGAIN) if why == "once" else seen)
    now = set(hidden.sample(sorted(told), hidden.choice(HELD_COUNTS))) | (before - told)
    for cell in seen:
        look = _look(cell, last, cell in now, hidden)
        layout.looks.append(replace(look, is_single=cell not in told))


def _lay_late(layout: Layout, block: Block, hidden: random.Random) -> None:
    """A block that settles in the first month, with a few cells active. Of some of its cells there is another look in that
    month, which is known late; what it shows is hidden."""
    n = Level.L2.span
    cells = [(block[0] * n + k // n, block[1] * n + k % n) for k in range(n * n)]
    first, second = (MONTHS[0] + timedelta(days=14 * half + hidden.randrange(14)) for half in (0, 1))
    before = set(hidden.sample(cells, hidden.randint(*ACTIVE_COUNTS[Level.L2][1])))
    layout.looks += [_look(cell, [first], cell in before, hidden) for cell in cells]
    late = hidden.sample(cells, SEEN_AGAIN)
    now = set(hidden.sample(late, hidden.choice(HELD_COUNTS)))
    layout.looks += [replace(_look(cell, [second], cell in now, hidden), is_late=True) for cell in late]


def _lay_strip(layout: Layout, coarse: random.Random, hidden: random.Random) -> None:
    cells = [(9240, 20000 + k) for k in range(40)]
    count = coarse.choice([1, 3, 6])
    active = set(hidden.sample(cells, count))
    days = _draw_days(MONTHS[1], hidden)
    layout.looks += [_look(cell, days, cell in active, hidden) for cell in cells]


def _lay_bank(layout: Layout, name: str, rows: range) -> None:
    """A region that was seen whole in every month."""
    coarse = random.Random(f"coarse {name} {layout.plan.coarse[name]}")
    hidden = random.Random(f"hidden {name} {layout.plan.hidden[name]}")
    for month in MONTHS:
        days = _draw_days(month, hidden)
        for block_row in sorted({row // Level.L1.span for row in rows}):
            part = [(row, col) for row in rows if row // Level.L1.span == block_row for col in BANK_COLS]
            active = set(hidden.sample(part, coarse.choice(BANK_COUNTS)))
            layout.looks += [_look(cell, days, cell in active, hidden) for cell in part]


def _draw_days(month: date, hidden: random.Random) -> list[date]:
    """A few days of a month, on which a block was looked at."""
    days = hidden.sample(range(19 if month == PRESENT else 28), hidden.randint(2, 5))
    return [month + timedelta(days=day) for day in days]


def _look(cell: Cell, days: Sequence[date], is_active: bool, hidden: random.Random) -> Look:
    day = hidden.choice(days)
    probability = hidden.uniform(0.5, 1) if is_active else hidden.uniform(0, 0.3)
    return Look(cell, day, "active" if is_active else "quiet", round(probability, 4))


def _draw_site(name: str, place: int, hidden: random.Random) -> list[Cell]:
    """Three cells beside each other, in rows that are kept for one alert. place: from south to north."""
    n = Level.L2.span
    row = min(BLOCKS[name])[0] * n + 5 * place + hidden.randrange(3)
    col = BLOCKS[name][0][1] * n + 1 + hidden.randrange(2 * n - 4)
    return [(row, col), (row, col + 1), (row, col + 2)]


def _lay_alerts(layout: Layout, name: str, hidden: random.Random) -> None:
    """Alerts of a region on sites of three cells; the first site of the east reaches over the border into the west."""
    plan = layout.plan
    field_draw = random.Random(f"field {name} {plan.field[name]}")
    taken = {cell for alert in layout.alerts for cell in alert.cells}
    # an auditor may know how many different cells somebody was shown, so answers must overlap equally: a site is drawn
    # beside all that is active, and is then active as a whole (`_show_sites`) or not at all
    shown = {look.cell for look in layout.looks if look.state == "active"} if plan.same_counts else set()
    places = [*range(field_draw.randint(4, 7) if name == "east" else field_draw.randint(0, 6))]
    if plan.sites_are_active:
        places[1:] = hidden.sample(places[1:], len(places[1:]))
    for number, place in enumerate(places):
        is_border = name == "east" and number == 0
        for _ in range(DRAWS):
            cells = _draw_site(name, place, hidden)
            row = cells[0][0]
            # a site has a cell: what is left of it when those of others are taken away
            if not shown & ({(row, 20000)} if is_border else set(cells)) and not taken.issuperset(cells):
                break
        if is_border:
            other = random.Random(f"hidden border {plan.hidden['west']}")
            cells = [(row, 20000), *((row, 19999 - k) for k in range(other.randint(1, 19)))]
        left = tuple(cell for cell in cells if cell not in taken)
        taken |= set(cells)
        status = field_draw.choice(STATUSES)
        layout.alerts.append(
            Raised(identify(f"alert {name} {number} {plan.field[name]}"), name, status, left)
        )


def _show_sites(layout: Layout) -> None:
    """Let the eastern cells of sites be active on one day of the present month."""
    sites = [
        cell for alert in layout.alerts for cell in alert.cells if block_of(*cell, Level.L2) in BLOCKS["east"]
    ]
    layout.looks = [look for look in layout.looks if look.cell not in set(sites) or look.day < PRESENT]
    layout.looks += [Look(cell, PRESENT, "active", 0.9) for cell in sites]


def _lay_visits(layout: Layout, name: str, hidden: random.Random) -> None:
    """A closed inspection of Ines and an open one of Ivo in the east, up to two of Wim in the west.

    What Ines and Ivo found is theirs to read, so it is of the field; what Wim found is hidden.
    """
    seed = layout.plan.field[name]
    shown = random.Random(f"found {name} {seed}")
    alerts = [alert for alert in layout.alerts if alert.region == name]
    people = [("ines", "closed"), ("ivo", "accepted")] if name == "east" else [("wim", "accepted")] * 2
    for number, (alert, (person, status)) in enumerate(zip(alerts[1:], people, strict=False)):
        draw = hidden if person == "wim" else shown
        layout.visits.append(
            Visit(
                identify(f"inspection {name} {number} {seed}"),
                alert.id,
                person,
                status,
                identify(f"finding {name} {number} {seed}"),
                draw.choice(["active", "inactive", "industrial"]),
                date(2026, 9, 1 + draw.randrange(28)),
                draw.choice(["none", "1-10", "11-50"]),
                draw.random() < 0.5,
            )
        )
        layout.alerts[layout.alerts.index(alert)] = Raised(
            alert.id, name, "triaged" if status == "closed" else "assigned", alert.cells
        )


def _lay_told(layout: Layout, name: str) -> None:
    """What others told of: some cells of a region, and the first one of every other alert. As hidden as our cells."""
    draw = random.Random(f"told {name} {layout.plan.hidden[name]}")
    seen = sorted({look.cell for look in layout.looks if _is_in(look.cell, name)})
    cells = draw.sample(seen, min(len(seen), 40))
    cells += [a.cells[0] for a in layout.alerts if a.region == name and a.cells and draw.random() < 0.5]
    layout.told += [
        Told(cell, draw.choice(["glad_l", "radd"]), date(2026, 1, 1 + draw.randrange(28)))
        for cell in dict.fromkeys(cells)
    ]


def _is_in(cell: Cell, name: str) -> bool:
    return (cell[0] // Level.L2.span, cell[1] // Level.L2.span) in BLOCKS[name]


def _lay_wishes(layout: Layout, name: str) -> None:
    """Requests for a finer level on a region, with what became of them: rights, so they go with what is published."""
    seed = layout.plan.coarse[name]
    draw = random.Random(f"wishes {name} {seed}")
    askers = ["pia", "rosa"] if name == "east" else ["anna", "wim"]
    for number, asker in enumerate(askers):
        # a partner whose grant is in force sees where inside an L2 block something is
        status = draw.choice(["waiting", "refused"] if asker == "pia" else ["waiting", "granted", "refused"])
        if name == "east" or draw.random() < 0.7:
            level = 1 if asker == "pia" else 0
            wish = identify(f"wish {name} {number} {seed}")
            layout.wishes.append(Wish(wish, name, asker, level, status, identify(f"grant of {wish}")))
