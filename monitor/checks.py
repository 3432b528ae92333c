"""Start-up checks: every URL answers through the base view, and longitude means longitude in this process.

A view that is not a `DoorView` could render anything; such a process does not start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver, get_resolver

PLACELESS_VIEWS = {"SchemaView", "HealthView", "ReadyView"}
"""Views with nothing behind them: the OpenAPI document and two signs of life."""


@register()
def check_every_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a route whose view is not a DoorView."""
    from monitor.api.view import DoorView

    errors: list[CheckMessage] = []
    for pattern in list_patterns():
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        if view is None or not (issubclass(view, DoorView) or view.__name__ in PLACELESS_VIEWS):
            errors.append(
                Error(
                    f"The route {pattern.pattern} does not answer through DoorView.",
                    hint="Derive its view from monitor.api.view.DoorView.",
                    id="monitor.E001",
                )
            )
    return errors


@register()
def check_transform(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a process in which libproj lost its database or swaps axes."""
    from django.contrib.gis.gdal import CoordTransform, OGRGeometry, SpatialReference

    point = OGRGeometry("POINT (21 0)", SpatialReference(4326))
    point.transform(CoordTransform(SpatialReference(4326), SpatialReference(32634)))
    if abs(point.envelope.min_x - 500_000) < 1 and abs(point.envelope.min_y) < 1:
        return []
    return [
        Error(
            "The transformation from degrees to UTM is wrong in this process.",
            hint="Import rasterio before anything else loads libproj (config/gdal_libraries.py).",
            id="monitor.E002",
        )
    ]


def list_patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every route of the project."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from list_patterns(entry)
        else:
            yield entry
