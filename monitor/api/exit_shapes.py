"""What summaries look like on the wire. Files and tiles are described by their media types."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CountIntervalShape(serializers.Serializer[Any]):
    """A number of cells, from least to greatest."""

    low = serializers.IntegerField()
    high = serializers.IntegerField()


class ShareIntervalShape(serializers.Serializer[Any]):
    """Per cent of plausible cells, from least to greatest, rounded outward to one decimal."""

    low = serializers.FloatField()
    high = serializers.FloatField()


class SummedRegionShape(serializers.Serializer[Any]):
    """The region of a summary."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class SummaryShape(serializers.Serializer[Any]):
    """A region in intervals, from published blocks alone."""

    precision_deg = serializers.FloatField()
    level = serializers.CharField()
    rule = serializers.CharField()
    policy_version = serializers.CharField()
    generalised = serializers.BooleanField()
    region = SummedRegionShape()
    release = serializers.UUIDField(allow_null=True)
    period = serializers.CharField(allow_null=True)
    blocks = serializers.IntegerField()
    active_cells = CountIntervalShape()
    active_per_cent = ShareIntervalShape()
    observed_per_cent = ShareIntervalShape()
