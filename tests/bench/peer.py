"""The peer: djangorestframework-gis as its documentation uses it, on geometry. No right is checked, no entry written."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.gis.db import models
from rest_framework.renderers import JSONRenderer
from rest_framework_gis.serializers import GeoFeatureModelSerializer, GeometryField


class BenchCell(models.Model):
    """A cell with its geometry."""

    row = models.IntegerField()
    col = models.IntegerField()
    state = models.TextField()
    mine_class = models.TextField()
    probability = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    observed_on = models.DateField()
    valid_share = models.FloatField()
    geom = models.PolygonField(srid=4326)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_cell"

    def __str__(self) -> str:
        return f"{self.row} {self.col}"


class BenchBlock(models.Model):
    """A block with its geometry."""

    level = models.TextField()
    row = models.IntegerField()
    col = models.IntegerField()
    period = models.TextField()
    band = models.TextField()
    trend = models.TextField()
    observed = models.TextField()
    geom = models.PolygonField(srid=4326)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_block"

    def __str__(self) -> str:
        return f"{self.level} {self.row} {self.col}"


class CellSerializer(GeoFeatureModelSerializer):  # type: ignore[misc]
    """Cells as GeoJSON features, with the properties that ours have."""

    geom = GeometryField()

    class Meta:
        model = BenchCell
        geo_field = "geom"
        id_field = False
        fields: ClassVar[list[str]] = [
            *("row", "col", "state", "mine_class", "probability", "low", "high", "observed_on", "valid_share")
        ]


class BlockSerializer(GeoFeatureModelSerializer):  # type: ignore[misc]
    """Blocks as GeoJSON features."""

    geom = GeometryField()

    class Meta:
        model = BenchBlock
        geo_field = "geom"
        id_field = False
        fields: ClassVar[list[str]] = ["level", "row", "col", "period", "band", "trend", "observed"]


def write_cells(count: int) -> bytes:
    """The first active cells, read and written."""
    rows = BenchCell._default_manager.filter(state="active").order_by("id")[:count]
    return _write(CellSerializer(rows, many=True).data)


def write_blocks(count: int) -> bytes:
    """The first blocks, read and written."""
    return _write(BlockSerializer(BenchBlock._default_manager.order_by("id")[:count], many=True).data)


def _write(data: Any) -> bytes:
    content: bytes = JSONRenderer().render(data)
    return content
