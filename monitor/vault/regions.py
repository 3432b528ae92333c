"""Jurisdictions as runs of cells. Which cells a region has is public geography; the runs make it fast to ask."""

from __future__ import annotations

import json
from uuid import UUID

import numpy as np
from django.contrib.gis.geos import MultiPolygon
from django.db import connection, transaction
from rasterio.features import rasterize
from rasterio.transform import Affine

from monitor.grid import CELLS_PER_DEG, Level, box_of_degrees


def store_region_cells(region_id: UUID, boundary: MultiPolygon) -> int:
    """Keep the runs of a region and the blocks that it touches; how many cells it has.

    A cell belongs to a region where its centre lies inside the boundary (CRS84 degrees).
    """
    runs = find_runs(boundary)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM vault.region_run WHERE region_id = %s", [region_id])
        cursor.execute(
            "INSERT INTO vault.region_run (region_id, row, col_from, col_to)"
            " SELECT %s, * FROM unnest(%s::int[], %s::int[], %s::int[])",
            [region_id, runs[:, 0].tolist(), runs[:, 1].tolist(), runs[:, 2].tolist()],
        )
        cursor.execute("DELETE FROM release.region_block WHERE region_id = %s", [region_id])
        for level in (Level.L1, Level.L2, Level.L3):
            cursor.execute(
                "INSERT INTO release.region_block (region_id, level, row, col)"
                " SELECT DISTINCT %(region)s::uuid, %(level)s::smallint, run.row / %(n)s, block.col"
                " FROM vault.region_run run, generate_series(run.col_from / %(n)s, run.col_to / %(n)s) AS block (col)"
                " WHERE run.region_id = %(region)s",
                {"region": region_id, "level": int(level), "n": level.span},
            )
    return int((runs[:, 2] - runs[:, 1] + 1).sum())


def find_runs(boundary: MultiPolygon) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Runs (row, first column, last column) of the cells whose centres lie in the boundary: int64, shape (n, 3)."""
    west, south, east, north = boundary.extent
    box = box_of_degrees(west, south, east, north)
    # row 0 of this raster is the southernmost row of the lattice, so its transform has a positive step
    transform = Affine(
        1 / CELLS_PER_DEG,
        0,
        (box.col_from - 180 * CELLS_PER_DEG) / CELLS_PER_DEG,
        0,
        1 / CELLS_PER_DEG,
        (box.row_from - 90 * CELLS_PER_DEG) / CELLS_PER_DEG,
    )
    shape = (box.row_to - box.row_from, box.col_to - box.col_from)
    inside = rasterize([json.loads(boundary.geojson)], out_shape=shape, transform=transform, dtype="uint8")
    edges = np.diff(np.pad(inside.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return np.column_stack([rows + box.row_from, starts + box.col_from, ends - 1 + box.col_from]).astype(
        np.int64
    )
