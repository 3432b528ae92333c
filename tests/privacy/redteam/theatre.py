"""A country in a database of its own, rolled forward week by week, with a server over it: where attackers are let loose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.grid import Level
from monitor.privacy.coarsen import count_effective_cells
from tests.cast import Person
from tests.privacy.redteam.campaign import Atlas, Campaign, Page, Target, publish_atlas, read_all
from tests.privacy.redteam.country import Cell, Country, Ints, Plan, Site, invent_country
from tests.privacy.redteam.database import private_database
from tests.privacy.redteam.serving import serve
from tests.privacy.redteam.wire import Desk, HttpWire, Wire
from tests.privacy.redteam.writing import Staff, hire_staff, raise_alerts, roll_forward

SWARM = 8
"""Partners with equal rights among whom questions are shared out."""


@dataclass
class Theatre:
    """A country that is written and published. hidden: its sites, by target; truths: all their cells."""

    country: Country
    staff: Staff
    database: str
    alerts: Sequence[UUID] = ()
    journal: list[Page] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    hidden: list[list[Site]] = field(default_factory=list)
    truths: list[Ints] = field(default_factory=list)
    outside: int = 0

    def desk(self, wire: Wire, people: Sequence[Person]) -> Desk:
        """A desk at which these people ask."""
        return Desk(wire, [person.headers for person in people])

    def campaign(
        self, wire: Wire, people: Sequence[Person], threads: int, most: int | None = None
    ) -> Campaign:
        """What attackers with these accounts have to go by. most: so many targets at most, evenly chosen."""
        kept = self.choose_targets(most)
        return Campaign(
            self.desk(wire, people) if people else Desk(wire, [{}]),
            self.desk(wire, self.staff.colluding),
            [self.targets[number] for number in kept],
            self.atlas,
            self.journal,
            [self.truths[number] for number in kept],
            threads,
        )

    def choose_targets(self, most: int | None) -> list[int]:
        """Numbers of `most` targets, spread over all of them; of all where there are no more."""
        count = len(self.targets)
        return sorted({int(k) for k in np.linspace(0, count - 1, min(most or count, count))})

    @property
    def atlas(self) -> Atlas:
        """What is public of the country."""
        return publish_atlas(self.country)

    def hiding(self) -> dict[str, float]:
        """Effective plausible cells and largest prior over the released blocks."""
        k_effs = [count_effective_cells(target.prior.tolist()) for target in self.targets]
        return {
            "blocks": len(self.targets),
            "k_eff_p5": float(np.percentile(k_effs, 5)),
            "k_eff_min": min(k_effs),
            "p_max": max(float(target.prior.max()) for target in self.targets),
        }


def prepare_theatre(plan: Plan) -> Theatre:
    """A country with its regions and accounts in the database that Django speaks to, before the first week."""
    country = invent_country(plan)
    return Theatre(country, hire_staff(country, SWARM), str(connection.settings_dict["NAME"]))


@contextmanager
def open_theatre(plan: Plan, journal_leak: str | None = None) -> Iterator[Theatre]:
    """Invent, write and publish a country in a database of its own; a server is up meanwhile and the journal is read.

    journal_leak: the leaky variant that the journal is read from, for the control of the temporal attacker.
    """
    with private_database(plan.name) as database:
        theatre = prepare_theatre(plan)
        with serve(database, journal_leak) as port:
            roll_theatre(theatre, HttpWire(port))
        connection.close()
        yield theatre


def roll_theatre(theatre: Theatre, wire: Wire) -> None:
    """Roll the country forward, reading each week's batch as a partner does; then find the targets."""
    desk = theatre.desk(wire, theatre.staff.swarm[:1])

    def read_batch(week: int) -> None:
        desk.forget()
        features, queries = read_all(desk, 0)
        theatre.journal.append(Page(week, features, queries))

    roll_forward(theatre.country, theatre.staff, read_batch)
    theatre.alerts = raise_alerts(theatre.country, theatre.staff)
    _find_targets(theatre)


def _find_targets(theatre: Theatre) -> None:
    """The blocks that the last batch names, each with its plausible cells. A block of L3 stands for what its parent's
    other blocks leave over: that is public, because the rule and the geography are."""
    blocks = sorted(
        {
            (Level[said["level"]], int(said["row"]), int(said["col"]))
            for page in theatre.journal[-1:]
            for said in (feature["properties"] for feature in page.features)
        }
    )
    fine = {(row, col) for level, row, col in blocks if level is Level.L2}
    by_cell: dict[Cell, int] = {}
    for level, row, col in blocks:
        cells = theatre.country.cells_of(level, row, col)
        if level is Level.L3:
            own = [(int(r) // Level.L2.span, int(c) // Level.L2.span) not in fine for r, c in cells]
            cells = cells[own]
        by_cell |= {(int(r), int(c)): len(theatre.targets) for r, c in cells}
        prior = np.full(len(cells), 1 / max(len(cells), 1))
        theatre.targets.append(Target(level, row, col, cells, prior, 0))
    hidden: list[list[Site]] = [[] for _ in theatre.targets]
    truths: list[list[Cell]] = [[] for _ in theatre.targets]
    for site in theatre.country.sites:
        number = by_cell.get(site.cells[0])
        if number is None:
            theatre.outside += 1
            continue
        hidden[number].append(site)
        truths[number] += site.cells
    kept = [number for number, sites in enumerate(hidden) if sites]
    theatre.targets = [
        Target(t.level, t.row, t.col, t.cells, t.prior, len(hidden[number]))
        for number in kept
        for t in [theatre.targets[number]]
    ]
    theatre.hidden = [hidden[number] for number in kept]
    theatre.truths = [np.array(truths[number], dtype=np.int64).reshape(-1, 2) for number in kept]
