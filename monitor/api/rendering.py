"""Write a released shape as bytes. Exact features arrive as text that PostgreSQL wrote and are set in as they are."""

from __future__ import annotations

import json
from functools import singledispatch
from urllib.parse import urlencode

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from monitor.api.shapes import SHAPES
from monitor.privacy.released import (
    ExactCells,
    Leaving,
    Page,
    Provenance,
    ReleasedBlock,
    ReleasedBlocks,
)


class ReleasedResponse(HttpResponse):
    """An HTTP answer made from a released shape. Beside a problem, the only thing that a view may answer with."""


JSON = "application/json"
GEOJSON = "application/geo+json"


def render(shape: Leaving, request: Request) -> tuple[str, str]:
    """Content type and text of a shape. Raises LookupError for a shape that nobody taught this file to write."""
    return _render(shape, request)


@singledispatch
def _render(shape: Leaving, request: Request) -> tuple[str, str]:
    return JSON, _dump(SHAPES[type(shape)](shape).data)


@_render.register
def _(shape: Page, request: Request) -> tuple[str, str]:
    items = [SHAPES[type(item)](item).data for item in shape.items]
    return JSON, _dump({"items": items, "next": _next_link(request, shape.next_cursor)})


@_render.register
def _(shape: ExactCells, request: Request) -> tuple[str, str]:
    head = _head(shape.provenance) | {"next": _next_link(request, shape.next_cursor)}
    return GEOJSON, f'{_dump(head)[:-1]},"features":[{shape.features}]}}'


@_render.register
def _(shape: ReleasedBlocks, request: Request) -> tuple[str, str]:
    head = _head(shape.provenance) | {
        "next": _next_link(request, shape.next_cursor),
        "release": str(shape.release) if shape.release else None,
    }
    box = f"[{','.join(shape.applied_bbox)}]" if shape.applied_bbox else "null"
    features = ",".join(_block_feature(block) for block in shape.blocks)
    return GEOJSON, f'{_dump(head)[:-1]},"applied_bbox":{box},"features":[{features}]}}'


def _head(provenance: Provenance) -> dict[str, object]:
    return {
        "type": "FeatureCollection",
        "precision_deg": float(provenance.precision_deg),
        "level": provenance.level,
        "rule": provenance.rule,
        "policy_version": provenance.policy_version,
        "generalised": provenance.generalised,
    }


def _block_feature(block: ReleasedBlock) -> str:
    west, south, east, north = block.bounds
    ring = f"[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]"
    properties = {
        "level": block.level,
        "row": block.row,
        "col": block.col,
        "period": block.period,
        "band": block.band.value,
        "trend": block.trend.value,
        "observed": block.observed.value,
    }
    return f'{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":{ring}}},"properties":{_dump(properties)}}}'


def _next_link(request: Request, cursor: str | None) -> str | None:
    """The address of the next page, relative to the server: the question with the cursor in place of the old one."""
    if cursor is None:
        return None
    query = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return f"{request.path}?{urlencode(query | {'cursor': cursor})}"


def _dump(value: object) -> str:
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
