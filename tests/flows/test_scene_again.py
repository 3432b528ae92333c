"""What is done again: the same scene, the same item, another model, a mended file, after a fault. Nothing is doubled."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.conf import settings as configured

from monitor.detection.featurizer import CellFeatures
from monitor.detection.modelfile import ModelRefused
from monitor.field.lifecycle import DismissalReason
from monitor.models import Alert, Scene
from monitor.services.alerts import triage_alert
from monitor.services.detections import detect_scene
from monitor.services.scenes import receive_scene
from monitor.vault.features import load_features, save_features
from tests.builders import make_viewer
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.mined_land import EASTERN_MINE, OLD_MINE, MinedLand, write_quarter
from tests.flows.route import (
    Trainee,
    cells_in,
    let_act,
    read_alerts,
    read_scores,
    read_sites,
    read_states,
    stand,
    walk,
)

pytestmark = pytest.mark.usefixtures("_readable_land")


@pytest.mark.usefixtures("worker")
def test_detecting_again_changes_nothing(cast: Cast, land: MinedLand, trainee: Trainee) -> None:
    model_id = let_act(trainee, cast.anna.user)
    scenes = walk(*land.items.values())

    def look() -> Any:
        sites, alerts = read_sites(), read_alerts()
        return [read_scores(scene_id, model_id) for scene_id in scenes], read_states(), sites, alerts

    before = look()
    for scene_id in scenes:
        detect_scene(scene_id)
    assert look() == before
    for scene_id in scenes:
        Scene.objects.filter(id=scene_id).update(state="received")
        detect_scene(scene_id)
        assert stand(scene_id) == [("scored", "")]
        assert look() == before


@pytest.mark.usefixtures("worker")
def test_a_new_model_scores_every_read_scene_again_and_raises_no_alert_twice(
    cast: Cast, land: MinedLand, trainee: Trainee, successor: Trainee, ringing: Ringing
) -> None:
    old = let_act(trainee, cast.anna.user)
    scenes = walk(*land.items.values())
    before, alerts = [read_scores(scene_id, old) for scene_id in scenes], read_alerts()
    with ringing():
        new = let_act(successor, cast.anna.user)
    assert {scene.scored_by_id for scene in Scene.objects.all()} == {new}
    assert [read_scores(scene_id, old) for scene_id in scenes] == before
    after = [read_scores(scene_id, new) for scene_id in scenes]
    assert [rows.keys() for rows in after] == [rows.keys() for rows in before]
    assert after != before
    assert cells_in("active") - OLD_MINE == land.mined
    assert {alert: cells - OLD_MINE for alert, cells in read_alerts().items() if cells - OLD_MINE} == {
        alert: cells - OLD_MINE for alert, cells in alerts.items() if cells - OLD_MINE
    }


@pytest.mark.usefixtures("worker")
def test_a_site_that_grows_is_alerted_again_only_when_its_last_alert_is_over(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path
) -> None:
    let_act(trainee, cast.anna.user)
    walk(*land.items.values())
    (alert,) = (alert for alert, cells in read_alerts().items() if cells == EASTERN_MINE)
    grown = land.mined
    for name, period, new, alerts in (
        ("t2", ("2025-07-01", "2025-09-30"), {(9212, 20006), (9212, 20007)}, 1),
        ("t3", ("2025-10-01", "2025-12-31"), {(9215, 20006), (9215, 20007)}, 2),
    ):
        grown |= new
        walk(write_quarter(tmp_path, name, grown, period=period, seed=1))
        (site,) = (site for site in read_sites() if site > EASTERN_MINE)
        assert site > new
        assert len([cells for cells in read_alerts().values() if cells == site]) == alerts
        if name == "t2":
            triage_alert(make_viewer(cast.rosa.user), alert, DismissalReason.OTHER, "tests")
    newest = Alert.objects.latest("raised_at")
    assert (newest.kind, newest.status) == ("grew", "raised")


@pytest.mark.usefixtures("worker")
def test_a_refused_scene_is_scored_once_its_file_is_mended_and_handed_in_again(
    cast: Cast, land: MinedLand, trainee: Trainee, tmp_path: Path, ringing: Ringing
) -> None:
    model_id = let_act(trainee, cast.anna.user)
    item = write_quarter(tmp_path, "t1", land.mined, seed=1)
    file = tmp_path / "t1.tif"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with ringing():
        scene_id, _ = receive_scene(item, "", None)
    assert stand(scene_id) == [("refused", "truncated")]
    assert (read_scores(scene_id, model_id), read_states()) == ({}, {})
    with ringing():
        assert receive_scene(item, "", None) == (scene_id, False)
    assert stand(scene_id) == [("refused", "truncated")]
    file.write_bytes(whole)
    with ringing():
        assert receive_scene(item, "", None) == (scene_id, False)
    assert stand(scene_id) == [("scored", "")]
    assert len(read_scores(scene_id, model_id)) >= len(land.whole)
    with ringing():
        assert receive_scene(item, "", None) == (scene_id, False)
    assert Scene.objects.get().attempts == 1


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("fault", ["missing", "changed"])
def test_a_damaged_model_file_refuses_no_scene_and_costs_no_attempt(
    cast: Cast, land: MinedLand, trainee: Trainee, vault_dir: Path, fault: str
) -> None:
    let_act(trainee, cast.anna.user)
    (file,) = (vault_dir / "models").iterdir()
    whole = file.read_bytes()
    if fault == "missing":
        file.unlink()
    else:
        file.write_bytes(whole[:-1])
    scene_id, _ = receive_scene(land.items["t1"], "", None, announce=False)
    for _ in range(2 * configured.SCENE_ATTEMPTS):
        with pytest.raises((ModelRefused, FileNotFoundError)):
            detect_scene(scene_id)
    assert (stand(scene_id), Scene.objects.get().attempts) == ([("received", "")], 0)
    file.write_bytes(whole)
    detect_scene(scene_id)
    assert (stand(scene_id), Scene.objects.get().attempts) == ([("scored", "")], 1)


@pytest.mark.usefixtures("worker")
def test_a_vault_that_takes_no_features_refuses_no_scene_and_costs_no_attempt(
    cast: Cast, land: MinedLand, trainee: Trainee, vault_dir: Path
) -> None:
    let_act(trainee, cast.anna.user)
    scene_id, _ = receive_scene(land.items["t1"], "", None, announce=False)
    folder = vault_dir / "features"
    if folder.exists():
        folder.rename(vault_dir / "elsewhere")
    folder.write_text("where a folder should be")
    for _ in range(2):
        with pytest.raises(OSError, match="features"):
            detect_scene(scene_id)
        assert (stand(scene_id), Scene.objects.get().attempts) == ([("received", "")], 0)
    folder.unlink()
    detect_scene(scene_id)
    assert (stand(scene_id), Scene.objects.get().attempts) == ([("scored", "")], 1)


@pytest.mark.usefixtures("worker")
def test_a_vault_that_lets_no_features_go_refuses_no_scene_that_is_handed_in_again(
    cast: Cast, land: MinedLand, trainee: Trainee, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    let_act(trainee, cast.anna.user)
    scenes = walk(land.items["t1"])
    Scene.objects.update(state="received")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match="Read-only"):
            detect_scene(scenes[0])
    assert (stand(scenes[0]), Scene.objects.get().attempts) == ([("received", "")], 1)
    detect_scene(scenes[0])
    assert (stand(scenes[0]), Scene.objects.get().attempts) == ([("scored", "")], 2)


@pytest.mark.usefixtures("worker")
def test_what_a_dead_worker_left_of_features_is_cleared_away(
    cast: Cast, land: MinedLand, trainee: Trainee, vault_dir: Path
) -> None:
    let_act(trainee, cast.anna.user)
    scene_id, _ = receive_scene(land.items["t1"], "", None, announce=False)
    folder = vault_dir / "features" / trainee.model.featurizer.digest
    left_over = folder / f"{scene_id}.zarr.{uuid4().hex}.partial"
    left_over.mkdir(parents=True)
    (left_over / "zarr.json").write_text("{")
    detect_scene(scene_id)
    assert stand(scene_id) == [("scored", "")]
    assert [path.name for path in folder.iterdir()] == [f"{scene_id}.zarr"]


def test_features_that_another_worker_kept_in_the_meantime_stay(vault_dir: Path) -> None:
    scene_id, digest = uuid4(), "0" * 64
    cells = CellFeatures(
        np.array([9213], np.int32),
        np.array([20005], np.int32),
        np.ones(1, np.float32),
        np.ones((1, 4), np.float32),
        digest,
    )
    save_features(scene_id, cells)
    save_features(scene_id, replace(cells, values=2 * cells.values))
    assert load_features(scene_id, digest).values.tolist() == [[1.0] * 4]
    assert len(list((vault_dir / "features" / digest).iterdir())) == 1
