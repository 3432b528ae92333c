"""Periods of one kind of label do not teach, as long as enough is left that does."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.periods import find_teaching


def test_a_period_that_holds_mines_only_does_not_teach() -> None:
    periods = ["long"] * 50 + ["short"] * 60
    classes = np.array([1] * 50 + [1, 0] * 30)
    np.testing.assert_array_equal(find_teaching(periods, classes), np.arange(110) >= 50)


def test_a_small_period_of_one_kind_is_chance_and_teaches() -> None:
    periods = ["date 1"] * 19 + ["date 2"] * 60
    assert find_teaching(periods, np.array([0] * 19 + [1, 0] * 30)).all()


@pytest.mark.parametrize(
    "classes", [[1] * 50 + [0] * 60, [1] * 50 + [1] * 19 + [0] * 41, [2] * 50 + [1, 0] * 30]
)
def test_all_teach_where_else_too_little_or_no_cell_of_a_class_were_left(classes: list[int]) -> None:
    assert find_teaching(["long"] * 50 + ["short"] * 60, np.array(classes)).all()
