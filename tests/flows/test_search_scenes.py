"""Scenes found by a real STAC API go the whole route; the same search again changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from monitor.models import Scene
from tests.cast import Cast
from tests.flows.commanding import Commands
from tests.flows.conftest import Ringing
from tests.flows.mined_land import OLD_MINE, MinedLand
from tests.flows.route import Trainee, cells_in, let_act, list_scenes_by_item, stand
from tests.oddserver import free_port
from tests.stacserver import serve_items

pytestmark = pytest.mark.usefixtures("worker", "_readable_land")

BOX = ("20.00135779", "2.101234567", "20.09876543", "2.198765432")


@pytest.fixture
def host(land: MinedLand, tmp_path: Any, settings: Settings) -> Iterator[str]:
    """A server of the land's two scenes, whose files lie on this disk, and of one whose file is not there."""
    items = [
        publish(item, item["id"], f"file://{item['assets']['image']['href']}") for item in land.items.values()
    ]
    lost = publish(items[0], "lost", "./lost.tif")
    with serve_items(tmp_path, [*items, lost]) as served:
        settings.IMAGERY_HOSTS = [served]
        yield served


def publish(item: dict[str, Any], name: str, href: str) -> dict[str, Any]:
    """The item as an API serves it."""
    image = {**item["assets"]["image"], "href": href}
    return {
        **item,
        "id": name,
        "collection": "land",
        "geometry": outline(item["bbox"]),
        "assets": {"image": image},
    }


def outline(box: list[float]) -> dict[str, Any]:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_what_an_api_finds_is_scored_as_if_it_came_from_a_catalogue(
    commands: Commands, cast: Cast, land: MinedLand, trainee: Trainee, ringing: Ringing, host: str
) -> None:
    let_act(trainee, cast.anna.user)
    words = ("search_scenes", f"http://{host}/", "--collection", "land", "--bbox", *BOX, "--datetime", "2025")
    with ringing():
        first = commands.ask(*words)
    assert (first["items"], first["received"], first["new"], first["cut_off"]) == (3, 3, 3, False)
    told = {item: stand(scene) for item, scene in list_scenes_by_item().items()}
    assert told == {
        "land-t0": [("scored", "")],
        "land-t1": [("scored", "")],
        "lost": [("refused", "asset_missing")],
    }
    again = commands.ask(*words)
    assert (again["received"], again["new"]) == (3, 0)
    assert Scene.objects.count() == 3
    assert cells_in("active") - OLD_MINE == land.mined


def test_the_box_of_a_search_is_kept_nowhere(
    commands: Commands, ringing: Ringing, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ringing():
        answer = commands.ask("search_scenes", f"http://{host}/", "--bbox", *BOX)
    told = json.dumps(answer) + caplog.text
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^pg_|^inf'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
            told += cursor.fetchone()[0]
    # as far as a time of day, which has six digits behind its point, will hardly ever reach
    assert [number for number in BOX if number[:9] in told] == []


def test_a_search_that_fails_says_why_and_not_where(
    commands: Commands, settings: Settings, host: str
) -> None:
    api = f"http://{host}/"
    assert "no item" in commands.refuse("search_scenes", api, "--bbox", "1", "1", "2", "2")
    assert "no collection 'x'" in commands.refuse("search_scenes", api, "--collection", "x")
    assert "dates" in commands.refuse("search_scenes", api, "--datetime", "soon")
    nobody = f"127.0.0.1:{free_port()}"
    settings.IMAGERY_HOSTS = [nobody]
    assert "PENUMBRA_IMAGERY_HOSTS" in commands.refuse("search_scenes", api, "--bbox", *BOX)
    told = commands.refuse("search_scenes", f"http://{nobody}/", "--bbox", *BOX)
    assert "cannot be reached" in told
    assert not any(number in told for number in BOX)
    assert Scene.objects.count() == 0


def test_a_limit_is_kept_and_told(commands: Commands, host: str) -> None:
    answer = commands.ask("search_scenes", f"http://{host}/", "--limit", "1")
    assert (answer["items"], answer["cut_off"]) == (1, True)
