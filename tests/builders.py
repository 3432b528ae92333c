"""Builders: put cells, sites, alerts and releases into the vault as the worker would have left them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import connection
from django.utils import timezone
from guardian.shortcuts import assign_perm

from accounts.ledger.entry import Entry
from accounts.ledger.writer import open_entry
from accounts.models import Token, User
from accounts.roles import Role
from accounts.viewer import Credential, Viewer
from monitor.grid import Level, locate_cells
from monitor.models import Alert, AlertMove, Inspection, Scene, TrainedModel
from tests.cast import Person

Cell = tuple[int, int]


def cell_at(lon: float, lat: float) -> Cell:
    """The cell that holds a point."""
    row, col = locate_cells(lon, lat)
    return int(row), int(col)


def make_model(activated_by: User, sensor: str = "sentinel-2") -> UUID:
    """The record of an active model; there is no file behind it."""
    model = TrainedModel.objects.create(
        sha256=uuid4().hex * 2,
        sensor=sensor,
        featurizer=uuid4().hex * 2,
        made_from=uuid4().hex * 2,
        state="active",
        activated_by=activated_by,
        activated_at=timezone.now(),
    )
    return model.id


def make_scene(state: str = "scored", received_by: User | None = None) -> UUID:
    """A scene row without an item."""
    more = {"cause": "truncated", "detail": "cut off"} if state == "refused" else {}
    return Scene.objects.create(
        digest=uuid4().hex, sensor="sentinel-2", state=state, received_by=received_by, **more
    ).id


def make_stac_item(**more: Any) -> dict[str, Any]:
    """A STAC item of an invented scene, with a telling name; its file does not exist."""
    bands = ["blue", "green", "red", "nir", "swir16", "swir22"]
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "shaft-by-the-old-bridge",
        "geometry": None,
        "bbox": [20.1, 2.1, 20.2, 2.2],
        "properties": {"datetime": "2026-03-05T10:00:00Z", "constellation": "sentinel-2"},
        "links": [],
        "assets": {
            "image": {
                "href": "file:///imagery/shaft-by-the-old-bridge.tif",
                "bands": [{"name": name.upper(), "eo:common_name": name} for name in bands],
                "roles": ["data"],
            }
        },
    }
    return item | more


def put_cells(
    model_id: UUID,
    cells: Sequence[Cell],
    state: str = "active",
    observed_on: date = date(2026, 9, 15),
    probability: float = 0.9,
    around: Level | None = Level.L2,
) -> UUID:
    """One scene that saw these cells and left them in `state`; its id. around: the blocks of this level in which they lie
    were looked at by `look_around` in that month, so that what is said of them is published."""
    scene_id = make_scene()
    if around is not None:
        look_around(
            model_id, {(row // around.span, col // around.span) for row, col in cells}, around, observed_on
        )
    with connection.cursor() as cursor:
        for row, col in cells:
            cursor.execute(
                "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
                " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high, state_after)"
                " VALUES (%s, %s, %s, %s, 'sentinel-2', %s, %s, true, true, 1, %s, %s, 0, 0.1, 0.95, %s)",
                [
                    row,
                    col,
                    scene_id,
                    model_id,
                    observed_on - timedelta(days=60),
                    observed_on,
                    1 - probability,
                    probability,
                    state,
                ],
            )
            cursor.execute(
                "INSERT INTO vault.cell_state (row, col, state, mine_class, probability, low, high, valid_share,"
                " observed_on, support, systems) VALUES (%s, %s, %s, %s, %s, 0.1, 0.95, 1, %s, 2, 1)"
                " ON CONFLICT (row, col) DO UPDATE SET state = excluded.state, mine_class = excluded.mine_class,"
                " probability = excluded.probability, observed_on = excluded.observed_on",
                [
                    row,
                    col,
                    state,
                    "artisanal" if state in {"active", "suspected"} else "none",
                    probability,
                    observed_on,
                ],
            )
    return scene_id


def look_around(model_id: UUID, blocks: Iterable[Cell], level: Level, month: date) -> UUID:
    """A scene of the first day of a month that saw whole blocks and left every cell as it was; its id. Cells that were seen
    in that month already are left out."""
    scene_id = make_scene()
    rows, cols = zip(*blocks, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.score (row, col, scene_id, model_id, sensor, observed_from, observed_on, observed,"
            " has_reference, valid_share, p_none, p_artisanal, p_industrial, low, high, state_after)"
            " SELECT cell.row, cell.col, %(scene)s, %(model)s, 'sentinel-2', %(first)s::date - 60, %(first)s, true, true, 1,"
            " 0.9, 0.1, 0, 0, 0.3, coalesce((SELECT s.state_after FROM vault.score s WHERE (s.row, s.col) ="
            "  (cell.row, cell.col) AND s.observed_on < %(first)s ORDER BY s.observed_on DESC LIMIT 1), 'quiet')"
            " FROM unnest(%(rows)s::int[], %(cols)s::int[]) AS block (row, col),"
            " LATERAL (SELECT block.row * %(n)s + i AS row, block.col * %(n)s + j AS col"
            "  FROM generate_series(0, %(n)s - 1) i, generate_series(0, %(n)s - 1) j) cell"
            " WHERE NOT EXISTS (SELECT FROM vault.score s WHERE (s.row, s.col) = (cell.row, cell.col) AND s.observed"
            "  AND date_trunc('month', s.observed_on) = date_trunc('month', %(first)s::date))",
            {
                "scene": scene_id,
                "model": model_id,
                "first": month.replace(day=1),
                "rows": list(rows),
                "cols": list(cols),
                "n": level.span,
            },
        )
    return scene_id


def make_alert(region_id: UUID, cells: Sequence[Cell], status: str = "raised") -> Alert:
    """An alert on a site of these cells (which must have a state)."""
    site_id = uuid4()
    alert = Alert.objects.create(
        region_id=region_id, kind="appeared", mine_class="artisanal", confidence="nominal", status=status
    )
    AlertMove.objects.create(alert=alert, status=status)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.site (id, region_id, first_seen_on, cells_alerted) VALUES (%s, %s, '2026-09-15', %s)",
            [site_id, region_id, len(cells)],
        )
        for row, col in cells:
            cursor.execute(
                "INSERT INTO vault.site_cell (row, col, site_id) VALUES (%s, %s, %s)", [row, col, site_id]
            )
        cursor.execute(
            "INSERT INTO vault.alert_site (alert_id, site_id) VALUES (%s, %s)", [alert.id, site_id]
        )
    return alert


def make_inspection(alert: Alert, inspector: User, assigned_by: User, status: str = "accepted") -> Inspection:
    """An inspection of an alert, open for a week."""
    now = timezone.now()
    inspection = Inspection.objects.create(
        alert=alert,
        inspector=inspector,
        assigned_by=assigned_by,
        status=status,
        opens_at=now - timedelta(hours=1),
        expires_at=now + timedelta(days=7),
    )
    if inspection.status in {"assigned", "accepted"}:
        assign_perm(f"monitor.{Inspection.CARRY_OUT}", inspector, inspection)
    alert.status = "assigned"
    alert.save(update_fields=["status"])
    return inspection


def make_viewer(user: User) -> Viewer:
    """The viewer that a request of this user would have."""
    return Viewer(
        user.id, user.pseudonym, user.username, user.organisation_id, Role(user.role), None, uuid4()
    )


def viewer_of(person: Person) -> Viewer:
    """The viewer that a request with this person's token would have."""
    secret = person.token.encode()
    token = Token.objects.get(digest=sha256(secret).digest())  # usable or not
    credential = Credential(token.id, secret)
    return replace(make_viewer(person.user), credential=credential)


def scatter_cells(seed: int, box: tuple[int, int, int, int], count: int) -> list[Cell]:
    """`count` different cells of a box (row_from, col_from, row_to, col_to), drawn with a seed."""
    draw = np.random.default_rng(seed)
    height, width = box[2] - box[0], box[3] - box[1]
    picked = draw.choice(height * width, size=count, replace=False)
    return [(box[0] + int(k) // width, box[1] + int(k) % width) for k in picked]


OPEN_CHANGES = (
    ("access.ask", 0),
    ("access.approve", 1),
    ("access.refuse", 0),
    ("grant.revoke", 0),
    ("agreement.make", 2),
)
"""Changes that have a level, by their action: the sharpness that is asked for, granted or taken away."""


def leave_entry_open(
    person: Person, action: str, level: int, regions: Sequence[UUID], objects: Sequence[UUID] = ()
) -> None:
    """The entry of a question or change whose process ended before the second line was written."""
    viewer = viewer_of(person)
    open_entry(Entry(viewer, action, "/test", viewer.request_id, level, regions=regions, objects=objects))
