"""Regions: made from a public boundary, whose cells the vault keeps as runs."""

from __future__ import annotations

from uuid import UUID

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import transaction

from monitor.models import Region
from monitor.vault.regions import store_region_cells


def create_region(name: str, boundary: GEOSGeometry) -> UUID:
    """Make a region, or bring the one of this name into line with `boundary` (CRS84 polygon); its id."""
    if isinstance(boundary, Polygon):
        boundary = MultiPolygon(boundary, srid=4326)
    if not isinstance(boundary, MultiPolygon) or not boundary.valid:
        raise ValueError("A region's boundary must be a valid polygon or multipolygon.")
    with transaction.atomic():
        region, _ = Region.objects.update_or_create(name=name, defaults={"boundary": boundary})
        store_region_cells(region.id, boundary)
    return region.id
