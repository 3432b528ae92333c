"""A world in the database, written as the system would have done; what is random or of the clock is set to fixed values."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.contrib.gis.geos import MultiPolygon
from django.db import connection
from guardian.shortcuts import assign_perm

from accounts.roles import Role
from accounts.tokens import revoke_tokens
from monitor.grid import cell_bounds
from monitor.models import (
    AccessApproval,
    AccessGrant,
    AccessRequest,
    Alert,
    AlertMove,
    Finding,
    Inspection,
    Region,
    Scene,
    TrainedModel,
)
from monitor.privacy.scope import grant_region
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.cast import Cast, Person, hire, make_box, make_cast
from tests.privacy.layouts import (
    BANK_COLS,
    BANKS,
    MONTHS,
    PRESENT,
    Layout,
    Look,
    Raised,
    Visit,
    Wish,
    identify,
)
from tests.roles import as_role

PUBLICATIONS = (date(2026, 10, 5), date(2026, 11, 16))
STRIP = (20.0, 2.4, 20.4, 2.41)
"""Forty cells in two blocks: too few in each, so they are published in the parent."""
BANK_NAMES = {"near bank": "Aruwe Near Bank", "far bank": "Aruwe Far Bank"}
LONG_AGO = datetime(2026, 9, 1, tzinfo=UTC)

_TABLES = (
    "vault.score, vault.cell_state, vault.evidence, vault.site, vault.site_cell, vault.alert_site, vault.region_run,"
    " release.block, release.region_block, monitor_alert, monitor_inspection, monitor_regionuserpermission,"
    " accounts_user, accounts_token"
)

Shuffle = Callable[[list[Any]], None]


@dataclass(frozen=True)
class World:
    """A world in the database. people: by name. began: when the first question could be asked. paged: a moment amid the
    pages that somebody read before the auditor asks, where somebody did."""

    layout: Layout
    cast: Cast
    people: dict[str, Person]
    began: datetime
    paged: datetime | None = None


def build_world(layout: Layout) -> World:
    """Write a world as the owner, publish as the worker, and set what is random or of the clock to fixed values."""
    cast = make_cast(identify)
    strip = _make_region("Aruwe Strip", make_box(*STRIP))
    for name, rows in BANKS.items():
        west, south, _, _ = cell_bounds(rows[0], BANK_COLS.start)
        _, _, east, north = cell_bounds(rows[1] - 1, BANK_COLS.stop - 1)
        _make_region(BANK_NAMES[name], make_box(west, south, east, north))
    for person in (cast.pia, cast.paul):
        grant_region(person.user, strip)
    people = cast.everybody() | _hire_others(cast)
    shuffle = random.Random(f"order {sorted(layout.plan.hidden.items())}").shuffle
    write_late = _write_looks(layout, cast, shuffle)
    alerts = list(layout.alerts)
    shuffle(alerts)
    for alert in alerts:
        _write_alert(layout, alert, cast)
    visits = list(layout.visits)
    shuffle(visits)
    for visit in visits:
        _write_visit(visit, people[visit.inspector], cast)
    _write_told(layout)
    for wish in layout.wishes:
        _write_wish(wish, people, cast)
    for number, day in enumerate(PUBLICATIONS):
        publish(day, number)
        if number == 0:
            write_late()
    for model in apps.get_models():
        ContentType.objects.get_for_model(model)  # kept in this process from its first use on, whoever asks
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {_TABLES}")  # or every statement would be planned for empty tables
        cursor.execute("SELECT clock_timestamp()")
        began = cursor.fetchone()[0]
    return World(layout, cast, people, began)


def _make_region(name: str, boundary: MultiPolygon) -> Region:
    """A region with the id of its name, and its cells."""
    region = Region.objects.create(id=identify(name), name=name, boundary=boundary)
    create_region(name, boundary)
    return region


def _hire_others(cast: Cast) -> dict[str, Person]:
    """Rex, whose mandate was taken back; Vera, whose token was; Wim, who inspects in the west; Sela, who regulates the near
    bank."""
    others = {
        "rex": Role.REGULATOR,
        "vera": Role.PARTNER,
        "wim": Role.INSPECTOR,
        "sela": Role.REGULATOR,
    }
    people = {
        name: hire(name, role, id=identify(name), pseudonym=identify(f"pseudonym of {name}"))
        for name, role in others.items()
    }
    for region in Region.objects.filter(id__in=[cast.east, cast.west]):
        grant_region(people["vera"].user, region)
    grant_region(people["sela"].user, Region.objects.get(name=BANK_NAMES["near bank"]))
    revoke_tokens(people["vera"].user)
    return people


def publish(day: date, number: int) -> None:
    """Publish as the worker; the batch gets the id and the moment that it has in every world."""
    with as_role("penumbra_worker"):
        batch = publish_release(day).batch
    _fix_batch(batch, identify(f"batch {number}"), day)


def name_alerts(raised: Sequence[UUID]) -> None:
    """Give alerts that were raised the ids and the moment that they have in every world: the ones are random, as is the
    order in which they were raised, the other the clock's. Those of a region are numbered from south to north."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT alert.id, region.name FROM monitor_alert alert JOIN monitor_region region ON region.id = region_id"
            " JOIN vault.alert_site meant ON meant.alert_id = alert.id JOIN vault.site_cell cell USING (site_id)"
            " WHERE alert.id = ANY(%s) GROUP BY alert.id, region.name ORDER BY min(cell.row), min(cell.col)",
            [list(raised)],
        )
        found = cursor.fetchall()
        numbers: Counter[str] = Counter()
        for alert_id, region in found:
            identifier = name_alert(region, numbers[region])
            numbers[region] += 1
            moment = LONG_AGO + timedelta(minutes=identifier.int % 50_000)
            alert = Alert.objects.get(id=alert_id)
            alert.id = identifier
            alert.save(force_insert=True)
            Alert.objects.filter(id=identifier).update(raised_at=moment)
            AlertMove.objects.filter(alert_id=alert_id).update(alert_id=identifier, moved_at=moment)
            cursor.execute(
                "UPDATE vault.alert_site SET alert_id = %s WHERE alert_id = %s", [identifier, alert_id]
            )
            Alert.objects.filter(id=alert_id).delete()


