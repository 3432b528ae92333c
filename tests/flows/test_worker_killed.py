"""kill -9 at any point of a scene: nothing half-done is ever seen, and the scene is finished. With real workers."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from monitor.bell import Bell, ring
from monitor.field.sites import group_cells
from monitor.models import Alert, Scene
from monitor.services.claims import RING_AGAIN
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due
from monitor.vault.scores import _SCORING_LOCK
from tests.cast import make_cast
from tests.flows.mined_land import OLD_MINE, TALL, MinedLand, write_quarter
from tests.flows.route import Trainee, cells_in, let_act, read_scores, read_sites, stand, walk
from tests.flows.watch import Watcher
from tests.flows.workers import Crew, PrivateQueue, Worker, barrier, wait_until

pytestmark = pytest.mark.live

POINTS = {
    "after the claim": "LOCK TABLE vault.item IN ACCESS EXCLUSIVE MODE",
    "after the features are kept": f"SELECT pg_advisory_xact_lock({_SCORING_LOCK})",
    "before the scores": "LOCK TABLE vault.score IN SHARE MODE",
    "after the scores": "LOCK TABLE vault.cell_state IN SHARE MODE",
    "after the states": "LOCK TABLE vault.site IN SHARE MODE",
    "after the first site": "LOCK TABLE monitor_alert IN SHARE MODE",
    "after the first alert": "LOCK TABLE vault.alert_site IN SHARE MODE",
}
"""What a worker needs next at each point of a scene: the test holds it, so the worker waits there to be killed."""
DEATHS = {"after the claim", "after the features are kept", "after the scores", "after the first alert"}
"""Points at which the whole worker is killed; at the others its pool alone, as when a machine is short of memory."""


@pytest.fixture(scope="module")
def crew(
    land: MinedLand,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Crew]:
    """Workers on a private queue; whoever survives a test works in the next one."""
    queue, folder = PrivateQueue(), tmp_path_factory.mktemp("crew")
    (folder / "vault").mkdir()
    with django_db_blocker.unblock():
        made = Crew(queue, folder, land.folder)
    yield made
    made.dismiss()
    queue.close()


@pytest.fixture(autouse=True)
def transactional_db(
    crew: Crew, land: MinedLand, django_db_blocker: DjangoDbBlocker, settings: Settings
) -> Iterator[None]:
    """Everything is committed, for the workers to see; the database is emptied afterwards.

    In place of pytest-django's: Django's flush knows neither the vault's tables nor that the ledger cannot be emptied.
    """
    settings.VAULT_DIR, settings.IMAGERY_ROOTS = crew.folder / "vault", [land.folder]
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
        yield
        empty_database()
        connection.close()
    crew.queue.lose_everything()


def empty_database() -> None:
    """Empty every table but the append-only ledger and what migrations filled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables"
            " WHERE schemaname IN ('vault', 'release') OR tablename ~ '^(accounts|monitor)_'"
        )
        cursor.execute(f"TRUNCATE {cursor.fetchone()[0]} CASCADE")


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`bells(url)`: from now on what this process rings is sent to that queue. At first nobody hears it."""

    def send_to(url: str) -> None:
        monkeypatch.setenv("CELERY_BROKER_URL", url)
        vars(current_app).pop("amqp", None)  # it keeps its connections

    send_to("memory://localhost")
    yield send_to
    vars(current_app).pop("amqp", None)


@dataclass(frozen=True)
class Prepared:
    """What a test starts from. before: the scene of the first quarter; scene: that of the second."""

    model: UUID
    before: UUID
    scene: UUID
    land: MinedLand

    def read(self) -> Scene:
        """The second scene as it stands."""
        return Scene.objects.get(id=self.scene)

    def assert_finished(self) -> None:
        """The scene is scored whole, once, and says what is true of the land."""
        scores = read_scores(self.scene, self.model)
        assert self.read().cells_scored == len(scores) >= len(self.land.whole)
        assert cells_in("active") - OLD_MINE == self.land.mined
        sites = read_sites()
        assert [site - OLD_MINE for site in sites if site - OLD_MINE] == group_cells(self.land.mined)
        assert Alert.objects.count() == len(sites)


@pytest.fixture(scope="module")
def tall_scene(land: MinedLand) -> dict[str, Any]:
    """The item of a scene that takes several strips to read."""
    return write_quarter(land.folder, "tall", period=("2025-07-01", "2025-09-30"), box=TALL)


@pytest.fixture
def prepared(crew: Crew, land: MinedLand, trainee: Trainee, bells: Callable[[str], None]) -> Prepared:
    """A model acts, the first quarter is scored, the second one is received and nobody was told; bells are heard."""
    cast = make_cast()
    model_id = let_act(trainee, cast.anna.user)
    (before,) = walk(land.items["t0"])
    assert stand(before) == [("scored", "")]
    scene_id, _ = receive_scene(land.items["t1"], "", None, announce=False)
    bells(crew.queue.url)
    return Prepared(model_id, before, scene_id, land)


def sweep_until(happened: Callable[[], bool]) -> None:
    """Let the clock's sweep run again and again until something has happened."""

    def sweep() -> bool:
        ring_for_what_is_due()
        return happened()

    wait_until(sweep, "what is swept for", tick_s=0.3)


