"""The one statement that reads cells: each cell once, in order, whatever the page, the box, the regions and the quota.

What it should tell is worked out here from the cells that were put there, cell by cell.
"""

from __future__ import annotations

import json
import random
from datetime import date
from uuid import UUID

import pytest
from django.db import connection

from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from monitor.errors import QuotaSpent
from monitor.field.states import CellState
from monitor.grid import COLS, ROWS, Box, cell_number
from monitor.models import Region
from monitor.privacy.scope import grant_region
from monitor.services.regions import create_region
from monitor.vault.tickets import (
    CellFilter,
    ChunkShape,
    read_activity_chunk_with_ticket,
    read_activity_with_ticket,
)
from tests.builders import make_model, put_cells, viewer_of
from tests.cast import Cast, make_box, make_cast
from tests.rights import limit_quota, set_posture
from tests.roles import as_role

SOUTH, WEST, SIDE = 9200, 20000, 40
EVERYWHERE = Box(0, 0, ROWS, COLS)
ALL_STATES = [state.value for state in CellState]
Cell = tuple[int, int]


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody. Beside the east, Rosa holds two regions that overlap it and each other."""
    cast = make_cast()
    for name, box in (("Aruwe Inner", (20.05, 2.05, 20.25, 2.25)), ("Aruwe Ring", (20.15, 2.0, 20.45, 2.2))):
        grant_region(cast.rosa.user, Region.objects.get(id=create_region(name, make_box(*box))))
    return cast


@pytest.fixture
def states(cast: Cast) -> dict[Cell, str]:
    """What is believed of some cells, many of them in several regions."""
    draw = random.Random(11)
    model = make_model(cast.anna.user)
    believed: dict[Cell, str] = {}
    for state in ALL_STATES:
        cells = {(SOUTH + draw.randrange(SIDE), WEST + draw.randrange(SIDE + 10)) for _ in range(40)}
        cells -= set(believed)
        put_cells(model, sorted(cells), state=state)
        believed |= dict.fromkeys(cells, state)
    return believed


def regions_of(cast: Cast) -> list[UUID]:
    """Rosa's."""
    return [held.content_object_id for held in cast.rosa.user.regionuserpermission_set.all()]


def open_ticket(cast: Cast) -> Ticket:
    """For all of Rosa's regions."""
    viewer = viewer_of(cast.rosa)
    scope = TicketScope(viewer.user_id, Reads.ACTIVITY, regions_of(cast))
    return open_entry(Entry(viewer, "read.activity", "/api/v1/activity", viewer.request_id), scope)


def read(cast: Cast, wanted: CellFilter, after: int, limit: int) -> tuple[list[int], bool]:
    """Numbers of the cells of a page, and whether there are more."""
    with as_role("penumbra_web"):
        page = read_activity_with_ticket(open_ticket(cast), wanted, after, limit)
    numbers = [
        cell_number(feature["properties"]["row"], feature["properties"]["col"])
        for feature in json.loads(f"[{page.features}]")
    ]
    assert numbers == list(page.numbers)
    return numbers, page.more


