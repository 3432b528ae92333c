"""Leaky builds of the exits: files, tiles, summaries and sites, each broken as somebody might one day break it.

One build an exit at least (`monitor/privacy/exits.py`); a house test asks for it by the exit's name.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.viewer import Viewer
from monitor.api.files import geopackage, writing
from monitor.grid import Level, cell_bounds
from monitor.privacy.door import regions, tiles
from monitor.privacy.released_files import FileFormat, ReadyFile, ReleasedFile
from monitor.tiles import Square, TileAddress, encode_tile
from tests.privacy.leaks import READ_THE_VAULT, LeakyBuild

FORGET_THE_PERSON = """DO $$ BEGIN
    EXECUTE regexp_replace(
        pg_get_functiondef('vault.exact_inspection_site'::regproc), 'AND inspection.status = ''accepted''', ''
    );
    EXECUTE 'INSERT INTO public.monitor_inspectionuserpermission (content_object_id, permission_id, user_id)
        SELECT i.id, p.id, i.inspector_id FROM public.monitor_inspection i, public.auth_permission p
        WHERE p.codename = ''carry_out_inspection'' AND i.status = ''closed''';
END $$"""


def read_cells() -> list[tuple[int, int]]:
    """The active cells of the country: what a careless writer would reach for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT row, col FROM vault.cell_state WHERE state = 'active' ORDER BY row, col")
        return [(row, col) for row, col in cursor.fetchall()]


def read_extent() -> tuple[float, ...]:
    """West, south, east, north of them all."""
    bounds = [cell_bounds(*cell) for cell in read_cells()]
    wests, souths, easts, norths = zip(*bounds, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _box_of_exact_cells(patch: pytest.MonkeyPatch) -> None:
    """`applied_bbox` made to fit what is really there."""
    honest = writing._STREAMED[FileFormat.GEOJSON]

    def write(shape: Any) -> Iterator[bytes]:
        if isinstance(shape, ReleasedFile):
            shape = dataclasses.replace(shape, applied_bbox=tuple(map(str, read_extent())))  # type: ignore[arg-type]
        return honest(shape)

    patch.setitem(writing._STREAMED, FileFormat.GEOJSON, write)


def _column_of_exact_score(patch: pytest.MonkeyPatch) -> None:
    """A column too many: the greatest probability of each block."""
    honest = writing._STREAMED[FileFormat.CSV]

    def write(shape: Any) -> Iterator[bytes]:
        for part in honest(shape):
            for line in part.decode().splitlines():
                values = line.split(",")
                yield f"{line},{_best_of(*values[5:7]) if values[4] == 'L2' else ''}\n".encode()

    patch.setitem(writing._STREAMED, FileFormat.CSV, write)


def _best_of(row: str, col: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(probability) FROM vault.cell_state WHERE row / 20 = %s AND col / 20 = %s", [row, col]
        )
        return float(cursor.fetchone()[0] or 0)


def _copy_and_delete(patch: pytest.MonkeyPatch) -> None:
    """A copy of everything, from which the exact rows are deleted: their pages stay in the file."""
    honest = geopackage.write_geopackage

    def write(shape: Any) -> bytes:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(honest(shape))
            database.execute("PRAGMA secure_delete = OFF")
            database.execute("CREATE TABLE cells (row INTEGER, col INTEGER)")
            database.executemany("INSERT INTO cells VALUES (?, ?)", read_cells())
            database.commit()
            database.execute("DROP TABLE cells")
            database.commit()
            return database.serialize()

    patch.setattr(writing, "write_geopackage", write)


def _extent_of_exact_cells(patch: pytest.MonkeyPatch) -> None:
    """`gpkg_contents` says where the cells are."""
    honest = geopackage.write_geopackage

    def write(shape: Any) -> bytes:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(honest(shape))
            database.execute(
                "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?", read_extent()
            )
            database.commit()
            return database.serialize()

    patch.setattr(writing, "write_geopackage", write)


def _look_at_the_centre(patch: pytest.MonkeyPatch) -> None:
    """A view of the document: the centre of what is really there."""
    honest = writing._STREAMED[FileFormat.KML]

    def write(shape: Any) -> Iterator[bytes]:
        west, south, east, north = read_extent()
        centre = f"<longitude>{(west + east) / 2}</longitude><latitude>{(south + north) / 2}</latitude>"
        for number, part in enumerate(honest(shape)):
            yield part + (f"<LookAt>{centre}</LookAt>".encode() if number == 0 else b"")

    patch.setitem(writing._STREAMED, FileFormat.KML, write)


def _envelope_in_the_head(patch: pytest.MonkeyPatch) -> None:
    """The head of a FlatGeobuf with the envelope of the cells, as drivers write it."""
    honest = writing.write_file

    def write(shape: Any, is_head: bool) -> Any:
        answer: Any = honest(shape, is_head)
        if isinstance(shape, ReadyFile) and answer.streaming:
            answer.streaming_content = [repr(read_extent()).encode(), *answer.streaming_content]
        return answer

    patch.setattr("monitor.api.view.write_file", write)


def _empty_where_no_cell_is(patch: pytest.MonkeyPatch) -> None:
    """A tile is drawn only where a cell is active: empty or present tells of the cells."""
    honest = encode_tile

    def encode(address: Any, squares: Sequence[Any]) -> bytes:
        box = address.box
        inside = [
            (row, col)
            for row, col in read_cells()
            if box.row_from <= row < box.row_to and box.col_from <= col < box.col_to
        ]
        return honest(address, squares if inside else [])

    patch.setattr(tiles, "encode_tile", encode)


def _share_the_cache(patch: pytest.MonkeyPatch) -> None:
    """Tiles kept by address alone: a regulator has looked at each of them before."""
    honest = tiles.read_released_tile

    def read(viewer: Viewer, ask: Any, endpoint: str) -> Any:
        tile, receipt = honest(viewer, ask, endpoint)
        squares = [(Level.L0, Square(*cell, {})) for cell in read_cells()]
        return dataclasses.replace(tile, content=encode_tile(ask.address, squares)), receipt

    patch.setattr(tiles, "read_released_tile", read)


def _draw_beyond_the_zoom(patch: pytest.MonkeyPatch) -> None:
    """Blocks at every zoom, and only in tiles in which a cell is active."""
    _empty_where_no_cell_is(patch)
    patch.setattr(TileAddress, "is_on_earth", lambda self, level: self.z <= 14 and 0 <= self.y < 1 << self.z)


def _count_exactly(patch: pytest.MonkeyPatch) -> None:
    """A summary that counts the cells instead of adding up bands."""
    honest = regions.summarise_region

    def summarise(viewer: Viewer, region_id: UUID, period: Any, endpoint: str) -> Any:
        summary, receipt = honest(viewer, region_id, period, endpoint)
        count = len(read_cells())
        return dataclasses.replace(summary, cells=(count, count)), receipt

    patch.setattr("monitor.api.views.regions.summarise_region", summarise)


def _leave_code_alone(patch: pytest.MonkeyPatch) -> None:
    """The fault is in the database."""


_TILE_EMPTY = "a tile beyond the greatest zoom is empty where no cell is active"


def _build(
    name: str, channel: str, viewer: str, break_code: Callable[[pytest.MonkeyPatch], None], exit_name: str
) -> LeakyBuild:
    return LeakyBuild(name, channel, "inside", viewer, break_code, READ_THE_VAULT, exit_name)


EXIT_LEAKS = (
    _build("a file's box fits the exact cells", "LC-10", "pia", _box_of_exact_cells, "export-geojson"),
    _build("a file has a column of scores", "LC-18", "paul", _column_of_exact_score, "export-csv"),
    _build("a file is made by deleting from a copy", "LC-13", "pia", _copy_and_delete, "export-gpkg"),
    _build(
        "a file's contents say where the cells are", "LC-10", "paul", _extent_of_exact_cells, "export-gpkg"
    ),
    _build("a file looks at the centre of the cells", "LC-11", "pia", _look_at_the_centre, "export-kml"),
    _build("a file's head has the cells' envelope", "LC-10", "paul", _envelope_in_the_head, "export-fgb"),
    _build(_TILE_EMPTY, "LC-12", "pia", _draw_beyond_the_zoom, "tile"),
    _build("tiles are kept by address for everybody", "LC-23", "paul", _share_the_cache, "tile"),
    _build("a summary counts exact cells", "LC-09", "pia", _count_exactly, "region-summary"),
    LeakyBuild(
        "a closed inspection still opens",
        "LC-47",
        "inside",
        "ines",
        _leave_code_alone,
        FORGET_THE_PERSON,
        "inspection-site",
    ),
)
