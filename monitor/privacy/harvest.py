"""When an account's exact readings look like harvesting, in a day or over many (pure): numbers in, named warnings out.

A warning is a question to ask somebody, not a verdict. No place is in reach of this file: it sees counts only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from statistics import median_low
from uuid import UUID

MANY_MIN, MANY_TIMES = 200, 5
"""Many cells: at least so many in a day, and so many times the median day of others in the same role. Many over time: the
same of all days together, where no one of them shows it."""
MANY_SHARE = 0.5
"""Or at least this share of what a day allows, whatever others do."""
TILING_ANSWERS, TILING_FRESH = 10, 0.9
"""Tiling: at least so many answers in a day of which this share of the cells had stood in no answer of the day before;
what is read again beside them takes nothing away."""
NIGHT_ANSWERS, NIGHT_SHARE = 5, 0.5
"""Odd hours: at least so many answers at night, and this share of the day's."""
QUOTA_EDGE = 0.9
"""Quota edge: this share of what the day allows, or stopped by it."""


class Sign(StrEnum):
    """What looks like harvesting."""

    MANY_CELLS = "many-cells"
    TILING = "tiling"
    ODD_HOURS = "odd-hours"
    QUOTA_EDGE = "quota-edge"
    MANY_OVER_TIME = "many-over-time"


@dataclass(frozen=True, slots=True)
class ReadingDay:
    """What one account was shown in one role on one day (UTC), in numbers.

    answers: exact answers that held a cell, and all tiles of maps, chunks and further pages, which are sealed without one
    too; `at_night` of them at night, `fresh` of them with hardly a cell (TILING_FRESH) that an answer of the day before had.
    different: cells without repetition; in_all: over all days that are looked at, the same on each. unfinished: exact
    readings without a completion. stopped: refusals because the day's quota was spent. allowed: different cells that the
    day allowed.
    """

    actor: UUID
    role: str
    day: date
    answers: int
    at_night: int
    fresh: int
    different: int
    in_all: int
    unfinished: int
    stopped: int
    allowed: int
    first_at: datetime
    last_at: datetime


def find_warnings(days: Sequence[ReadingDay]) -> list[tuple[ReadingDay, Sign]]:
    """Every sign of every day, the newest first, then by account and sign. What shows over many days stands at the last."""
    found = [
        (day, sign)
        for day in days
        for sign in _read_signs(day, _median_of_others(day, days, attrgetter("different")))
    ]
    found += _find_many_over_time(days, {_who(day) for day, sign in found if sign is Sign.MANY_CELLS})
    return sorted(
        found, key=lambda each: (-each[0].day.toordinal(), str(each[0].actor), each[0].role, each[1])
    )


def _find_many_over_time(
    days: Sequence[ReadingDay], told: Container[tuple[UUID, str]]
) -> Iterable[tuple[ReadingDay, Sign]]:
    """Of who is not told of for the cells of a single day: the last day of each that was shown many more than others."""
    last = {_who(day): day for day in sorted(days, key=lambda day: day.day)}
    for who, day in last.items():
        usual = _median_of_others(day, last.values(), attrgetter("in_all"))
        if who not in told and usual is not None and day.in_all >= max(MANY_MIN, MANY_TIMES * usual):
            yield day, Sign.MANY_OVER_TIME


def _who(day: ReadingDay) -> tuple[UUID, str]:
    return day.actor, day.role


def _read_signs(day: ReadingDay, usual: int | None) -> Iterable[Sign]:
    beyond_others = usual is not None and day.different >= max(MANY_MIN, MANY_TIMES * usual)
    if beyond_others or day.different >= MANY_SHARE * day.allowed:
        yield Sign.MANY_CELLS
    if day.fresh >= TILING_ANSWERS:
        yield Sign.TILING
    if day.at_night >= NIGHT_ANSWERS and day.at_night >= NIGHT_SHARE * day.answers:
        yield Sign.ODD_HOURS
    if day.stopped or day.different >= QUOTA_EDGE * day.allowed:
        yield Sign.QUOTA_EDGE


def _median_of_others(
    day: ReadingDay, days: Iterable[ReadingDay], count: Callable[[ReadingDay], int]
) -> int | None:
    """The median of what `count` says of others in the same role; None where nobody else read anything."""
    others = [
        count(each) for each in days if each.role == day.role and each.actor != day.actor and count(each)
    ]
    return median_low(others) if others else None
