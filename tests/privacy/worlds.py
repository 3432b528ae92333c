"""A world in the database, written as the system would have done; what is random or of the clock is set to fixed values."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from monitor.models import Alert, AlertMove, Finding, Inspection, Region, Scene, TrainedModel
from monitor.privacy.scope import grant_region, open_inspection_to
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.cast import Cast, make_box, make_cast
from tests.privacy.layouts import PRESENT, Layout, Look, identify
from tests.roles import as_role

PUBLICATIONS = (date(2026, 10, 5), date(2026, 11, 16))
STRIP = (20.0, 2.4, 20.4, 2.41)
"""Forty cells in two blocks: too few in each, so they are published in the parent."""

Shuffle = Callable[[list[Any]], None]


@dataclass(frozen=True)
class World:
    """A world in the database."""

    layout: Layout
    cast: Cast
    began: datetime


def build_world(layout: Layout) -> World:
    """Write a world as the owner, publish as the worker, and set what is random or of the clock to fixed values."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        began = cursor.fetchone()[0]
    cast = make_cast(identify)
    strip = Region.objects.create(id=identify("Aruwe Strip"), name="Aruwe Strip", boundary=make_box(*STRIP))
    create_region("Aruwe Strip", make_box(*STRIP))
    for person in (cast.pia, cast.paul):
        grant_region(person.user, strip)
    shuffle = random.Random(f"order {sorted(layout.plan.hidden.items())}").shuffle
    _write_looks(layout, cast, shuffle)
    alerts = list(layout.sites)
    shuffle(alerts)
    for alert_id in alerts:
        _write_alert(layout, alert_id, cast)
    _write_inspections(layout, cast)
    with as_role("penumbra_worker"):
        batches = [publish_release(day).batch for day in PUBLICATIONS]
    for number, batch in enumerate(batches):
        _fix_batch(batch, identify(f"batch {number}"), PUBLICATIONS[number])
    return World(layout, cast, began)


def _write_looks(layout: Layout, cast: Cast, shuffle: Shuffle) -> None:
    model = TrainedModel.objects.create(
        id=identify("model"),
        sha256="ab" * 32,
        sensor="sentinel-2",
        featurizer="cd" * 32,
        state="active",
        activated_by=cast.anna.user,
        activated_at=datetime(2026, 7, 1, tzinfo=UTC),
    )
    looks = list(layout.looks)
    shuffle(looks)
    scenes = {
        day: Scene(digest=f"{day:%Y%m%d}", sensor="sentinel-2", state="scored")
        for day in {x.day for x in looks}
    }
    Scene.objects.bulk_create(scenes.values())
    last = {look.cell: look for look in sorted(looks, key=lambda look: look.day)}
    for alert_cells in layout.sites.values():
        for cell in alert_cells:
            last.setdefault(cell, Look(cell, PRESENT, "quiet", 0.2))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
            " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high, state_after)"
            " SELECT x.row, x.col, x.scene, %s, 'sentinel-2', x.day - 60, x.day, true, true, 1, 1 - x.p, x.p, 0,"
            " x.p / 2, x.p, x.state"
            " FROM unnest(%s::int[], %s::int[], %s::uuid[], %s::date[], %s::text[], %s::real[])"
            " AS x (row, col, scene, day, state, p)",
            [model.id, *_columns(looks, [scenes[look.day].id for look in looks])],
        )
        states = list(last.values())
        shuffle(states)
        cursor.execute(
            "INSERT INTO vault.cell_state (row, col, state, mine_class, probability, low, high, valid_share, observed_on,"
            " support, systems) SELECT x.row, x.col, x.state, CASE x.state WHEN 'active' THEN 'artisanal' ELSE 'none'"
            " END, x.p, x.p / 2, x.p, 1, x.day, 2, 1"
            " FROM unnest(%s::int[], %s::int[], %s::uuid[], %s::date[], %s::text[], %s::real[])"
            " AS x (row, col, scene, day, state, p)",
            _columns(states, [None] * len(states)),
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


def _write_alert(layout: Layout, alert_id: UUID, cast: Cast) -> None:
    name = layout.regions[alert_id]
    region = cast.east if name == "east" else cast.west
    alert = Alert.objects.create(
        id=alert_id,
        region_id=region,
        kind="appeared",
        mine_class="artisanal",
        confidence="nominal",
        status="raised",
    )
    raised = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(minutes=alert_id.int % 50_000)
    Alert.objects.filter(id=alert_id).update(raised_at=raised)
    move = AlertMove.objects.create(alert=alert, status="raised")
    AlertMove.objects.filter(id=move.id).update(moved_at=raised)
    site_id = identify(f"site of {alert_id} in {layout.plan}")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.site (id, region_id, first_seen_on, cells_alerted) VALUES (%s, %s, '2026-09-01', 3)",
            [site_id, region],
        )
        cursor.executemany(
            "INSERT INTO vault.site_cell (row, col, site_id) VALUES (%s, %s, %s)",
            [(*cell, site_id) for cell in layout.sites[alert_id]],
        )
        cursor.execute(
            "INSERT INTO vault.alert_site (alert_id, site_id) VALUES (%s, %s)", [alert_id, site_id]
        )


def inspected_alerts(layout: Layout) -> tuple[UUID, UUID]:
    """The alerts of the closed inspection (Ines) and of the open one (Ivo)."""
    eastern = [alert for alert, name in layout.regions.items() if name == "east"]
    return eastern[1], eastern[2]


def _write_inspections(layout: Layout, cast: Cast) -> None:
    hidden = random.Random(f"finding {layout.plan.hidden['east']}")
    for number, (alert_id, person, status) in enumerate(
        zip(inspected_alerts(layout), (cast.ines, cast.ivo), ("closed", "accepted"), strict=True)
    ):
        inspection = Inspection.objects.create(
            id=identify(f"inspection {number}"),
            alert_id=alert_id,
            inspector=person.user,
            assigned_by=cast.rosa.user,
            status=status,
            opens_at=datetime(2026, 9, 1, tzinfo=UTC),
            expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        )
        Inspection.objects.filter(id=inspection.id).update(assigned_at=datetime(2026, 9, 1, tzinfo=UTC))
        if status == "accepted":
            open_inspection_to(person.user, inspection)
        Finding.objects.create(
            id=identify(f"finding {number}"),
            inspection=inspection,
            kind=hidden.choice(["active", "inactive", "industrial"]),
            observed_on=date(2026, 9, 1 + hidden.randrange(28)),
            people=hidden.choice(["none", "1-10", "11-50"]),
            response="none",
            mercury=hidden.random() < 0.5,
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
