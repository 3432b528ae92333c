"""Write a released shape as bytes. Exact features arrive as text that PostgreSQL wrote and are set in as they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache, singledispatch
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from monitor.api.shapes import SHAPES
from monitor.privacy.released import ExactCells, Leaving, Page, Provenance, ReleasedBlock, ReleasedBlocks
from monitor.privacy.released_audit import EntriesPage, LogText
from monitor.privacy.released_files import ReleasedSummary, Tile


class ReleasedResponse(HttpResponse):
    """An HTTP answer made from a released shape. Beside a problem, the only thing that a view may answer with."""


JSON = "application/json"
GEOJSON = "application/geo+json"
TEXT = "text/plain; charset=utf-8"
MVT = "application/vnd.mapbox-vector-tile"


def render(shape: Leaving, request: Request) -> tuple[str, str | bytes]:
    """Content type and body of a shape. Raises LookupError for a shape that nobody taught this file to write."""
    return _render(shape, request)


@singledispatch
def _render(shape: Leaving, request: Request) -> tuple[str, str | bytes]:
    return JSON, dump(_write_items([shape])[0])


@_render.register
def _(shape: Page, request: Request) -> tuple[str, str]:
    return JSON, dump({"items": _write_items(shape.items), "next": _next_link(request, shape.next_cursor)})


@_render.register
def _(shape: EntriesPage, request: Request) -> tuple[str, str]:
    items = _write_items(shape.items)
    following = _next_link(request, shape.next_cursor)
    beside = {"archived_before": shape.archived_before, "unheard_of": shape.unheard_of}
    return JSON, dump({"items": items, "next": following, **beside})


@_render.register
def _(shape: ReleasedSummary, request: Request) -> tuple[str, str]:
    head = {name: value for name, value in head_of(shape.provenance).items() if name != "type"}
    shares = {"active_per_cent": shape.share, "observed_per_cent": shape.observed}
    return JSON, dump(
        {
            **head,
            "region": {"id": str(shape.region), "name": shape.name},
            "release": str(shape.release) if shape.release else None,
            "period": shape.period,
            "blocks": shape.blocks,
            "active_cells": {"low": shape.cells[0], "high": shape.cells[1]},
            **{name: {"low": float(low), "high": float(high)} for name, (low, high) in shares.items()},
        }
    )


@_render.register
def _(shape: LogText, request: Request) -> tuple[str, str]:
    return TEXT, shape.text


@_render.register
def _(shape: Tile, request: Request) -> tuple[str, bytes]:
    return MVT, shape.content


@_render.register
def _(shape: ExactCells, request: Request) -> tuple[str, str]:
    head = head_of(shape.provenance) | {"next": _next_link(request, shape.next_cursor)}
    return GEOJSON, f'{dump(head)[:-1]},"features":[{shape.features}]}}'


@_render.register
def _(shape: ReleasedBlocks, request: Request) -> tuple[str, str]:
    head = head_of(shape.provenance) | {
        "next": _next_link(request, shape.next_cursor),
        "release": str(shape.release) if shape.release else None,
    }
    box = f"[{','.join(shape.applied_bbox)}]" if shape.applied_bbox else "null"
    features = ",".join(write_block(block) for block in shape.blocks)
    return GEOJSON, f'{dump(head)[:-1]},"applied_bbox":{box},"features":[{features}]}}'


def head_of(provenance: Provenance) -> dict[str, object]:
    """What a collection says of itself before its features (P9)."""
    return {
        "type": "FeatureCollection",
        "precision_deg": float(provenance.precision_deg),
        "level": provenance.level,
        "rule": provenance.rule,
        "policy_version": provenance.policy_version,
        "generalised": provenance.generalised,
    }


@lru_cache(maxsize=16_384)
def write_block(block: ReleasedBlock) -> str:
    """One block as a GeoJSON feature. Kept: what is published is told again and again."""
    west, south, east, north = block.bounds
    ring = f"[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]"
    # words of enumerations and whole numbers only: nothing in them needs an escape
    return (
        f'{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":{ring}}},"properties":{{"level":"{block.level}",'
        f'"row":{block.row},"col":{block.col},"period":"{block.period}","band":"{block.band}","trend":"{block.trend}",'
        f'"observed":"{block.observed}","part":"{block.part}"}}}}'
    )


def _write_items(items: Sequence[Leaving]) -> list[dict[str, Any]]:
    """Each shape as its serializer writes it. One serializer writes all of a kind: to make it costs more than a row."""
    writers = {kind: SHAPES[kind]() for kind in {type(item) for item in items}}
    return [writers[type(item)].to_representation(item) for item in items]


def _next_link(request: Request, cursor: str | None) -> str | None:
    """The address of the next page, relative to the server: the question with the cursor in place of the old one."""
    if cursor is None:
        return None
    query = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return f"{request.path}?{urlencode(query | {'cursor': cursor})}"


def dump(value: object) -> str:
    """JSON without blanks."""
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
