"""No byte of a file or tile that a partner gets holds an exact place; the same scan finds it in a regulator's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from monitor.api.files.geopackage import APPLICATION_ID, PAGE_SIZE, USER_VERSION
from monitor.services.releases import publish_release
from tests.api.conftest import WebClient, cast, model, web
from tests.api.files import FORMATS, open_geopackage, read_file
from tests.builders import put_cells, scatter_cells
from tests.cast import Cast
from tests.privacy.file_canaries import find_canaries

__all__ = ["cast", "model", "web"]

HIDDEN = scatter_cells(3, (9200, 20000, 9240, 20040), 25)
TILES = [
    f"/tiles/activity/{z}/{x}/{y}.mvt" for z, x, y in ((0, 0, 0), (8, 142, 126), (9, 284, 252), (9, 285, 252))
]


@pytest.fixture(autouse=True)
def _country(cast: Cast, model: UUID) -> None:
    put_cells(model, HIDDEN)
    publish_release(date(2026, 11, 20))


def get(web: WebClient, person: Any, file_format: str, **query: str) -> bytes:
    """One file."""
    answer = web.as_(person).get(f"/export/activity.{file_format}", query)
    assert answer.status_code == 200
    return bytes(answer.content)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_partners_file_holds_no_canary_in_any_encoding(
    web: WebClient, cast: Cast, file_format: str
) -> None:
    for query in ({}, {"bbox": "20.10,2.10,20.11,2.11"}, {"level": "L3"}, {"period": "2026-09"}):
        assert find_canaries(get(web, cast.pia, file_format, **query), HIDDEN) == []


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_scan_finds_every_cell_in_a_regulators_file(web: WebClient, cast: Cast, file_format: str) -> None:
    """Or finding none would mean nothing."""
    found = {cell for cell, _ in find_canaries(get(web, cast.rosa, file_format), HIDDEN)}
    assert found == set(HIDDEN)


def test_a_partners_tile_holds_no_canary_and_no_row_or_column_of_a_cell(web: WebClient, cast: Cast) -> None:
    answers = [web.as_(cast.pia).get(tile).content for tile in TILES]
    assert any(answers)
    for content in answers:
        assert find_canaries(content, HIDDEN) == []


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_corner_of_a_partners_file_lies_on_the_lattice_of_its_level(
    web: WebClient, cast: Cast, file_format: str
) -> None:
    squares = read_file(file_format, get(web, cast.pia, file_format))
    assert squares
    for square in squares:
        assert all(
            round(side * 100) % 20 == 0 and round(side * 100, 6) == round(side * 100)
            for side in square.bounds
        )


def test_a_geopackage_is_new_whole_and_tells_blocks_only(web: WebClient, cast: Cast) -> None:
    content = get(web, cast.pia, "gpkg")
    with closing(open_geopackage(content)) as database:

        def ask(statement: str) -> Any:
            return database.execute(statement).fetchone()

        assert ask("PRAGMA freelist_count") == (0,)
        assert ask("PRAGMA page_size") == (PAGE_SIZE,)
        assert ask("PRAGMA application_id") == (APPLICATION_ID,)
        assert ask("PRAGMA user_version") == (USER_VERSION,)
        assert ask("PRAGMA integrity_check") == ("ok",)
        assert ask("PRAGMA foreign_key_check") is None
        assert len(content) == ask("PRAGMA page_count")[0] * PAGE_SIZE
        extent = ask("SELECT min_x, min_y, max_x, max_y FROM gpkg_contents")
        assert extent == (20.0, 2.0, 20.4, 2.4)
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {
        *("gpkg_spatial_ref_sys", "gpkg_contents", "gpkg_geometry_columns", "activity", "sqlite_sequence"),
    }


def test_the_date_in_a_geopackage_is_that_of_the_release(web: WebClient, cast: Cast) -> None:
    published = web.as_(cast.pia).get("/api/v1/releases").json()["items"][0]["published_at"]
    with closing(open_geopackage(get(web, cast.pia, "gpkg"))) as database:
        (told,) = database.execute("SELECT last_change FROM gpkg_contents").fetchone()
    assert told[:19] == published[:19]
    with closing(open_geopackage(get(web, cast.rosa, "gpkg"))) as database:
        assert database.execute("SELECT last_change FROM gpkg_contents").fetchone() == (
            "1970-01-01T00:00:00.000Z",
        )


def test_gdal_opens_what_it_has_drivers_for(web: WebClient, cast: Cast, tmp_path: Any) -> None:
    from django.contrib.gis.gdal import DataSource

    for file_format in ("gpkg", "geojson"):
        for person, count in ((cast.rosa, 25), (cast.pia, 4)):
            file = tmp_path / f"{person.user.username}.{file_format}"
            file.write_bytes(get(web, person, file_format))
            layer = DataSource(str(file))[0]
            assert len(layer) == count
            assert layer.srs.srid == 4326
            for feature in layer:
                assert feature.geom.geom_name == "POLYGON"


def test_a_file_made_by_deleting_from_a_copy_would_be_found(web: WebClient, cast: Cast) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(get(web, cast.rosa, "gpkg"))
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("DELETE FROM activity")
        database.commit()
        left = database.serialize()
    assert find_canaries(left, HIDDEN)


def test_nothing_is_left_in_temporary_files(
    web: WebClient, cast: Cast, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for file_format in FORMATS:
        get(web, cast.rosa, file_format)
    assert list(tmp_path.iterdir()) == []
