"""`GET /api/v1/activity` under posture: published blocks in place of cells, never beside them, from the next row on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from monitor.grid import Level, block_of
from monitor.models import AccessGrant, Alert, Inspection, Region
from monitor.privacy.scope import grant_region
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, cells_of, ledger_of
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE, Border, WebClient
from tests.builders import cell_at, put_cells
from tests.cast import Cast, make_box
from tests.rights import give_grant, set_posture

URL = "/api/v1/activity"
BLOCKS = {block_of(*cell, Level.L2) for cell in EASTERN_SITE}
FINE_BLOCKS = {("L1", 2 * row + i, 2 * col + j) for row, col in BLOCKS for i in (0, 1) for j in (0, 1)}


@pytest.fixture
def released(cast: Cast, alert: Alert, western_alert: Alert) -> UUID:
    """A release with a block of the east and one of the west."""
    return publish_release(date(2026, 11, 20)).batch


def blocks_of(answer: Any) -> set[tuple[str, int, int]]:
    """Level and position of the blocks of an answer."""
    assert answer.status_code == 200, answer.content
    return {
        (f["properties"]["level"], f["properties"]["row"], f["properties"]["col"])
        for f in answer.json()["features"]
    }


def test_a_guarded_region_is_seen_in_published_blocks(web: WebClient, cast: Cast, released: UUID) -> None:
    set_posture(cast.east, "guarded")
    answer = web.as_(cast.rosa).get(URL)
    body = answer.json()
    assert (body["level"], body["rule"], body["generalised"]) == ("L1", "guarded-blocks", True)
    assert body["release"] == str(released)
    assert blocks_of(answer) == FINE_BLOCKS
    assert all("probability" not in feature["properties"] for feature in body["features"])
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome, line.level, line.quantity) == (
        "read.activity",
        "answered",
        1,
        len(FINE_BLOCKS),
    )


def test_of_two_regions_the_open_one_is_seen_in_cells_and_the_guarded_one_by_its_name(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    set_posture(cast.east, "guarded")
    client = web.as_(cast.anna)
    assert len(cells_of(client.get(URL))) == len(WESTERN_SITE)
    assert len(cells_of(client.get(f"{URL}?region={cast.west}"))) == len(WESTERN_SITE)
    assert blocks_of(client.get(f"{URL}?region={cast.east}")) == FINE_BLOCKS


def test_filters_of_cells_do_not_exist_where_there_are_blocks(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    set_posture(cast.east, "guarded")
    for query in ("state=active", "class=artisanal", "min_probability=0.5", "since=2026-01-01", "level=L0"):
        assert_problem(web.as_(cast.rosa).get(f"{URL}?{query}"), 400, "invalid")
    assert blocks_of(web.as_(cast.rosa).get(f"{URL}?period=2026-08")) == set()
    assert blocks_of(web.as_(cast.rosa).get(f"{URL}?period=2026-09")) != set()


def test_a_box_in_a_guarded_region_grows_to_whole_blocks(web: WebClient, cast: Cast, released: UUID) -> None:
    set_posture(cast.east, "guarded")
    body = web.as_(cast.rosa).get(f"{URL}?bbox=20.101,2.101,20.102,2.102").json()
    assert body["applied_bbox"] == [20.1, 2.1, 20.2, 2.2]


def test_an_open_region_has_no_blocks_for_whoever_sees_its_cells(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    assert web.as_(cast.rosa).get(URL).json()["generalised"] is False
    assert_problem(web.as_(cast.rosa).get(f"{URL}?period=2026-09"), 400, "invalid")


def test_pages_of_cells_end_with_the_posture(
    web: WebClient, cast: Cast, alert: Alert, western_alert: Alert
) -> None:
    """Anna is between two pages of both regions when the east is guarded: the next page has nothing of the east."""
    client = web.as_(cast.anna)
    first = client.get(f"{URL}?limit=1")
    assert len(cells_of(first)) == 1
    set_posture(cast.east, "guarded")
    rest = client.get(first.json()["next"])
    assert not {(f["properties"]["row"], f["properties"]["col"]) for f in rest.json()["features"]} & set(
        EASTERN_SITE
    )


def test_a_cursor_of_cells_is_none_of_blocks(web: WebClient, cast: Cast, released: UUID) -> None:
    client = web.as_(cast.rosa)
    following = client.get(f"{URL}?limit=1").json()["next"]
    set_posture(cast.east, "guarded")
    assert_problem(client.get(following), 404, "cursor-unusable")


def test_a_cell_in_two_regions_is_shut_by_either(web: WebClient, cast: Cast, alert: Alert) -> None:
    """Regions may overlap: what is guarded does not come out through an open neighbour."""
    inner = create_region("Aruwe Mission", make_box(20.1, 2.1, 20.11, 2.11))
    grant_region(cast.rosa.user, Region.objects.get(id=inner))
    before = cells_of(web.as_(cast.rosa).get(f"{URL}?region={cast.east}"))
    set_posture(inner, "guarded")
    after = cells_of(web.as_(cast.rosa).get(f"{URL}?region={cast.east}"))
    assert len(before) == 2
    assert len(after) == 1
    site = web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    assert cells_of(site) == after


def test_no_block_is_shown_that_reaches_into_cells_that_one_sees(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    """The block minus one's own cells would be a sliver of the guarded part (LC-42)."""
    north = create_region("Aruwe North", make_box(20.0, 2.3, 20.4, 2.8))
    put_cells(model, [cell_at(20.105, 2.305), cell_at(20.105, 2.405)])
    publish_release(date(2026, 11, 20))
    grant_region(cast.rosa.user, Region.objects.get(id=north))
    set_posture(north, "guarded")
    seen = blocks_of(web.as_(cast.rosa).get(f"{URL}?region={north}"))
    assert ("L1", 923, 2001) not in seen
    assert ("L1", 924, 2001) in seen
    set_posture(cast.east, "guarded")
    after = blocks_of(web.as_(cast.rosa).get(f"{URL}?region={north}"))
    assert ("L1", 923, 2001) not in after  # she may know the cells of the east from before
    assert ("L1", 924, 2001) in after


