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
from tests.privacy.redteam.campaign import Campaign, Page, Target, publish_atlas, read_all
from tests.privacy.redteam.country import Cell, Country, Ints, Plan, Site, invent_country
from tests.privacy.redteam.database import private_database
from tests.privacy.redteam.serving import serve
from tests.privacy.redteam.wire import Desk, HttpWire, Wire
from tests.privacy.redteam.writing import Staff, agree_on_l1, hire_staff, raise_alerts, roll_forward

PARTNER = "partner at L2"
AGREED = "partner with an agreement on L1"
PUBLIC = "public at L3"
SWARM = 8
"""Partners with equal rights among whom questions are shared out."""


@dataclass
class Audience:
    """Accounts that are told blocks of one kind, what they were told week by week, and what those blocks hide.

    hidden: sites, by target; truths: all their cells; outside: sites in no block that these accounts are told.
    """

    people: Sequence[Person]
    journal: list[Page] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    hidden: list[list[Site]] = field(default_factory=list)
    truths: list[Ints] = field(default_factory=list)
    outside: int = 0

    def choose_targets(self, most: int | None) -> list[int]:
        """Numbers of `most` targets, spread over all of them; of all where there are no more."""
        count = len(self.targets)
        return sorted({int(k) for k in np.linspace(0, count - 1, min(most or count, count))})

    def hiding(self) -> dict[str, float]:
        """Effective plausible cells and largest prior over the blocks that hide a site."""
        k_effs = [count_effective_cells(target.prior.tolist()) for target in self.targets]
        return {
            "blocks": len(self.targets),
            "k_eff_p5": float(np.percentile(k_effs, 5)),
            "k_eff_min": min(k_effs),
            "p_max": max(float(target.prior.max()) for target in self.targets),
        }


@dataclass
class Theatre:
    """A country that is written and published, and who is told what of it."""

    country: Country
    staff: Staff
    database: str
    audiences: dict[str, Audience]
    alerts: Sequence[UUID] = ()

    def campaign(
        self,
        wire: Wire,
        audience: Audience,
        threads: int,
        most: int | None = None,
        people: Sequence[Person] | None = None,
    ) -> Campaign:
        """What attackers have to go by. most: so many targets at most; people: other accounts than the audience's own,
        who attack the same blocks."""
        kept = audience.choose_targets(most)
        return Campaign(
            open_desk(wire, audience.people if people is None else people),
            open_desk(wire, self.staff.colluding),
            [audience.targets[number] for number in kept],
            publish_atlas(self.country),
            audience.journal,
            [audience.truths[number] for number in kept],
            threads,
        )


def open_desk(wire: Wire, people: Sequence[Person]) -> Desk:
    """A desk at which these people ask; with nobody, it is somebody without an account."""
    return Desk(wire, [person.headers for person in people] or [{}])


def prepare_theatre(plan: Plan) -> Theatre:
    """A country with its regions and accounts in the database that Django speaks to, before the first week."""
    country = invent_country(plan)
    staff = hire_staff(country, SWARM)
    return Theatre(country, staff, str(connection.settings_dict["NAME"]), {PARTNER: Audience(staff.swarm)})


@contextmanager
def open_theatre(plan: Plan, leak: str | None = None, with_others: bool = False) -> Iterator[Theatre]:
    """Invent, write and publish a country in a database of its own; a server is up meanwhile and the journals are read.

    leak: the leaky variant that the journals are read from, for the control of the temporal attacker. with_others: also
    a partner with a written agreement on L1, and the public at L3.
    """
    with private_database(plan.name) as database:
        theatre = prepare_theatre(plan)
        if with_others:
            theatre.audiences[AGREED] = Audience([agree_on_l1(theatre.country, theatre.staff)])
            theatre.audiences[PUBLIC] = Audience([])
        with serve(database, leak) as port:
            roll_theatre(theatre, HttpWire(port))
        connection.close()
        yield theatre


def roll_theatre(theatre: Theatre, wire: Wire) -> None:
    """Roll the country forward, each audience reading each week's batch; then find the targets."""
    desks = {name: open_desk(wire, audience.people[:1]) for name, audience in theatre.audiences.items()}

    def read_batch(week: int) -> None:
        for name, audience in theatre.audiences.items():
            desks[name].forget()
            features, queries = read_all(desks[name], 0)
            audience.journal.append(Page(week, features, queries))

    roll_forward(theatre.country, theatre.staff, read_batch)
    theatre.alerts = raise_alerts(theatre.country, theatre.staff)
    for audience in theatre.audiences.values():
        _find_targets(theatre.country, audience)


def _find_targets(country: Country, audience: Audience) -> None:
    """The blocks that the last batch names and that hide a site, each with its plausible cells."""
    blocks = sorted(
        {
            (Level[said["level"]], int(said["row"]), int(said["col"]))
            for page in audience.journal[-1:]
            for said in (feature["properties"] for feature in page.features)
        }
    )
    by_cell: dict[Cell, int] = {}
    plausible: list[Ints] = []
    # finer blocks first: a coarser one among them stands for what they leave over of it, which is public
    for level, row, col in blocks:
        cells = [(int(r), int(c)) for r, c in country.cells_of(level, row, col)]
        own = [cell for cell in cells if cell not in by_cell]
        by_cell |= dict.fromkeys(own, len(plausible))
        plausible.append(np.array(own, dtype=np.int64).reshape(-1, 2))
    sites: dict[int, list[Site]] = {}
    for site in country.sites:
        number = by_cell.get(site.cells[0])
        if number is None:
            audience.outside += 1
        else:
            sites.setdefault(number, []).append(site)
    for number, hidden in sorted(sites.items()):
        prior = np.full(len(plausible[number]), 1 / len(plausible[number]))
        audience.targets.append(Target(*blocks[number], plausible[number], prior, len(hidden)))
        audience.hidden.append(hidden)
        audience.truths.append(np.array([cell for site in hidden for cell in site.cells], dtype=np.int64))
