"""What looks like harvesting: a truth table of thresholds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from monitor.privacy.harvest import ReadingDay, Sign, find_warnings

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUIET = ReadingDay(UUID(int=1), "regulator", date(2026, 11, 20), 5, 0, 5, 30, 30, 0, 0, 5000, AT, AT)
PEERS = [replace(QUIET, actor=UUID(int=number), different=40) for number in (2, 3, 4)]


def signs_of(day: ReadingDay, others: list[ReadingDay] = PEERS) -> set[Sign]:
    """The signs of one day."""
    return {sign for each, sign in find_warnings([day, *others]) if each.actor == day.actor}


@pytest.mark.parametrize(
    ("day", "signs"),
    [
        (QUIET, set()),
        (replace(QUIET, different=199), set()),
        (replace(QUIET, different=200), {Sign.MANY_CELLS}),
        (replace(QUIET, answers=10, fresh=10), {Sign.TILING}),
        (replace(QUIET, answers=500, fresh=10), {Sign.TILING}),
        (replace(QUIET, answers=500, fresh=9), set()),
        (replace(QUIET, answers=10, at_night=5), {Sign.ODD_HOURS}),
        (replace(QUIET, answers=11, at_night=5), set()),
        (replace(QUIET, at_night=4, answers=4), set()),
        (replace(QUIET, stopped=1), {Sign.QUOTA_EDGE}),
        (replace(QUIET, different=4500), {Sign.MANY_CELLS, Sign.QUOTA_EDGE}),
        (replace(QUIET, different=4499), {Sign.MANY_CELLS}),
    ],
)
def test_each_sign_begins_at_its_threshold(day: ReadingDay, signs: set[Sign]) -> None:
    assert signs_of(day) == signs


def test_many_is_measured_by_others_in_the_same_role_and_by_the_quota_where_there_are_none() -> None:
    busy = replace(QUIET, different=300)
    assert signs_of(busy) == {Sign.MANY_CELLS}
    assert signs_of(busy, [replace(peer, different=100) for peer in PEERS]) == set()
    assert signs_of(busy, [replace(peer, role="analyst") for peer in PEERS]) == set()
    assert signs_of(replace(QUIET, different=2500), []) == {Sign.MANY_CELLS}


def test_the_newest_day_comes_first() -> None:
    days = [replace(QUIET, stopped=1, day=date(2026, 11, number)) for number in (3, 20, 11)]
    assert [day.day.day for day, _ in find_warnings(days)] == [20, 11, 3]


def test_a_little_each_day_is_told_on_the_last_day_where_others_were_shown_far_less() -> None:
    days = [replace(QUIET, day=date(2026, 11, number), in_all=200) for number in range(1, 21)]
    peers = [replace(peer, in_all=40) for peer in PEERS]
    assert find_warnings([*days, *peers]) == [(days[-1], Sign.MANY_OVER_TIME)]
    less = [replace(day, in_all=199) for day in days]
    assert find_warnings([*less, *peers]) == []
    assert find_warnings([*days, *(replace(peer, in_all=41) for peer in peers)]) == []
    assert find_warnings([*days, *(replace(peer, role="analyst") for peer in peers)]) == []
    assert find_warnings([*days, *(replace(peer, in_all=0) for peer in peers)]) == []


def test_whoever_shows_it_in_a_single_day_is_told_of_that_day_alone() -> None:
    days = [
        replace(QUIET, day=date(2026, 11, 1), different=300, in_all=320),
        replace(QUIET, in_all=320),
    ]
    assert find_warnings([*days, *PEERS]) == [(days[0], Sign.MANY_CELLS)]