def name_alert(region: str, number: int) -> UUID:
    """The id of an alert that `name_alerts` has named."""
    return identify(f"alert {number} raised in {region}")


def _write_looks(layout: Layout, cast: Cast, shuffle: Shuffle) -> Callable[[], None]:
    """Write what was seen, and what is believed of it; returns how to write the looks that come late."""
    model = TrainedModel.objects.create(
        id=identify("model"),
        sha256="ab" * 32,
        sensor="sentinel-2",
        featurizer="cd" * 32,
        state="active",
        activated_by=cast.anna.user,
        activated_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    TrainedModel.objects.update(trained_at=datetime(2026, 6, 1, tzinfo=UTC))
    looks = list(layout.looks)
    shuffle(looks)
    scenes = _write_scenes(layout)
    last = {look.cell: look for look in sorted(looks, key=lambda look: look.day)}
    for alert in layout.alerts:
        for cell in alert.cells:
            last.setdefault(cell, Look(cell, PRESENT, "quiet", 0.2))
    states = list(last.values())
    shuffle(states)
    write_states(states)
    late, on_time = ([look for look in looks if look.is_late == is_late] for is_late in (True, False))
    write_scores(model.id, on_time, [scenes[look.day] for look in on_time])
    return lambda: write_scores(model.id, late, [scenes[look.day] for look in late])


def _write_scenes(layout: Layout) -> dict[date, UUID]:
    """A scene for every day on which one could have been taken, the same in both worlds: regulators of all regions see
    that scenes came in, and when. What was seen in them is hidden."""
    afield = layout.plan.field["strip"]
    days = [month + timedelta(days=number) for month in (*MONTHS, PRESENT) for number in range(28)]
    scenes = [
        Scene(
            id=identify(f"scene {day} {afield}"), digest=f"{day:%Y%m%d}", sensor="sentinel-2", state="scored"
        )
        for day in days
    ]
    Scene.objects.bulk_create(scenes)
    Scene.objects.update(received_at=LONG_AGO + timedelta(minutes=afield % 100_000))
    return {day: scene.id for day, scene in zip(days, scenes, strict=True)}


def write_scores(model_id: UUID, looks: Sequence[Look], scenes: Sequence[UUID]) -> None:
    """Put looks into the vault's history, each with its scene."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
            " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high, state_after)"
            " SELECT x.row, x.col, x.scene, %s, 'sentinel-2', x.day - CASE WHEN x.is_single THEN 0 ELSE 60 END, x.day, true,"
            " NOT x.is_single, 1, 1 - x.p, x.p, 0, x.p / 2, x.p, x.state"
            " FROM unnest(%s::int[], %s::int[], %s::uuid[], %s::date[], %s::text[], %s::real[], %s::bool[])"
            " AS x (row, col, scene, day, state, p, is_single)",
            [model_id, *_columns(looks, scenes), [look.is_single for look in looks]],
        )


def write_states(looks: Sequence[Look]) -> None:
    """Put looks into the vault as what is currently believed of their cells."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.cell_state (row, col, state, mine_class, probability, low, high, valid_share, observed_on,"
            " support, systems) SELECT x.row, x.col, x.state, CASE x.state WHEN 'active' THEN 'artisanal' ELSE 'none'"
            " END, x.p, x.p / 2, x.p, 1, x.day, 2, 1"
            " FROM unnest(%s::int[], %s::int[], %s::uuid[], %s::date[], %s::text[], %s::real[])"
            " AS x (row, col, scene, day, state, p) ON CONFLICT (row, col) DO UPDATE SET state = excluded.state,"
            " mine_class = excluded.mine_class, probability = excluded.probability, low = excluded.low,"
            " high = excluded.high, observed_on = excluded.observed_on",
            _columns(looks, [None] * len(looks)),
        )


def _columns(looks: Sequence[Look], scenes: Sequence[UUID | None]) -> list[list[object]]:
    return [
        [look.cell[0] for look in looks],
        [look.cell[1] for look in looks],
        list(scenes),
        [look.day for look in looks],
        [look.state for look in looks],
        [look.probability for look in looks],
    ]


