"""What may be asked of files, tiles and summaries: the filters of activity without pages."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from monitor.api.asks import CoarseActivityAsk, ExactActivityAsk, PeriodField
from monitor.api.rights_asks import GuardedActivityAsk


class ExactFileAsk(ExactActivityAsk):
    """What an exact role may ask of activity as a file, which has no pages."""

    limit = None  # type: ignore[assignment]
    cursor = None  # type: ignore[assignment]


class GuardedFileAsk(GuardedActivityAsk):
    """What an exact role may ask of a file where the regions are guarded or sealed."""

    limit = None  # type: ignore[assignment]
    cursor = None  # type: ignore[assignment]


class CoarseFileAsk(CoarseActivityAsk):
    """What a coarse role may ask of activity as a file."""

    limit = None  # type: ignore[assignment]
    cursor = None  # type: ignore[assignment]


class ExactTileAsk(ExactFileAsk):
    """What an exact role may ask of a tile, whose place is in its address."""

    bbox = None  # type: ignore[assignment]


class GuardedTileAsk(GuardedFileAsk):
    """What an exact role may ask of a tile where the regions are guarded or sealed."""

    bbox = None  # type: ignore[assignment]


class CoarseTileAsk(CoarseFileAsk):
    """What a coarse role may ask of a tile."""

    bbox = None  # type: ignore[assignment]


class SummaryAsk(serializers.Serializer[Any]):
    """Of which month."""

    period = PeriodField(required=False)
