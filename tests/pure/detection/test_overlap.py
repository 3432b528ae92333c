"""Cells that a model was trained on are counted where they are judged again, and told where they are not few."""

from __future__ import annotations

import pytest

from monitor.detection.labels import CellLabel
from monitor.detection.overlap import SMALL_SHARE, count_overlap, warn_of_overlap

JUDGED = [CellLabel(row, 20000, row % 2) for row in range(9000, 9100)]


@pytest.mark.parametrize("seen", [0, 2, 3, 99])
def test_the_judged_cells_of_the_training_are_counted_and_warned_of_unless_they_are_few(seen: int) -> None:
    trained_on = {(label.row, label.col) for label in JUDGED[:seen]} | {(1, 1)}
    overlap = count_overlap(JUDGED, trained_on, same_labels=False)
    assert overlap == seen
    warned = warn_of_overlap(overlap, len(JUDGED), same_labels=False)
    assert [f"{seen} of the 100 cells" in text for text in warned] == [True] * (seen > 100 * SMALL_SHARE)


def test_the_labels_of_the_training_are_known_without_looking() -> None:
    assert count_overlap(JUDGED, None, same_labels=True) == 100
    (text,) = warn_of_overlap(100, 100, same_labels=True)
    assert "These are the labels" in text


def test_where_nobody_looked_nothing_is_said_of_the_number() -> None:
    assert count_overlap(JUDGED, None, same_labels=False) is None
    assert warn_of_overlap(None, 100, same_labels=False) == []
