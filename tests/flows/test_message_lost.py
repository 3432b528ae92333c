"""Calls that get lost, come twice or cannot be made: rows say what is due, so no scene is forgotten or done twice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from monitor.bell import Bell, ring
from monitor.models import Scene
from monitor.services.claims import RING_AGAIN
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due
from tests.chance import leave_chance_out
from tests.flows.route import stand
from tests.flows.second_scene import Prepared, see_again, sweep_until_scored
from tests.flows.watch import Watcher
from tests.flows.workers import Crew, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def transactional_db(committed: None) -> None:
    """In place of pytest-django's, whose flush knows neither the vault nor that the ledger cannot be emptied."""


def test_a_scene_whose_message_was_lost_is_found_by_the_sweep(crew: Crew, prepared: Prepared) -> None:
    Scene.objects.filter(id=prepared.scene).update(rung_at=timezone.now())
    crew.hire()
    ring_for_what_is_due()
    assert stand(prepared.scene) == [
        ("received", "")
    ]  # it was rung for a moment ago: somebody may still come
    Scene.objects.filter(id=prepared.scene).update(rung_at=timezone.now() - RING_AGAIN - timedelta(seconds=1))
    sweep_until_scored(prepared.scene)
    prepared.assert_finished()


def test_a_queue_that_is_down_loses_no_scene(
    crew: Crew, prepared: Prepared, bells: Callable[[str], None]
) -> None:
    bells("redis+socket:///nowhere/redis.sock")
    scene_id, is_new = receive_scene(see_again(prepared.land, 0), "", None)
    assert (is_new, ring_for_what_is_due()) == (True, 1)
    bells(crew.queue.url)
    Scene.objects.update(rung_at=timezone.now() - RING_AGAIN - timedelta(seconds=1))
    crew.hire()
    sweep_until_scored(scene_id)
    sweep_until_scored(prepared.scene)


def test_the_log_of_a_worker_names_no_place_and_no_file(crew: Crew, prepared: Prepared) -> None:
    worker = crew.hire_alone()
    worker.mark_log()
    file = Path(prepared.land.items["t1"]["assets"]["image"]["href"])
    missing = copy.deepcopy(prepared.land.items["t1"])
    missing["assets"]["image"]["href"] = str(file.with_name("the-shaft-by-the-bridge.tif"))
    lost, _ = receive_scene(missing, "", None)
    ring_for_what_is_due()
    wait_until(
        lambda: stand(lost, prepared.scene) == [("refused", "asset_missing"), ("scored", "")], "both are done"
    )
    told = leave_chance_out(worker.read_log())
    assert "tasks.detect_scene" in told
    for secret in ("bridge", ".tif", str(file.parent), "19.9", "20005", "9213"):
        assert secret not in told


def test_of_two_workers_that_are_called_for_one_scene_one_does_it(crew: Crew, prepared: Prepared) -> None:
    crew.hire(), crew.hire("two")
    for _ in range(10):
        ring(Bell.SCENE_RECEIVED, prepared.scene)
    with Watcher() as watcher:
        wait_until(lambda: stand(prepared.scene) == [("scored", "")], "the scene is scored")
        crew.queue.wait_until_empty()
    assert (watcher.faults, prepared.read().attempts) == (set(), 1)
    prepared.assert_finished()
