"""kill -9 at any point of a scene: nothing half-done is ever seen, and the scene is finished. With real workers."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from monitor.bell import Bell, ring
from monitor.models import Alert, Scene
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due
from tests.flows.mined_land import TALL, MinedLand, write_quarter
from tests.flows.route import read_scores, read_sites, stand
from tests.flows.second_scene import (
    POINTS,
    Prepared,
    lapse,
    receive_later,
    sweep_until,
    sweep_until_scored,
)
from tests.flows.watch import Watcher
from tests.flows.workers import Crew, Worker, barrier, count_waiting_workers, wait_until

pytestmark = pytest.mark.live

DEATHS = {"after the claim", "after the features are kept", "after the scores", "after the first alert"}
"""Points at which the whole worker is killed; at the others its pool alone, as when a machine is short of memory."""


@pytest.fixture(autouse=True)
def transactional_db(committed: None) -> None:
    """In place of pytest-django's, whose flush knows neither the vault nor that the ledger cannot be emptied."""


@pytest.fixture(scope="module")
def tall_scene(land: MinedLand) -> dict[str, Any]:
    """The item of a scene that takes several strips to read."""
    return write_quarter(land.folder, "tall", period=("2025-07-01", "2025-09-30"), box=TALL)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_leaves_nothing_half_done_and_the_scene_is_finished(
    crew: Crew, prepared: Prepared, point: str
) -> None:
    worker = crew.hire_alone()
    with Watcher() as watcher:
        with barrier(POINTS[point]) as held:
            ring(Bell.SCENE_RECEIVED, prepared.scene)
            wait_until(held.count_waiting, "the worker is at the point")
            worker.kill() if point in DEATHS else worker.kill_pool()
            watcher.look_now()
        assert read_scores(prepared.scene, prepared.model) == {}
        assert (stand(prepared.scene), Alert.objects.count()) == ([("claimed", "")], 0)
        assert crew.hire().is_alive()
        lapse(prepared.scene)
        sweep_until_scored(prepared.scene)
    assert (watcher.faults, prepared.read().attempts) == (set(), 2)
    prepared.assert_finished()


def test_workers_killed_at_moments_of_chance_finish_every_scene_all_the_same(
    crew: Crew, prepared: Prepared
) -> None:
    chance = random.Random(11)
    scenes = [prepared.scene, *receive_later(prepared.land, 7)]
    with Watcher() as watcher:
        for die in (Worker.kill_pool, Worker.kill, Worker.kill_pool, Worker.kill):
            worker, done = crew.hire_alone(), count_scored()
            sweep_until(partial(went_on_from, done))
            time.sleep(chance.uniform(0.0, 0.5))
            die(worker)
            watcher.look_now()
            for scene_id in scenes:
                lapse(scene_id)
        crew.hire()
        for scene_id in scenes:
            sweep_until_scored(scene_id)
    assert watcher.faults == set()
    for scene_id in scenes:
        assert len(read_scores(scene_id, prepared.model)) >= len(prepared.land.whole)
    assert Alert.objects.count() == len(read_sites())


def count_scored() -> int:
    """How many scenes are scored."""
    return Scene.objects.filter(state="scored").count()


def went_on_from(done: int) -> bool:
    """Whether more than `done` scenes are scored, or nothing is left to do."""
    return count_scored() > done or not Scene.objects.filter(state__in=("received", "claimed")).exists()


def test_a_worker_killed_while_it_reads_the_strips_of_a_scene(
    crew: Crew, prepared: Prepared, tall_scene: dict[str, Any]
) -> None:
    worker = crew.hire_alone()
    scene_id, _ = receive_scene(tall_scene, "", None)
    with Watcher() as watcher:
        wait_until(lambda: 0 < Scene.objects.get(id=scene_id).progress < 99, "some strips are read")
        worker.kill()
        assert stand(scene_id) == [("claimed", "")]
        crew.hire()
        sweep_until_scored(scene_id)  # after LEASE_S, by itself
    assert (watcher.faults, Scene.objects.get(id=scene_id).attempts) == (set(), 2)


def test_a_scene_that_kills_its_worker_every_time_is_refused_and_the_next_one_is_scored(
    crew: Crew, prepared: Prepared
) -> None:
    worker = crew.hire_alone()
    with Watcher() as watcher:
        for attempt in range(1, settings.SCENE_ATTEMPTS + 1):
            with barrier(POINTS["after the features are kept"]) as held:
                ring_for_what_is_due()
                wait_until(held.count_waiting, "the worker is at the point")
                assert prepared.read().attempts == attempt
                worker.kill_pool()
            lapse(prepared.scene)
        ring_for_what_is_due()
        assert stand(prepared.scene) == [("refused", "worker_lost")]
        (later,) = receive_later(prepared.land, 1)
        sweep_until_scored(later)
    assert watcher.faults == set()
    assert read_scores(prepared.scene, prepared.model) == {}
    assert prepared.read().attempts == settings.SCENE_ATTEMPTS


