"""Days, records and shares of cells that give the label away: told of, also where each value occurs once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from monitor.detection.cells import LabelledCells
from monitor.detection.confounders import (
    Confounder,
    find_confounders,
    list_fields,
    list_numbers,
    list_warnings,
)
from monitor.detection.evaluate import judge_cells
from monitor.detection.figures import summarise
from monitor.detection.report import write_report
from tests.pure.detection.invented import make_cells

CELLS = make_cells(400)
MINING = CELLS.mining
RNG = np.random.default_rng(4)
NOISE = RNG.permutation(400)
MONTHS = RNG.integers(0, 5, 400)


def judge(cells: LabelledCells) -> dict[str, Any]:
    """What a report says of cells of whose pixels nothing is known."""
    report = summarise(judge_cells(cells, np.full((len(cells), 3), 1 / 3), 0.1), 5, 0)
    return report | {"method": "invented", "unused_labels": {}}


def list_alone(report: dict[str, Any]) -> list[str]:
    """The fields that are warned of."""
    texts = [text for text in report["warnings"] if "alone, without a pixel" in text]
    return [text.removeprefix("The ").partition(" alone")[0] for text in texts]


def of_days(now: Sequence[date], before: Sequence[date] | None = None, days: int = 1) -> LabelledCells:
    """Cells of periods of so many days, each with an end of its own, perhaps after a day."""
    earlier = [f"{day}/{day}" for day in before] if before else ["nothing"] * len(now)
    return replace(
        CELLS,
        periods=tuple(
            f"{day - timedelta(days - 1)}/{day} after {early}"
            for day, early in zip(now, earlier, strict=True)
        ),
    )


def of_sources(names: Sequence[str]) -> LabelledCells:
    """Cells whose labels have a source each."""
    told = zip(CELLS.labels, names, strict=True)
    return replace(CELLS, labels=tuple(replace(label, source=name) for label, name in told))


def of_share(share: npt.NDArray[np.floating]) -> LabelledCells:
    """Cells of which so much was seen."""
    return replace(CELLS, valid_share=share.astype(np.float32))


def count_days(year: int, days: npt.NDArray[np.int64]) -> list[date]:
    """So many days from the first of a year."""
    return [date(year, 1, 1) + timedelta(int(count)) for count in days]


LATE = count_days(2018, np.where(MINING, 1461, 0) + np.arange(400))
"""All mines from 2022 on, all others from 2018, each day once."""
SEASON = count_days(2016, 365 * MONTHS + np.where(MINING, 0, 60) + NOISE % 60)
ANY_DAY = count_days(2018, 4 * NOISE)


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (lambda: of_days(LATE), ["year"]),
        (lambda: of_days(count_days(2021, np.where(MINING, 0, 170) + NOISE % 170)), ["period", "day"]),
        (lambda: of_days(count_days(2025, NOISE), LATE), ["day of the reference"]),
        (lambda: of_days(SEASON), ["period", "season"]),
        (lambda: of_sources([f"{'mine' if own else 'neg'}_{n}" for n, own in enumerate(MINING)]),
         ["source without its numbers"]),
        (lambda: of_share(np.where(MINING, 0.6, 0.9) + NOISE / 4000), ["share of the cell seen"]),
    ],
)  # fmt: skip
def test_what_occurs_once_and_tells_the_label_is_warned_of_by_its_name(
    make: Callable[[], LabelledCells], fields: list[str]
) -> None:
    """Before, values that no other block holds were tried as such: AUC 0.5, no warning, though the year told every label.
    Where days repeat now and then, both are warned of."""
    assert list_alone(judge(make())) == fields


def test_the_scenes_that_labels_of_one_long_period_were_seen_in_are_tried() -> None:
    """Before, a year that all labels state hid that mines were seen in January and others in July."""
    days = count_days(2024, np.where(MINING, 0, 180))
    year = replace(CELLS, periods=("2024-01-01/2024-12-31 after nothing",) * 400)
    seen = replace(year, scene_periods=tuple(f"{day}/{day}" for day in days))
    assert list_alone(judge(year)) == []
    assert list_alone(judge(seen)) == ["period of the scene"]
    once = replace(year, scene_periods=tuple(f"{day}/{day}" for day in LATE))
    assert list_alone(judge(once)) == ["day of the scene"]
    anyhow = replace(year, scene_periods=tuple(f"{day}/{day}" for day in ANY_DAY))
    assert list_alone(judge(anyhow)) == []


def test_where_cells_lie_is_tried_also_where_labels_name_no_region() -> None:
    """Mines in the north, others in the south: what tells the land apart looks like skill at finding mines."""
    north = np.array([label.row for label in CELLS.labels]) >= 9020
    parted = tuple(replace(label, label=int(own)) for label, own in zip(CELLS.labels, north, strict=True))
    assert list_alone(judge(replace(CELLS, labels=parted))) == ["place"]
    assert list_alone(judge(CELLS)) == []


def test_the_number_of_days_of_a_period_is_tried() -> None:
    days = of_days(ANY_DAY).periods
    months = of_days(ANY_DAY, days=30).periods
    periods = [month if own else day for own, day, month in zip(MINING, days, months, strict=True)]
    assert list_alone(judge(replace(CELLS, periods=tuple(periods)))) == ["number of days"]


def test_days_sources_and_shares_that_say_nothing_are_not_warned_of() -> None:
    """Of twenty deals of noise of 60 cells one at most may look like a confounder."""
    assert list_alone(judge(of_days(ANY_DAY, count_days(2010, NOISE)))) == []
    assert list_alone(judge(of_sources([f"set_{n}" for n in range(400)]))) == []
    assert list_alone(judge(of_share(NOISE / 400))) == []
    false_alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mining, blocks = rng.random(60) < 0.5, np.arange(60) // 10
        names = ("day", "season", "number of days", "share of the cell seen", "place")
        found = find_confounders({}, mining, blocks, numbers={name: rng.random(60) for name in names})
        false_alarms += bool(list_warnings(found))
    assert false_alarms <= 1


def test_the_report_says_where_the_values_of_a_field_tell_nothing() -> None:
    report = judge(of_days(LATE))
    rows = {row["field"]: row for row in report["confounders"]}
    assert (rows["period"]["values"], rows["period"]["auc"], rows["period"]["tells_nothing"]) == (
        400,
        0.5,
        True,
    )
    assert not rows["year"]["tells_nothing"]
    text = write_report(report)
    assert "period alone: AUC 0.500, which tells nothing: most cells have a value that no cell" in text
    assert text.count("tells nothing") == 1


def test_one_thing_is_told_once_unless_other_words_tell_more() -> None:
    period, year = Confounder("period", 2, 0.8), Confounder("year", 2, 0.84)
    assert list_warnings([period, year]) == [period.warning]
    better = replace(year, auc=0.9)
    assert list_warnings([period, better]) == [period.warning, better.warning]
    assert list_warnings([Confounder("day", 9, 0.7, low=0.49), Confounder("day", 9, 0.7, low=0.51)]) == [
        Confounder("day", 9, 0.7).warning
    ]


def test_only_what_differs_among_cells_is_tried() -> None:
    labels = [replace(CELLS.labels[0], source=source) for source in ("set/1", "set/2", "set/3")]
    days = [
        "2021-12-31/2022-01-02 after 2019-01-01/2019-01-01",
        "unstated",
        "2021-06-01/2022-03-01 after nothing",
    ]
    assert list(list_fields(labels, days, ["s"] * 3)) == ["period", "year"]
    numbers = list_numbers(days, [1, 1, 1])
    assert set(numbers) == {"day", "day of the reference", "number of days", "season"}
    np.testing.assert_array_equal(numbers["number of days"], [3, np.nan, 274])
    np.testing.assert_array_equal(
        numbers["season"], [1, np.nan, np.nan]
    )  # the middle of three days; longer is no season
    assert list_numbers(["short", "long"]) == {}
