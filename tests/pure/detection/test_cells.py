"""Labels brought together with features."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from monitor.detection.cells import NoLabelledCells, choose_min_valid_share, gather_cells
from monitor.detection.change import SceneFeatures
from monitor.detection.labels import CellLabel
from tests.pure.detection.invented import make_cells, make_features, make_scene_features

A, B, C, D = (9000, 20000), (9000, 20001), (9001, 20000), (9001, 20001)
EARLY = make_scene_features(
    "early", "2023-01-01", "2023-03-31", make_features([A, B, C], [1.0, 2.0, 3.0], [1.0, 0.1, 1.0])
)
LATE = make_scene_features(
    "late",
    "2024-01-01",
    "2024-03-31",
    make_features([C, A, B, D], [30.0, 10.0, 20.0, 40.0], [1.0, 1.0, 1.0, 0.2]),
)
LABELS = [CellLabel(*A, 1, item="late"), CellLabel(*B, 0, item="late"), CellLabel(*C, 2, item="early")]


def test_each_label_gets_the_features_of_its_scene_and_of_the_reference_of_that_scene() -> None:
    cells = gather_cells(LABELS, [LATE, EARLY], min_valid_share=0.5)
    assert cells.now.tolist() == [[10.0], [20.0], [3.0]]
    np.testing.assert_array_equal(cells.reference, [[1.0], [np.nan], [np.nan]])
    assert cells.periods == (
        "2024-01-01/2024-03-31 after 2023-01-01/2023-03-31",
        "2024-01-01/2024-03-31 after nothing",
        "2023-01-01/2023-03-31 after nothing",
    )
    assert cells.classes.tolist() == [1, 0, 2]
    assert cells.mining.tolist() == [True, False, True]
    assert cells.has_reference.tolist() == [True, False, False]


def test_labels_that_cannot_be_used_are_counted_by_reason() -> None:
    labels = [*LABELS, CellLabel(*D, 0, item="late"), CellLabel(1, 1, 0), CellLabel(*A, 0, item="lost")]
    cells = gather_cells(labels, [EARLY, LATE], min_valid_share=0.5)
    assert len(cells) == 3
    assert cells.unused == {
        "no scene of the label's item and dates shows the cell": 2,
        "too little of the cell is seen": 1,
    }


def test_no_label_that_meets_a_scene_is_an_error_that_names_the_mend() -> None:
    with pytest.raises(NoLabelledCells, match="check item_t1"):
        gather_cells([CellLabel(1, 1, 0)], [EARLY, LATE])


def test_the_share_asked_for_is_what_most_labelled_cells_show_within_bounds() -> None:
    assert choose_min_valid_share(np.full(50, 0.1875)) == pytest.approx(0.9 * 0.1875)
    assert choose_min_valid_share(np.full(50, 1.0)) == 0.5
    assert choose_min_valid_share(np.full(50, 0.01)) == 0.05
    assert choose_min_valid_share([]) == 0.5
    cells = gather_cells(LABELS, [EARLY, LATE])
    assert cells.min_valid_share == 0.5


def make_dates(shares: Sequence[float]) -> list[SceneFeatures]:
    """A scene of each month of 2021 that shows so much of cell A; its feature is the number of the month."""
    days = [(f"2021-{month:02}-15", month, share) for month, share in enumerate(shares, start=1)]
    return [
        make_scene_features(day, day, day, make_features([A], [float(month)], [share]))
        for day, month, share in days
    ]


OF_2021 = CellLabel(*A, 1, date(2021, 1, 1), date(2021, 12, 31))


@pytest.mark.parametrize(
    ("shares", "least", "month"),
    [
        ([1.0, 0.9, 0.6, 0.0], 0.5, 3),
        ([1.0, 0.9, 0.6, 0.0], 0.0, 3),
        ([1.0, 0.9, 0.6, 0.0], None, 3),
        ([1.0, 0.9, 0.6, 0.2], None, 3),
        ([1.0, 0.9, 0.6, 0.2], 0.1, 4),
        ([0.188, 0.187, 0.1, 0.0], None, 2),
    ],
)
def test_a_label_without_a_scene_gets_the_latest_that_shows_enough_of_its_cell(
    shares: list[float], least: float | None, month: int
) -> None:
    cells = gather_cells([OF_2021], make_dates(shares), least)
    assert cells.now.tolist() == [[month]]
    assert cells.unused == {}


def test_a_cloudy_last_date_does_not_move_the_share_that_is_asked_for() -> None:
    assert gather_cells([OF_2021], make_dates([1.0, 0.9, 0.2])).min_valid_share == 0.5


def test_a_label_that_names_a_cloudy_scene_is_not_compared_with_another() -> None:
    named = CellLabel(*A, 1, item="2021-03-15")
    cells = gather_cells([named, CellLabel(*A, 0, item="2021-01-15")], make_dates([1.0, 0.9, 0.2]), 0.5)
    assert cells.now.tolist() == [[1.0]]
    assert cells.unused == {"too little of the cell is seen": 1}


def test_a_cell_that_no_date_shows_enough_of_is_counted_as_such() -> None:
    cells = gather_cells([OF_2021, CellLabel(*C, 2, item="early")], [EARLY, *make_dates([0.2, 0.0])], 0.5)
    assert cells.unused == {"too little of the cell is seen": 1}


def test_a_selection_keeps_rows_together() -> None:
    cells = make_cells(30)
    some = cells.select(np.array([4, 9]))
    assert some.labels == (cells.labels[4], cells.labels[9])
    np.testing.assert_array_equal(some.now, cells.now[[4, 9]])
    assert len(cells.select(cells.mining)) == cells.mining.sum()
