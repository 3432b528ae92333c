"""Distances: how far the square of a cell lies from the nearest polygon of an industrial mine.

Room `detection`, pure numpy. Degrees are taken for kilometres on a plane of the cell's own: 111.32 km a degree along the
meridian, as much times the cosine of its latitude across. Against the ellipsoid that is wrong by up to 0.7 % of a distance,
35 m in 5 km. Imports `grid` alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monitor.grid import CELLS_PER_DEG

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

KM_PER_DEG = 111.32
REACH_KM = 6.0
"""Polygons whose box lies farther than this are not measured: a cell is then told as infinitely far."""
Polygon = Sequence[npt.ArrayLike]
"""Rings of longitude and latitude, float (k, 2) each, the outer one and holes in any order, closed or not."""


def measure_distances(rows: npt.ArrayLike, cols: npt.ArrayLike, polygons: Sequence[Polygon]) -> Float64:
    """Distance of each cell's square to the nearest polygon.

    Parameters
    ----------
    rows, cols : int array (n,)
        L0 cells.
    polygons : sequence of Polygon
        In longitude and latitude; none crosses the antimeridian.

    Returns
    -------
    float64 (n,)
        Kilometres; 0 where square and polygon share a point, infinite beyond `REACH_KM`.

    Examples
    --------
    >>> square = [[(0.02, 0.0), (0.03, 0.0), (0.03, 0.01), (0.02, 0.01)]]
    >>> measure_distances([9000, 9000, 9000], [18000, 18001, 18100], [square]).round(2).tolist()
    [1.11, 0.0, inf]
    """
    edges = [np.concatenate([_list_edges(ring) for ring in polygon]) for polygon in polygons]
    boxes = np.array([[*own.min(axis=(0, 1)), *own.max(axis=(0, 1))] for own in edges]).reshape(-1, 4)
    found = np.full(len(np.asarray(rows)), np.inf)
    for cell, (row, col) in enumerate(zip(np.asarray(rows).tolist(), np.asarray(cols).tolist(), strict=True)):
        middle = np.array([(col + 0.5) / CELLS_PER_DEG - 180, (row + 0.5) / CELLS_PER_DEG - 90])
        km = KM_PER_DEG * np.array([np.cos(np.radians(middle[1])), 1.0])
        half = 0.5 / CELLS_PER_DEG * km
        apart = np.maximum(np.maximum(boxes[:, :2] - middle, middle - boxes[:, 2:]) * km - half, 0)
        for near in np.flatnonzero((apart <= REACH_KM).all(axis=1)):
            distance = _measure_rectangle((edges[near] - middle) * km, half)
            if distance <= REACH_KM:
                found[cell] = min(found[cell], distance)
    return found


def _list_edges(ring: npt.ArrayLike) -> Float64:
    """Float64 (k, 2, 2): begin and end of each edge."""
    points = np.asarray(ring, np.float64)[:, :2]
    return np.stack([points, np.roll(points, -1, axis=0)], axis=1)


def _measure_rectangle(edges: Float64, half: Float64) -> float:
    """Distance of the edges' polygon to the rectangle of half sides `half` around the origin; all in one unit."""
    if _enters(edges, half).any() or _holds_origin(edges):
        return 0.0
    # of shapes that do not meet, the nearest two points have a corner among them
    beside = np.hypot(*np.maximum(np.abs(edges[:, 0]) - half, 0).T).min()
    corners = half * np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    return float(min(beside, *(_reach_edges(edges, corner) for corner in corners)))


def _enters(edges: Float64, half: Float64) -> Bool:
    """Bool (k,): which edges share a point with the rectangle (Liang and Barsky 1984, A new concept for line clipping)."""
    begin, along = edges[:, 0], edges[:, 1] - edges[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.stack([(-half - begin) / along, (half - begin) / along])
    flat, inside = along == 0, np.abs(begin) <= half
    first = np.where(flat, np.where(inside, -np.inf, np.inf), sides.min(axis=0)).max(axis=1)
    last = np.where(flat, np.where(inside, np.inf, -np.inf), sides.max(axis=0)).min(axis=1)
    return np.asarray(np.maximum(first, 0) <= np.minimum(last, 1), np.bool_)


def _holds_origin(edges: Float64) -> bool:
    """Whether the origin lies inside: a ray from it crosses an odd number of edges."""
    (x0, y0), (x1, y1) = edges[:, 0].T, edges[:, 1].T
    crosses = (y0 > 0) != (y1 > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 - y0 * (x1 - x0) / (y1 - y0)
    return bool((crosses & (at > 0)).sum() % 2)


def _reach_edges(edges: Float64, point: Float64) -> float:
    """Distance of a point to the nearest edge."""
    begin, along = edges[:, 0], edges[:, 1] - edges[:, 0]
    length = np.maximum((along**2).sum(axis=1), 1e-30)
    share = np.clip(((point - begin) * along).sum(axis=1) / length, 0, 1)
    return float(np.hypot(*(begin + share[:, None] * along - point).T).min())
