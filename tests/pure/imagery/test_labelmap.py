"""The label map against the exact transform of every pixel's centre."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from monitor.grid import locate_cells
from monitor.imagery.labelmap import CellMap, map_cells

TILE = 10_980
"""Pixels along a side of a Sentinel-2 tile."""
PLACES = {
    "equator": (32634, Affine(10.0, 0, 399_960, 0, -10.0, 300_000)),
    "south, far from the central meridian": (32720, Affine(10.0, 0, 199_980, 0, -10.0, 9_000_040)),
    "46 north": (32632, Affine(10.0, 0, 600_000, 0, -10.0, 5_200_020)),
    "degrees": (4326, Affine(9e-5, 0, -1.6, 0, -9e-5, 5.6)),
}


def exact_cells(
    crs: CRS, transform: Affine, rows: npt.NDArray[Any], cols: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows and columns of the cells of pixel centres, each transformed by itself."""
    x, y = transform.c + transform.a * (cols.ravel() + 0.5), transform.f + transform.e * (rows.ravel() + 0.5)
    return locate_cells(*transform_points(crs, CRS.from_epsg(4326), x, y))


def count_wrong(cells: CellMap, crs: CRS, transform: Affine, pixel_rows: list[int]) -> tuple[int, int]:
    """How many pixels of some rows are in the wrong cell, and how many were looked at."""
    wrong = looked_at = 0
    for row in pixel_rows:
        labels = cells.labels(row, row + 1)[0]
        cols = np.arange(cells.width)
        expected_rows, expected_cols = exact_cells(crs, transform, np.full_like(cols, row), cols)
        assert labels.min() >= 0
        wrong += int(((cells.rows[labels] != expected_rows) | (cells.cols[labels] != expected_cols)).sum())
        looked_at += cols.size
    return wrong, looked_at


@pytest.mark.parametrize("place", PLACES)
def test_at_most_forty_pixels_in_a_million_are_in_the_wrong_cell(place: str) -> None:
    epsg, transform = PLACES[place]
    crs = CRS.from_epsg(epsg)
    cells = map_cells(crs, transform, TILE, TILE)
    wrong, looked_at = count_wrong(cells, crs, transform, list(range(17, TILE, 549)))
    assert looked_at > 200_000
    assert wrong / looked_at <= 40e-6


def test_the_error_is_known_to_come_from_the_sparse_net() -> None:
    epsg, transform = PLACES["46 north"]
    crs = CRS.from_epsg(epsg)
    dense = map_cells(crs, transform, 3000, 3000, step=8)
    wrong, _ = count_wrong(dense, crs, transform, list(range(17, 3000, 100)))
    assert wrong == 0


@pytest.mark.parametrize("place", PLACES)
def test_rows_and_columns_are_those_of_the_pixels_and_no_others(place: str) -> None:
    epsg, transform = PLACES[place]
    height, width = 700, 450
    cells = map_cells(CRS.from_epsg(epsg), transform, height, width)
    assert set(np.unique(cells.labels(0, height))) == set(range(cells.rows.size))
    pixel_rows, pixel_cols = np.mgrid[:height, :width]
    expected = set(zip(*exact_cells(CRS.from_epsg(epsg), transform, pixel_rows, pixel_cols), strict=True))
    assert set(zip(cells.rows.tolist(), cells.cols.tolist(), strict=True)) == {
        (int(r), int(c)) for r, c in expected
    }
    order = np.lexsort((cells.cols, cells.rows))
    assert (order == np.arange(order.size)).all()


