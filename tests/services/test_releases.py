"""Releases: bands of safe blocks for months that are over, the same for everybody, complete in each batch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import pytest
from django.db import connection

from accounts.roles import Role
from monitor.grid import Level
from monitor.models import Region, TrainedModel
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.scope import grant_region
from monitor.releases.batches import (
    COLUMNS,
    EMPTY,
    BlockRow,
    digest_rows,
    list_batches,
    shape_line,
    shape_row,
)
from monitor.releases.blocks import read_blocks
from monitor.releases.parts import list_batches_of
from monitor.releases.sight import Reader, read_rights
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.builders import Cell, cell_at, look_around, make_model, make_scene, put_cells
from tests.cast import Cast, Person, hire, make_box
from tests.rights import set_posture
from tests.roles import as_role, read_rows

TODAY = date(2026, 11, 20)
AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 15) for month in (8, 9, 10, 11))
BLOCK = (460, 1000)
"""The south-west block of the east, 400 cells."""


def cells_of(block: tuple[int, int], count: int, skip: int = 0) -> list[Cell]:
    """`count` cells of an L2 block, in the order of their numbers."""
    n = Level.L2.span
    return [(block[0] * n + k // n, block[1] * n + k % n) for k in range(skip, skip + count)]


def spread(block: tuple[int, int], count: int, skip: int = 0) -> list[Cell]:
    """`count` cells of an L2 block, in turns from each of its four L1 blocks."""
    n = Level.L1.span
    south, west = block[0] * 2 * n, block[1] * 2 * n
    return [
        (south + k // 2 % 2 * n + k // 4 // n, west + k % 2 * n + k // 4 % n)
        for k in range(skip, skip + count)
    ]


def published(today: date = TODAY, edition: Level = Level.L2) -> list[BlockRow]:
    """Publish, and read all rows of one edition of the new batch."""
    batch = publish_release(today).batch
    rows = read_rows(
        f"SELECT {COLUMNS} FROM release.block b WHERE batch_id = %s AND edition = %s", batch, int(edition)
    )
    return sorted(shape_row(row) for row in rows)


def row_of(rows: Iterable[BlockRow], block: tuple[int, int] = BLOCK, month: date = SEPTEMBER) -> BlockRow:
    """The row of one block and month."""
    (row,) = [row for row in rows if (row.row, row.col) == block and row.period == month.replace(day=1)]
    return row


def test_a_month_of_a_block_is_published_as_bands(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 20), observed_on=SEPTEMBER)
    put_cells(model, cells_of(BLOCK, 180, skip=20), "quiet", OCTOBER, 0.1, around=None)
    assert published() == [
        BlockRow(
            Level.L2,
            Level.L2,
            *BLOCK,
            SEPTEMBER.replace(day=1),
            ActivityBand.FROM_5_TO_10,
            Trend.FIRST,
            ObservedBand.OVER_75,
        ),
        BlockRow(
            Level.L2,
            Level.L2,
            *BLOCK,
            OCTOBER.replace(day=1),
            ActivityBand.FROM_5_TO_10,
            Trend.SAME,
            ObservedBand.FROM_25_TO_50,
        ),
    ]


@pytest.mark.parametrize(
    ("active", "band"),
    [
        (0, "none"),
        (1, "under_2"),
        (7, "under_2"),
        (8, "2_to_5"),
        (20, "5_to_10"),
        (40, "5_to_10"),
        (41, "over_10"),
    ],
)
def test_bands_are_shares_of_the_plausible_cells_of_the_block(
    cast: Cast, model: UUID, active: int, band: str
) -> None:
    put_cells(model, cells_of(BLOCK, 50), "quiet", SEPTEMBER, 0.1)
    if active:
        put_cells(model, cells_of(BLOCK, active), observed_on=SEPTEMBER.replace(day=20))
    assert row_of(published()).band == band


def test_what_is_only_suspected_is_not_published_as_active(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 30), "suspected", SEPTEMBER)
    assert row_of(published()).band is ActivityBand.NONE


def test_nothing_of_the_current_month_is_published(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 30), observed_on=NOVEMBER)
    put_cells(model, cells_of(BLOCK, 30), observed_on=TODAY)
    assert published() == []
    assert published(date(2026, 11, 30)) == []
    assert [row.period for row in published(date(2026, 12, 1))] == [date(2026, 11, 1)]


def cells_and_looks(model: UUID, month: date, seen: int, active: int) -> None:
    """In a month, `seen` cells of the block are looked at, and `active` of them are."""
    put_cells(model, spread(BLOCK, active), observed_on=month, around=None)
    put_cells(model, spread(BLOCK, seen - active, skip=active), "quiet", month, 0.1, around=None)


def test_a_block_has_no_row_until_nearly_all_of_it_was_observed(cast: Cast, model: UUID) -> None:
    """Or whoever knows which cells were in the pictures would know among how few the active ones are."""
    cells_and_looks(model, AUGUST, seen=379, active=30)
    assert published() == []
    put_cells(model, spread(BLOCK, 1, skip=379), "quiet", SEPTEMBER, 0.1, around=None)
    assert [(row.period.month, row.band, row.trend, row.observed) for row in published()] == [
        (9, ActivityBand.FROM_5_TO_10, Trend.FIRST, ObservedBand.UNDER_25)
    ]


def test_a_band_moves_only_once_nearly_all_was_observed_since_it_could_move_before(
    cast: Cast, model: UUID
) -> None:
    """Or the cells that were under clouds in the month of a rise would be known not to be its cause."""
    cells_and_looks(model, AUGUST, seen=400, active=0)
    cells_and_looks(model, SEPTEMBER, seen=300, active=30)
    assert [row.band for row in published()] == [ActivityBand.NONE, ActivityBand.NONE]
    put_cells(model, spread(BLOCK, 80, skip=300), "quiet", OCTOBER, 0.1, around=None)
    assert [(row.period.month, row.band, row.trend) for row in published()] == [
        (8, ActivityBand.NONE, Trend.FIRST),
        (9, ActivityBand.NONE, Trend.SAME),
        (10, ActivityBand.FROM_5_TO_10, Trend.UP),
    ]


def test_a_cell_that_was_seen_twice_counts_once_towards_nearly_all(cast: Cast, model: UUID) -> None:
    cells_and_looks(model, AUGUST, seen=400, active=0)
    for month in (SEPTEMBER, OCTOBER):
        cells_and_looks(model, month, seen=300, active=30)
    assert {row.band for row in published()} == {ActivityBand.NONE}


def on_single_days() -> None:
    """Make the composites that are there scenes of one day."""
    read_rows("UPDATE vault.score SET observed_from = observed_on RETURNING row")


@pytest.mark.parametrize(
    "again", [AUGUST.replace(day=20), SEPTEMBER], ids=["in the same month", "a month later"]
)
def test_a_cell_that_was_seen_on_one_day_does_not_count_until_it_is_seen_on_another(
    cast: Cast, model: UUID, again: date
) -> None:
    """One look makes no cell active, so that the cells of a second one would be known to be those that may be."""
    cells_and_looks(model, AUGUST, seen=400, active=0)
    on_single_days()
    assert published() == []
    put_cells(model, spread(BLOCK, 30), observed_on=again, around=None)
    on_single_days()
    assert published() == []
    put_cells(model, spread(BLOCK, 350, skip=30), "quiet", again, 0.1, around=None)
    on_single_days()
    assert [(row.period.month, row.band) for row in published()] == [(again.month, ActivityBand.FROM_5_TO_10)]


def test_looks_before_a_band_could_move_do_not_count_towards_the_next_time(cast: Cast, model: UUID) -> None:
    for day in (AUGUST, AUGUST.replace(day=20)):
        cells_and_looks(model, day, seen=400, active=0)
    cells_and_looks(model, SEPTEMBER, seen=400, active=30)
    on_single_days()
    assert [row.band for row in published()] == [ActivityBand.NONE] * 2
    cells_and_looks(model, OCTOBER, seen=400, active=30)
    on_single_days()
    assert [row.band for row in published()] == [ActivityBand.NONE] * 2 + [ActivityBand.FROM_5_TO_10]


@pytest.mark.parametrize("has_reference", [True, False])
def test_a_composite_counts_by_itself_where_it_is_held_against_an_earlier_one(
    cast: Cast, model: UUID, has_reference: bool
) -> None:
    cells_and_looks(model, AUGUST, seen=400, active=0)
    read_rows("UPDATE vault.score SET has_reference = %s RETURNING row", has_reference)
    assert len(published()) == has_reference


def test_two_systems_on_one_day_are_two_looks(cast: Cast, model: UUID) -> None:
    for sensor in ("sentinel-1", "sentinel-2"):
        cells_and_looks(model, AUGUST, seen=400, active=0)
        read_rows(
            "UPDATE vault.score SET sensor = %s WHERE sensor = 'sentinel-2' RETURNING row",
            sensor,
        )
    on_single_days()
    assert len(published()) == 1


@pytest.mark.parametrize(
    "again", [AUGUST.replace(day=20), SEPTEMBER], ids=["in the same month", "a month later"]
)
def test_looks_of_two_systems_count_once_the_later_one_is_held_against_an_earlier(
    cast: Cast, model: UUID, again: date
) -> None:
    """Without, both together only suspect; so the few cells that had been seen before would be known to be the cause."""
    for sensor, day in (("sentinel-1", AUGUST), ("sentinel-2", again)):
        cells_and_looks(model, day, seen=400, active=0)
        read_rows("UPDATE vault.score SET sensor = %s WHERE observed_on = %s RETURNING row", sensor, day)
    on_single_days()
    read_rows("UPDATE vault.score SET has_reference = false RETURNING row")
    held = "UPDATE vault.score SET has_reference = true WHERE sensor = 'sentinel-2' AND (row, col) IN (SELECT * FROM"
    for count, rows in ((30, 0), (370, 0), (400, 1)):
        cells = list(zip(*spread(BLOCK, count), strict=True))
        read_rows(f"{held} unnest(%s::int[], %s::int[])) RETURNING row", *map(list, cells))
        assert [row.period.month for row in published()] == [again.month] * rows


def test_composites_that_overlap_are_one_look(cast: Cast, model: UUID) -> None:
    """Neither is held against an earlier one, nor one of them against the other."""
    for day in (AUGUST, AUGUST.replace(day=20)):
        cells_and_looks(model, day, seen=400, active=0)
    read_rows("UPDATE vault.score SET has_reference = false RETURNING row")
    assert published() == []


def test_a_later_month_does_not_change_an_earlier_one(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 10), observed_on=SEPTEMBER)
    before = row_of(published())
    put_cells(model, cells_of(BLOCK, 100), observed_on=OCTOBER)
    put_cells(model, cells_of(BLOCK, 10), "quiet", OCTOBER, 0.1)
    rows = published()
    assert row_of(rows) == before
    assert row_of(rows, month=OCTOBER).band is ActivityBand.OVER_10


def test_a_month_without_any_look_at_a_block_has_no_row(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 10), observed_on=AUGUST)
    put_cells(model, cells_of((461, 1001), 10), observed_on=SEPTEMBER)
    assert [(row.row, row.col, row.period.month) for row in published()] == [(460, 1000, 8), (461, 1001, 9)]


def test_the_trend_compares_published_bands_and_skips_unseen_months(cast: Cast, model: UUID) -> None:
    july = date(2026, 7, 15)
    put_cells(model, cells_of(BLOCK, 10), observed_on=july)
    put_cells(model, cells_of(BLOCK, 11), observed_on=SEPTEMBER)  # the same band: no trend from counts
    put_cells(model, cells_of(BLOCK, 30), observed_on=OCTOBER)
    rows = published()
    trends = [row_of(rows, month=month).trend for month in (july, SEPTEMBER, OCTOBER)]
    assert trends == [Trend.FIRST, Trend.SAME, Trend.UP]


def test_clouded_looks_are_no_looks(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 40), observed_on=SEPTEMBER)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE vault.score SET observed = false, p_none = NULL, p_artisanal = NULL, p_industrial = NULL"
        )
    assert published() == []


def test_scores_of_a_model_that_no_longer_acts_do_not_count(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 40), observed_on=SEPTEMBER)
    TrainedModel.objects.filter(id=model).update(state="retired")
    assert published() == []


def test_a_correction_appears_in_the_next_batch_and_leaves_no_tombstone(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 30), observed_on=SEPTEMBER)
    wrong = put_cells(model, cells_of((461, 1001), 400), observed_on=SEPTEMBER, around=None)
    first = published()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM vault.score WHERE scene_id = %s", [wrong])
    second = published()
    assert (len(first), second) == (2, [row_of(first)])
    columns = {
        name
        for (name,) in read_rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'release' AND table_name = 'block'"
        )
    }
    coarse = {"batch_id", "edition", "level", "row", "col", "period", "band", "trend", "observed"}
    assert columns == coarse | {"is_whole", "piece", "line"}


def test_what_was_withdrawn_is_gone_with_the_second_batch_after_it(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 30), observed_on=SEPTEMBER)
    batches = [publish_release(TODAY).batch for _ in range(4)]
    kept = {batch for (batch,) in read_rows("SELECT DISTINCT batch_id FROM release.block")}
    assert kept == set(batches[-2:])
    assert [batch.id for batch in list_batches(10)] == batches[::-1]
    with as_role("penumbra_web"):
        assert [part.row_count for part in list_batches_of(read_rights(Reader(cast.pia.user.id)), 10)] == [
            1,
            1,
            None,
            None,
        ]


def test_where_the_sites_lie_inside_their_block_changes_nothing(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 200), "quiet", SEPTEMBER, 0.1)
    put_cells(model, cells_of(BLOCK, 12), observed_on=date(2026, 9, 16))
    one = published()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM vault.score")
    put_cells(
        model, list(reversed(cells_of(BLOCK, 13, skip=187))), observed_on=date(2026, 9, 3), probability=0.6
    )
    put_cells(model, cells_of(BLOCK, 187), "quiet", date(2026, 9, 29), 0.2)
    assert published() == one


def read_as_paul(cast: Cast, batch: UUID, regions: list[UUID]) -> list[BlockRow]:
    """The blocks of a batch that Paul, a partner, gets in regions."""
    with as_role("penumbra_web"):
        return read_blocks(batch, regions, Level.L2, None, None, None, 100, Reader(cast.paul.user.id))


def test_everybody_who_receives_a_block_sees_the_same_numbers(cast: Cast, model: UUID) -> None:
    """A block on a border counts all its cells for both sides: scope selects, it never recomputes (P5)."""
    north = create_region("Aruwe North", make_box(20.0, 2.3, 20.4, 2.8))
    put_cells(model, cells_of((461, 1000), 9), observed_on=SEPTEMBER)
    put_cells(model, cells_of((461, 1000), 9, skip=391), observed_on=SEPTEMBER)
    batch = publish_release(TODAY).batch
    grant_region(cast.paul.user, Region.objects.get(id=north))
    seen = [read_as_paul(cast, batch, regions) for regions in ([cast.east], [north], [north, cast.east])]
    assert seen[0] == seen[1] == seen[2]
    assert [row.band for row in seen[0]] == [ActivityBand.FROM_2_TO_5]


def test_nobody_gets_blocks_of_a_region_that_they_do_not_receive(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 9), observed_on=SEPTEMBER)
    batch = publish_release(TODAY).batch
    assert read_as_paul(cast, batch, [cast.west]) == []
    assert read_as_paul(cast, batch, []) == []


def test_a_sliver_of_a_block_is_counted_in_its_parent(cast: Cast, model: UUID) -> None:
    """Blocks of 40, 40 and 20 cells: the last hides too little, so it goes to the parent and one of the others with it."""
    strip = create_region("Aruwe Strip", make_box(20.5, 2.0, 20.52, 2.5))
    for lat in (2.105, 2.305, 2.405):
        put_cells(model, [cell_at(20.505, lat)], observed_on=SEPTEMBER)
    rows = published()
    assert [(row.level, row.row, row.col, row.band) for row in rows] == [
        (Level.L2, 461, 1002, ActivityBand.FROM_2_TO_5),  # 1 of 40
        (Level.L3, 92, 200, ActivityBand.FROM_2_TO_5),  # 2 of 60
    ]
    grant_region(cast.paul.user, Region.objects.get(id=strip))
    assert read_as_paul(cast, list_batches(1)[0].id, [strip]) == rows


def test_the_parent_counts_no_block_that_is_published_by_itself(cast: Cast, model: UUID) -> None:
    """Or the parent's figure minus its other blocks would be a figure for the sliver."""
    create_region("Aruwe Strip", make_box(20.0, 2.4, 20.4, 2.42))  # 20 x 2 cells in each of two blocks
    put_cells(model, cells_of(BLOCK, 400), observed_on=SEPTEMBER)
    look_around(model, [(92, 200)], Level.L3, SEPTEMBER)
    create_region("Aruwe Sliver", make_box(20.4, 2.0, 20.41, 2.4))  # 20 cells in each of two blocks
    rows = published()
    (parent,) = [row for row in rows if row.level is Level.L3]
    assert row_of(rows).band is ActivityBand.OVER_10
    assert parent.band is ActivityBand.NONE


