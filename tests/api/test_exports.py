"""`/export/activity.*`: the question of activity as a file: the same rows, rule and record, in each format."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from monitor.grid import cell_bounds
from monitor.privacy.door import exports
from monitor.privacy.policy import POLICY_VERSION
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, entry_of, ledger_of
from tests.api.conftest import WebClient
from tests.api.files import FORMATS, MEDIA_TYPES, read_file
from tests.builders import cell_at, put_cells, scatter_cells
from tests.cast import Cast
from tests.rights import limit_quota

EASTERN = [cell_at(20.005 + i / 100, 2.005 + j / 100) for j in range(3) for i in range(4)]
WESTERN = [cell_at(19.705, 2.105)]
each_format = pytest.mark.parametrize("file_format", FORMATS)


@pytest.fixture
def country(cast: Cast, model: UUID) -> None:
    """Twelve active cells in the east, one in the west, and a release."""
    put_cells(model, EASTERN + WESTERN)
    publish_release(date(2026, 11, 20))


def get(web: WebClient, person: Any, file_format: str, **query: str) -> Any:
    """One file."""
    return web.as_(person).get(f"/export/activity.{file_format}", query)


@each_format
def test_a_file_of_a_regulator_holds_the_cells_that_activity_tells_and_no_other(
    web: WebClient, cast: Cast, country: None, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK_CELLS", 5)
    answer = get(web, cast.rosa, file_format)
    assert answer.status_code == 200
    squares = read_file(file_format, answer.content)
    assert [(int(s.values["row"]), int(s.values["col"])) for s in squares] == sorted(EASTERN)
    for square in squares:
        expected = cell_bounds(int(square.values["row"]), int(square.values["col"]))
        assert square.bounds == pytest.approx(expected, abs=1e-9)
        assert (square.values["state"], square.values["class"]) == ("active", "artisanal")
    told = web.as_(cast.rosa).get("/api/v1/activity").json()["features"]
    assert [(f["properties"]["row"], f["properties"]["col"]) for f in told] == sorted(EASTERN)


@each_format
def test_a_file_of_a_partner_holds_the_blocks_that_activity_tells_and_no_other(
    web: WebClient, cast: Cast, country: None, file_format: str
) -> None:
    told = web.as_(cast.pia).get("/api/v1/activity").json()["features"]
    squares = read_file(file_format, get(web, cast.pia, file_format).content)
    assert len(squares) == len(told) == 1
    for square, feature in zip(squares, told, strict=True):
        ring = feature["geometry"]["coordinates"][0]
        assert square.bounds == (*ring[0], *ring[2])
        for name, value in feature["properties"].items():
            assert square.values[name] == str(value)


@each_format
def test_a_file_says_what_it_is(web: WebClient, cast: Cast, country: None, file_format: str) -> None:
    for person, level, precision, rule in (
        (cast.rosa, "L0", "0.01", "exact-in-mandate"),
        (cast.pia, "L2", "0.2", "released-blocks"),
    ):
        answer = get(web, person, file_format)
        assert answer["Content-Type"] == MEDIA_TYPES[file_format]
        assert answer["Content-Disposition"] == f'attachment; filename="activity-{level}.{file_format}"'
        assert (answer["Cache-Control"], answer["Vary"]) == ("private, no-store", "Authorization")
        assert entry_of(answer).version == 7
        if file_format == "geojson":
            said = json.loads(answer.content)
        else:
            (said, *_) = [square.values for square in read_file(file_format, answer.content)]
        assert (said["level"], str(said["precision_deg"]), said["rule"]) == (level, precision, rule)
        assert said["policy_version"] == POLICY_VERSION
        assert str(said["generalised"]).lower() in ({"true", "1"} if level == "L2" else {"false", "0"})


@each_format
def test_an_empty_file_is_a_file(web: WebClient, cast: Cast, file_format: str) -> None:
    for person in (cast.rosa, cast.pia, cast.mallory):
        answer = get(web, person, file_format)
        assert answer.status_code == 200
        assert answer.content
        if file_format != "fgb":  # PostGIS makes no table from a file without a row
            assert read_file(file_format, answer.content) == []


@each_format
def test_a_file_without_a_row_begins_like_one_with_rows(
    web: WebClient, cast: Cast, country: None, file_format: str
) -> None:
    for person, query in ((cast.rosa, {"state": "quiet"}), (cast.pia, {"period": "2020-01"})):
        empty, full = get(web, person, file_format, **query).content, get(web, person, file_format).content
        assert len(empty) < len(full) or file_format == "gpkg"
        assert full.startswith(empty[:60])
        assert file_format != "fgb" or full.startswith(empty)


@each_format
def test_the_same_file_has_the_same_bytes(
    web: WebClient, cast: Cast, country: None, file_format: str
) -> None:
    for person in (cast.rosa, cast.pia):
        assert get(web, person, file_format).content == get(web, person, file_format).content


@each_format
def test_filters_are_those_of_activity_without_pages(
    web: WebClient, cast: Cast, country: None, file_format: str
) -> None:
    for query in (
        "bbox=20,2,20.02,2.01",
        "state=quiet",
        "min_probability=0.95",
        "since=2027-01-01",
        "class=industrial",
    ):
        name, value = query.split("=")
        told = web.as_(cast.rosa).get("/api/v1/activity", {name: value}).json()["features"]
        content = get(web, cast.rosa, file_format, **{name: value}).content
        if told or file_format != "fgb":
            assert len(read_file(file_format, content)) == len(told), query
    for name, value in (("bbox", "20.19,2.19,20.195,2.195"), ("period", "2026-09"), ("level", "L2")):
        assert len(read_file(file_format, get(web, cast.pia, file_format, **{name: value}).content)) == 1
    for person in (cast.rosa, cast.pia):
        for name, value in (("limit", "1"), ("cursor", "A" * 30), ("fields", "row"), ("format", "csv")):
            assert_problem(get(web, person, file_format, **{name: value}), 400, "invalid")
    for name, value in (
        ("state", "active"),
        ("region", str(cast.east)),
        ("since", "2026-01-01"),
        ("level", "L0"),
    ):
        assert_problem(get(web, cast.pia, file_format, **{name: value}), 400, "invalid")


@each_format
def test_an_exact_file_needs_a_purpose(web: WebClient, cast: Cast, file_format: str) -> None:
    client = web.as_(cast.rosa)
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"])
    assert_problem(client.get(f"/export/activity.{file_format}"), 400, "purpose-required")


@each_format
def test_the_ledger_holds_the_file_and_each_of_its_chunks(
    web: WebClient, cast: Cast, country: None, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK_CELLS", 5)
    lines = ledger_of(get(web, cast.rosa, file_format))
    assert [(line.action, line.outcome, line.quantity) for line in lines] == [
        ("export.activity", "answered", 12),
        ("read.activity", "answered", 5),
        ("read.activity", "answered", 5),
        ("read.activity", "answered", 2),
    ]
    assert {(line.level, line.purpose) for line in lines} == {(0, "inspection-planning")}
    lines = ledger_of(get(web, cast.pia, file_format))
    assert [(line.action, line.outcome, line.quantity) for line in lines] == [
        ("export.activity", "answered", 1)
    ]


def test_a_region_that_is_not_held_looks_like_one_that_does_not_exist(
    web: WebClient, cast: Cast, country: None
) -> None:
    hidden = get(web, cast.rosa, "csv", region=str(cast.west))
    absent = get(web, cast.rosa, "csv", region="00000000-0000-4000-8000-000000000000")
    assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)


@each_format
def test_pages_of_blocks_make_one_file(
    web: WebClient, cast: Cast, model: UUID, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in (7, 8, 9):
        put_cells(model, [*EASTERN, cell_at(20.305, 2.305)], observed_on=date(2026, month, 15))
    publish_release(date(2026, 11, 20))
    whole = get(web, cast.pia, file_format).content
    monkeypatch.setattr(exports, "PAGE_BLOCKS", 2)
    assert get(web, cast.pia, file_format).content == whole
    assert len(read_file(file_format, whole)) == 6


def test_head_of_a_file_has_its_headers_and_no_body(web: WebClient, cast: Cast, country: None) -> None:
    for person in (cast.rosa, cast.pia):
        got = get(web, person, "csv")
        head = web.as_(person).head("/export/activity.csv")
        assert head.content == b""
        assert head.status_code == 200
        for name in ("Content-Type", "Content-Disposition", "Cache-Control"):
            assert head[name] == got[name]


def test_head_is_asked_on_the_same_terms_and_counts_what_it_read(
    web: WebClient, cast: Cast, country: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file its first chunk, of a page all of it: the headers depend on the cells."""
    monkeypatch.setattr(exports, "CHUNK_CELLS", 5)
    client = web.as_(cast.rosa)
    for address, cells in (("/export/activity.csv", 5), ("/api/v1/activity", len(EASTERN))):
        head = client.head(address)
        assert head.content == b""
        assert sum(line.action == "read.activity" for line in ledger_of(head)) == 1
        assert client.get("/api/v1/me").json()["quota"]["used"] == cells
    limit_quota(cells)
    for address in ("/export/activity.csv", "/api/v1/activity"):
        assert client.head(address).status_code == 429


def test_a_geopackage_is_bounded_because_it_must_be_whole(
    web: WebClient, cast: Cast, country: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_IN_MEMORY", 11)
    answer = get(web, cast.rosa, "gpkg")
    assert_problem(answer, 400, "too-many")
    assert "Access-Receipt" not in answer
    line = ledger_of(answer)[0]
    assert (line.action, line.outcome) == ("export.activity", "failed")
    assert get(web, cast.rosa, "gpkg", bbox="20,2,20.02,2.01").status_code == 200


def test_many_cells_come_in_the_order_of_activity(web: WebClient, cast: Cast, model: UUID) -> None:
    cells = scatter_cells(7, (9200, 20000, 9240, 20040), 300)
    put_cells(model, cells)
    squares = read_file("csv", get(web, cast.rosa, "csv").content)
    assert [(int(s.values["row"]), int(s.values["col"])) for s in squares] == sorted(cells)