@given(
    st.integers(1, 90), st.integers(1, 90), st.floats(160_000, 830_000), st.floats(10_000, 9_000_000),
    st.sampled_from([5.0, 10.0, 30.0, 60.0]), st.integers(1, 60),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_small_raster_is_labelled_as_exactly_as_a_large_one(
    height: int, width: int, east: float, north: float, side: float, step: int
) -> None:
    crs, transform = CRS.from_epsg(32631), Affine(side, 0, east, 0, -side, north)
    cells = map_cells(crs, transform, height, width, step)
    labels = cells.labels(0, height)
    pixel_rows, pixel_cols = np.mgrid[:height, :width]
    expected_rows, expected_cols = exact_cells(crs, transform, pixel_rows, pixel_cols)
    wrong = (cells.rows[labels].ravel() != expected_rows) | (cells.cols[labels].ravel() != expected_cols)
    assert wrong.sum() <= 2 + 1e-4 * wrong.size


def test_no_cell_is_overlooked_wherever_the_raster_ends() -> None:
    epsg, transform = PLACES[
        "46 north"
    ]  # the lattice is turned there, so an edge may cut off a corner of a cell
    crs, height = CRS.from_epsg(epsg), 500
    pixel_rows, pixel_cols = np.mgrid[:height, :460]
    lattice_rows, lattice_cols = exact_cells(crs, transform, pixel_rows, pixel_cols)
    numbers = (lattice_rows * 36_000 + lattice_cols).reshape(height, 460)
    for width in range(330, 460):
        cells = map_cells(crs, transform, height, width)
        found = cells.rows.astype(np.int64) * 36_000 + cells.cols
        np.testing.assert_array_equal(found, np.unique(numbers[:, :width]))


def test_labels_of_a_part_are_a_part_of_the_labels() -> None:
    epsg, transform = PLACES["46 north"]
    cells = map_cells(CRS.from_epsg(epsg), transform, 500, 300)
    whole = cells.labels(0, 500)
    assert whole.dtype == np.int32
    np.testing.assert_array_equal(cells.labels(123, 307), whole[123:307])


def test_full_pixels_is_the_area_of_a_cell() -> None:
    cells = map_cells(CRS.from_epsg(4326), Affine(1e-4, 0, 20.0, 0, -1e-4, 2.0), 300, 300)
    np.testing.assert_allclose(cells.full_pixels, 10_000, rtol=1e-5)
    epsg, transform = PLACES["equator"]
    tile = map_cells(CRS.from_epsg(epsg), transform, 1000, 1000)
    side_m = 111_195.0 / 100
    np.testing.assert_allclose(tile.full_pixels, (side_m / 10) ** 2, rtol=0.01)


def test_a_raster_may_end_at_180_degrees_and_be_long_and_thin() -> None:
    last = map_cells(CRS.from_epsg(4326), Affine(1e-4, 0, 179.99, 0, -1e-4, 2.0), 100, 100)
    assert (last.rows.tolist(), last.cols.tolist()) == ([9199], [35999])
    thin = map_cells(CRS.from_epsg(32634), Affine(20.0, 0, 200_000, 0, -20.0, 240_000), 40, 30_000)
    assert thin.step > 30


@pytest.mark.parametrize("place", PLACES)
def test_parts_are_those_of_the_exact_place_within_the_cell(place: str) -> None:
    epsg, transform = PLACES[place]
    crs, across = CRS.from_epsg(epsg), 20
    cells = map_cells(crs, transform, 3000, 3000)
    wrong = 0
    for row in (0, 63, 64, 1234, 2999):
        cols = np.arange(3000)
        x = transform.c + transform.a * (cols + 0.5)
        y = np.full(3000, transform.f + transform.e * (row + 0.5))
        lon, lat = transform_points(crs, CRS.from_epsg(4326), x, y)
        in_row = np.floor(np.mod((np.asarray(lat) + 90) * 100, 1) * across)
        in_col = np.floor(np.mod((np.asarray(lon) + 180) * 100, 1) * across)
        found = cells.parts(row, row + 1, across)[0]
        assert found.dtype == np.int16
        assert found.min() >= 0
        assert found.max() < across**2
        wrong += int((found != in_row * across + in_col).sum())
    assert wrong <= 15  # of 15,000: twenty times as many edges as cells have
