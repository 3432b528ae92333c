"""Claims: one worker a scene, a lease that lapses, and no word from whoever has lost it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from monitor.models import Scene
from monitor.services.claims import (
    RING_AGAIN,
    Claim,
    ClaimLost,
    claim_scene,
    finish_scene,
    give_back_scene,
    give_up_scenes,
    keep_claim,
    make_outdated_scenes_due,
    park_scene,
    refuse_scene,
    take_due_scenes,
)
from tests.builders import make_model, make_scene
from tests.cast import Cast
from tests.patience import PATIENCE_S
from tests.services.conftest import start_apart


def claim(scene_id: UUID) -> Claim:
    """A claim that must succeed."""
    held = claim_scene(scene_id)
    assert held is not None
    return held


def lapse(scene_id: UUID) -> None:
    """Let the lease of a scene run out."""
    Scene.objects.filter(id=scene_id).update(claimed_until=timezone.now() - timedelta(seconds=1))


def read(scene_id: UUID) -> Scene:
    """The scene as it stands."""
    return Scene.objects.get(id=scene_id)


def test_a_received_scene_is_claimed_once() -> None:
    scene_id = make_scene("received")
    held = claim(scene_id)
    assert claim_scene(scene_id) is None
    scene = read(scene_id)
    assert (scene.state, scene.claim, scene.attempts) == ("claimed", held.key, 1)
    assert scene.claimed_until is not None
    assert scene.claimed_until > timezone.now()


@pytest.mark.parametrize("state", ["waiting", "scored", "refused"])
def test_a_scene_that_is_not_due_is_not_claimed(state: str) -> None:
    assert claim_scene(make_scene(state)) is None


def test_a_scene_that_is_not_there_is_not_claimed() -> None:
    assert claim_scene(uuid4()) is None


def test_of_many_workers_at_one_moment_exactly_one_gets_the_scene() -> None:
    workers = 8
    with ThreadPoolExecutor(workers) as pool:
        for _ in range(5):
            scene_id = start_apart(pool, lambda: make_scene("received")).result()
            start = Barrier(workers)

            def work(scene_id: UUID = scene_id, start: Barrier = start) -> Claim | None:
                start.wait(PATIENCE_S)
                return claim_scene(scene_id)

            claims = [future.result() for future in [start_apart(pool, work) for _ in range(workers)]]
            (held,) = filter(None, claims)
            scene = read(scene_id)
            start_apart(pool, scene.delete).result()
            assert (scene.claim, scene.attempts) == (held.key, 1)


def test_a_lapsed_lease_gives_the_scene_to_another_worker() -> None:
    scene_id = make_scene("received")
    first = claim(scene_id)
    lapse(scene_id)
    second = claim(scene_id)
    assert first.key != second.key
    assert read(scene_id).attempts == 2


def test_a_heartbeat_renews_the_lease_and_says_how_far_it_is() -> None:
    scene_id = make_scene("received")
    held = claim(scene_id)
    lapse(scene_id)
    keep_claim(held, 0.42)
    assert read(scene_id).progress == 42
    assert claim_scene(scene_id) is None
    keep_claim(held, 1.0)
    assert read(scene_id).progress == 99  # a hundred is said by whoever finishes


Word = Callable[[Claim], None]
WORDS: dict[str, Word] = {
    "keep": lambda held: keep_claim(held, 0.5),
    "refuse": lambda held: refuse_scene(held, "truncated", "cut off"),
    "park": lambda held: park_scene(held, None),
    "give back": give_back_scene,
    "finish": lambda held: finish_scene(held, 3, uuid4()),
}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_whoever_has_lost_the_claim_can_write_nothing(word: Word) -> None:
    scene_id = make_scene("received")
    lost = claim(scene_id)
    lapse(scene_id)
    claim(scene_id)
    before = Scene.objects.filter(id=scene_id).values().get()
    with pytest.raises(ClaimLost):
        word(lost)
    assert Scene.objects.filter(id=scene_id).values().get() == before


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_a_claim_of_a_scene_that_is_done_writes_nothing_more(word: Word) -> None:
    scene_id = make_scene("received")
    held = claim(scene_id)
    park_scene(held, None)
    with pytest.raises(ClaimLost):
        word(held)
    assert read(scene_id).state == "waiting"


def test_a_finished_scene_names_its_model_and_is_held_by_nobody(model: UUID) -> None:
    scene_id = make_scene("received")
    finish_scene(claim(scene_id), 12, model)
    scene = read(scene_id)
    assert (scene.state, scene.cells_scored, scene.scored_by_id, scene.progress) == ("scored", 12, model, 100)
    assert (scene.claim, scene.claimed_until) == (None, None)


def test_a_refused_scene_names_its_cause() -> None:
    scene_id = make_scene("received")
    refuse_scene(claim(scene_id), "truncated", "x" * 500)
    scene = read(scene_id)
    assert (scene.state, scene.cause, len(scene.detail)) == ("refused", "truncated", 300)


def test_a_scene_that_is_given_back_is_due_again_and_has_lost_no_attempt() -> None:
    scene_id = make_scene("received")
    give_back_scene(claim(scene_id))
    scene = read(scene_id)
    assert (scene.state, scene.claim, scene.attempts) == ("received", None, 0)
    assert take_due_scenes(10) == []  # not at once: whatever failed is given time to recover


def test_a_scene_that_the_active_model_cannot_score_waits_for_another(cast: Cast) -> None:
    model = make_model(cast.anna.user)
    unfit, unread = make_scene("received"), make_scene("received")
    park_scene(claim(unfit), model)
    park_scene(claim(unread), None)
    assert make_outdated_scenes_due() == 1
    assert (read(unfit).state, read(unread).state) == ("waiting", "received")


def test_a_scene_that_brings_down_every_worker_is_given_up() -> None:
    scene_id = make_scene("received")
    for _ in range(settings.SCENE_ATTEMPTS):
        assert give_up_scenes() == 0
        claim(scene_id)
        lapse(scene_id)
    assert claim_scene(scene_id) is None
    assert give_up_scenes() == 1
    scene = read(scene_id)
    assert (scene.state, scene.cause) == ("refused", "worker_lost")


def test_a_scene_whose_scores_are_being_written_is_not_waited_for_to_give_it_up() -> None:
    is_held, is_done = Event(), Event()

    def make_lost() -> UUID:
        scene_id = make_scene("received")
        for _ in range(settings.SCENE_ATTEMPTS):
            claim(scene_id)
            lapse(scene_id)
        return scene_id

    def hold(scene_id: UUID) -> None:
        with transaction.atomic():
            Scene.objects.select_for_update().get(id=scene_id)
            is_held.set()
            assert is_done.wait(PATIENCE_S)

    def give_up() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        return give_up_scenes()

    with ThreadPoolExecutor(2) as pool:
        scene_id = start_apart(pool, make_lost).result()
        holding = start_apart(pool, lambda: hold(scene_id))
        try:
            assert is_held.wait(PATIENCE_S)
            assert start_apart(pool, give_up).result() == 0
            is_done.set()
            holding.result()
            assert start_apart(pool, give_up).result() == 1
        finally:
            is_done.set()
            start_apart(pool, lambda: Scene.objects.filter(id=scene_id).delete()).result()


def test_a_scene_that_is_being_worked_on_is_not_given_up() -> None:
    scene_id = make_scene("received")
    for _ in range(settings.SCENE_ATTEMPTS):
        claim(scene_id)
        lapse(scene_id)
    Scene.objects.filter(id=scene_id).update(claimed_until=timezone.now() + timedelta(seconds=60))
    assert give_up_scenes() == 0


def test_the_sweep_takes_what_was_never_heard_and_what_lapsed_and_rests_between() -> None:
    never, lapsed, held = (make_scene("received") for _ in range(3))
    for scene_id in (lapsed, held):
        claim(scene_id)
    lapse(lapsed)
    for state in ("waiting", "scored", "refused"):
        make_scene(state)
    assert set(take_due_scenes(10)) == {never, lapsed}
    assert take_due_scenes(10) == [lapsed]
    Scene.objects.update(rung_at=timezone.now() - RING_AGAIN - timedelta(seconds=1))
    assert set(take_due_scenes(10)) == {never, lapsed}
    assert len(take_due_scenes(1)) <= 1


def test_another_active_model_makes_read_scenes_of_its_sensor_due_again(cast: Cast) -> None:
    model = make_model(cast.anna.user)
    scored_by_it, scored_before, waiting = make_scene(), make_scene(), make_scene("waiting")
    refused, radar = make_scene("refused"), make_scene()
    Scene.objects.filter(id=scored_by_it).update(scored_by=model)
    Scene.objects.filter(id=radar).update(sensor="sentinel-1")
    assert make_outdated_scenes_due() == 2
    due = set(Scene.objects.filter(state="received").values_list("id", flat=True))
    assert due == {scored_before, waiting}
    assert read(refused).state == "refused"
    assert make_outdated_scenes_due() == 0