def test_where_even_the_parent_hides_too_little_nothing_is_published(cast: Cast, model: UUID) -> None:
    create_region("Islet", make_box(30.0, 5.0, 30.05, 5.05))
    put_cells(model, [cell_at(30.005, 5.005)], observed_on=SEPTEMBER)
    assert published() == []


def test_a_country_in_which_nothing_can_be_published_has_an_empty_batch(db: None) -> None:
    create_region("Islet", make_box(30.0, 5.0, 30.05, 5.05))
    put_cells(make_model(hire("anna", Role.ANALYST).user), [cell_at(30.005, 5.005)], observed_on=SEPTEMBER)
    assert published() == []


def test_no_block_of_a_batch_lies_in_two_of_its_rows_for_one_month(cast: Cast, model: UUID) -> None:
    create_region("Aruwe Strip", make_box(20.4, 2.0, 20.41, 2.5))
    for block in ((460, 1000), (461, 1001), (460, 1002), (462, 1002)):
        put_cells(model, cells_of(block, 20), observed_on=SEPTEMBER, around=Level.L3)
    rows = published()
    assert len({(row.level, row.row, row.col, row.period) for row in rows}) == len(rows)
    assert {row.level for row in rows} == {Level.L2, Level.L3}


def test_a_batch_is_whole_and_carries_policy_and_digest(cast: Cast, model: UUID) -> None:
    put_cells(model, cells_of(BLOCK, 20), observed_on=SEPTEMBER)
    rows = published()
    (batch,) = list_batches(5)
    assert (batch.policy_version, batch.digest, batch.row_count) == (POLICY_VERSION, digest_rows(rows), 1)
    assert batch.id.version == 4
    assert read_rows(
        "SELECT action, c.outcome FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
        " WHERE action = 'release.publish' ORDER BY e.at DESC LIMIT 1"
    ) == [("release.publish", "done")]


