"""What was told stays until nearly all of a piece was seen again: pictures that come late, or are taken back."""

from __future__ import annotations

import hashlib
import random
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from monitor.detection.detect import CHANGE, CellScores, withhold_scores
from monitor.grid import Level
from monitor.models import TrainedModel
from monitor.privacy.coarsen import ActivityBand, is_enough_seen
from monitor.releases.batches import COLUMNS, BlockRow, shape_row
from monitor.services.releases import publish_release
from monitor.vault.scores import SceneDates, upsert_scores
from tests.builders import Cell, look_around, make_model, make_scene, put_cells
from tests.cast import Cast
from tests.roles import read_rows

AUGUST, SEPTEMBER, OCTOBER = (date(2026, month, 15) for month in (8, 9, 10))
LATER = date(2026, 9, 25)
WEEKS = [date(2026, 10, day) for day in (5, 12, 19, 26)]
AFTER_OCTOBER = date(2026, 11, 2)
NONE, UNDER_2, FROM_2_TO_5, FROM_5_TO_10, OVER_10 = ActivityBand
PIECE = (920, 2000)
"""A block of L1, in the south-west of the east: 100 cells."""
COMPOSITE = SceneDates("sentinel-2", date(2026, 7, 25), LATER)


def cells_of(count: int, skip: int = 0, piece: Cell = PIECE) -> list[Cell]:
    """Some cells of a block of L1, in the order of their numbers."""
    n = Level.L1.span
    return [(piece[0] * n + k // n, piece[1] * n + k % n) for k in range(skip, skip + count)]


def look(model: UUID, day: date, seen: int, active: int, skip: int = 0) -> UUID:
    """A picture of `seen` cells of the block, the first `active` of which it leaves active."""
    put_cells(model, cells_of(active, skip), observed_on=day, around=None)
    return put_cells(model, cells_of(seen - active, skip + active), "quiet", day, 0.1, around=None)


def tell(today: date, edition: Level = Level.L1, only_changes: bool = False) -> list[BlockRow]:
    """Publish, and read one edition of the batch."""
    batch = publish_release(today, only_changes).batch
    rows = read_rows(
        f"SELECT {COLUMNS} FROM release.block b WHERE batch_id = %s AND edition = %s", batch, int(edition)
    )
    return sorted(shape_row(row) for row in rows)


def bands(rows: list[BlockRow], piece: Cell = PIECE) -> dict[int, ActivityBand]:
    """The bands of a piece by month."""
    return {row.period.month: row.band for row in rows if (row.row, row.col) == piece}


def settle_two_months(model: UUID) -> list[BlockRow]:
    """The block is seen whole in August and in September, with one cell active at last, and that is told."""
    look(model, AUGUST, 100, 0)
    look(model, SEPTEMBER, 100, 1)
    rows = tell(WEEKS[0])
    assert bands(rows) == {8: NONE, 9: UNDER_2}
    return rows


def test_a_late_picture_of_few_cells_changes_no_month_that_was_told(cast: Cast, model: UUID) -> None:
    """Or whoever keeps the weekly batches, and knows which cells it shows, would know that the cause is among them."""
    first = settle_two_months(model)
    look(model, LATER, 4, 4, skip=50)
    assert [tell(week) for week in WEEKS[1:]] == [first] * 3


def test_what_it_showed_is_told_with_the_next_month_in_which_nearly_all_was_seen(
    cast: Cast, model: UUID
) -> None:
    settle_two_months(model)
    look(model, LATER, 4, 4, skip=50)
    look(model, OCTOBER, 50, 1)
    look(model, OCTOBER, 40, 0, skip=54)
    assert bands(tell(AFTER_OCTOBER)) == {8: NONE, 9: UNDER_2, 10: UNDER_2}
    look(model, OCTOBER, 1, 0, skip=98)
    assert bands(tell(AFTER_OCTOBER)) == {8: NONE, 9: UNDER_2, 10: FROM_5_TO_10}


@pytest.mark.parametrize(("seen", "band"), [(94, UNDER_2), (95, FROM_5_TO_10)])
def test_a_late_picture_of_nearly_all_cells_mends_its_month_with_the_next_batch(
    cast: Cast, model: UUID, seen: int, band: ActivityBand
) -> None:
    settle_two_months(model)
    look(model, LATER, seen, 7)
    assert bands(tell(WEEKS[1])) == {8: NONE, 9: band}


def test_late_pictures_add_up_over_batches_and_each_cell_counts_once(cast: Cast, model: UUID) -> None:
    settle_two_months(model)
    told = []
    for skip, seen in ((0, 40), (0, 40), (40, 40), (80, 20)):
        look(model, LATER, seen, 3 if skip == 40 else 0, skip)
        told.append(bands(tell(WEEKS[1]))[9])
    assert told == [UNDER_2, UNDER_2, UNDER_2, FROM_2_TO_5]


def test_late_pictures_of_two_months_make_up_nearly_all_by_the_end_of_the_second(
    cast: Cast, model: UUID
) -> None:
    look(model, AUGUST, 100, 0)
    assert bands(tell(WEEKS[0])) == {8: NONE}
    look(model, AUGUST.replace(day=20), 50, 3)
    look(model, SEPTEMBER, 45, 3, skip=50)
    assert bands(tell(WEEKS[1])) == {8: NONE, 9: FROM_5_TO_10}


def test_what_was_told_anew_is_told_with_the_months_after_it(cast: Cast, model: UUID) -> None:
    """Two months told from different pictures could differ by few cells."""
    look(model, AUGUST, 100, 0)
    look(model, SEPTEMBER, 97, 0)
    assert bands(tell(WEEKS[0])) == {8: NONE, 9: NONE}
    look(model, AUGUST.replace(day=20), 100, 3)
    read_rows("UPDATE vault.score SET state_after = 'active' WHERE (row, col) = (9200, 20000) RETURNING row")
    assert bands(tell(WEEKS[1])) == {8: FROM_2_TO_5, 9: UNDER_2}


def test_a_late_look_of_one_day_is_not_enough_to_be_told_anew(cast: Cast, model: UUID) -> None:
    """One look changes nothing by itself, so that only those cells could be the cause that were suspected before."""
    settle_two_months(model)
    single = "UPDATE vault.score SET observed_from = observed_on WHERE observed_on >= %s RETURNING row"
    look(model, LATER, 100, 7)
    read_rows(single, LATER)
    assert bands(tell(WEEKS[1]))[9] is UNDER_2
    look(model, LATER.replace(day=28), 100, 7)
    read_rows(single, LATER)
    assert bands(tell(WEEKS[1]))[9] is FROM_5_TO_10


def test_one_finer_piece_that_is_told_anew_moves_no_coarser_row(cast: Cast, model: UUID) -> None:
    """Or whoever reads the coarser edition alone, and knows the picture, would know in which finer piece the cause is."""
    around = [(92, 200)]
    look_around(model, around, Level.L3, date(2026, 4, 1))
    today = date(2026, 10, 20)
    before = {level: tell(today, level) for level in (Level.L1, Level.L2, Level.L3)}
    look(model, date(2026, 4, 20), 100, 90)
    after = {level: tell(today, level) for level in (Level.L1, Level.L2, Level.L3)}
    assert bands(after[Level.L1]) == {4: OVER_10}
    assert [before[level] == after[level] for level in before] == [False, True, True]
    for number in (1, 2, 3):
        piece = (PIECE[0] + number // 2, PIECE[1] + number % 2)
        put_cells(model, cells_of(100, piece=piece), "quiet", date(2026, 4, 20), 0.1, around=None)
    assert bands(tell(today, Level.L2), (460, 1000)) == {4: OVER_10}
    assert tell(today, Level.L3) == before[Level.L3]


def score(model: UUID, scene: UUID, seen: int, observed: bool = True) -> None:
    """The scene is scored: the first cells of the block are seen, or it is found that they were not."""
    found = CellScores(
        rows=np.array([row for row, _ in cells_of(seen)], dtype=np.int32),
        cols=np.array([col for _, col in cells_of(seen)], dtype=np.int32),
        valid_share=np.ones(seen, dtype=np.float32),
        probabilities=np.tile(np.array([0.1, 0.9, 0], dtype=np.float32), (seen, 1)),
        low=np.full(seen, 0.8, dtype=np.float32),
        high=np.full(seen, 0.95, dtype=np.float32),
        basis=np.full(seen, CHANGE),
        familiar=np.ones(seen, dtype=bool),
        observed=np.ones(seen, dtype=bool),
        alone=np.full(seen, 0.9, dtype=np.float32),
    )
    upsert_scores(scene, model, COMPOSITE, found if observed else withhold_scores(found))
    read_rows("UPDATE vault.score SET state_after = 'active' WHERE scene_id = %s RETURNING row", scene)


@pytest.mark.parametrize(("seen", "band"), [(94, OVER_10), (95, NONE)])
def test_a_picture_that_is_taken_back_is_told_once_it_showed_nearly_all(
    cast: Cast, model: UUID, seen: int, band: ActivityBand
) -> None:
    look(model, AUGUST, 100, 0)
    look(model, SEPTEMBER, 100, 0)
    wrong = make_scene()
    score(model, wrong, seen)
    assert bands(tell(WEEKS[0]))[9] is OVER_10
    score(model, wrong, seen, observed=False)
    assert bands(tell(WEEKS[1]))[9] is band


def test_a_picture_that_was_taken_back_before_it_was_told_is_no_news(cast: Cast, model: UUID) -> None:
    look(model, AUGUST, 100, 0)
    assert bands(tell(WEEKS[0])) == {8: NONE}
    scene = make_scene()
    for observed in (True, False):
        score(model, scene, 100, observed)
    look(model, AUGUST.replace(day=20), 4, 4)
    look(model, SEPTEMBER, 1, 0)
    assert bands(tell(WEEKS[1])) == {8: NONE, 9: NONE}


def test_a_picture_that_was_told_once_is_no_news_when_it_comes_back(cast: Cast, model: UUID) -> None:
    """Scenes are scored again, refused and taken up again beside others that come late: nothing new was seen by that."""
    look(model, AUGUST, 100, 0)
    scene = make_scene()
    for observed in (False, True):
        score(model, scene, 100, observed)
    assert bands(tell(WEEKS[0]))[9] is OVER_10
    for observed in (True, False, True):
        score(model, scene, 100, observed)
    look(model, LATER.replace(day=28), 95, 0)
    read_rows(
        "UPDATE vault.score SET has_reference = false WHERE observed_on = %s RETURNING row",
        LATER.replace(day=28),
    )
    assert bands(tell(WEEKS[1]))[9] is OVER_10


def test_a_picture_that_was_nothing_but_clouds_at_first_is_new_when_it_is_seen(
    cast: Cast, model: UUID
) -> None:
    settle_two_months(model)
    scene = make_scene()
    score(model, scene, 100, observed=False)
    assert bands(tell(WEEKS[1]))[9] is UNDER_2
    score(model, scene, 100)
    assert bands(tell(WEEKS[2]))[9] is OVER_10


def test_another_model_tells_everything_anew_and_the_first_one_what_it_told(cast: Cast, model: UUID) -> None:
    first = settle_two_months(model)
    TrainedModel.objects.filter(id=model).update(state="retired")
    other = make_model(cast.anna.user)
    look(other, AUGUST, 100, 20)
    look(model, LATER, 4, 4, skip=50)
    acting = TrainedModel.objects.filter(id__in=[model, other])
    told = []
    for acts in (other, model):
        acting.update(state="retired")
        acting.filter(id=acts).update(state="active")
        told.append(tell(WEEKS[1]))
    assert bands(told[0]) == {8: OVER_10}
    assert told[1] == first


def test_what_no_batch_held_was_not_told(cast: Cast, model: UUID) -> None:
    """A batch that is not published, because its rows are those of the one before, leaves nothing behind."""
    settle_two_months(model)
    count = "SELECT count(*) FROM vault.told"
    before = read_rows(count)
    look(model, LATER, 100, 1)
    tell(WEEKS[1], only_changes=True)
    assert read_rows(count) == before
    tell(WEEKS[1])
    assert read_rows(count) != before


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_told_that_few_cells_tell_apart_from_what_was_told_before(
    cast: Cast, model: UUID, seed: int
) -> None:
    """Pictures of random parts, dates and moments: whatever is told holds looks at nearly all of the cells that nothing that
    was told before had held."""
    draw = random.Random(seed)
    looks: list[tuple[Cell, int]] = []
    told: list[set[tuple[Cell, int, int]]] = []
    seen_statements: set[tuple[int, object]] = set()
    months = [date(2026, month, 1) for month in (3, 4, 5, 6)]
    for week in range(24):
        today = date(2026, 4 + week // 6, 2 + week % 6)
        over = [month for month in months if (month.year, month.month) < (today.year, today.month)]
        for _ in range(draw.randint(0, 2)):
            month = draw.choice(over)
            seen = draw.sample(cells_of(100), draw.choice((5, 30, 60, 100)))
            day = month.replace(day=draw.randint(2, 28))
            active = draw.choice((0.0, 0.1))
            for state in ("active", "quiet"):
                own = [cell for k, cell in enumerate(seen) if (k < active * len(seen)) == (state == "active")]
                put_cells(model, own, state, day, around=None)
            looks += [(cell, month.month) for cell in seen]
        tell(today)
        known = {(*each, number) for number, each in enumerate(looks)}
        new = [
            (month % 12 + 1, at)
            for month, at in read_rows(
                "SELECT month, told_at FROM vault.told WHERE models = %s ORDER BY told_at, month",
                hashlib.sha256(model.bytes).digest()[:16],
            )
            if (month % 12 + 1, at) not in seen_statements
        ]
        for month, at in new:
            holds = {each for each in known if each[1] <= month}
            for earlier in told:
                assert is_enough_seen(
                    np.array([len({cell for cell, _, _ in holds - earlier})]), np.array([100])
                )
            told.append(holds)
            seen_statements.add((month, at))
    assert len(told) > 2
