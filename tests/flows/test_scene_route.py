"""A scene's whole route in one process: items in, a model, scores, states, sites, alerts, a visit, a label, a release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import rasterio
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from monitor.detection.labels import read_labels
from monitor.field.sites import group_cells
from monitor.imagery.catalog import walk_items
from monitor.models import Alert, Scene
from monitor.services.detections import detect_scene
from monitor.services.ingestion import receive_catalog
from monitor.services.labels import label_finding
from monitor.services.releases import publish_release
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due
from monitor.services.trained_models import activate_model
from monitor.services.training import train_on_vault
from tests.api.conftest import WebClient
from tests.builders import Cell, make_viewer
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.mined_land import EASTERN_MINE, OLD_MINE, WESTERN_MINE, MinedLand, describe_scene
from tests.flows.route import (
    QUICK,
    Trainee,
    as_worker,
    cells_in,
    let_act,
    read_alerts,
    read_labelled,
    read_scores,
    read_sites,
    read_states,
    say_nothing,
    stand,
    walk,
)

BORDER_COL = 20_000
"""First column of the east."""


@pytest.fixture(autouse=True)
def _reads_the_land(settings: Settings, land: MinedLand, tmp_path: Path) -> None:
    settings.IMAGERY_ROOTS = [land.folder, tmp_path]


@pytest.fixture
def worker(cast: Cast) -> Iterator[None]:
    """The whole test speaks to the database as the worker."""
    with as_worker():
        yield


def cells_of(answer: Any) -> set[Cell]:
    """The cells that an exact answer tells."""
    assert answer.status_code == 200, answer.content
    return {(f["properties"]["row"], f["properties"]["col"]) for f in answer.json()["features"]}


def test_from_a_catalogue_to_a_visit_a_label_and_a_release(
    cast: Cast, web: WebClient, land: MinedLand, ringing: Ringing
) -> None:
    with as_worker():
        with ringing():
            received = receive_catalog(list(walk_items(land.catalog)), say_nothing)
        assert stand(*received.scenes) == [("waiting", "")] * 2
        assert read_states() == {}
        trained = train_on_vault(read_labels(land.labels), QUICK, timezone.now(), say_nothing)
        with ringing():
            activate_model(make_viewer(cast.anna.user), trained.model_id, "tests")
        assert stand(*received.scenes) == [("scored", "")] * 2
        assert cells_in("active") - OLD_MINE == land.mined
        assert [site - OLD_MINE for site in read_sites() if site - OLD_MINE] == group_cells(land.mined)
        alerts = read_alerts()
        assert sorted(alerts.values(), key=min) == read_sites()
        assert publish_release(date(2025, 8, 1)).is_new

    eastern = {cell for cell in land.mined if cell[1] >= BORDER_COL}
    for person, own in ((cast.rosa, eastern), (cast.otis, land.mined - eastern), (cast.anna, land.mined)):
        answer = web.as_(person).get("/api/v1/activity", {"state": "active"})
        assert cells_of(answer) - OLD_MINE == own
    blocks = web.as_(cast.pia).get("/api/v1/activity", {"period": "2025-06"}).json()["features"]
    assert [(f["properties"]["level"], f["properties"]["band"]) for f in blocks] == [("L2", "over_10")]

    (alert,) = (alert for alert, cells in alerts.items() if cells == EASTERN_MINE)
    finding = visit(web, cast, alert, EASTERN_MINE)
    with as_worker():
        assert label_finding(finding) == len(EASTERN_MINE)
        assert label_finding(finding) == 0
        assert read_labelled(f"finding/{finding}") == EASTERN_MINE


def visit(web: WebClient, cast: Cast, alert: UUID, cells: frozenset[Cell]) -> UUID:
    """Rosa sends Ines, who accepts, sees exactly the cells of the site, reports (the finding's id is returned), and then
    sees nothing any more."""
    finding = uuid4()
    ends = (timezone.now() + timedelta(days=7)).isoformat()
    rosa, ines = web.as_(cast.rosa), web.as_(cast.ines)
    body = {"alert": str(alert), "inspector": "ines", "expires_at": ends}
    assigned = rosa.post("/api/v1/inspections", body, format="json")
    assert assigned.status_code == 201, assigned.content
    inspection = assigned["Location"]
    assert ines.get(f"{inspection}/site").status_code == 404
    assert ines.post(f"{inspection}/accept", {}, format="json").status_code == 200
    assert cells_of(ines.get(f"{inspection}/site")) == cells == cells_of(rosa.get(f"/api/v1/alerts/{alert}/site"))
    report = {"id": str(finding), "kind": "active", "observed_on": timezone.now().date().isoformat(), "people": "11-50"}
    assert ines.post(f"{inspection}/findings", report, format="json").status_code == 201
    assert rosa.post(f"{inspection}/close", {}, format="json").status_code == 200
    assert ines.get(f"{inspection}/site").status_code == 404
    return finding
