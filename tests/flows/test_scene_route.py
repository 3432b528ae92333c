"""A scene's whole route in one process: items in, a model, scores, states, sites, alerts, a visit, a label, a release."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from monitor.detection.labels import read_labels
from monitor.field.sites import group_cells
from monitor.grid import Level, block_of
from monitor.imagery.catalog import walk_items
from monitor.models import Alert, Finding, TrainedModel
from monitor.privacy.coarsen import choose_activity_band
from monitor.services.ingestion import receive_catalog
from monitor.services.labels import label_finding
from monitor.services.releases import publish_release
from monitor.services.trained_models import activate_model
from monitor.services.training import train_on_vault
from monitor.vault.features import discard_features
from tests.api.conftest import WebClient
from tests.builders import Cell, look_around, make_viewer
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.mined_land import EASTERN_MINE, OLD_MINE, QUARTERS, WESTERN_MINE, MinedLand, write_quarter
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
from tests.roles import read_rows

pytestmark = pytest.mark.usefixtures("_readable_land")

Result = TypeVar("Result")

BORDER_COL = 20_000
"""First column of the east."""


def cells_of(answer: Any) -> set[Cell]:
    """The cells that an exact answer tells."""
    assert answer.status_code == 200, answer.content
    return {(f["properties"]["row"], f["properties"]["col"]) for f in answer.json()["features"]}


def test_from_a_catalogue_to_a_visit_a_label_and_a_release(
    cast: Cast, web: WebClient, land: MinedLand, ringing: Ringing
) -> None:
    with as_worker():
        with ringing():
            received = receive_catalog(list(walk_items(land.catalog)), land.catalog.parent, say_nothing)
        assert stand(*received.scenes) == [("waiting", "")] * 2
        assert read_states() == {}
        trained = train_on_vault(read_labels(land.labels), QUICK, timezone.now(), say_nothing)
        with ringing():
            activate_model(make_viewer(cast.anna.user), trained.model_id, "tests")
        assert stand(*received.scenes) == [("scored", "")] * 2
        active = cells_in("active")
        assert active - OLD_MINE == land.mined
        assert [site - OLD_MINE for site in read_sites() if site - OLD_MINE] == group_cells(land.mined)
        alerts = read_alerts()
        assert sorted(alerts.values(), key=min) == read_sites()
        # the two scenes show a part of the block only, and of such blocks nothing is published
        blocks_of_mines = {block_of(*cell, Level.L2) for cell in land.mined}
        look_around(trained.model_id, blocks_of_mines, Level.L2, date(2025, 6, 1))
        assert publish_release(date(2025, 8, 1)).is_new

    eastern = {cell for cell in land.mined if cell[1] >= BORDER_COL}
    for person, own in ((cast.rosa, eastern), (cast.otis, land.mined - eastern), (cast.anna, land.mined)):
        answer = web.as_(person).get("/api/v1/activity", {"state": "active"})
        assert cells_of(answer) - OLD_MINE == own
    blocks = web.as_(cast.pia).get("/api/v1/activity", {"period": "2025-06"}).json()["features"]
    assert [(f["properties"]["level"], f["properties"]["band"]) for f in blocks] == [
        ("L2", choose_activity_band(len([c for c in active if c[1] >= BORDER_COL]), 400).value)
    ]

    (alert,) = (alert for alert, cells in alerts.items() if cells == EASTERN_MINE)
    reported = visit(web, cast, alert, EASTERN_MINE)
    with as_worker():
        finding = Finding.objects.get(own_id=reported).id
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
    assert (
        cells_of(ines.get(f"{inspection}/site"))
        == cells
        == cells_of(rosa.get(f"/api/v1/alerts/{alert}/site"))
    )
    report = {
        "id": str(finding),
        "kind": "active",
        "observed_on": timezone.now().date().isoformat(),
        "people": "11-50",
    }
    assert ines.post(f"{inspection}/findings", report, format="json").status_code == 201
    assert rosa.post(f"{inspection}/close", {}, format="json").status_code == 200
    assert ines.get(f"{inspection}/site").status_code == 404
    return finding


def rehearse(work: Callable[[], Result]) -> Result:
    """What `work` returns, with the database as it was before."""
    with transaction.atomic():
        result = work()
        transaction.set_rollback(True)
    return result


def assert_alike(one: dict[Cell, Any], other: dict[Cell, Any]) -> None:
    """The same cells with the same words and, but for the last digits of features that were computed twice, numbers."""
    assert one.keys() == other.keys()
    for cell, values in one.items():
        for left, right in zip(values, other[cell], strict=True):
            assert left == (pytest.approx(right, abs=1e-3) if isinstance(right, float) else right)


@pytest.mark.usefixtures("worker")
def test_a_scene_of_pixels_of_another_size_suspects_at_most(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path
) -> None:
    let_act(trainee, cast.anna.user)
    fine = write_quarter(tmp_path, "t1", land.mined, pixel_m=10.0)
    scenes = walk(land.items["t0"], fine)
    assert stand(*scenes) == [("scored", "")] * 2
    told = read_rows(
        "SELECT DISTINCT scene_id, familiar, has_reference FROM vault.score WHERE p_none IS NOT NULL"
    )
    assert {row[0] for row in told if row[1]} == {scenes[0]}
    assert [row[1:] for row in told if row[0] == scenes[1]] == [(False, False)]
    assert cells_in("active") == set()


@pytest.mark.usefixtures("worker")
def test_cells_are_compared_with_the_latest_scene_of_their_pixel_size(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path
) -> None:
    let_act(trainee, cast.anna.user)
    fine = write_quarter(tmp_path, "t0", pixel_m=10.0)
    fine["id"] = "land-t0-fine"  # of two that end together, the one of the later id comes later
    for order in ([land.items["t0"], fine, land.items["t1"]], [land.items["t1"], land.items["t0"], fine]):

        def arrive(items: Sequence[dict[str, Any]] = tuple(order)) -> set[Cell]:
            assert stand(*walk(*items)) == [("scored", "")] * 3
            return cells_in("active")

        assert rehearse(arrive) - OLD_MINE == land.mined


@pytest.mark.usefixtures("worker")
def test_a_scene_whose_features_are_gone_is_no_reference_and_stops_no_other(
    cast: Cast, land: MinedLand, trainee: Trainee
) -> None:
    """As where it was handed in again and is read anew, or was refused then."""
    model_id = let_act(trainee, cast.anna.user)
    (before,) = walk(land.items["t0"])
    discard_features(before, TrainedModel.objects.get(id=model_id).featurizer)
    assert stand(*walk(land.items["t1"])) == [("scored", "")]
    assert cells_in("suspected") - OLD_MINE == land.mined


@pytest.mark.usefixtures("worker")
def test_every_order_of_arrival_gives_the_same_scores_states_sites_and_alerts(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path
) -> None:
    model_id = let_act(trainee, cast.anna.user)
    later = write_quarter(
        tmp_path,
        "t2",
        land.mined - WESTERN_MINE,
        hidden=EASTERN_MINE,
        period=("2025-07-01", "2025-09-30"),
        seed=2,
    )
    items = [land.items["t0"], land.items["t1"], later]

    def arrive(order: Sequence[int]) -> Any:
        scenes = dict(zip(order, walk(*(items[at] for at in order)), strict=True))
        assert stand(*scenes.values()) == [("scored", "")] * 3
        scores = [read_scores(scenes[at], model_id) for at in range(3)]
        return scores, read_states()

    first, *others = (rehearse(partial(arrive, order)) for order in permutations(range(3)))
    assert len(others) == 5
    assert sum(row.has_reference for row in first[0][2].values()) > 150
    for other in others:
        for mine, theirs in zip((*first[0], first[1]), (*other[0], other[1]), strict=True):
            assert_alike(mine, theirs)


@pytest.mark.usefixtures("worker")
def test_the_earlier_scene_arriving_late_turns_a_suspicion_into_an_alert(
    cast: Cast, land: MinedLand, trainee: Trainee
) -> None:
    let_act(trainee, cast.anna.user)
    walk(land.items["t1"])
    assert cells_in("suspected") - OLD_MINE == land.mined
    assert (cells_in("active"), read_sites(), Alert.objects.count()) == (set(), [], 0)
    walk(land.items["t0"])
    assert cells_in("active") - OLD_MINE == land.mined
    assert Alert.objects.count() == len(read_sites()) > 20


@pytest.mark.usefixtures("worker")
def test_a_cell_that_is_not_seen_is_never_quiet_and_a_cloud_changes_no_belief(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path
) -> None:
    model_id = let_act(trainee, cast.anna.user)
    forest = land.whole - land.mined - OLD_MINE
    never_seen, hidden_later = {min(forest), max(forest)}, set(sorted(forest)[20:40]) | EASTERN_MINE
    quarters = {
        "t0": write_quarter(tmp_path, "t0", hidden=never_seen),
        "t1": write_quarter(tmp_path, "t1", land.mined, hidden=never_seen, seed=1),
        "t2": write_quarter(
            tmp_path,
            "t2",
            land.mined,
            hidden=never_seen | hidden_later,
            period=("2025-07-01", "2025-09-30"),
            seed=2,
        ),
    }
    scenes = walk(*quarters.values())
    believed = read_states()
    assert {believed[cell][0] for cell in never_seen if cell in believed} <= {"not_observed"}
    assert cells_in("active") >= EASTERN_MINE
    assert {believed[cell][0] for cell in hidden_later - EASTERN_MINE} == {"quiet"}
    for cell, row in read_scores(scenes[2], model_id).items():
        if cell in hidden_later:
            assert (row.observed, row.mining) == (False, None)
            assert row.state_after == believed[cell][0]
    for scene_id in scenes:
        assert all(
            row.state_after != "quiet"
            for cell, row in read_scores(scene_id, model_id).items()
            if cell in never_seen
        )


@pytest.mark.usefixtures("worker")
def test_two_sensors_confirm_each_other(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path
) -> None:
    landsat = replace(trainee.model, featurizer=replace(trainee.model.featurizer, sensor="landsat"))
    let_act(trainee, cast.anna.user)
    let_act(replace(trainee, model=landsat), cast.anna.user)
    for sensor, day in (("sentinel-2", "2025-04-05"), ("landsat", "2025-04-12")):
        of: dict[str, Any] = {"constellation": sensor, "dtype": "int16"}
        before = write_quarter(tmp_path, f"{sensor}-t0", period=QUARTERS["t0"], **of)
        on_a_day = write_quarter(tmp_path, sensor, land.mined, period=(day, day), seed=1, **of)
        assert stand(*walk(before, on_a_day)) == [("scored", "")] * 2
        if sensor == "sentinel-2":
            assert cells_in("suspected") - OLD_MINE == land.mined
    assert cells_in("active") - OLD_MINE == land.mined
    new = [alert for alert, cells in read_alerts().items() if cells - OLD_MINE]
    assert {alert.confidence for alert in Alert.objects.filter(id__in=new)} == {"highest"}
