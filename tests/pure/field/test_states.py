"""What is believed of a cell: hysteresis in the order of dates, whatever the order of arrival."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.field.states import (
    QUIET_BELOW,
    QUIET_OBSERVATIONS,
    SUSPECT_AT,
    Belief,
    CellState,
    Observation,
    decide_state,
    fold_states,
    update_belief,
)

START = date(2026, 1, 1)
HIGH, MIDDLE, LOW = 0.9, 0.4, 0.1


def see(
    day: int, mining: float, *, reference: bool = True, composite: bool = False, observed: bool = True
) -> Observation:
    """An observation on day `day`."""
    return Observation(START + timedelta(days=day), mining, reference, composite, observed)


@st.composite
def histories(draw: st.DrawFn, *, reference: bool | None = None) -> list[Observation]:
    """Observations of different dates."""
    days = draw(st.lists(st.integers(0, 500), unique=True, max_size=12))
    return [
        see(
            day,
            draw(st.floats(0, 1)),
            reference=draw(st.booleans()) if reference is None else reference,
            composite=draw(st.booleans()),
            observed=draw(st.booleans()),
        )
        for day in days
    ]


def test_a_cell_nobody_looked_at_is_not_observed() -> None:
    assert decide_state([]) is CellState.NOT_OBSERVED
    assert decide_state([see(0, HIGH, observed=False)]) is CellState.NOT_OBSERVED


@pytest.mark.parametrize(
    ("mining", "expected"),
    [
        (0.0, CellState.QUIET),
        (QUIET_BELOW, CellState.QUIET),  # nothing to keep yet, so the first look decides
        (SUSPECT_AT - 1e-9, CellState.QUIET),
        (SUSPECT_AT, CellState.SUSPECTED),
        (1.0, CellState.SUSPECTED),
    ],
)
def test_the_first_look_at_the_exact_edges(mining: float, expected: CellState) -> None:
    assert decide_state([see(0, mining)]) is expected


def test_a_second_high_date_confirms() -> None:
    assert decide_state([see(0, HIGH), see(10, HIGH)]) is CellState.ACTIVE


def test_the_same_date_twice_is_one_observation() -> None:
    assert decide_state([see(0, HIGH), see(0, HIGH)]) is CellState.SUSPECTED


def test_a_change_that_shows_in_a_composite_is_confirmed_by_itself() -> None:
    assert decide_state([see(0, HIGH, composite=True)]) is CellState.ACTIVE


def test_a_composite_without_a_reference_only_suspects() -> None:
    assert decide_state([see(0, HIGH, composite=True, reference=False)]) is CellState.SUSPECTED


def test_one_quiet_look_clears_a_suspicion() -> None:
    assert decide_state([see(0, HIGH), see(1, LOW)]) is CellState.QUIET


def test_a_confirmed_mine_is_given_up_only_after_a_quiet_run() -> None:
    history = [see(0, HIGH), see(1, HIGH)]
    for number in range(1, QUIET_OBSERVATIONS):
        history.append(see(1 + number, LOW))
        assert decide_state(history) is CellState.ACTIVE
    history.append(see(100, LOW))
    assert decide_state(history) is CellState.QUIET


def test_a_high_look_ends_the_quiet_run() -> None:
    quiet = [see(2 + day, LOW) for day in range(QUIET_OBSERVATIONS - 1)]
    history = [see(0, HIGH), see(1, HIGH), *quiet, see(50, HIGH), see(60, LOW)]
    assert decide_state(history) is CellState.ACTIVE


@pytest.mark.parametrize("mining", [QUIET_BELOW, MIDDLE, SUSPECT_AT - 1e-9])
@pytest.mark.parametrize(
    "before",
    [[see(0, HIGH)], [see(0, HIGH), see(1, HIGH)], [see(0, LOW)], [see(0, HIGH), see(1, HIGH), see(2, LOW)]],
)
def test_between_the_two_thresholds_nothing_changes(before: list[Observation], mining: float) -> None:
    assert fold_states([*before, see(90, mining)])[-1] == fold_states(before)[-1]


@given(histories(), st.floats(0, 1))
def test_clouds_leave_the_belief_as_it_was(history: list[Observation], hidden: float) -> None:
    cloudy = see(1000, hidden, observed=False)
    assert decide_state([*history, cloudy]) is decide_state(history)
    for belief in fold_states(history):
        assert update_belief(belief, cloudy) == belief


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(history: list[Observation], random: object) -> None:
    arrived = list(history)
    random.shuffle(arrived)  # type: ignore[attr-defined]
    assert fold_states(arrived) == fold_states(history)


@given(histories(reference=False))
def test_without_a_reference_date_no_cell_ever_becomes_active(history: list[Observation]) -> None:
    assert CellState.ACTIVE not in {belief.state for belief in fold_states(history)}


@given(histories())
def test_beliefs_are_consistent_after_every_step(history: list[Observation]) -> None:
    beliefs = fold_states(history)
    assert len(beliefs) == len(history)
    for belief in beliefs:
        assert (belief.state in {CellState.ACTIVE, CellState.SUSPECTED}) == (belief.support > 0)
        assert belief.state is not CellState.ACTIVE or belief.quiet_run < QUIET_OBSERVATIONS
        if belief.state is CellState.NOT_OBSERVED:
            assert belief == Belief()


@given(histories())
def test_active_is_reached_only_through_an_observation_with_a_reference(history: list[Observation]) -> None:
    ordered = sorted(history, key=lambda item: item.observed_on)
    before = CellState.NOT_OBSERVED
    for observation, belief in zip(ordered, fold_states(ordered), strict=True):
        if belief.state is CellState.ACTIVE and before is not CellState.ACTIVE:
            assert observation.has_reference
            assert observation.observed
            assert observation.mining >= SUSPECT_AT
        before = belief.state