def _write_alert(layout: Layout, raised: Raised, cast: Cast) -> None:
    region = cast.east if raised.region == "east" else cast.west
    alert = Alert.objects.create(
        id=raised.id,
        region_id=region,
        kind="appeared",
        mine_class="artisanal",
        confidence="nominal",
        status=raised.status,
    )
    moment = LONG_AGO + timedelta(minutes=raised.id.int % 50_000)
    Alert.objects.filter(id=alert.id).update(raised_at=moment)
    move = AlertMove.objects.create(alert=alert, status="raised")
    AlertMove.objects.filter(id=move.id).update(moved_at=moment)
    site_id = identify(f"site of {alert.id} in {layout.plan}")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.site (id, region_id, first_seen_on, cells_alerted) VALUES (%s, %s, '2026-09-01', 3)",
            [site_id, region],
        )
        cursor.executemany(
            "INSERT INTO vault.site_cell (row, col, site_id) VALUES (%s, %s, %s)",
            [(*cell, site_id) for cell in raised.cells],
        )
        cursor.execute(
            "INSERT INTO vault.alert_site (alert_id, site_id) VALUES (%s, %s)", [alert.id, site_id]
        )


def _write_told(layout: Layout) -> None:
    """What other systems have told of, as it is kept and as exact answers tell it."""
    systems = sorted({told.system for told in layout.told})
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO vault.delivery (id, system, name, issued_on, digest) VALUES (%s, %s, 'all', '2026-11-01', '')",
            [(identify(f"delivery {system}"), system) for system in systems],
        )
        cursor.executemany(
            "INSERT INTO vault.evidence (delivery_id, row, col, theme, observed_on, trust, alerts)"
            " VALUES (%s, %s, %s, 'forest_loss', %s, 2, 1)",
            [(identify(f"delivery {told.system}"), *told.cell, told.day) for told in layout.told],
        )
        cursor.execute(
            "UPDATE vault.cell_state s SET public_elsewhere = d.system, agreed = s.state = 'active',"
            " confidence = CASE WHEN s.state = 'active' THEN 'highest' END"
            " FROM vault.evidence e JOIN vault.delivery d ON d.id = e.delivery_id WHERE s.row = e.row AND s.col = e.col"
        )


def _write_visit(visit: Visit, inspector: Person, cast: Cast) -> None:
    inspection = Inspection.objects.create(
        id=visit.id,
        alert_id=visit.alert,
        inspector=inspector.user,
        assigned_by=(cast.otis if visit.inspector == "wim" else cast.rosa).user,
        status=visit.status,
        opens_at=LONG_AGO,
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
    )
    Inspection.objects.filter(id=inspection.id).update(assigned_at=LONG_AGO)
    if visit.status == "accepted":
        assign_perm(f"monitor.{Inspection.CARRY_OUT}", inspector.user, inspection)
    Finding.objects.create(
        id=visit.finding,
        own_id=visit.finding,
        inspection=inspection,
        kind=visit.kind,
        observed_on=visit.found_on,
        people=visit.people,
        response="none",
        mercury=visit.mercury,
    )
    Finding.objects.filter(id=visit.finding).update(received_at=LONG_AGO)


def _write_wish(wish: Wish, people: dict[str, Person], cast: Cast) -> None:
    asker, until = people[wish.asker].user, LONG_AGO.replace(year=2099)
    request = AccessRequest.objects.create(
        id=wish.id,
        asked_by=asker,
        role=asker.role,
        region_id=cast.east if wish.region == "east" else cast.west,
        level=wish.level,
        purpose="incident-response",
        asked_at=LONG_AGO,
        until=until,
        status=wish.status,
        refused_by=cast.adam.user if wish.status == "refused" else None,
    )
    if wish.status == "granted":
        AccessApproval.objects.create(request=request, approver=cast.adam.user, approved_at=LONG_AGO)
        AccessGrant.objects.create(
            id=wish.grant,
            request=request,
            holder=asker,
            role=asker.role,
            region=request.region,
            level=wish.level,
            approvals=1,
            granted_at=LONG_AGO,
            expires_at=until,
        )


def _fix_batch(batch: UUID, identifier: UUID, day: date) -> None:
    """Give a batch the id and the moment that it has in every world: the one is random, the other the clock's."""
    moment = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO release.batch (id, published_at, policy_version, digest, row_count, geography_id, certificate,"
            " content_digest) SELECT %s, %s, policy_version, digest, row_count, geography_id,"
            " replace(certificate, %s, %s), content_digest FROM release.batch WHERE id = %s",
            [identifier, moment, str(batch), str(identifier), batch],
        )
        cursor.execute("UPDATE release.block SET batch_id = %s WHERE batch_id = %s", [identifier, batch])
        cursor.execute(
            "UPDATE release.batch_region SET batch_id = %s WHERE batch_id = %s", [identifier, batch]
        )
        cursor.execute("DELETE FROM release.batch WHERE id = %s", [batch])
