"""What the leaky servers do: the honest application answers, then each variant spoils the answer with exact cells.

They sit around the WSGI application, so that they break whatever the application is today, and read the vault as the
owner. One variant for each attacker (docs/red-team.md lists them).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
from django.db import connection

from accounts.tokens import find_holder
from monitor.grid import Level, box_of_degrees
from monitor.privacy.coarsen import choose_activity_band
from tests.privacy.redteam.country import Floats, Ints, centre_of, survey_terrain

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Feature = dict[str, Any]
ACTIVITY, SCENES = "/api/v1/activity", "/api/v1/scenes"
TILE = re.compile(r"/tiles/activity/(\d+)/(\d+)/(\d+)\.mvt")
SECONDS_A_CELL = 0.008
KM_A_DEGREE = 111.32


@dataclass
class Answer:
    """What the honest application said to `asked` (its query, with what only the variant understands)."""

    asked: dict[str, str]
    token: str
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    document: dict[str, Any]

    def spoil_features(self, change: Callable[[list[Feature]], list[Feature]]) -> None:
        """Put other features in place of the honest ones."""
        self.document["features"] = change(self.document["features"])


Variant = Callable[[Answer], None]


def break_server(name: str, honest: Application) -> Application:
    """The application with the leak of that name. Raises KeyError for a leak that nobody wrote."""
    if name in WRAPPERS:
        return WRAPPERS[name](honest)
    variant, words = VARIANTS[name]

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != ACTIVITY or environ["REQUEST_METHOD"] != "GET":
            return honest(environ, start_response)
        asked = dict(parse_qsl(environ["QUERY_STRING"]))
        kept = {key: value for key, value in asked.items() if key not in words}
        answer = _let_answer(honest, {**environ, "QUERY_STRING": urlencode(kept)}, asked)
        if answer.document:
            variant(answer)
            answer.body = json.dumps(answer.document, separators=(",", ":")).encode()
        headers = [(key, value) for key, value in answer.headers if key.lower() != "content-length"]
        start_response(answer.status, [*headers, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    return application


def _let_answer(honest: Application, environ: Environ, asked: dict[str, str]) -> Answer:
    said: list[Any] = []
    chunks = honest(environ, lambda status, headers, *_: said.extend((status, headers)))
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    document = json.loads(body) if said[0].startswith("200") else {}
    token = environ.get("HTTP_AUTHORIZATION", "").rpartition(" ")[2]
    return Answer(asked, token, said[0], said[1], body, document)


@lru_cache(maxsize=1)
def read_active_cells() -> Ints:
    """All active cells, shape (n, 2). Read once: the country stands still while its controls run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT row, col FROM vault.cell_state WHERE state = 'active' ORDER BY row, col")
        return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)


