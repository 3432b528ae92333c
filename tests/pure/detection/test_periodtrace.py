"""Whether scores of mines tell their period: because more changed, or because of how the composites look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.caveats import list_caveats
from monitor.detection.crossvalidation import cross_validate
from monitor.detection.evaluate import judge_cells
from monitor.detection.figures import summarise
from monitor.detection.partmaps import Layout
from monitor.detection.periodtrace import find_period_in_scores
from monitor.detection.report import write_report
from monitor.detection.views import measure_change
from tests.pure.detection.invented import QUICK, make_cells

COUNT = 400
RNG = np.random.default_rng(7)
LATE = np.arange(COUNT) % 3 == 0
PERIODS = tuple("late" if each else "early" for each in LATE)
CHANGE = RNG.standard_normal(COUNT) + LATE
NOISE = 0.3 * RNG.standard_normal(COUNT)
BLOCKS = np.arange(COUNT) // 4


def test_scores_that_follow_the_change_tell_the_period_and_not_among_mines_that_changed_alike() -> None:
    trace = find_period_in_scores(PERIODS, CHANGE + NOISE, BLOCKS, CHANGE, draws=50)
    assert trace is not None
    assert trace.change_alone is not None
    assert trace.at_equal_change is not None
    # "early" is the most frequent: what changed more is told by scores below 0.5
    assert trace.period == "early"
    assert trace.scores.high < 0.4
    assert trace.change_alone.high < 0.4
    assert abs(trace.at_equal_change.value - 0.5) < abs(trace.scores.value - 0.5) / 2


def test_scores_that_follow_the_period_tell_it_among_mines_that_changed_alike_too() -> None:
    trace = find_period_in_scores(PERIODS, 2.0 * LATE + NOISE, BLOCKS, CHANGE, draws=50)
    assert trace is not None
    assert trace.at_equal_change is not None
    assert trace.scores.high < 0.1
    assert trace.at_equal_change.high < 0.1


def test_pairs_of_one_group_are_counted_and_no_others() -> None:
    """Within a group the scores say nothing, between groups everything."""
    periods = tuple("a" if number % 2 else "b" for number in range(200))
    group = np.arange(200) // 2 // 20  # five groups of forty
    trace = find_period_in_scores(periods, group.astype(float), np.arange(200), group.astype(float), draws=0)
    assert trace is not None
    assert trace.at_equal_change is not None
    assert trace.at_equal_change.value == 0.5


@pytest.mark.parametrize("change", [None, np.where(np.arange(COUNT) < 30, 1.0, np.nan)])
def test_unknown_change_leaves_the_scores_alone(change: np.ndarray | None) -> None:
    trace = find_period_in_scores(PERIODS, CHANGE, BLOCKS, change, draws=5)
    assert trace is not None
    assert trace.change_alone is None
    assert trace.at_equal_change is None


def test_too_few_mines_of_a_period_are_not_asked() -> None:
    assert find_period_in_scores((), np.zeros(0), np.zeros(0, np.int64), None, draws=5) is None
    few = ("late",) * 19 + ("early",) * 100
    assert find_period_in_scores(few, np.zeros(119), np.arange(119), None, draws=5) is None


def test_change_is_how_far_the_parts_lie_apart_and_not_how_light_a_date_is() -> None:
    layout = Layout(0, ("red", "nir"), 4)
    before = RNG.uniform(0.1, 0.2, (3, 2, 4, 4))
    now = before + 0.001 * RNG.standard_normal(before.shape)
    now[0] += 0.05  # all of it lighter
    now[1, :, :2] += 0.05  # half of it lighter
    rows, reference = (each.reshape(3, -1).astype(np.float32) for each in (now, before))
    reference[2] = np.nan
    strength = measure_change(rows, reference, layout)
    assert strength[1] > strength[0] + 0.5
    assert np.isnan(strength[2])
    assert np.isnan(measure_change(rows, reference, Layout(0, ("red", "nir"), 0))).all()


def test_the_report_says_what_mines_that_changed_alike_say() -> None:
    cells = make_cells(industrial=True)
    judged = judge_cells(cells, cross_validate(cells, QUICK, 0.1), 0.1)
    late = tuple("late" if own > np.median(judged.score[cells.mining]) else "early" for own in judged.score)
    told = summarise(replace(judged, periods=late, change=judged.score), 50, 0)
    assert "Mines that changed alike are" in " ".join(told["warnings"])
    assert "among mines that changed alike the scores tell it with" in write_report(
        told | {"method": "invented", "unused_labels": {}}
    )
    unknown = summarise(replace(judged, periods=late, change=None), 50, 0)
    assert unknown["period_in_scores"]["at_equal_change"] is None
    assert "changed alike" not in " ".join(list_caveats(unknown))
