"""`/tiles/activity/{z}/{x}/{y}.mvt`: blocks or cells as tiles, the same rule, and empty tiles that tell nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache.backends.dummy import DummyCache
from limits.storage import MemoryStorage

from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, entry_of, ledger_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import cell_at, put_cells
from tests.cast import Cast
from tests.tile_reader import read_tile

EASTERN = [cell_at(20.105, 2.105), cell_at(20.115, 2.105)]
WESTERN = [cell_at(19.705, 2.105)]
HERE = "/tiles/activity/8/142/126.mvt"  # 19.69 to 21.09 east, 1.41 to 2.81 north
ELSEWHERE = "/tiles/activity/8/10/126.mvt"


@pytest.fixture
def country(cast: Cast, model: UUID) -> None:
    """Two active cells in the east, one in the west, in two months, and a release."""
    put_cells(model, EASTERN + WESTERN, observed_on=date(2026, 8, 15))
    put_cells(model, EASTERN, observed_on=date(2026, 9, 15))
    publish_release(date(2026, 11, 20))


def squares_of(answer: Any) -> list[tuple[object, object]]:
    """Row and column of each feature."""
    return [(f.values["row"], f.values["col"]) for f in read_tile(answer.content)]


def test_a_partner_gets_blocks_of_the_newest_month_and_a_regulator_cells(
    web: WebClient, cast: Cast, country: None
) -> None:
    coarse, exact = web.as_(cast.pia).get(HERE), web.as_(cast.rosa).get(HERE)
    for answer in (coarse, exact):
        assert answer["Content-Type"] == "application/vnd.mapbox-vector-tile"
        assert (answer["Cache-Control"], answer["Vary"]) == ("private, no-store", "Authorization")
        assert entry_of(answer).version == 7
    (block,) = read_tile(coarse.content)
    assert block.values == {
        "row": 460,
        "col": 1000,
        "period": "2026-09",
        "band": "under_2",
        "trend": "same",
        "observed": "over_75",
        "part": "whole",
        "level": "L2",
        "precision_deg": 0.2,
        "rule": "released-blocks",
        "policy_version": "2027-03",
        "generalised": True,
    }
    assert squares_of(exact) == sorted(EASTERN)
    (cell, _) = read_tile(exact.content)
    assert (cell.values["level"], cell.values["generalised"], cell.values["state"]) == ("L0", False, "active")


def test_a_month_can_be_asked_for(web: WebClient, cast: Cast, country: None) -> None:
    assert squares_of(web.as_(cast.paul).get(HERE, {"period": "2026-08"})) == [(460, 998), (460, 1000)]
    assert web.as_(cast.paul).get(HERE, {"period": "2026-07"}).content == b""


def test_the_newest_month_is_that_of_the_viewers_own_regions(web: WebClient, cast: Cast, model: UUID) -> None:
    put_cells(model, EASTERN, observed_on=date(2026, 8, 15))
    publish_release(date(2026, 11, 20))
    before = web.as_(cast.pia).get(HERE).content
    put_cells(model, WESTERN, observed_on=date(2026, 9, 15))
    publish_release(date(2026, 11, 20))
    assert web.as_(cast.pia).get(HERE).content == before != b""


@pytest.mark.parametrize("name", ["rosa", "pia", "otis", "mallory"])
def test_nothing_there_and_nothing_for_you_are_the_same_empty_tile(
    web: WebClient, cast: Cast, country: None, name: str
) -> None:
    client = web.as_(cast.everybody()[name])

    def outward(url: str) -> Any:
        status, headers, body = outward_of(client.get(url))
        return status, {**headers, "Access-Receipt": "receipt"}, body

    absent = outward(ELSEWHERE)
    assert absent[0] == 200
    assert absent[2] == b""
    hidden = (
        "/tiles/activity/12/2272/2025.mvt" if name in {"rosa", "otis"} else "/tiles/activity/9/100/100.mvt"
    )
    assert outward(hidden) == absent
    if name == "mallory":
        assert outward(HERE) == absent


def test_a_zoom_beyond_the_level_is_a_404_whatever_lies_there(
    web: WebClient, cast: Cast, country: None
) -> None:
    for person, urls in (
        (
            cast.pia,
            ("/tiles/activity/10/569/505.mvt", "/tiles/activity/10/1/1.mvt", "/tiles/activity/14/1/1.mvt"),
        ),
        (
            cast.rosa,
            (
                "/tiles/activity/15/18213/16190.mvt",
                "/tiles/activity/6/35/31.mvt",
                "/tiles/activity/0/0/0.mvt",
            ),
        ),
    ):
        problems = [
            web.as_(person).get(url)
            for url in (*urls, "/tiles/activity/8/256/0.mvt", f"/tiles/activity/{9**30}/0/0.mvt")
        ]
        for answer in problems:
            assert_problem(answer, 404, "not-found")
        assert len({answer.content for answer in problems}) == 1
    assert_problem(web.as_(cast.pia).get("/tiles/activity/9/284/252.mvt", {"level": "L3"}), 404)


def test_no_tile_is_kept_by_anything(
    web: WebClient, cast: Cast, country: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kept tile would outlive a seal, and tell by its speed what others have looked at."""
    kept: list[str] = []
    for keeper, name in ((MemoryStorage, "acquire_entry"), (MemoryStorage, "incr"), (DummyCache, "set")):
        monkeypatch.setattr(keeper, name, _telling(getattr(keeper, name), kept))
    for person in (cast.pia, cast.rosa):
        assert web.as_(person).get(HERE).content
    assert kept
    assert all("throttle" in key for key in kept)