def test_what_a_batch_says_of_one_region_does_not_depend_on_another(cast: Cast, model: UUID) -> None:
    """A digest over more rows than somebody receives would let them try out the others."""
    put_cells(model, cells_of(BLOCK, 20), observed_on=SEPTEMBER)
    rows = published()
    assert received(cast.pia)[0] == (digest_rows(rows), 1)
    put_cells(model, cells_of((460, 999), 30), observed_on=SEPTEMBER)
    published()
    assert received(cast.pia)[0] == (digest_rows(rows), 1)
    assert received(cast.paul)[0][1] == 2
    assert received(cast.mallory)[0] == (EMPTY, 0)


def test_digest_and_count_over_several_regions_are_of_the_rows_that_somebody_reads(
    cast: Cast, model: UUID
) -> None:
    """Whoever holds the rows checks them (decisions/0019). Nobody is told which block is of which region, or of two."""
    middle = create_region("Aruwe Middle", make_box(19.9, 2.1, 20.1, 2.3))
    for block in (BLOCK, (460, 999)):
        put_cells(model, cells_of(block, 20), observed_on=SEPTEMBER)
    batch = publish_release(TODAY).batch
    petra = hire("petra", Role.PARTNER, cast.east, cast.west, middle)
    for person, regions in ((cast.paul, [cast.east, cast.west]), (petra, [cast.east, cast.west, middle])):
        with as_role("penumbra_web"):
            seen = read_blocks(batch, regions, Level.L2, None, None, None, 100, Reader(person.user.id))
        assert {(row.row, row.col) for row in seen} == {BLOCK, (460, 999)}
        assert received(person)[0] == (digest_rows(seen), 2)


