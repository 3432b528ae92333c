"""Vector tiles: where squares of the lattice lie in them, and bytes that GDAL reads back."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grid import Level, locate_cells
from monitor.tiles import BUFFER, EXTENT, MAX_ZOOM, MIN_ZOOM, Square, TileAddress, Value, encode_tile
from tests.tile_reader import read_tile

levels = st.sampled_from(list(Level))


@st.composite
def addresses(draw: st.DrawFn, level: Level | None = None) -> TileAddress:
    """A tile that exists."""
    z = draw(st.integers(MIN_ZOOM[level], MAX_ZOOM[level])) if level is not None else draw(st.integers(0, 14))
    last = (1 << z) - 1
    return TileAddress(z, draw(st.integers(0, last)), draw(st.integers(0, last)))


def pixel_of(address: TileAddress, lon: float, lat: float) -> tuple[float, float]:
    """Where a point lies in a tile, by the formulas of web Mercator."""
    world = EXTENT * 2**address.z
    x = (lon + 180) / 360 * world - address.x * EXTENT
    y = (1 - math.log(math.tan(math.radians(lat)) + 1 / math.cos(math.radians(lat))) / math.pi) / 2 * world
    return x, y - address.y * EXTENT


@given(addresses(), st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_the_box_of_a_tile_holds_every_cell_of_it(address: TileAddress, across: float, down: float) -> None:
    count = 1 << address.z
    lon = (address.x + across) / count * 360 - 180
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (address.y + down) / count))))
    row, col = locate_cells(lon, lat)
    box = address.box
    assert box.row_from <= row < box.row_to
    assert box.col_from <= col < box.col_to


@given(st.data(), levels)
def test_a_square_lies_where_its_corners_lie(data: st.DataObject, level: Level) -> None:
    address = data.draw(addresses(level))
    box, n = address.box, level.span
    row = data.draw(st.integers(box.row_from // n, (box.row_to - 1) // n))
    col = data.draw(st.integers(box.col_from // n, (box.col_to - 1) // n))
    tile = read_tile(encode_tile(address, [(level, Square(row, col, {"level": level.name}))]))
    west, south = pixel_of(address, col * n / 100 - 180, max(row * n / 100 - 90, -85.05112877980659))
    east, north = pixel_of(
        address, (col + 1) * n / 100 - 180, min((row + 1) * n / 100 - 90, 85.05112877980659)
    )
    low, high = -BUFFER, EXTENT + BUFFER
    if not tile:
        assert min(east, EXTENT) - max(west, 0) <= 1 or min(south, EXTENT) - max(north, 0) <= 1
        return
    (feature,) = tile
    xs, ys = [x for x, _ in feature.ring], [y for _, y in feature.ring]
    expected = (max(west, low), max(north, low), min(east, high), min(south, high))
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(expected, abs=0.51)
    assert feature.values == {"level": level.name}
    area = sum(
        x0 * y1 - x1 * y0
        for (x0, y0), (x1, y1) in zip(feature.ring, [*feature.ring[1:], feature.ring[0]], strict=True)
    )
    assert area > 0  # an outer ring, in the coordinates of a screen


@given(addresses(Level.L2))
def test_neighbours_share_an_edge(address: TileAddress) -> None:
    box, n = address.box, Level.L2.span
    row, col = box.row_from // n, box.col_from // n
    squares = [(Level.L2, Square(row, col + k, {})) for k in range(3)]
    tile = read_tile(encode_tile(address, squares))
    for here, there in pairwise(tile):
        assert max(x for x, _ in here.ring) == min(x for x, _ in there.ring)


def test_a_tile_of_nothing_is_no_bytes() -> None:
    assert encode_tile(TileAddress(8, 142, 126), []) == b""
    assert encode_tile(TileAddress(8, 142, 126), [(Level.L2, Square(0, 0, {}))]) == b""


def test_every_kind_of_value_comes_back() -> None:
    values: dict[str, Value] = {
        "word": "über",
        "number": 30000,
        "share": 0.25,
        "yes": True,
        "no": False,
        "one": 1,
        "one_again": 1.0,
    }
    (feature,) = read_tile(encode_tile(TileAddress(8, 142, 126), [(Level.L2, Square(460, 1000, values))]))
    assert feature.values == values
    assert [type(value) for value in feature.values.values()] == [type(value) for value in values.values()]


@pytest.mark.parametrize("level", list(Level))
def test_beyond_its_zooms_a_level_has_no_tile(level: Level) -> None:
    assert TileAddress(MAX_ZOOM[level], 0, 0).is_on_earth(level)
    for z, x, y in (
        (MAX_ZOOM[level] + 1, 0, 0),
        (MIN_ZOOM[level] - 1, 0, 0),
        (10**9, 0, 0),
        (7, 128, 0),
        (7, 0, 128),
    ):
        assert not TileAddress(z, x, y).is_on_earth(level)


def test_another_reader_reads_the_tile(tmp_path: Path) -> None:
    from django.contrib.gis.gdal import DataSource

    folder = tmp_path / "8" / "142"
    folder.mkdir(parents=True)
    file = folder / "126.mvt"
    file.write_bytes(
        encode_tile(TileAddress(8, 142, 126), [(Level.L2, Square(460, 1000, {"band": "under_2"}))])
    )
    layer = DataSource(str(file))[0]
    (feature,) = layer
    assert (layer.name, feature.get("band")) == ("activity", "under_2")
    assert feature.geom.geom_name in {"POLYGON", "MULTIPOLYGON"}