def test_a_worker_that_slept_beyond_its_lease_writes_nothing_when_it_wakes(
    crew: Crew, prepared: Prepared
) -> None:
    with Watcher() as watcher:
        sleeper = send_to_sleep(crew, prepared.scene, POINTS["after the claim"])
        lapse(prepared.scene)
        sweep_until_scored(prepared.scene)
        before = read_versions(prepared.scene)
        sleeper.resume()
        wait_until(sleeper.has_given_up, "the sleeper gives up")
    assert read_versions(prepared.scene) == before
    assert (watcher.faults, prepared.read().attempts) == (set(), 2)
    prepared.assert_finished()


def test_a_worker_that_slept_before_it_could_write_gives_way_to_the_one_that_took_over(
    crew: Crew, prepared: Prepared
) -> None:
    with Watcher() as watcher:
        sleeper = send_to_sleep(crew, prepared.scene, POINTS["after the features are kept"])
        lapse(prepared.scene)
        sweep_until(lambda: prepared.read().attempts == 2)
        sleeper.resume()
        wait_until(sleeper.has_given_up, "the sleeper gives up")
        sweep_until_scored(prepared.scene)
    assert (watcher.faults, prepared.read().attempts) == (set(), 2)
    prepared.assert_finished()


def test_a_scene_whose_scores_are_being_written_is_not_given_to_another_though_its_lease_is_over(
    crew: Crew, prepared: Prepared
) -> None:
    crew.hire(), crew.hire("two")
    with barrier(POINTS["after the scores"]) as later:
        with barrier(POINTS["after the features are kept"]) as sooner:
            ring(Bell.SCENE_RECEIVED, prepared.scene)
            wait_until(sooner.count_waiting, "a worker is before its scores")
            lapse(prepared.scene)
        wait_until(later.count_waiting, "it is in the middle of its scores")
        assert ring_for_what_is_due() == 0
        ring(Bell.SCENE_RECEIVED, prepared.scene)
        wait_until(lambda: count_waiting_workers() == 2, "the other one asks for the scene")
    wait_until(lambda: stand(prepared.scene) == [("scored", "")], "the scene is scored")
    crew.queue.wait_until_empty()
    assert prepared.read().attempts == 1
    prepared.assert_finished()


def test_a_scene_that_waits_for_others_to_be_scored_keeps_its_worker(crew: Crew, prepared: Prepared) -> None:
    crew.hire(), crew.hire("two")
    with barrier(POINTS["after the features are kept"]) as held:
        ring(Bell.SCENE_RECEIVED, prepared.scene)
        wait_until(held.count_waiting, "a worker is before its scores")
        lapse(prepared.scene)
        wait_until(lambda: has_lease(prepared.scene), "the worker has renewed its lease while it waits")
        wait_until(held.count_waiting, "it waits again")
        assert ring_for_what_is_due() == 0
    wait_until(lambda: stand(prepared.scene) == [("scored", "")], "the scene is scored")
    assert prepared.read().attempts == 1
    prepared.assert_finished()


def has_lease(scene_id: UUID) -> bool:
    """Whether the scene is held by a worker whose lease has not run out."""
    return Scene.objects.filter(id=scene_id, claimed_until__gt=timezone.now()).exists()


def send_to_sleep(crew: Crew, scene_id: UUID, statement: str) -> Worker:
    """Call two workers for a scene and pause the one that comes, at the statement's point."""
    workers = [crew.hire(), crew.hire("two")]
    with barrier(statement) as held:
        for worker in workers:
            worker.mark_log()
        ring(Bell.SCENE_RECEIVED, scene_id)
        wait_until(held.count_waiting, "a worker is at the point")
        (sleeper,) = (worker for worker in workers if "tasks.detect_scene" in worker.read_log())
        sleeper.pause()
    return sleeper


def read_versions(scene_id: UUID) -> list[tuple[object, ...]]:
    """Which transaction wrote each score of a scene."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col, xmin::text FROM vault.score WHERE scene_id = %s ORDER BY 1, 2", [scene_id]
        )
        return list(cursor.fetchall())