def covered(cast: Cast, cell: Cell) -> bool:
    """True where one of Rosa's regions holds the cell."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM vault.region_run WHERE row = %s AND %s BETWEEN col_from AND col_to"
            " AND region_id = ANY (%s))",
            [*cell, regions_of(cast)],
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("seed", range(6))
def test_pages_of_any_size_tell_every_cell_once_and_in_order(
    cast: Cast, states: dict[Cell, str], seed: int
) -> None:
    draw = random.Random(seed)
    box = draw.choice(
        [EVERYWHERE, Box(SOUTH + 3, WEST + 5, SOUTH + 30, WEST + 33), Box(SOUTH, 0, SOUTH + 20, WEST + 21)]
    )
    asked = draw.sample(ALL_STATES, draw.randint(1, 4))
    wanted = CellFilter(box, asked)
    expected = sorted(
        cell_number(*cell)
        for cell, state in states.items()
        if state in asked
        and box.row_from <= cell[0] < box.row_to
        and box.col_from <= cell[1] < box.col_to
        and covered(cast, cell)
    )
    assert expected
    told: list[int] = []
    more = True
    while more:
        page, more = read(cast, wanted, told[-1] if told else -1, draw.randint(1, 9))
        assert page or not more
        told += page
    assert told == expected


def test_a_region_that_is_shut_takes_its_cells_with_it_wherever_else_they_lie(
    cast: Cast, states: dict[Cell, str]
) -> None:
    before, _ = read(cast, CellFilter(EVERYWHERE, ALL_STATES), -1, 1000)
    (inner,) = Region.objects.filter(name="Aruwe Inner").values_list("id", flat=True)
    set_posture(inner, "guarded")
    after, _ = read(cast, CellFilter(EVERYWHERE, ALL_STATES), -1, 1000)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.row * 36000 + s.col FROM vault.cell_state s JOIN vault.region_run r ON r.region_id = %s"
            " AND r.row = s.row AND s.col BETWEEN r.col_from AND r.col_to",
            [inner],
        )
        shut = {number for (number,) in cursor.fetchall()}
    assert shut & set(before)
    assert after == [number for number in before if number not in shut]


@pytest.mark.parametrize("quota", [1, 5, 17])
def test_a_quota_covers_the_first_cells_and_those_of_before(
    cast: Cast, states: dict[Cell, str], quota: int
) -> None:
    wanted = CellFilter(EVERYWHERE, ALL_STATES)
    everything, _ = read(cast, wanted, -1, 1000)
    with as_role("none"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM vault.cells_read")
    seen = everything[3:6]
    assert read(cast, wanted, seen[0] - 1, 3)[0] == seen
    limit_quota(len(seen) + quota)
    fresh = [number for number in everything if number not in seen]
    last = fresh[quota - 1]
    expected = [number for number in everything if number <= last]
    if everything.index(last) + 1 < len(everything) and everything[everything.index(last) + 1] in seen:
        expected += [number for number in seen if number > last]
    assert read(cast, wanted, -1, 1000) == (expected, True)
    with pytest.raises(QuotaSpent):
        read(cast, wanted, -1, 1)


@pytest.mark.parametrize("style", ["ISO, YMD", "German, DMY", "SQL, MDY"])
def test_a_cell_is_written_the_same_whenever_it_was_stored_and_whatever_the_session_calls_a_date(
    cast: Cast, style: str
) -> None:
    model, cell = make_model(cast.anna.user), (SOUTH + 1, WEST + 1)
    states = ("active", "quiet", "suspected")
    tickets = {state: open_ticket(cast) for state in states}
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('datestyle', %s, true)", [style])
    for state in states:
        put_cells(model, [cell], state=state, observed_on=date(2026, 9, 5), probability=0.25)
        with connection.cursor() as cursor:
            cursor.execute("SELECT vault.cell_feature(s), s.feature FROM vault.cell_state s")
            written, stored = cursor.fetchone()
        with as_role("penumbra_web"):
            page = read_activity_with_ticket(tickets[state], CellFilter(EVERYWHERE, ALL_STATES), -1, 10)
        assert page.features == written
        assert stored == (None if state == "quiet" else written)
        told = json.loads(written)
        assert told["properties"] == {
            "row": cell[0],
            "col": cell[1],
            "state": state,
            "probability": 0.25,
            "class": "none" if state == "quiet" else "artisanal",
            "interval": [0.1, 0.95],
            "observed_on": "2026-09-05",
            "valid_share": 1.0,
            "confidence": None,
            "public_elsewhere": [],
        }
        assert told["geometry"]["coordinates"][0][0] == [20.01, 2.01]


@pytest.mark.parametrize("page_cost", [4, 1e6])
def test_a_page_touches_no_cell_of_other_regions(cast: Cast, page_cost: float) -> None:
    """Or its time would tell how many of them are active (LC-24). Nor where the planner takes reading it all for cheaper."""
    model = make_model(cast.anna.user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('random_page_cost', %s, true)", [str(page_cost)])
        cursor.execute("ANALYZE vault.cell_state")  # plans of before are forgotten
    put_cells(model, [(SOUTH + row, 19_950 + col) for row in range(20) for col in range(40)])
    put_cells(model, [(SOUTH + 19, WEST + 1), (SOUTH + 19, WEST + 2)])

    def fetched() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables"
                " WHERE relid = 'vault.cell_state'::regclass"
            )
            return int(cursor.fetchone()[0])

    before = fetched()
    assert len(read(cast, CellFilter(EVERYWHERE, ["active"]), -1, 10)[0]) == 2
    assert fetched() - before <= 6


def test_shapes_hold_the_same_cells(cast: Cast, states: dict[Cell, str]) -> None:
    wanted = CellFilter(EVERYWHERE, ALL_STATES)
    chunks = []
    for shape in ChunkShape:
        with as_role("penumbra_web"):
            chunks.append(read_activity_chunk_with_ticket(open_ticket(cast), shape, wanted, -1, 50, "r", "p"))
    assert len({tuple(chunk.numbers) for chunk in chunks}) == 1
    assert all(chunk.more and chunk.sight and chunk.content for chunk in chunks)
    features = json.loads(f"[{chunks[0].content.decode()}]")
    lines = [line.split(",") for line in chunks[1].content.decode().splitlines()]
    assert [[str(f["properties"][name]) for name in ("row", "col", "state")] for f in features] == [
        line[4:7] for line in lines
    ]
