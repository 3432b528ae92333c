"""Regions: public boundaries kept as runs of cells and as lists of blocks, the same however often they are made."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.contrib.gis.geos import MultiPolygon, Point, Polygon
from django.db import connection

from monitor.grid import Level
from monitor.models import Region
from monitor.services.regions import create_region
from tests.cast import make_box


def runs_of(region_id: UUID) -> list[tuple[int, int, int]]:
    """The runs that the vault keeps of a region."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col_from, col_to FROM vault.region_run WHERE region_id = %s ORDER BY row, col_from",
            [region_id],
        )
        return [(row, col_from, col_to) for row, col_from, col_to in cursor.fetchall()]


def blocks_of(region_id: UUID, level: Level) -> set[tuple[int, int]]:
    """The blocks that an agreement on a region covers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col FROM release.region_block WHERE region_id = %s AND level = %s",
            [region_id, int(level)],
        )
        return set(cursor.fetchall())


def test_a_rectangle_on_the_lattice_has_exactly_its_cells() -> None:
    region_id = create_region("Square", make_box(20.0, 2.0, 20.4, 2.4))
    assert runs_of(region_id) == [(row, 20000, 20039) for row in range(9200, 9240)]
    assert blocks_of(region_id, Level.L2) == {(460, 1000), (460, 1001), (461, 1000), (461, 1001)}
    assert blocks_of(region_id, Level.L3) == {(92, 200)}
    assert len(blocks_of(region_id, Level.L1)) == 16


def test_a_cell_belongs_to_a_region_where_its_centre_lies_inside() -> None:
    region_id = create_region("Edge", make_box(20.006, 2.0, 20.024, 2.004))
    assert runs_of(region_id) == []
    region_id = create_region("Edge", make_box(20.006, 2.0, 20.026, 2.006))
    assert runs_of(region_id) == [(9200, 20001, 20002)]


def test_neighbours_share_a_border_and_no_cell() -> None:
    slanted = (
        [(20.0, 2.0), (20.4, 2.0), (20.0, 2.4), (20.0, 2.0)],
        [(20.4, 2.0), (20.4, 2.4), (20.0, 2.4), (20.4, 2.0)],
    )
    cells = []
    for name, ring in zip(("South-west", "North-east"), slanted, strict=True):
        region_id = create_region(name, Polygon(ring, srid=4326))
        cells.append(
            {(row, col) for row, first, last in runs_of(region_id) for col in range(first, last + 1)}
        )
    assert not cells[0] & cells[1]
    assert len(cells[0] | cells[1]) == 1600


def test_a_region_with_a_hole_and_islands_has_several_runs_a_row() -> None:
    ring = Polygon(
        Polygon.from_bbox((20.0, 2.0, 20.05, 2.05)).exterior_ring.coords,
        Polygon.from_bbox((20.01, 2.01, 20.04, 2.04)).exterior_ring.coords,
    )
    island = Polygon.from_bbox((20.1, 2.0, 20.12, 2.01))
    region_id = create_region("Ring", MultiPolygon(ring, island, srid=4326))
    assert runs_of(region_id)[0:2] == [(9200, 20000, 20004), (9200, 20010, 20011)]
    assert runs_of(region_id)[2:5] == [(9201, 20000, 20000), (9201, 20004, 20004), (9202, 20000, 20000)]


def test_runs_never_overlap_and_every_run_lies_in_a_listed_block() -> None:
    region_id = create_region(
        "Odd", Polygon([(20.03, 2.02), (20.37, 2.11), (20.21, 2.19), (20.33, 2.36), (20.03, 2.02)], srid=4326)
    )
    seen: set[tuple[int, int]] = set()
    for row, first, last in runs_of(region_id):
        cells = {(row, col) for col in range(first, last + 1)}
        assert not cells & seen
        seen |= cells
    for level in (Level.L1, Level.L2, Level.L3):
        assert blocks_of(region_id, level) == {(row // level.span, col // level.span) for row, col in seen}


def test_making_a_region_again_brings_it_into_line() -> None:
    first = create_region("Aruwe", make_box(20.0, 2.0, 20.4, 2.4))
    second = create_region("Aruwe", make_box(20.0, 2.0, 20.2, 2.2))
    assert first == second
    assert Region.objects.count() == 1
    assert len(runs_of(first)) == 20
    assert blocks_of(first, Level.L2) == {(460, 1000)}


@pytest.mark.parametrize(
    "boundary",
    [
        Point(20, 2, srid=4326),
        Polygon([(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)], srid=4326),
    ],
)
def test_what_is_no_valid_polygon_is_refused_and_nothing_is_kept(boundary: object) -> None:
    with pytest.raises(ValueError, match="valid polygon"):
        create_region("Bow tie", boundary)  # type: ignore[arg-type]
    assert not Region.objects.exists()