def sweep_until_scored(scene_id: UUID) -> None:
    """Let the sweep run until the scene is done, which it must be by being scored."""
    sweep_until(lambda: stand(scene_id)[0][0] in {"scored", "refused"})
    assert stand(scene_id) == [("scored", "")]


def lapse(scene_id: UUID) -> None:
    """Let the lease of a claimed scene have run out."""
    Scene.objects.filter(id=scene_id, state="claimed").update(
        claimed_until=timezone.now() - timedelta(seconds=1)
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_leaves_nothing_half_done_and_the_scene_is_finished(
    crew: Crew, prepared: Prepared, point: str
) -> None:
    worker = crew.hire()
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
    scenes = [prepared.scene, *receive_later(prepared.land, 2026, 2031)]
    with Watcher() as watcher:
        for die in (Worker.kill_pool, Worker.kill, Worker.kill_pool, Worker.kill):
            worker, done = crew.hire(), count_scored()
            sweep_until(lambda done=done: count_scored() > done)
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


def move_to_year(land: MinedLand, year: int) -> dict[str, Any]:
    """The item of the second quarter once more, in another year."""
    item = copy.deepcopy(land.items["t1"])
    item["id"] = f"land-{year}"
    item["properties"] |= {
        "start_datetime": f"{year}-01-01T00:00:00Z",
        "end_datetime": f"{year}-03-31T00:00:00Z",
    }
    return item


def receive_later(land: MinedLand, year_from: int, year_to: int) -> list[UUID]:
    """The second quarter once more in each of these years, the last one left out; nobody is told."""
    items = [move_to_year(land, year) for year in range(year_from, year_to)]
    return [receive_scene(item, "", None, announce=False)[0] for item in items]


def test_a_worker_killed_while_it_reads_the_strips_of_a_scene(
    crew: Crew, prepared: Prepared, tall_scene: dict[str, Any]
) -> None:
    worker = crew.hire()
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
    worker = crew.hire()
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
        (later,) = receive_later(prepared.land, 2026, 2027)
        sweep_until_scored(later)
    assert watcher.faults == set()
    assert read_scores(prepared.scene, prepared.model) == {}
    assert prepared.read().attempts == settings.SCENE_ATTEMPTS


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
    scene_id, is_new = receive_scene(move_to_year(prepared.land, 2026), "", None)
    assert (is_new, ring_for_what_is_due()) == (True, 1)
    bells(crew.queue.url)
    Scene.objects.update(rung_at=timezone.now() - RING_AGAIN - timedelta(seconds=1))
    crew.hire()
    sweep_until_scored(scene_id)
    sweep_until_scored(prepared.scene)


def test_the_log_of_a_worker_names_no_place_and_no_file(crew: Crew, prepared: Prepared) -> None:
    worker = crew.hire()
    worker.mark_log()
    file = Path(prepared.land.items["t1"]["assets"]["image"]["href"])
    missing = copy.deepcopy(prepared.land.items["t1"])
    missing["assets"]["image"]["href"] = str(file.with_name("the-shaft-by-the-bridge.tif"))
    lost, _ = receive_scene(missing, "", None)
    ring_for_what_is_due()
    wait_until(
        lambda: stand(lost, prepared.scene) == [("refused", "asset_missing"), ("scored", "")], "both are done"
    )
    told = worker.read_log()
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
