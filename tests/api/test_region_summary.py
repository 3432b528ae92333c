"""`/api/v1/regions/{id}/summary`: intervals from published blocks, for whoever receives the region and nobody else."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.roles import Role
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, entry_of, ledger_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import cell_at, put_cells, scatter_cells
from tests.cast import Cast, hire, make_box
from tests.rights import set_posture


def url_of(region: UUID) -> str:
    """The summary of a region."""
    return f"/api/v1/regions/{region}/summary"


@pytest.fixture
def country(cast: Cast, model: UUID) -> None:
    """The first block of the east with 30 active cells of 400, the second with two; the west with one."""
    put_cells(model, scatter_cells(1, (9200, 20000, 9220, 20020), 30), observed_on=date(2026, 8, 15))
    put_cells(model, [cell_at(20.305, 2.105), cell_at(20.315, 2.105)], observed_on=date(2026, 8, 15))
    put_cells(model, [cell_at(19.705, 2.105)], observed_on=date(2026, 9, 15))
    publish_release(date(2026, 11, 20))


def test_a_summary_is_intervals_of_the_published_blocks_and_holds_the_truth(
    web: WebClient, cast: Cast, country: None
) -> None:
    answer = web.as_(cast.pia).get(url_of(cast.east))
    assert entry_of(answer).version == 7
    assert answer["Cache-Control"] == "private, no-store"
    told = answer.json()
    assert (told["level"], told["precision_deg"], told["generalised"], told["period"]) == (
        "L2",
        0.2,
        True,
        "2026-08",
    )
    assert told["region"] == {"id": str(cast.east), "name": "Aruwe East"}
    assert told["blocks"] == 2
    # 5_to_10 and under_2, each of 40 to 400 plausible cells
    assert told["active_cells"] == {"low": 3, "high": 48}
    assert told["active_per_cent"]["low"] <= 4 <= told["active_per_cent"]["high"]
    assert told["active_cells"]["low"] <= 32 <= told["active_cells"]["high"]


def test_the_newest_month_is_that_of_the_region_and_others_can_be_asked_for(
    web: WebClient, cast: Cast, country: None
) -> None:
    assert web.as_(cast.paul).get(url_of(cast.west)).json()["period"] == "2026-09"
    assert web.as_(cast.paul).get(url_of(cast.east)).json()["period"] == "2026-08"
    empty = web.as_(cast.paul).get(url_of(cast.east), {"period": "2026-09"}).json()
    assert (empty["period"], empty["blocks"], empty["active_cells"]) == ("2026-09", 0, {"low": 0, "high": 0})


def test_without_a_release_there_is_nothing_to_sum_up(web: WebClient, cast: Cast) -> None:
    told = web.as_(cast.pia).get(url_of(cast.east)).json()
    assert (told["release"], told["period"], told["blocks"]) == (None, None, 0)


def test_it_changes_with_a_release_only_and_is_the_same_for_everybody(
    web: WebClient, cast: Cast, country: None, model: UUID
) -> None:
    before = web.as_(cast.pia).get(url_of(cast.east)).content
    put_cells(model, scatter_cells(2, (9200, 20000, 9220, 20020), 200), observed_on=date(2026, 8, 16))
    assert web.as_(cast.pia).get(url_of(cast.east)).content == before
    assert web.as_(cast.paul).get(url_of(cast.east)).content == before


@pytest.mark.parametrize("name", ["pia", "mallory"])
def test_a_region_of_others_looks_like_none(web: WebClient, cast: Cast, country: None, name: str) -> None:
    client = web.as_(cast.everybody()[name])
    hidden, absent = client.get(url_of(cast.west)), client.get(url_of(uuid4()))
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)


@pytest.mark.parametrize("name", ["rosa", "anna", "ines", "aldo", "adam", "finn"])
def test_other_roles_have_no_summary(web: WebClient, cast: Cast, name: str) -> None:
    assert_problem(web.as_(cast.everybody()[name]).get(url_of(cast.east)), 403, "not-permitted")


@pytest.mark.parametrize(
    "query", ["period=2026-13", "level=L2", "limit=1", "bbox=20,2,20.1,2.1", "state=active"]
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.pia).get(f"{url_of(cast.east)}?{query}"), 400, "invalid")


def test_the_ledger_counts_the_blocks(web: WebClient, cast: Cast, country: None) -> None:
    (line,) = ledger_of(web.as_(cast.pia).get(url_of(cast.east)))
    assert (line.action, line.outcome, line.quantity, line.level) == ("read.summary", "answered", 2, 2)


def test_a_month_is_not_answered_with_the_quarter_that_begins_then_nor_a_quarter_with_a_month(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    """Levels differ in what their rows speak of: a month, at L3 a quarter."""
    # a cell in each block of the east, so that all of it was seen
    put_cells(
        model,
        [cell_at(x, y) for x in (20.105, 20.305) for y in (2.105, 2.305)],
        observed_on=date(2026, 4, 15),
    )
    publish_release(date(2026, 11, 20))
    client = web.as_(cast.pia)

    def read(address: str) -> Any:
        return json.loads(b"".join(client.get(address)))

    def told(address: str) -> list[list[str]]:
        return [
            sorted({each["properties"]["period"] for each in read(f"{address}period={period}")["features"]})
            for period in ("2026-04", "2026-Q2")
        ]

    assert told("/api/v1/activity?") == [["2026-04"], []]
    assert told("/api/v1/activity?level=L3&") == [[], ["2026-Q2"]]
    assert told("/export/activity.geojson?level=L3&") == [[], ["2026-Q2"]]
    tiles = [
        client.get(f"/tiles/activity/0/0/0.mvt?level=L3&period={period}") for period in ("2026-04", "2026-Q2")
    ]
    assert [len(tile.content) > 0 for tile in tiles] == [False, True]
    set_posture(cast.east, "sealed")
    asked = [client.get(url_of(cast.east), {"period": period}).json() for period in ("2026-04", "2026-Q2")]
    assert [(each["period"], each["blocks"]) for each in asked] == [("2026-04", 0), ("2026-Q2", 1)]
    newest = client.get(url_of(cast.east)).json()
    assert (newest["period"], newest["blocks"]) == ("2026-Q2", 1)
    assert len(client.get("/tiles/activity/0/0/0.mvt").content) > 0


def test_it_says_how_coarse_the_blocks_are_that_it_sums_up_where_a_neighbour_is_sealed(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    """Sealing reaches outward to whole blocks of one degree, into regions that are open."""
    south = create_region("Aruwe South", make_box(20.5, 2.0, 20.9, 2.4))
    petra = hire("petra", Role.PARTNER, south)
    put_cells(
        model,
        [cell_at(x, y) for x in (20.105, 20.305) for y in (2.105, 2.305)],
        observed_on=date(2026, 4, 15),
    )
    put_cells(
        model,
        [cell_at(x, y) for x in (20.505, 20.705, 20.855) for y in (2.105, 2.305)],
        observed_on=date(2026, 4, 15),
    )
    publish_release(date(2026, 11, 20))
    client, asked = web.as_(petra), url_of(south)
    assert (client.get(asked).json()["level"], client.get(asked).json()["precision_deg"]) == ("L2", 0.2)
    set_posture(cast.east, "sealed")
    told = client.get(asked).json()
    assert (told["blocks"], told["period"]) == (1, "2026-Q2")
    assert (told["level"], told["precision_deg"]) == ("L3", 1.0)
