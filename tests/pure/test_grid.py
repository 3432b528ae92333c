"""The lattice: nested, exact in decimals, and never finer than what was asked."""

from __future__ import annotations

import ast
import inspect
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor import grid
from monitor.grid import (
    CELLS_PER_DEG,
    COLS,
    ROWS,
    Box,
    Level,
    OutsideLattice,
    block_of,
    box_of_degrees,
    cell_bounds,
    cell_number,
    decimal_deg,
    locate_cells,
)

rows = st.integers(0, ROWS - 1)
cols = st.integers(0, COLS - 1)
levels = st.sampled_from(list(Level))
lons = st.floats(-180, 180, allow_nan=False)
lats = st.floats(-90, 90, allow_nan=False)
hundredths_lon = st.integers(-18000, 18000)
hundredths_lat = st.integers(-9000, 9000)
SLACK = Decimal("1.001e-7")
"""In cells: what is nearer than 1e-9 degree to a line of the lattice lies on it."""


@st.composite
def boxes_of_cells(draw: st.DrawFn) -> Box:
    """Any closed-open box of at least one cell."""
    row_from, row_to = sorted(draw(st.lists(st.integers(0, ROWS), min_size=2, max_size=2, unique=True)))
    col_from, col_to = sorted(draw(st.lists(st.integers(0, COLS), min_size=2, max_size=2, unique=True)))
    return Box(row_from, col_from, row_to, col_to)


def test_levels_are_a_hundredth_a_tenth_a_fifth_and_one_degree() -> None:
    assert [(level.name, level.deg_text) for level in Level] == [
        ("L0", "0.01"),
        ("L1", "0.1"),
        ("L2", "0.2"),
        ("L3", "1"),
    ]
    assert [level.parent for level in Level] == [Level.L1, Level.L2, Level.L3, None]


