"""How far cells lie from polygons: squares, not centres, and kilometres, not degrees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detection.distances import KM_PER_DEG, REACH_KM, measure_distances

ROW, COL = 9000, 18000
"""The cell from 0 to 0.01 degree north and east."""


def square(west: float, south: float, side: float) -> list[list[tuple[float, float]]]:
    return [[(west, south), (west + side, south), (west + side, south + side), (west, south + side)]]


@pytest.mark.parametrize(
    ("polygon", "km"),
    [
        (square(0.02, 0.0, 0.01), 0.01 * KM_PER_DEG),
        (square(0.0, -0.03, 0.01), 0.02 * KM_PER_DEG),
        (square(0.02, 0.03, 0.01), np.hypot(0.01, 0.02) * KM_PER_DEG),
        (square(0.01, 0.0, 0.01), 0),
        (square(-1.0, -1.0, 2.0), 0),
        (square(0.004, 0.004, 0.001), 0),
        ([[(-0.02, 0.005), (0.03, 0.004), (0.03, 0.006)]], 0),
        ([[(0.015, -0.02), (0.03, 0.05), (0.05, 0.0)]], 0.00065 / np.hypot(0.015, 0.07) * KM_PER_DEG),
        (square(0.2, 0.0, 0.01), np.inf),
    ],
)
def test_the_square_of_a_cell_is_measured_to_the_polygon(
    polygon: list[list[tuple[float, float]]], km: float
) -> None:
    (found,) = measure_distances([ROW], [COL], [polygon])
    assert found == pytest.approx(km, rel=2e-3, abs=1e-9)


def test_a_hole_is_no_part_of_a_mine() -> None:
    around = [*square(-1.0, -1.0, 2.0), *square(-0.02, -0.02, 0.05)]
    assert measure_distances([ROW], [COL], [around])[0] == pytest.approx(0.02 * KM_PER_DEG, rel=1e-3)


def test_degrees_of_longitude_shrink_with_the_latitude() -> None:
    north = ROW + 6000
    (found,) = measure_distances([north], [COL], [square(0.02, 60.0, 0.01)])
    assert found == pytest.approx(0.005 * KM_PER_DEG, rel=1e-3)


def test_the_nearest_of_several_counts_and_without_any_all_are_far() -> None:
    polygons = [square(0.04, 0.0, 0.01), square(0.02, 0.0, 0.01), square(0.03, 0.0, 0.01)]
    assert measure_distances([ROW], [COL], polygons)[0] == pytest.approx(0.01 * KM_PER_DEG, rel=1e-3)
    assert measure_distances([ROW, ROW], [COL, COL + 1], []).tolist() == [np.inf, np.inf]


@given(st.lists(st.tuples(st.floats(-0.06, 0.06), st.floats(-0.06, 0.06)), min_size=3, max_size=6))
def test_no_point_of_the_outline_is_nearer_than_the_distance(ring: list[tuple[float, float]]) -> None:
    (found,) = measure_distances([ROW], [COL], [[ring]])
    points = np.array(ring)
    share = np.linspace(0, 1, 60)[:, None, None]
    outline = (points * (1 - share) + np.roll(points, -1, axis=0) * share).reshape(-1, 2)
    beside = np.hypot(*np.maximum(np.abs(outline - 0.005) - 0.005, 0).T).min() * KM_PER_DEG
    assert found <= beside + 1e-3 or (found == np.inf and beside > 0.99 * REACH_KM)
    assert found == 0 or found >= beside - 0.15