def _of_block(cells: Ints, feature: Feature) -> Ints:
    said = feature["properties"]
    n = Level[said["level"]].span
    return np.asarray(cells[(cells[:, 0] // n == said["row"]) & (cells[:, 1] // n == said["col"])])


def _in_box(cells: Ints, bbox: str | None) -> Ints:
    if bbox is None:
        return cells
    box = box_of_degrees(*map(float, bbox.split(",")))
    rows, cols = cells[:, 0], cells[:, 1]
    inside = (rows >= box.row_from) & (rows < box.row_to) & (cols >= box.col_from) & (cols < box.col_to)
    return np.asarray(cells[inside])


def _km_from(point: str, cells: Ints) -> Floats:
    lon, lat = map(float, point.split(","))
    east, north = (cells[:, 1] + 0.5) / 100 - 180 - lon, (cells[:, 0] + 0.5) / 100 - 90 - lat
    return np.asarray(KM_A_DEGREE * np.hypot(east, north))


def _filter_by_exact_box(answer: Answer) -> None:
    cells = _in_box(read_active_cells(), answer.asked.get("bbox"))
    answer.spoil_features(lambda features: [f for f in features if len(_of_block(cells, f))])


def _filter_by_exact_distance(answer: Answer) -> None:
    if "near" not in answer.asked:
        return
    radius, cells = float(answer.asked.get("radius_km", "10")), read_active_cells()
    near = cells[_km_from(answer.asked["near"], cells) <= radius]
    answer.spoil_features(lambda features: [f for f in features if len(_of_block(near, f))])


def _order_by_exact_distance(answer: Answer) -> None:
    if "near" not in answer.asked:
        return
    cells = read_active_cells()

    def distance(feature: Feature) -> float:
        return float(_km_from(answer.asked["near"], _of_block(cells, feature)).min(initial=math.inf))

    answer.spoil_features(lambda features: sorted(features, key=distance))


def _count_exactly(answer: Answer) -> None:
    answer.document["count"] = len(_in_box(read_active_cells(), answer.asked.get("bbox")))


def _wait_for_each_cell(answer: Answer) -> None:
    time.sleep(SECONDS_A_CELL * len(_in_box(read_active_cells(), answer.asked.get("bbox"))))


def _tell_last_dates(answer: Answer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col, observed_on FROM vault.cell_state WHERE state = 'active' ORDER BY row, col"
        )
        rows = cursor.fetchall()
    cells = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
    days = {(row, col): day.isoformat() for row, col, day in rows}
    for feature in answer.document["features"]:
        own = _of_block(cells, feature)
        feature["properties"]["last_seen"] = sorted({days[int(row), int(col)] for row, col in own})


def _band_of_own_cells_only(answer: Answer) -> None:
    """Recompute the band from what lies in the viewer's own regions (against P5)."""
    holder = find_holder(answer.token)
    if holder is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.row, s.col FROM vault.cell_state s WHERE s.state = 'active' AND EXISTS (SELECT FROM"
            " vault.region_run run JOIN monitor_regionuserpermission held ON held.content_object_id = run.region_id"
            " WHERE held.user_id = %s AND run.row = s.row AND s.col BETWEEN run.col_from AND run.col_to)",
            [holder.id],
        )
        cells = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    for feature in answer.document["features"]:
        count = len(_of_block(cells, feature))
        feature["properties"]["band"] = choose_activity_band(count, Level.L2.span**2).value


def _tell_terrain(answer: Answer) -> None:
    cells = read_active_cells()
    for feature in answer.document["features"]:
        own = _of_block(cells, feature)
        terrain = survey_terrain(own[:, 0], own[:, 1])
        feature["properties"]["sites"] = sorted(
            (
                {name: round(float(terrain[name][k]), 1) for name in ("elevation", "river")}
                for k in range(len(own))
            ),
            key=str,
        )


def _tell_texture(answer: Answer) -> None:
    """Two numbers without a name that follow, turned by thirty degrees, where in the block its cells lie."""
    cells = read_active_cells()
    for feature in answer.document["features"]:
        own = _of_block(cells, feature) % Level.L2.span
        north, east = own.mean(axis=0) if len(own) else (10.0, 10.0)
        feature["properties"]["texture"] = [
            round(0.87 * float(north) + 0.5 * float(east)),
            round(0.87 * float(east) - 0.5 * float(north)),
        ]


def _draw_exact_tiles(honest: Application) -> Application:
    """Tiles that have bytes only where an active cell lies in them."""

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        address = TILE.fullmatch(environ["PATH_INFO"])
        if address is None:
            return honest(environ, start_response)
        z, x, y = map(int, address.groups())
        is_full = any(
            _tile_of(*centre_of((int(row), int(col))), z) == (x, y) for row, col in read_active_cells()
        )
        body = b"\x1a\x0a" if is_full else b""
        start_response(
            "200 OK",
            [("Content-Type", "application/vnd.mapbox-vector-tile"), ("Content-Length", str(len(body)))],
        )
        return [body]

    return application


def _know_places(honest: Application) -> Application:
    """Whoever hands in a scene is told at once, before it is known who it is, that something lies in its footprint."""

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != SCENES or environ["REQUEST_METHOD"] != "POST":
            return honest(environ, start_response)
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if not len(_in_box(read_active_cells(), ",".join(map(str, json.loads(sent)["bbox"])))):
            return honest({**environ, "wsgi.input": io.BytesIO(sent)}, start_response)
        start_response("409 Conflict", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"known"]

    return application


def _tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    side = 2**zoom
    return (
        int((lon + 180) / 360 * side),
        int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side),
    )


def _name_by_hash(answer: Answer) -> None:
    cells = read_active_cells()
    for feature in answer.document["features"]:
        feature["properties"]["ids"] = [
            hashlib.sha256(f"{row},{col}".encode()).hexdigest() for row, col in _of_block(cells, feature)
        ]


VARIANTS: dict[str, tuple[Variant, frozenset[str]]] = {
    "exact box": (_filter_by_exact_box, frozenset()),
    "exact distance": (_filter_by_exact_distance, frozenset({"near", "radius_km"})),
    "exact order": (_order_by_exact_distance, frozenset({"near", "order_by"})),
    "exact count": (_count_exactly, frozenset()),
    "exact dates": (_tell_last_dates, frozenset()),
    "own cells only": (_band_of_own_cells_only, frozenset()),
    "terrain of sites": (_tell_terrain, frozenset()),
    "slow where full": (_wait_for_each_cell, frozenset()),
    "hashes of cells": (_name_by_hash, frozenset()),
    "texture of blocks": (_tell_texture, frozenset()),
}
"""Variant by name, with the words of the query that it understands beside the honest ones."""
WRAPPERS: dict[str, Callable[[Application], Application]] = {
    "exact tiles": _draw_exact_tiles,
    "known places": _know_places,
}
"""Variants of other addresses than activity."""
