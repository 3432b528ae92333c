"""The scene's route as a test walks it: let a model act, receive, detect; and what the vault holds afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone
from psycopg.pq import TransactionStatus

from accounts.models import User
from monitor.detection.heads import Recipe
from monitor.detection.model import MineModel
from monitor.models import Scene
from monitor.services.detections import detect_scene
from monitor.services.scenes import receive_scene
from monitor.services.trained_models import activate_model, record_model
from monitor.services.training import Preparation, keep_model_file
from tests.builders import Cell, make_viewer

QUICK = Preparation(
    "sentinel-2", 8, 0, None, Recipe(block_deg=0.05, repeats=1, penalties=(1.0, 100.0), draws=20)
)
"""A preparation that takes a second or two."""


@dataclass(frozen=True)
class Trainee:
    """A trained model that is not in the database yet, with its report."""

    model: MineModel
    report: dict[str, Any]


class ScoreRow(NamedTuple):
    """What the vault holds of one cell and one scene."""

    observed: bool
    has_reference: bool
    mining: float | None
    alone: float | None
    state_after: str | None


@contextmanager
def as_worker() -> Iterator[None]:
    """The rights of `penumbra_worker` on this connection, so that a missing grant shows."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE penumbra_worker")
    yield
    # a transaction that failed is about to be rolled back, and the role with it
    if connection.connection.info.transaction_status != TransactionStatus.INERROR:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def say_nothing(*_: object) -> None:
    """Progress that nobody watches."""


def let_act(trainee: Trainee, analyst: User) -> UUID:
    """Keep and record a trained model and let the analyst activate it; the record's id."""
    sha256 = keep_model_file(trainee.model, trainee.report, timezone.now())
    featurizer = trainee.model.featurizer
    record = record_model(
        uuid4(), sha256, featurizer.sensor, featurizer.digest, uuid4().hex * 2, trainee.report
    )
    activate_model(make_viewer(analyst), record.id, "tests")
    return record.id


def walk(*items: Mapping[str, Any]) -> list[UUID]:
    """Receive these items and detect each, in this order; their scenes."""
    scenes = [receive_scene(item, "", None, announce=False)[0] for item in items]
    for scene_id in scenes:
        detect_scene(scene_id)
    return scenes


def stand(*scenes: UUID) -> list[tuple[str, str]]:
    """State and cause of each scene."""
    found = {scene.id: (scene.state, scene.cause) for scene in Scene.objects.filter(id__in=scenes)}
    return [found[scene_id] for scene_id in scenes]


def read_scores(scene_id: UUID, model_id: UUID) -> dict[Cell, ScoreRow]:
    """The scores of one scene by one model."""
    rows = _fetch(
        "SELECT row, col, observed, has_reference, (p_artisanal + p_industrial)::float8, alone, state_after"
        " FROM vault.score WHERE scene_id = %s AND model_id = %s",
        [scene_id, model_id],
    )
    return {(row, col): ScoreRow(*more) for row, col, *more in rows}


def read_states() -> dict[Cell, tuple[Any, ...]]:
    """What is believed of every cell: state, class, probability, bounds, valid share, date, support, systems."""
    rows = _fetch(
        "SELECT row, col, state, mine_class, probability, low, high, valid_share, observed_on, support, systems"
        " FROM vault.cell_state",
        [],
    )
    return {(row, col): tuple(more) for row, col, *more in rows}


def cells_in(state: str) -> set[Cell]:
    """The cells in one state."""
    return {cell for cell, believed in read_states().items() if believed[0] == state}


def read_sites() -> list[frozenset[Cell]]:
    """The cells of each living site, in a fixed order."""
    sites: dict[UUID, set[Cell]] = {}
    for site_id, row, col in _fetch(
        "SELECT site.id, row, col FROM vault.site JOIN vault.site_cell ON site_id = site.id"
        " WHERE absorbed_into IS NULL",
        [],
    ):
        sites.setdefault(site_id, set()).add((row, col))
    return sorted((frozenset(cells) for cells in sites.values()), key=min)


def read_alerts() -> dict[UUID, frozenset[Cell]]:
    """The cells that each alert means."""
    alerts: dict[UUID, set[Cell]] = {}
    for alert_id, row, col in _fetch(
        "SELECT alert_id, row, col FROM vault.alert_site JOIN vault.site_cell USING (site_id)", []
    ):
        alerts.setdefault(alert_id, set()).add((row, col))
    return {alert_id: frozenset(cells) for alert_id, cells in alerts.items()}


def read_labelled(source: str) -> set[Cell]:
    """The cells that labels of one source speak of."""
    return set(_fetch("SELECT row, col FROM vault.label WHERE source = %s", [source]))


def list_scenes_by_item() -> dict[str, UUID]:
    """Every scene by the id of its item."""
    return dict(_fetch("SELECT document->>'id', scene_id FROM vault.item", []))


def _fetch(statement: str, values: Sequence[str | UUID]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
