"""Write a country into a database week by week, as the worker would have left it, and publish each week's batch for real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

import numpy as np
from django.db import connection
from django.utils import timezone

from accounts.roles import Role
from monitor.grid import Level
from monitor.models import Alert, AlertMove, Region, Scene
from monitor.services.agreements import make_agreement
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.builders import make_model
from tests.cast import Person, hire, make_box
from tests.privacy.redteam.country import Bools, Country, Floats, Ints, Site, weeks_from_start
from tests.roles import as_role

COLLUDING = 5
ELSEWHERE = (30.0, 10.0, 30.4, 10.4)


@dataclass(frozen=True)
class Staff:
    """Accounts on a country. swarm: partners who receive all of it; colluding: partners with every fifth region each."""

    regions: tuple[UUID, ...]
    swarm: tuple[Person, ...]
    colluding: tuple[Person, ...]
    mandated: Person
    others: dict[str, Person]
    model: UUID


def hire_staff(country: Country, swarm: int) -> Staff:
    """Make the regions and everybody who will ask."""
    regions = tuple(
        create_region(f"{country.plan.name} {number}", boundary)
        for number, boundary in enumerate(country.boundaries)
    )
    elsewhere = create_region("Elsewhere", make_box(*ELSEWHERE))
    analyst = hire("analyst elsewhere", Role.ANALYST, elsewhere)
    return Staff(
        regions,
        tuple(hire(f"partner {number}", Role.PARTNER, *regions) for number in range(swarm)),
        tuple(
            hire(f"colluding {number}", Role.PARTNER, *regions[number::COLLUDING])
            for number in range(COLLUDING)
        ),
        hire("regulator", Role.REGULATOR, *regions),
        {
            "partner of another region": hire("partner elsewhere", Role.PARTNER, elsewhere),
            "regulator of another region": hire("regulator elsewhere", Role.REGULATOR, elsewhere),
            "analyst of another region": analyst,
            "inspector without an inspection": hire("inspector", Role.INSPECTOR),
            "auditor": hire("auditor", Role.AUDITOR),
            "administrator": hire("administrator", Role.ADMINISTRATOR, is_superuser=True, is_staff=True),
            "feeder": hire("feeder", Role.FEEDER),
        },
        make_model(analyst.user),
    )


def agree_on_l1(country: Country, staff: Staff) -> Person:
    """A partner with a written agreement on blocks of L1 in all regions, made by two people as the policy asks."""
    people = [hire(f"administrator {number}", Role.ADMINISTRATOR).user for number in (1, 2)]
    partner = hire("partner at L1", Role.PARTNER)
    for region in Region.objects.filter(id__in=staff.regions):
        make_agreement(
            people[0],
            partner.user,
            region,
            Level.L1,
            seconded_by=people[1],
            reference=f"{country.plan.name} 1",
            until=timezone.now() + timedelta(days=365),
        )
    return partner


def roll_forward(
    country: Country, staff: Staff, each_week: Callable[[int], None], weeks: range | None = None
) -> None:
    """Week by week: what was handled since the Monday before goes into the vault, then a batch is published."""
    for week in weeks or range(country.plan.weeks):
        for number, month in enumerate(country.months):
            for swath, handled in enumerate(month.week):
                if handled == week:
                    _write_looks(country, staff, number, swath)
        if week % 8 == 0:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE vault.score")
        with as_role("penumbra_worker"):
            publish_release(country.monday(week))
        each_week(week)


def _write_looks(country: Country, staff: Staff, number: int, swath: int) -> None:
    month = country.months[number]
    day, at = month.day[swath], weeks_from_start(month.day[swath])
    seen = np.argwhere(month.clear & (country.region >= 0) & (country.swath == swath))
    if not len(seen):
        return
    rows, cols = seen[:, 0], seen[:, 1]
    is_active = (country.since[rows, cols] <= at) & (country.until[rows, cols] > at)
    draw = np.random.default_rng([country.plan.seed, number, swath])
    probability = np.where(is_active, draw.uniform(0.55, 0.99, len(seen)), draw.uniform(0, 0.3, len(seen)))
    scene = Scene.objects.create(digest=uuid4().hex, sensor="sentinel-2", state="scored")
    with as_role("penumbra_worker"):
        _insert_looks(seen + country.origin, is_active, probability, day, scene.id, staff.model)


def _insert_looks(
    cells: Ints, is_active: Bools, probability: Floats, day: date, scene: UUID, model: UUID
) -> None:
    values = {
        "rows": cells[:, 0].tolist(),
        "cols": cells[:, 1].tolist(),
        "states": np.where(is_active, "active", "quiet").tolist(),
        "ps": probability.round(4).tolist(),
        "day": day,
        "scene": scene,
        "model": model,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
            " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high, state_after)"
            " SELECT x.row, x.col, %(scene)s, %(model)s, 'sentinel-2', %(day)s::date - 60, %(day)s, true, true, 1,"
            " 1 - x.p, x.p, 0, x.p / 2, x.p, x.state"
            " FROM unnest(%(rows)s::int[], %(cols)s::int[], %(states)s::text[], %(ps)s::real[])"
            " AS x (row, col, state, p)",
            values,
        )
        cursor.execute(
            "INSERT INTO vault.cell_state (row, col, state, mine_class, probability, low, high, valid_share, observed_on,"
            " support, systems) SELECT x.row, x.col, x.state, CASE x.state WHEN 'active' THEN 'artisanal' ELSE 'none'"
            " END, x.p, x.p / 2, x.p, 1, %(day)s, 2, 1"
            " FROM unnest(%(rows)s::int[], %(cols)s::int[], %(states)s::text[], %(ps)s::real[])"
            " AS x (row, col, state, p) ON CONFLICT (row, col) DO UPDATE SET state = excluded.state,"
            " mine_class = excluded.mine_class, probability = excluded.probability, low = excluded.low,"
            " high = excluded.high, observed_on = excluded.observed_on"
            " WHERE cell_state.observed_on < excluded.observed_on",
            values,
        )


def raise_alerts(country: Country, staff: Staff) -> list[UUID]:
    """One alert for each site, in no order that a place has; the ids of the alerts, by site."""
    order = np.random.default_rng([country.plan.seed, 7]).permutation(len(country.sites))
    made: dict[int, Alert] = {
        int(number): Alert(
            region_id=staff.regions[_region_of(country, country.sites[number])],
            kind="appeared",
            mine_class="artisanal",
            confidence="nominal",
            status="raised",
        )
        for number in order
    }
    Alert.objects.bulk_create(made.values())
    AlertMove.objects.bulk_create(AlertMove(alert=alert, status="raised") for alert in made.values())
    sites = {number: uuid4() for number in made}
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vault.site (id, region_id, first_seen_on, cells_alerted) VALUES (%s, %s, %s, %s)",
            [
                (sites[number], alert.region_id, timezone.now().date(), len(country.sites[number].cells))
                for number, alert in made.items()
            ],
        )
        cursor.executemany(
            "INSERT INTO vault.site_cell (row, col, site_id) VALUES (%s, %s, %s)",
            [(*cell, sites[number]) for number in made for cell in country.sites[number].cells],
        )
        cursor.executemany(
            "INSERT INTO vault.alert_site (alert_id, site_id) VALUES (%s, %s)",
            [(alert.id, sites[number]) for number, alert in made.items()],
        )
    return [made[number].id for number in range(len(country.sites))]


def _region_of(country: Country, site: Site) -> int:
    row, col = site.cells[0]
    return int(country.region[row - country.origin[0], col - country.origin[1]])