def _telling(honest: Callable[..., Any], kept: list[str]) -> Callable[..., Any]:
    def keep(self: object, key: str, *rest: Any, **more: Any) -> Any:
        kept.append(key)
        return honest(self, key, *rest, **more)

    return keep


def test_a_tile_is_that_of_the_newest_batch_and_of_the_scope_of_now(
    web: WebClient, cast: Cast, country: None, model: UUID
) -> None:
    before = web.as_(cast.pia).get(HERE).content
    put_cells(model, [cell_at(20.305, 2.305)], observed_on=date(2026, 9, 20))
    assert web.as_(cast.pia).get(HERE).content == before
    publish_release(date(2026, 11, 21))
    assert len(squares_of(web.as_(cast.pia).get(HERE))) == 2
    cast.pia.user.regionuserpermission_set.all().delete()
    assert web.as_(cast.pia).get(HERE).content == b""


def test_each_tile_is_an_entry(web: WebClient, cast: Cast, country: None) -> None:
    for _ in range(2):
        (line,) = ledger_of(web.as_(cast.pia).get(HERE))
        assert (line.action, line.outcome, line.quantity, line.level) == ("read.activity", "answered", 1, 2)
    for tile in (HERE, ELSEWHERE):
        # of cells it is told that there was a tile: numbers of one after the other would be a map
        (line,) = ledger_of(web.as_(cast.rosa).get(tile))
        assert (line.action, line.outcome, line.quantity, line.level) == ("read.activity", "answered", 1, 0)


def test_filters(web: WebClient, cast: Cast, country: None) -> None:
    assert squares_of(web.as_(cast.rosa).get(HERE, {"state": "quiet"})) == []
    assert squares_of(web.as_(cast.rosa).get(HERE, {"min_probability": "0.95"})) == []
    assert len(squares_of(web.as_(cast.rosa).get(HERE, {"class": "artisanal", "since": "2026-09-01"}))) == 2
    for name, value in (
        ("bbox", "20,2,20.1,2.1"),
        ("limit", "1"),
        ("period", "2026-09"),
        ("level", "L3"),
    ):
        assert_problem(web.as_(cast.rosa).get(HERE, {name: value}), 400, "invalid")
    for region, count in ((cast.east, 2), (cast.west, 0), (uuid4(), 0)):
        assert len(squares_of(web.as_(cast.rosa).get(HERE, {"region": str(region)}))) == count
    for name, value in (
        ("bbox", "20,2,20.1,2.1"),
        ("state", "active"),
        ("region", str(cast.east)),
        ("level", "L0"),
        ("v", "1"),
    ):
        assert_problem(web.as_(cast.pia).get(HERE, {name: value}), 400, "invalid")


def test_an_exact_tile_needs_a_purpose(web: WebClient, cast: Cast) -> None:
    client = web.as_(cast.rosa)
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"])
    assert_problem(client.get(HERE), 400, "purpose-required")


def test_what_is_taken_away_is_not_drawn(web: WebClient, cast: Cast, country: None) -> None:
    cast.rosa.user.regionuserpermission_set.all().delete()
    assert web.as_(cast.rosa).get(HERE).content == b""
