"""Files, tiles and summaries under posture and quota: blocks in place of cells, and an end that is seen."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.tokens import revoke_tokens
from monitor.errors import StreamCut
from monitor.grid import Level, block_of
from monitor.models import Alert
from monitor.privacy.door import exports
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, ledger_of, outward_of
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE, Border, WebClient
from tests.api.files import FORMATS, read_file
from tests.api.test_export_cut import begin, read_on
from tests.builders import cell_at, put_cells
from tests.cast import Cast
from tests.rights import give_grant, limit_quota, set_posture
from tests.tile_reader import read_tile

BLOCKS = {("L2", *block_of(*cell, Level.L2)) for cell in EASTERN_SITE}
FINE_BLOCKS = {("L1", 2 * row + i, 2 * col + j) for _, row, col in BLOCKS for i in (0, 1) for j in (0, 1)}
"""What a guarded region leaves an exact role."""
CELLS = [cell_at(20.005 + i / 100, 2.005) for i in range(10)]
TILE = "/tiles/activity/8/142/126.mvt"
MONTHS = [date(2026, month, 15) for month in (6, 7, 8, 9)]
each_format = pytest.mark.parametrize("file_format", FORMATS)
streamed = pytest.mark.parametrize("file_format", [each for each in FORMATS if each != "gpkg"])


@pytest.fixture
def released(cast: Cast, alert: Alert, western_alert: Alert) -> UUID:
    """A release with a block of the east and one of the west."""
    return publish_release(date(2026, 11, 20)).batch


def squares_of(answer: Any, file_format: str) -> set[tuple[str, int, int]]:
    """Level, row and column of each square of a file; of cells the level is L0."""
    assert answer.status_code == 200, answer.content
    return {
        (square.values.get("level", "L0"), int(square.values["row"]), int(square.values["col"]))
        for square in read_file(file_format, answer.content)
    }


def drawn(answer: Any) -> set[tuple[object, ...]]:
    """The same of a tile."""
    assert answer.status_code == 200, answer.content
    return {
        tuple(feature.values[name] for name in ("level", "row", "col"))
        for feature in read_tile(answer.content)
    }


@each_format
@pytest.mark.parametrize(("posture", "rule"), [("guarded", "guarded-blocks"), ("sealed", "sealed-blocks")])
def test_a_regulators_file_of_a_shut_region_is_what_activity_tells_in_blocks(
    web: WebClient, cast: Cast, released: UUID, file_format: str, posture: str, rule: str
) -> None:
    set_posture(cast.east, posture)
    told = web.as_(cast.rosa).get("/api/v1/activity").json()
    assert told["rule"] == rule
    answer = web.as_(cast.rosa).get(f"/export/activity.{file_format}")
    wanted = {tuple(f["properties"][key] for key in ("level", "row", "col")) for f in told["features"]}
    assert wanted == (FINE_BLOCKS if posture == "guarded" else set())
    if wanted or file_format != "fgb":  # PostGIS makes no table from a file without a row
        assert squares_of(answer, file_format) == wanted
    assert f"activity-{told['level']}" in answer["Content-Disposition"]
    assert b"probability" not in answer.content
    assert [(line.action, line.outcome, line.level) for line in ledger_of(answer)] == [
        ("export.activity", "answered", int(Level[told["level"]]))
    ]


@each_format
def test_of_two_regions_the_open_one_is_told_in_cells_and_the_guarded_one_by_its_name(
    web: WebClient, cast: Cast, released: UUID, file_format: str
) -> None:
    set_posture(cast.east, "guarded")
    client = web.as_(cast.anna)
    west = {("L0", *cell) for cell in WESTERN_SITE}
    url = f"/export/activity.{file_format}"
    assert squares_of(client.get(url), file_format) == west
    assert squares_of(client.get(url, {"region": str(cast.west)}), file_format) == west
    assert squares_of(client.get(url, {"region": str(cast.east)}), file_format) == FINE_BLOCKS
    assert drawn(client.get(TILE)) == west
    assert drawn(client.get(TILE, {"region": str(cast.east)})) == FINE_BLOCKS


@each_format
def test_no_file_has_a_border_block_for_somebody_who_has_read_cells(
    web: WebClient, cast: Cast, border: Border, file_format: str
) -> None:
    set_posture(border.south, "guarded")
    answer = web.as_(border.sela).get(f"/export/activity.{file_format}", {"region": str(border.south)})
    assert squares_of(answer, file_format) == border.inside


def test_no_tile_and_no_summary_has_a_border_block_for_somebody_who_has_read_cells(
    web: WebClient, cast: Cast, border: Border
) -> None:
    set_posture(border.south, "guarded")
    client = web.as_(border.sela)
    assert drawn(client.get("/tiles/activity/8/143/126.mvt", {"region": str(border.south)})) == border.inside
    told = client.get(f"/api/v1/regions/{border.south}/summary").json()
    assert (told["level"], told["blocks"]) == ("L1", len(border.inside))


def test_filters_of_cells_do_not_exist_where_there_are_blocks(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    set_posture(cast.east, "guarded")
    for url in ("/export/activity.csv", TILE):
        for query in (
            "state=active",
            "class=artisanal",
            "min_probability=0.5",
            "since=2026-01-01",
            "level=L2",
        ):
            assert_problem(web.as_(cast.rosa).get(f"{url}?{query}"), 400, "invalid")
        assert web.as_(cast.rosa).get(f"{url}?period=2026-09&region={cast.east}").status_code == 200


def test_a_tile_of_a_guarded_region_has_blocks_and_their_zooms(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    set_posture(cast.east, "guarded")
    assert drawn(web.as_(cast.rosa).get(TILE)) == FINE_BLOCKS
    assert web.as_(cast.rosa).get("/tiles/activity/0/0/0.mvt").status_code == 200
    assert_problem(web.as_(cast.rosa).get("/tiles/activity/14/9104/8095.mvt"), 404, "not-found")


@pytest.mark.parametrize("name", ["pia", "paul"])
def test_partners_lose_a_sealed_region_in_every_exit(
    web: WebClient, cast: Cast, released: UUID, name: str
) -> None:
    client = web.as_(cast.everybody()[name])
    tile = "/tiles/activity/7/71/63.mvt"  # blocks of L3, which are left of a sealed region, have tiles up to here
    assert drawn(client.get(tile)) >= BLOCKS
    assert client.get(f"/api/v1/regions/{cast.east}/summary").json()["blocks"] == 1
    set_posture(cast.east, "sealed")
    assert not drawn(client.get(tile)) & BLOCKS
    for file_format in ("geojson", "csv", "gpkg", "kml"):
        assert not squares_of(client.get(f"/export/activity.{file_format}"), file_format) & BLOCKS
    told = client.get(f"/api/v1/regions/{cast.east}/summary").json()
    assert (told["level"], told["blocks"], told["period"]) == ("L3", 0, None)


def test_an_empty_tile_of_a_sealed_region_is_like_any_other(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    set_posture(cast.east, "sealed")
    here, elsewhere = (
        outward_of(web.as_(cast.pia).get(url))
        for url in ("/tiles/activity/7/71/63.mvt", "/tiles/activity/7/5/63.mvt")
    )
    for _, headers, _ in (here, elsewhere):
        headers.pop("Access-Receipt")
    assert here == elsewhere
    assert here[2] == b""


def test_a_regulator_has_a_summary_of_a_shut_region_and_of_no_other(
    web: WebClient, cast: Cast, released: UUID
) -> None:
    client = web.as_(cast.rosa)
    url = f"/api/v1/regions/{cast.east}/summary"
    assert_problem(client.get(url), 403, "not-permitted")
    set_posture(cast.east, "guarded")
    told = client.get(url).json()
    assert (told["rule"], told["blocks"], told["generalised"]) == ("guarded-blocks", 4, True)
    hidden, absent = (client.get(f"/api/v1/regions/{region}/summary") for region in (cast.west, uuid4()))
    assert outward_of(hidden) == outward_of(absent)
    assert_problem(hidden, 403, "not-permitted")


@streamed
@pytest.mark.parametrize("what", ["seal", "sign out", "take away", "grant"])
def test_a_file_of_blocks_ends_where_its_next_page_would_be_decided_otherwise(
    cast: Cast, model: UUID, file_format: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in MONTHS:
        put_cells(model, [*EASTERN_SITE, cell_at(20.305, 2.305)], observed_on=month)
    publish_release(date(2026, 11, 20))
    monkeypatch.setattr(exports, "PAGE_BLOCKS", 2)
    whole, was_cut = read_on(begin(cast.pia, file_format))
    assert not was_cut
    answer = begin(cast.pia, file_format)
    match what:
        case "seal":
            set_posture(cast.east, "sealed")
        case "sign out":
            revoke_tokens(cast.pia.user)
        case "take away":
            cast.pia.user.regionuserpermission_set.all().delete()
        case "grant":
            give_grant(cast.pia, cast.east, 1, cast.rosa)
    received, is_cut = read_on(answer)
    assert is_cut
    assert whole.startswith(received)
    assert len(received) < len(whole)
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome) == ("export.activity", "refused")


def test_a_file_of_blocks_ends_where_its_batch_is_taken_away(
    cast: Cast, model: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in MONTHS:
        put_cells(model, EASTERN_SITE, observed_on=month)
    publish_release(date(2026, 11, 20))
    monkeypatch.setattr(exports, "PAGE_BLOCKS", 1)
    answer = begin(cast.pia, "csv")
    publish_release(date(2026, 11, 21))
    publish_release(date(2026, 11, 22))
    assert read_on(answer)[1]


class TestQuota:
    """Cells of files and tiles count like those of pages; where a day's quota ends is seen."""

    @pytest.fixture(autouse=True)
    def _cells(self, cast: Cast, model: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exports, "CHUNK_CELLS", 4)
        put_cells(model, CELLS)

    @streamed
    def test_a_file_ends_at_the_quota_and_is_a_429_after_it(
        self, web: WebClient, cast: Cast, file_format: str
    ) -> None:
        limit_quota(6)
        answer = begin(cast.rosa, file_format)
        received, is_cut = read_on(answer)
        assert is_cut
        assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
            ("export.activity", "refused", 6),
            ("read.activity", "answered", 4),
            ("read.activity", "answered", 2),
            ("read.activity", "refused", 0),
            ("refuse.quota", "refused", 0),
        ]
        again = web.as_(cast.rosa).get(f"/export/activity.{file_format}")
        assert_problem(again, 429, "quota-spent")
        if file_format == "csv":
            assert received.count(b"\n") == 7

    def test_a_file_of_exactly_the_quota_is_whole(self, cast: Cast) -> None:
        limit_quota(len(CELLS))
        received, is_cut = read_on(begin(cast.rosa, "csv"))
        assert not is_cut
        assert received.count(b"\n") == len(CELLS) + 1

    def test_a_geopackage_beyond_the_quota_does_not_leave(self, web: WebClient, cast: Cast) -> None:
        limit_quota(6)
        assert_problem(web.as_(cast.rosa).get("/export/activity.gpkg"), 429, "quota-spent")

    def test_a_tile_in_which_the_quota_ends_is_not_drawn(self, web: WebClient, cast: Cast) -> None:
        limit_quota(len(CELLS))
        assert len(drawn(web.as_(cast.rosa).get(TILE))) == len(CELLS)
        limit_quota(len(CELLS) - 1)
        assert_problem(web.as_(cast.rosa).get(TILE), 429, "quota-spent")
        assert_problem(web.as_(cast.rosa).get("/tiles/activity/8/10/126.mvt"), 429, "quota-spent")

    def test_what_was_read_today_counts_once(self, web: WebClient, cast: Cast) -> None:
        limit_quota(len(CELLS) + 1)
        for url in ("/export/activity.csv", "/export/activity.fgb", TILE, "/api/v1/activity"):
            assert web.as_(cast.rosa).get(url).status_code == 200


def test_nothing_of_a_cut_is_in_the_text_of_its_error() -> None:
    assert not any(character.isdigit() for character in StreamCut().args[1])
