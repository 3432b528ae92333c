"""Features in the vault that are damaged or gone: that scene is read again, and no other is refused for it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from monitor.models import Alert, Scene
from monitor.services.detections import detect_scene
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due
from monitor.vault.features import discard_features
from tests.cast import Cast
from tests.flows.mined_land import OLD_MINE, MinedLand
from tests.flows.route import Trainee, cells_in, let_act, read_scores, read_sites, stand, walk

pytestmark = pytest.mark.usefixtures("_readable_land", "worker")
Damage = Callable[[UUID], None]


def cut(file: Path) -> None:
    """Leave half of a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.fixture(params=["cut", "gone", "without a head"])
def damage(request: pytest.FixtureRequest, vault_dir: Path, trainee: Trainee) -> Damage:
    """`damage(scene_id)` spoils what the vault keeps of a scene, in one of several ways."""

    def spoil(scene_id: UUID) -> None:
        folder = vault_dir / "features" / trainee.model.featurizer.digest / f"{scene_id}.zarr"
        if request.param == "cut":
            cut(folder / "values" / "c" / "0" / "0")
        elif request.param == "gone":
            shutil.rmtree(folder / "values" / "c")
        else:
            (folder / "zarr.json").unlink()

    return spoil


def test_a_scene_is_scored_without_a_reference_that_is_damaged_and_again_once_that_was_read_again(
    cast: Cast, land: MinedLand, trainee: Trainee, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    model_id = let_act(trainee, cast.anna.user)
    (before,) = walk(land.items["t0"])
    scores = read_scores(before, model_id)
    damage(before)
    with caplog.at_level(logging.WARNING):
        (now,) = walk(land.items["t1"])
    assert str(before) in caplog.text
    assert (stand(now), stand(before)) == ([("scored", "")], [("received", "")])
    assert not any(row.has_reference for row in read_scores(now, model_id).values())
    assert (ring_for_what_is_due(), cells_in("active")) == (1, set())
    detect_scene(before)
    assert (stand(now), stand(before)) == ([("scored", "")], [("scored", "")])
    assert read_scores(before, model_id) == scores
    assert cells_in("active") - OLD_MINE == land.mined
    assert Alert.objects.count() == len(read_sites())
    assert list(Scene.objects.values_list("attempts", flat=True)) == [1, 1]


def test_a_later_scene_that_is_damaged_keeps_no_earlier_one_from_being_scored(
    cast: Cast, land: MinedLand, trainee: Trainee, damage: Damage
) -> None:
    model_id = let_act(trainee, cast.anna.user)
    (now,) = walk(land.items["t1"])
    damage(now)
    (before,) = walk(land.items["t0"])
    assert (stand(before), stand(now)) == ([("scored", "")], [("received", "")])
    detect_scene(now)
    assert any(row.has_reference for row in read_scores(now, model_id).values())


def test_a_later_scene_that_could_not_be_read_again_keeps_no_earlier_one_from_being_scored(
    cast: Cast, land: MinedLand, trainee: Trainee
) -> None:
    let_act(trainee, cast.anna.user)
    (now,) = walk(land.items["t1"])
    discard_features(now, trainee.model.featurizer.digest)
    Scene.objects.update(state="refused", cause="asset_missing", detail="")
    (before,) = walk(land.items["t0"])
    assert (stand(before), stand(now)) == ([("scored", "")], [("refused", "asset_missing")])


def test_a_scene_whose_own_features_are_damaged_loses_no_attempt_and_is_read_again(
    cast: Cast, land: MinedLand, trainee: Trainee, damage: Damage
) -> None:
    let_act(trainee, cast.anna.user)
    (scene_id,) = walk(land.items["t0"])
    # as after a worker that died between its features and its scores
    Scene.objects.update(state="received", attempts=0, scored_by=None)
    damage(scene_id)
    detect_scene(scene_id)
    assert (stand(scene_id), Scene.objects.get().attempts) == ([("received", "")], 0)
    detect_scene(scene_id)
    assert (stand(scene_id), Scene.objects.get().attempts) == ([("scored", "")], 1)


def test_a_disk_that_cannot_be_read_is_told_with_the_scene_and_costs_no_attempt(
    cast: Cast, land: MinedLand, trainee: Trainee, vault_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    let_act(trainee, cast.anna.user)
    (before,) = walk(land.items["t0"])
    now, _ = receive_scene(land.items["t1"], "", None, announce=False)
    folder = vault_dir / "features" / trainee.model.featurizer.digest / f"{before}.zarr"
    head = folder / "zarr.json"
    whole = head.read_bytes()
    head.unlink()
    head.symlink_to(head)  # a loop: the system says that it cannot be read, to root too
    with caplog.at_level(logging.WARNING), pytest.raises(OSError, match="symbolic links"):
        detect_scene(now)
    assert str(before) in caplog.text
    assert (stand(now), Scene.objects.get(id=now).attempts) == ([("received", "")], 0)
    head.unlink()
    head.write_bytes(whole)
    detect_scene(now)
    assert (stand(now), stand(before)) == ([("scored", "")], [("scored", "")])
