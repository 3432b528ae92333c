"""Receiving scenes: the same item is the same scene, a refused one leaves nothing, and no place stays outside."""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from monitor.imagery.catalog import CatalogItem
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.models import Scene
from monitor.services.ingestion import receive_catalog
from monitor.services.scenes import receive_scene
from monitor.vault.items import list_scenes_by_date, load_item
from tests.cast import Cast
from tests.chance import leave_chance_out

ITEM: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "id": "S2_T34NEH_20240305",
    "bbox": [20.07, 2.13, 20.19, 2.21],
    "geometry": None,
    "properties": {"constellation": "sentinel-2", "datetime": "2024-03-05T10:00:00Z"},
    "assets": {"image": {"href": "./a.tif", "bands": [{"eo:common_name": "red"}, {"eo:common_name": "nir"}]}},
    "links": [],
}
BASE = "/imagery/item.json"


def item(**changes: Any) -> dict[str, Any]:
    """The item with some fields replaced."""
    return copy.deepcopy(ITEM) | changes


def stored_items() -> int:
    """How many items the vault holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM vault.item")
        return int(cursor.fetchone()[0])


def test_the_same_item_is_the_same_scene(cast: Cast) -> None:
    first = receive_scene(item(), BASE, cast.finn.user.id)
    second = receive_scene(item(), BASE, cast.finn.user.id)
    assert first == (second[0], True)
    assert second[1] is False
    assert (Scene.objects.count(), stored_items()) == (1, 1)


def test_the_order_of_an_items_keys_does_not_matter() -> None:
    scene_id, _ = receive_scene(item(), BASE, None)
    assert receive_scene(dict(reversed(list(item().items()))), BASE, None) == (scene_id, False)


def test_a_changed_item_is_another_scene() -> None:
    one, _ = receive_scene(item(), BASE, None)
    other, is_new = receive_scene(item(id="another"), BASE, None)
    assert is_new
    assert one != other


def test_the_same_item_from_another_feeder_tells_neither_of_the_other(cast: Cast) -> None:
    one, _ = receive_scene(item(), "", cast.finn.user.id)
    other, is_new = receive_scene(item(), "", cast.anna.user.id)
    assert is_new
    assert one != other


def test_a_received_scene_is_announced_once_after_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as rings:
        receive_scene(item(), BASE, None)
        receive_scene(item(), BASE, None)
    assert len(rings) == 1
    with django_capture_on_commit_callbacks() as rings:
        receive_scene(item(id="later"), BASE, None, announce=False)
    assert rings == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"bbox": None}, None),
        ({"assets": {}}, None),
        ({"properties": {}}, Cause.NO_OBSERVATION_DATE),
        ({"type": "Map"}, None),
    ],
)
def test_a_refused_item_stores_nothing(
    changes: dict[str, Any],
    cause: Cause | None,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as rings, pytest.raises(SceneRefused) as caught:
        receive_scene(item(**changes), BASE, None)
    assert cause is None or caught.value.cause is cause
    assert (Scene.objects.count(), stored_items(), rings) == (0, 0, [])


def test_an_observation_that_has_not_ended_is_refused() -> None:
    def end_in(**ahead: int) -> dict[str, Any]:
        end = timezone.now() + timedelta(**ahead)
        dates = {"start_datetime": "2026-01-01T00:00:00Z", "end_datetime": end.isoformat()}
        return item(properties=item()["properties"] | {"datetime": None} | dates)

    with pytest.raises(SceneRefused) as caught:
        receive_scene(end_in(hours=25), BASE, None)
    assert caught.value.cause is Cause.NO_OBSERVATION_DATE
    assert Scene.objects.count() == 0
    receive_scene(end_in(hours=23), BASE, None)
    assert Scene.objects.count() == 1


@pytest.mark.parametrize("announce", [True, False])
def test_a_refused_scene_that_is_handed_in_again_is_read_again(
    announce: bool, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    scene_id, _ = receive_scene(item(), BASE, None)
    Scene.objects.update(state="refused", cause="truncated", detail="cut off", attempts=3, progress=40)
    with django_capture_on_commit_callbacks() as rings:
        assert receive_scene(item(), BASE, None, announce) == (scene_id, False)
    scene = Scene.objects.get()
    assert (scene.state, scene.cause, scene.attempts, scene.progress) == ("received", "", 0, 0)
    assert (len(rings), scene.rung_at is not None) == (announce, announce)


@pytest.mark.parametrize("state", ["claimed", "waiting", "scored"])
def test_a_scene_in_good_order_is_left_alone_when_it_is_handed_in_again(state: str) -> None:
    receive_scene(item(), BASE, None)
    held = {"claim": uuid4(), "claimed_until": timezone.now()} if state == "claimed" else {}
    Scene.objects.update(state=state, progress=40, **held)
    before = Scene.objects.values().get()
    receive_scene(item(), BASE, None)
    assert Scene.objects.values().get() == before


def test_the_row_outside_the_vault_says_nothing_of_place_date_or_file() -> None:
    scene_id, _ = receive_scene(item(), BASE, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM monitor_scene s WHERE id = %s", [scene_id])
        row = leave_chance_out(cursor.fetchone()[0])
    for told in ("T34NEH", "20.07", "2.13", "2024", "a.tif", "imagery", "item.json"):
        assert told not in row


def test_the_digest_of_an_item_cannot_be_computed_without_the_key() -> None:
    scene_id, _ = receive_scene(item(), BASE, None)
    digest = Scene.objects.values_list("digest", flat=True).get(id=scene_id)
    for text in (
        json.dumps(item(), sort_keys=True),
        json.dumps(item(), sort_keys=True, separators=(",", ":")),
    ):
        assert digest not in hashlib.sha256(text.encode()).hexdigest()


def test_the_vault_keeps_the_item_and_sorts_scenes_by_date() -> None:
    later, _ = receive_scene(item(), BASE, None)
    early = copy.deepcopy(ITEM)
    early["properties"]["datetime"] = "2023-01-01T00:00:00Z"
    earlier, _ = receive_scene(early, BASE, None)
    stored = load_item(later)
    assert (stored.document, stored.base_href) == (ITEM, BASE)
    assert list_scenes_by_date([later, earlier]) == [earlier, later]


def test_files_of_a_catalogue_may_be_read_from_the_moment_on_that_their_scene_is_there(
    tmp_path: Path,
) -> None:
    items = [CatalogItem(str(tmp_path / f"{name}.json"), item(id=name)) for name in ("one", "two", "one")]
    seen: list[list[str | None]] = []

    def sweep(_done: int, _total: int) -> None:
        seen.append([load_item(scene.id).folder for scene in Scene.objects.all()])

    receive_catalog(items, tmp_path, sweep)
    assert seen == [[str(tmp_path)], [str(tmp_path)] * 2, [str(tmp_path)] * 2]
