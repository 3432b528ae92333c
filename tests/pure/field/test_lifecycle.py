"""Life cycles as a truth table: every pair of states is either a move or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import product

import pytest

from monitor.field.lifecycle import (
    ALERT_MOVES,
    NOT_A_VISIT,
    AlertStatus,
    FindingKind,
    InspectionStatus,
    MoveNotAllowed,
    check_alert_move,
)

ALERT_TABLE = {
    "raised": {"triaged", "assigned", "dismissed"},
    "triaged": {"assigned", "dismissed"},
    "assigned": {"visited", "triaged"},
    "visited": {"closed"},
    "closed": set(),
    "dismissed": set(),
}


@pytest.mark.parametrize(("now", "then"), list(product(AlertStatus, AlertStatus)))
def test_an_alert_moves_exactly_as_the_table_says(now: AlertStatus, then: AlertStatus) -> None:
    if then.value in ALERT_TABLE[now.value]:
        check_alert_move(now, then)
    else:
        with pytest.raises(MoveNotAllowed, match=f"{now}.*{then}"):
            check_alert_move(now, then)


def test_every_state_has_its_row() -> None:
    assert set(ALERT_MOVES) == set(AlertStatus)


def test_what_is_over_stays_over() -> None:
    assert {status for status in AlertStatus if not status.is_open} == {
        AlertStatus.CLOSED,
        AlertStatus.DISMISSED,
    }
    for status in AlertStatus:
        assert status.is_open == bool(ALERT_MOVES[status])
    assert {status for status in InspectionStatus if not status.is_open} == {
        InspectionStatus.CLOSED,
        InspectionStatus.EXPIRED,
    }


def reach(moves: Mapping[AlertStatus, Collection[AlertStatus]], first: AlertStatus) -> set[AlertStatus]:
    """All states that can follow `first`, itself included."""
    reached, edge = {first}, [first]
    while edge:
        new = set(moves[edge.pop()]) - reached
        reached |= new
        edge += new
    return reached


def test_every_state_can_be_reached_from_the_first() -> None:
    assert reach(ALERT_MOVES, AlertStatus.RAISED) == set(AlertStatus)


def test_an_alert_is_closed_only_after_a_visit() -> None:
    assert {now for now, moves in ALERT_MOVES.items() if AlertStatus.CLOSED in moves} == {AlertStatus.VISITED}
    assert {now for now, moves in ALERT_MOVES.items() if AlertStatus.VISITED in moves} == {
        AlertStatus.ASSIGNED
    }


def test_somebody_who_was_not_there_has_visited_nothing() -> None:
    assert {FindingKind.NOT_REACHABLE, FindingKind.UNSAFE} == NOT_A_VISIT
