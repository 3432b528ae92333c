"""Reconciliation over a mixed load: the cells that clients received are the cells that the ledger holds, both ways.

Pages, files in every format, tiles and sites, drawn from a seed, by everybody who may see cells and by those who may not.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.utils import timezone

from monitor.grid import cell_number
from monitor.models import Alert, Inspection
from monitor.privacy.door import exports
from monitor.services.releases import publish_release
from tests.api.answers import cells_of
from tests.api.conftest import WebClient
from tests.api.files import FORMATS, read_file
from tests.builders import cell_at, make_alert, make_inspection, put_cells
from tests.cast import Cast
from tests.ledger.conftest import Connection
from tests.tile_reader import read_tile

QUESTIONS = 120
TILES = ("8/142/126", "9/284/252", "10/569/506", "11/1138/1012", "12/2276/2025")
BOXES = ("20,2,20.03,2.04", "20.01,2.01,20.02,2.03", "19.6,2.1,19.66,2.11", "0,0,1,1")


@pytest.fixture
def field(cast: Cast, model: UUID, settings: LazySettings) -> tuple[Alert, Alert, Inspection]:
    """Cells in both regions, some of them sites with alerts, an inspection of one, and a release."""
    settings.REQUESTS_PER_MINUTE = 1_000_000
    east = [cell_at(20.005 + i / 100, 2.005 + j / 100) for i in range(4) for j in range(6)]
    west = [cell_at(19.605 + i / 100, 2.105) for i in range(5)]
    put_cells(model, east)
    put_cells(model, west)
    publish_release(date(2026, 11, 20))
    alert = make_alert(cast.east, east[3:9])
    return alert, make_alert(cast.west, west[:2]), make_inspection(alert, cast.ines.user, cast.rosa.user)


def read_squares(squares: Any) -> list[int]:
    """Cell numbers of what a file or a tile of cells holds."""
    return [cell_number(int(square.values["row"]), int(square.values["col"])) for square in squares]


def draw_question(
    draw: random.Random, field: tuple[Alert, Alert, Inspection]
) -> tuple[str, Callable[[Any], list[int]]]:
    """An address, and how its answer is read."""
    alert, western, inspection = field
    kind = draw.choice(["page", "page", "file", "tile", "site"])
    if kind == "page":
        box = f"&bbox={draw.choice(BOXES)}" if draw.random() < 0.5 else ""
        return f"/api/v1/activity?limit={draw.choice([1, 5, 1000])}{box}", cells_of
    if kind == "file":
        name = draw.choice(FORMATS)
        return f"/export/activity.{name}", lambda answer: read_squares(read_file(name, answer.content))
    if kind == "tile":
        return f"/tiles/activity/{draw.choice(TILES)}.mvt", lambda answer: read_squares(
            read_tile(answer.content)
        )
    sites = (f"alerts/{alert.id}", f"alerts/{western.id}", f"inspections/{inspection.id}")
    return f"/api/v1/{draw.choice(sites)}/site", cells_of


def test_over_a_mixed_load_clients_received_what_the_ledger_holds_and_nothing_else(
    web: WebClient,
    cast: Cast,
    field: tuple[Alert, Alert, Inspection],
    owner: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "CHUNK_CELLS", 5)
    since = timezone.now() - timedelta(milliseconds=1)
    draw = random.Random(20261120)
    askers = [
        *[cast.rosa] * 3,
        *[cast.otis] * 2,
        cast.anna,
        cast.ines,
        cast.ivo,
        cast.pia,
        cast.mallory,
        cast.adam,
    ]
    received: dict[str, set[int]] = {}
    told: dict[int, int] = defaultdict(int)
    for _ in range(QUESTIONS):
        url, read = draw_question(draw, field)
        asker = draw.choice(askers)
        answer = web.as_(asker).get(url)
        told[answer.status_code] += 1
        assert answer.status_code in {200, 403, 404}, answer.content
        if answer.status_code != 200:
            continue
        if asker is not cast.pia and (cells := set(read(answer))):  # a partner's squares are blocks
            received[answer["X-Request-Id"]] = cells
    rows = owner.execute(
        "SELECT e.request_id::text, d.cells FROM ledger.disclosure d JOIN ledger.entry e ON e.id = d.entry_id"
        " WHERE e.at >= %s AND d.cells <> '{}'",  # a tile with nothing in it is sealed as well
        [since],
    ).fetchall()
    held: dict[str, set[int]] = defaultdict(set)
    for request, cells in rows:
        held[request].update(cells)
    assert len(received) > QUESTIONS // 4
    assert told[403] + told[404] > 10
    assert held == received