def received(person: Person) -> list[tuple[str | None, int | None]]:
    """Digest and number of rows of what somebody receives of each batch."""
    with as_role("penumbra_web"):
        return [
            (part.digest, part.row_count) for part in list_batches_of(read_rights(Reader(person.user.id)), 5)
        ]


def test_what_a_batch_counts_for_whoever_knows_cells_has_no_block_of_two_regions(
    cast: Cast, model: UUID
) -> None:
    south = create_region("Aruwe South", make_box(21.0, 2.0, 21.4, 2.37))
    create_region("Aruwe North", make_box(21.0, 2.37, 21.4, 2.8))
    put_cells(model, [cell_at(21.115, 2.335)])
    batch = publish_release(TODAY).batch
    sela = hire("sela", Role.REGULATOR, south)
    with as_role("none"):
        set_posture(south, "guarded")
    with as_role("penumbra_web"):
        seen = read_blocks(batch, [south], Level.L1, None, None, None, 10, Reader(sela.user.id))
        (told,) = list_batches_of(read_rights(Reader(sela.user.id)), 1)
    assert {row.row for row in seen} == {922}  # the southern two of four looked-at blocks
    assert (told.row_count, told.digest) == (2, digest_rows(seen))


def test_without_an_active_model_or_any_score_a_batch_is_empty_and_still_a_batch(cast: Cast) -> None:
    make_scene()
    assert published() == []
    assert list_batches(1)[0].row_count == 0


def test_a_row_is_the_same_read_by_its_columns_and_by_its_line(cast: Cast, model: UUID) -> None:
    create_region("Aruwe Strip", make_box(20.5, 2.0, 20.52, 2.5))
    put_cells(model, [*cells_of(BLOCK, 30), cell_at(20.505, 2.105)], observed_on=SEPTEMBER, around=Level.L3)
    publish_release(TODAY)
    lines = read_rows(f"SELECT b.line, {COLUMNS} FROM release.block b")
    assert {row[-1] for row in lines} == {True, False}
    assert [shape_line(line) for line, *_ in lines] == [shape_row(tuple(row)) for _, *row in lines]