@pytest.mark.parametrize("way", ["lowered", "lowered with the neighbour", "grant over"])
def test_cells_that_were_read_before_cannot_be_taken_from_a_border_block(
    web: WebClient, cast: Cast, border: Border, way: str
) -> None:
    """What a block on the border says, less the cells that Sela has read, would tell of the few across it (LC-42)."""
    client = web.as_(border.sela)
    if way == "grant over":
        set_posture(border.south, "guarded")
        grant = give_grant(border.sela, border.south, 0, cast.otis)
    assert len(cells_of(client.get(f"{URL}?region={border.south}"))) == 1
    if way == "grant over":
        AccessGrant.objects.filter(id=grant.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        set_posture(border.south, "guarded")
    if way == "lowered with the neighbour":
        grant_region(border.sela.user, Region.objects.get(id=border.north))
        set_posture(border.north, "guarded")
    assert blocks_of(client.get(f"{URL}?region={border.south}")) == border.inside
    assert blocks_of(client.get(f"{URL}?region={border.north}")) == set()


def test_a_partner_who_never_read_a_cell_keeps_the_blocks_of_a_border(
    web: WebClient, cast: Cast, border: Border
) -> None:
    grant_region(cast.pia.user, Region.objects.get(id=border.south))
    give_grant(cast.pia, border.south, 1, cast.rosa)
    seen = blocks_of(web.as_(cast.pia).get(URL))
    assert seen == border.inside | border.across


@pytest.mark.parametrize("name", ["pia", "paul"])
def test_partners_lose_a_sealed_region_down_to_the_coarsest_level(
    web: WebClient, cast: Cast, released: UUID, name: str
) -> None:
    client = web.as_(cast.everybody()[name])
    before = blocks_of(client.get(URL))
    set_posture(cast.east, "guarded")
    assert blocks_of(client.get(URL)) == before
    set_posture(cast.east, "sealed")
    after = blocks_of(client.get(URL))
    assert {("L2", *block) for block in BLOCKS} <= before
    assert after == {block for block in before if (block[1], block[2]) not in BLOCKS}


def test_sealing_reaches_outward_to_whole_blocks_of_one_degree(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    """What lies in the same block of L3 as a sealed region is told no finer, or the rest would tell the sealed part."""
    far = create_region("Aruwe Far North", make_box(20.0, 2.6, 20.4, 2.8))
    grant_region(cast.pia.user, Region.objects.get(id=far))
    before = blocks_of(web.as_(cast.pia).get(URL))
    set_posture(far, "sealed")
    assert {("L2", *block) for block in BLOCKS} <= before
    assert blocks_of(web.as_(cast.pia).get(URL)) == set()


def test_pages_of_blocks_end_with_the_seal(web: WebClient, cast: Cast, model: UUID) -> None:
    put_cells(model, [*EASTERN_SITE, cell_at(20.305, 2.305)])
    publish_release(date(2026, 11, 20))
    client = web.as_(cast.pia)
    first = client.get(f"{URL}?limit=1").json()
    assert first["next"] is not None
    set_posture(cast.east, "sealed")
    rest = client.get(first["next"])
    assert rest.status_code == 404 or blocks_of(rest) == set()


def test_a_grant_of_two_people_opens_a_sealed_region_to_its_holder_only(
    web: WebClient, cast: Cast, alert: Alert, inspection: Inspection
) -> None:
    set_posture(cast.east, "sealed")
    give_grant(cast.rosa, cast.east, 0, cast.otis)
    assert web.as_(cast.rosa).get(URL).json()["generalised"] is True
    give_grant(cast.rosa, cast.east, 0, cast.otis, cast.adam)
    assert len(cells_of(web.as_(cast.rosa).get(URL))) == 2
    assert len(cells_of(web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site"))) == 2
    assert web.as_(cast.anna).get(f"{URL}?region={cast.east}").json()["generalised"] is True
    site = f"/api/v1/inspections/{inspection.id}/site"
    assert_problem(web.as_(cast.ines).get(site), 404, "not-found")
    give_grant(cast.ines, cast.east, 0, cast.otis, cast.rosa)
    assert len(cells_of(web.as_(cast.ines).get(site))) == 2


def test_an_inspector_keeps_the_site_of_a_guarded_region(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    set_posture(cast.east, "guarded")
    assert len(cells_of(web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site"))) == 2
    assert_problem(web.as_(cast.rosa).get(f"/api/v1/alerts/{inspection.alert_id}/site"), 404, "not-found")


def test_me_says_posture_and_level_of_each_region(web: WebClient, cast: Cast) -> None:
    def told(name: str) -> dict[str, tuple[str, str]]:
        regions = web.as_(cast.everybody()[name]).get("/api/v1/me").json()["regions"]
        return {region["name"]: (region["posture"], region["level"]) for region in regions}

    assert told("anna") == {"Aruwe East": ("open", "L0"), "Aruwe West": ("open", "L0")}
    set_posture(cast.east, "guarded")
    set_posture(cast.west, "sealed")
    assert told("anna") == {"Aruwe East": ("guarded", "L1"), "Aruwe West": ("sealed", "L3")}
    assert told("paul") == {"Aruwe East": ("guarded", "L2"), "Aruwe West": ("sealed", "L3")}