@given(rows, cols, levels)
def test_every_level_nests_in_its_parent(row: int, col: int, level: Level) -> None:
    if level.parent is None:
        return
    ratio, rest = divmod(level.parent.span, level.span)
    block = block_of(row, col, level)
    assert rest == 0
    assert (block[0] // ratio, block[1] // ratio) == block_of(row, col, level.parent)


@given(rows, cols)
def test_blocks_of_all_levels_around_a_cell_lie_inside_each_other(row: int, col: int) -> None:
    spans = []
    for level in Level:
        block_row, block_col = block_of(row, col, level)
        n = level.span
        assert block_row * n <= row < (block_row + 1) * n
        assert block_col * n <= col < (block_col + 1) * n
        spans.append((block_row * n, (block_row + 1) * n, block_col * n, (block_col + 1) * n))
    for inner, outer in pairwise(spans):
        assert outer[0] <= inner[0] < inner[1] <= outer[1]
        assert outer[2] <= inner[2] < inner[3] <= outer[3]


@given(lons, lats)
@example(0.6, 0.6)
@example(-0.0, 0.0)
@example(180.0, 90.0)
@example(20.29, 2.29)
def test_a_point_lies_within_a_rounding_error_of_its_cell(lon: float, lat: float) -> None:
    row, col = (int(value) for value in locate_cells(lon, lat))
    assert 0 <= row < ROWS
    assert 0 <= col < COLS
    exact_row = min((Decimal(lat) + 90) * CELLS_PER_DEG, Decimal(ROWS))
    exact_col = min((Decimal(lon) + 180) * CELLS_PER_DEG, Decimal(COLS))
    assert row - SLACK <= exact_row <= row + 1 + SLACK
    assert col - SLACK <= exact_col <= col + 1 + SLACK


@given(hundredths_lon, hundredths_lat, levels)
@example(20 * 100 + 60, 60, Level.L2)
@example(60, 60, Level.L2)
@example(-1, -1, Level.L3)
def test_blocks_of_cell_centres_are_those_of_decimal_floor_division(x: int, y: int, level: Level) -> None:
    """`0.6 // 0.2` is 2 in floats; counted in whole cells it is 3 (P2)."""
    lon, lat = Decimal(2 * x + 1) / 200, Decimal(2 * y + 1) / 200  # the centre of a cell
    if lon > 180 or lat > 90:
        return
    row, col = (int(value) for value in locate_cells(float(lon), float(lat)))
    side = Decimal(level.span) / CELLS_PER_DEG
    expected = (math.floor((lat + 90) / side), math.floor((lon + 180) / side))
    assert block_of(row, col, level) == expected


@given(boxes_of_cells(), levels)
def test_snapping_only_ever_grows_a_box_to_whole_blocks_and_by_less_than_one(box: Box, level: Level) -> None:
    snapped = box.snapped_outward(level)
    n = level.span
    assert snapped.row_from <= box.row_from
    assert snapped.col_from <= box.col_from
    assert snapped.row_to >= box.row_to
    assert snapped.col_to >= box.col_to
    assert {edge % n for edge in (snapped.row_from, snapped.col_from, snapped.row_to, snapped.col_to)} == {0}
    assert box.row_from - snapped.row_from < n
    assert snapped.row_to - box.row_to < n
    assert snapped.snapped_outward(level) == snapped


@given(boxes_of_cells(), levels, levels)
def test_snapping_to_a_coarser_level_holds_the_finer_snap(box: Box, one: Level, other: Level) -> None:
    fine, coarse = sorted([one, other])
    assert box.snapped_outward(fine).snapped_outward(coarse) == box.snapped_outward(coarse)


@given(rows, cols, levels)
def test_every_box_inside_a_block_snaps_to_the_whole_block(row: int, col: int, level: Level) -> None:
    n = level.span
    block_row, block_col = block_of(row, col, level)
    snapped = Box(row, col, row + 1, col + 1).snapped_outward(level)
    assert snapped == Box(block_row * n, block_col * n, (block_row + 1) * n, (block_col + 1) * n)


@given(hundredths_lon, hundredths_lon, hundredths_lat, hundredths_lat)
@example(2029, 2031, 229, 231)
def test_a_box_whose_edges_are_lines_of_the_lattice_keeps_them(x1: int, x2: int, y1: int, y2: int) -> None:
    west, east = sorted((x1, x2))
    south, north = sorted((y1, y2))
    box = box_of_degrees(west / 100, south / 100, east / 100, north / 100)
    assert (box.row_from, box.col_from) == (min(south + 9000, ROWS - 1), min(west + 18000, COLS - 1))
    assert box.row_to == max(north + 9000, box.row_from + 1)
    assert box.col_to == max(east + 18000, box.col_from + 1)


@given(levels)
def test_a_box_without_width_at_the_edge_of_the_earth_stays_on_it(level: Level) -> None:
    north_east = box_of_degrees(180, 90, 180, 90)
    assert north_east == Box(ROWS - 1, COLS - 1, ROWS, COLS)
    assert tuple(map(int, locate_cells(180, 90))) == (north_east.row_from, north_east.col_from)
    snapped = north_east.snapped_outward(level)
    assert (snapped.row_to, snapped.col_to) == (ROWS, COLS)


@given(lons, lons, lats, lats)
def test_a_box_in_degrees_becomes_the_smallest_box_of_cells_that_holds_it(
    x1: float, x2: float, y1: float, y2: float
) -> None:
    west, east = sorted((x1, x2))
    south, north = sorted((y1, y2))
    box = box_of_degrees(west, south, east, north)
    sides: list[tuple[int, int, float, float, int]] = [
        (box.row_from, box.row_to, south, north, 90),
        (box.col_from, box.col_to, west, east, 180),
    ]
    for low, high, low_deg, high_deg, origin in sides:
        exact_low = (Decimal(low_deg) + origin) * CELLS_PER_DEG
        exact_high = (Decimal(high_deg) + origin) * CELLS_PER_DEG
        assert low <= exact_low + SLACK
        assert high >= exact_high - SLACK
        assert low >= (exact_low - SLACK).to_integral_value(ROUND_FLOOR)
        assert high <= max((exact_high + SLACK).to_integral_value(ROUND_CEILING), Decimal(low + 1))


@pytest.mark.parametrize(
    "edges",
    [
        (170, 0, -170, 1),
        (0, 1, 1, 0),
        (-181, 0, 1, 1),
        (0, 0, 1, 91),
        (math.nan, 0, 1, 1),
        (0, 0, math.inf, 1),
    ],
)
def test_a_box_that_is_not_on_earth_is_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(OutsideLattice):
        box_of_degrees(*edges)


@pytest.mark.parametrize("point", [(180.01, 0), (0, -90.01), (math.nan, 0), (0, math.inf)])
def test_a_point_that_is_not_on_earth_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(OutsideLattice):
        locate_cells(*point)


def test_a_refusal_does_not_repeat_the_place() -> None:
    with pytest.raises(OutsideLattice) as caught:
        locate_cells(181.23, 4.56)
    assert "181" not in str(caught.value)
    assert "4.56" not in str(caught.value)


@given(rows, cols)
def test_cell_numbers_round_trip_and_fit_in_a_postgres_integer(row: int, col: int) -> None:
    number = cell_number(row, col)
    assert divmod(number, COLS) == (row, col)
    assert 0 <= number < 2**31


@given(rows, cols)
def test_the_bounds_of_a_cell_are_the_floats_nearest_to_exact_decimals(row: int, col: int) -> None:
    west, south, east, north = cell_bounds(row, col)
    assert [west, south, east, north] == [
        float(decimal_deg(col - 18000)),
        float(decimal_deg(row - 9000)),
        float(decimal_deg(col - 17999)),
        float(decimal_deg(row - 8999)),
    ]


def test_the_corner_of_every_cell_leads_back_to_the_cell() -> None:
    """13 % of the lines of the lattice, -31.76 for one, come out a hair below themselves in floats."""
    every_row, every_col = np.arange(ROWS), np.arange(COLS)
    found_row, _ = locate_cells(0.0, [cell_bounds(row, 0)[1] for row in every_row.tolist()])
    _, found_col = locate_cells([cell_bounds(0, col)[0] for col in every_col.tolist()], 0.0)
    assert np.array_equal(found_row, every_row)
    assert np.array_equal(found_col, every_col)


@given(st.integers(-36000, 36000))
def test_degrees_are_written_as_exact_decimals_without_a_float(cells: int) -> None:
    text = decimal_deg(cells)
    assert Decimal(text) == Decimal(cells) / CELLS_PER_DEG
    assert "e" not in text
    assert text != "-0"


def test_arrays_of_points_give_arrays_of_cells_of_the_same_shape() -> None:
    row, col = locate_cells(np.zeros((3, 4)), np.linspace(-90, 90, 12).reshape(3, 4))
    assert row.shape == col.shape == (3, 4)
    assert row.dtype == col.dtype == np.int64


def test_nothing_in_the_lattice_divides_degrees() -> None:
    """The only true division makes text for people out of whole cells; every block comes from `//` on integers (P2)."""
    tree = ast.parse(inspect.getsource(grid))
    divisions = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    }
    assert divisions == {"cell_bounds"}
