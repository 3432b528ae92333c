"""Three editions of one batch: their periods, their bands, and that they are sums of each other."""

from __future__ import annotations

from collections import Counter
from datetime import date
from uuid import UUID

import pytest
from django.db import connection

from monitor.grid import Level
from monitor.models import TrainedModel
from monitor.privacy.coarsen import ActivityBand
from monitor.releases.batches import COLUMNS, BlockRow, shape_row
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.builders import Cell, cell_at, look_around, put_cells
from tests.cast import Cast, make_box
from tests.roles import read_rows

TODAY = date(2026, 11, 20)
APRIL, MAY, JUNE, JULY, SEPTEMBER = (date(2026, month, 15) for month in (4, 5, 6, 7, 9))


def editions(today: date = TODAY) -> dict[Level, list[BlockRow]]:
    """Publish, and read the rows of each edition."""
    batch = publish_release(today).batch
    rows = [
        shape_row(row)
        for row in read_rows(f"SELECT {COLUMNS} FROM release.block b WHERE batch_id = %s", batch)
    ]
    return {
        level: sorted(row for row in rows if row.edition is level) for level in (Level.L1, Level.L2, Level.L3)
    }


def square(south: float, west: float, side: int) -> list[Cell]:
    """`side` x `side` cells from a corner in degrees."""
    row, col = cell_at(west + 0.005, south + 0.005)
    return [(row + k // side, col + k % side) for k in range(side * side)]


def test_a_cell_is_told_in_all_three_editions(cast: Cast, model: UUID) -> None:
    put_cells(model, square(2.0, 20.0, 3), observed_on=APRIL, around=Level.L3)
    rows = editions()
    assert [
        (row.level, row.row, row.col, row.period.isoformat(), row.band.value)
        for each in rows.values()
        for row in each
        if row.band is not ActivityBand.NONE
    ] == [
        (1, 920, 2000, "2026-04-01", "5_to_10"),  # nine of 100
        (2, 460, 1000, "2026-04-01", "2_to_5"),  # of 400
        (3, 92, 200, "2026-04-01", "under_2"),  # of 1,600
    ]


@pytest.mark.parametrize("sites", [[], [(9215, 20015)]], ids=["nothing there", "a site there"])
def test_what_a_block_could_not_tell_yet_is_in_no_coarser_row(
    cast: Cast, model: UUID, sites: list[Cell]
) -> None:
    """The L1 block in the north-east of an L2 block is seen by four fifths, all else in full: what is active there moves
    neither its row nor those of the squares around it, or the cells that were not seen would be known not to be it."""
    look_around(model, [(92, 200)], Level.L3, APRIL)
    before = editions()
    look_around(
        model,
        {(920 + k // 4, 2000 + k % 4) for k in range(16)} - {(921, 2001)},
        Level.L1,
        MAY,
    )
    seen = [cell for cell in square(2.1, 20.1, 10) if cell[0] < 9218]
    put_cells(model, sites, observed_on=MAY, around=None)
    put_cells(model, sorted({*seen} - {*sites}), "quiet", MAY, 0.1, around=None)
    after = editions()
    assert len(before[Level.L3]) == 1
    for level in (Level.L1, Level.L2, Level.L3):
        assert {row.band for row in after[level]} == {ActivityBand.NONE}
    look_around(model, [(921, 2001)], Level.L1, JUNE)
    told = editions()
    assert {
        level: sum(row.band is not ActivityBand.NONE for row in told[level]) for level in told
    } == dict.fromkeys(told, len(sites))


def test_a_quarter_has_the_state_at_its_end_and_counts_an_observed_cell_once(cast: Cast, model: UUID) -> None:
    look_around(model, [(461, 1000), (460, 1001), (461, 1001)], Level.L2, date(2026, 2, 1))
    cells = square(2.0, 20.0, 20)  # a quarter of the plausible cells of the square
    for month in (APRIL, MAY):
        put_cells(model, cells, observed_on=month)
    put_cells(model, cells, "quiet", JUNE, 0.1)
    (row,) = editions()[Level.L3]
    assert (row.band.value, row.observed.value, row.trend.value) == ("none", "25_to_50", "first")


def test_a_quarter_is_published_ninety_days_after_its_end(cast: Cast, model: UUID) -> None:
    put_cells(model, square(2.0, 20.0, 3), observed_on=JUNE, around=Level.L3)
    assert editions(date(2026, 9, 28))[Level.L3] == []
    assert [row.period for row in editions(date(2026, 9, 29))[Level.L3]] == [date(2026, 4, 1)]
    assert {row.period for row in editions(date(2026, 7, 1))[Level.L2]} == {date(2026, 6, 1)}


def test_the_trend_of_a_quarter_is_against_the_quarter_before(cast: Cast, model: UUID) -> None:
    put_cells(model, square(2.0, 20.0, 20), observed_on=date(2026, 2, 3), around=Level.L3)
    put_cells(model, square(2.0, 20.0, 3), observed_on=APRIL, around=Level.L3)
    put_cells(model, square(2.0, 20.0, 20), "quiet", JULY, 0.1, around=Level.L3)
    rows = editions(date(2026, 12, 30))[Level.L3]
    assert [(row.period.month, row.trend.value) for row in rows] == [(1, "first"), (4, "same"), (7, "down")]


def test_a_withdrawal_is_gone_from_every_edition_with_the_next_batch(cast: Cast, model: UUID) -> None:
    put_cells(model, square(2.0, 20.0, 3), observed_on=APRIL, around=Level.L3)
    kept = editions()
    wrong = put_cells(model, square(2.2, 20.2, 20), observed_on=MAY, around=None)
    assert editions() != kept
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM vault.score WHERE scene_id = %s", [wrong])
    assert editions() == kept


def test_a_small_block_takes_neighbours_with_it_at_its_own_level(cast: Cast, model: UUID) -> None:
    """Blocks of 40, 40 and 20 cells at L2 (strip); at L1 rows of twenty: what is too little stays with its square."""
    create_region("Strip", make_box(21.5, 2.0, 21.52, 2.5))
    for lat in (2.105, 2.305, 2.405):
        put_cells(model, [cell_at(21.505, lat)], observed_on=APRIL)
    rows = editions()
    assert [(r.level, r.row, r.is_whole) for r in rows[Level.L2]] == [(2, 461, True), (3, 92, False)]
    assert [(r.level, r.row, r.is_whole) for r in rows[Level.L1]] == [(2, 461, True), (3, 92, False)]
    assert [(r.level, r.row, r.is_whole) for r in rows[Level.L3]] == [(3, 92, True)]


def test_no_row_of_an_edition_stands_twice(cast: Cast, model: UUID) -> None:
    create_region("Strip", make_box(20.4, 2.0, 20.41, 2.5))
    for south, west in ((2.0, 20.0), (2.2, 20.2), (2.0, 20.4), (2.4, 20.4)):
        put_cells(model, square(south, west, 1), observed_on=SEPTEMBER)
    for rows in editions().values():
        count = Counter((row.level, row.row, row.col, row.period) for row in rows)
        assert max(count.values(), default=1) == 1


def test_the_same_rows_and_pieces_are_not_published_again_when_only_changes_are_wanted(
    cast: Cast, model: UUID
) -> None:
    put_cells(model, square(2.0, 20.0, 3), observed_on=APRIL)
    first = publish_release(TODAY)
    again = publish_release(TODAY, only_changes=True)
    assert (again.batch, again.is_new) == (first.batch, False)
    create_region("Aruwe North", make_box(20.0, 2.6, 20.4, 2.8))
    assert publish_release(TODAY, only_changes=True).is_new
    TrainedModel.objects.update(state="retired")
    assert publish_release(TODAY, only_changes=True).is_new


def test_where_a_site_lies_inside_its_l1_block_changes_no_row(cast: Cast, model: UUID) -> None:
    put_cells(model, square(2.0, 20.0, 3), observed_on=APRIL)
    one = editions()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM vault.score")
    put_cells(model, square(2.06, 20.05, 3), observed_on=date(2026, 4, 29))
    assert editions() == one
