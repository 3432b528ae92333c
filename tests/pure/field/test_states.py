"""What is believed of a cell: hysteresis in the order of dates, whatever the order of arrival."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.field.states import (
    QUIET_BELOW,
    QUIET_DATES,
    QUIET_STRETCH,
    REFERENCE_AGE,
    SUSPECT_AT,
    Belief,
    CellState,
    Observation,
    choose_looks,
    decide_state,
    fold_states,
    update_belief,
)

START = date(2026, 1, 1)
HIGH, MIDDLE, LOW = 0.9, 0.4, 0.1


def see(
    day: int,
    mining: float,
    *,
    reference: bool = True,
    composite: bool = False,
    observed: bool = True,
    familiar: bool = True,
    sensor: str = "sentinel-2",
    days: int = 0,
    share: float = 1.0,
    alone: float | None = None,
) -> Observation:
    """An observation that ends on day `day` and takes `days` more before it."""
    last = START + timedelta(days=day)
    first = last - timedelta(days=days)
    return Observation(last, mining, reference, composite, observed, familiar, sensor, first, share, alone)


@st.composite
def histories(draw: st.DrawFn, *, reference: bool | None = None) -> list[Observation]:
    """Observations by several sensors, also several on one day and composites that overlap."""
    return [
        see(
            day,
            draw(st.floats(0, 1)),
            reference=draw(st.booleans()) if reference is None else reference,
            composite=draw(st.booleans()),
            observed=draw(st.booleans()),
            familiar=draw(st.sampled_from([True, True, False])),
            sensor=draw(st.sampled_from(["landsat", "sentinel-1", "sentinel-2"])),
            days=draw(st.sampled_from([0, 0, 0, 40])),
            share=draw(st.sampled_from([0.5, 1.0])),
            alone=draw(st.sampled_from([None, LOW, HIGH])),
        )
        for day in draw(st.lists(st.integers(0, 120) | st.integers(350, 900), max_size=12))
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


def test_a_second_system_on_the_same_day_confirms() -> None:
    assert decide_state([see(0, HIGH), see(0, HIGH, sensor="sentinel-1")]) is CellState.ACTIVE


def test_a_day_out_of_a_composite_that_was_high_is_no_second_look() -> None:
    composite = see(90, HIGH, reference=False, composite=True, days=89)
    assert decide_state([see(30, HIGH), composite]) is CellState.SUSPECTED
    assert decide_state([composite, see(91, HIGH)]) is CellState.ACTIVE


def test_scenes_of_one_sensor_whose_dates_overlap_are_one_look() -> None:
    assert decide_state([see(30, HIGH), see(40, HIGH, days=20)]) is CellState.SUSPECTED
    assert decide_state([see(30, HIGH), see(40, HIGH, days=9)]) is CellState.ACTIVE


def test_of_two_scenes_of_one_pass_the_one_that_shows_more_of_the_cell_counts() -> None:
    before = [see(0, HIGH), see(5, HIGH)]
    edge, whole = see(10, HIGH, share=0.4), see(10, LOW, share=0.9)
    assert fold_states([*before, edge, whole])[-1] == fold_states([*before, whole])[-1]
    assert choose_looks([whole, edge]) == choose_looks([edge, whole]) == [whole]


def test_a_confirmed_mine_is_given_up_only_after_a_long_quiet_stretch() -> None:
    history = [see(0, HIGH), see(1, HIGH)]
    stretch = QUIET_STRETCH.days
    assert (
        decide_state([*history, see(10, LOW), see(10 + stretch, LOW)]) is CellState.ACTIVE
    )  # two dates only
    often = [see(10 + day, LOW) for day in range(QUIET_DATES + 5)]
    assert decide_state([*history, *often]) is CellState.ACTIVE  # within a fortnight
    twice = [see(10, LOW), see(10, LOW), see(10 + stretch, LOW), see(10 + stretch, LOW)]
    assert decide_state([*history, *twice]) is CellState.ACTIVE  # the same dates
    assert decide_state([*history, *often, see(10 + stretch - 1, LOW)]) is CellState.ACTIVE
    assert decide_state([*history, *often, see(10 + stretch, LOW)]) is CellState.QUIET


def test_a_high_look_ends_the_quiet_stretch() -> None:
    quiet = [see(2 + 30 * number, LOW) for number in range(QUIET_DATES)]
    assert decide_state([see(0, HIGH), see(1, HIGH), *quiet]) is CellState.QUIET
    history = [see(0, HIGH), see(1, HIGH), *quiet[:-1], see(50, HIGH), quiet[-1]]
    assert decide_state(history) is CellState.ACTIVE


YEAR = REFERENCE_AGE.days
DUG = [see(0, LOW), see(50, HIGH, alone=HIGH), see(70, HIGH, alone=HIGH)]
"""A mine that is dug and confirmed; it was first high on day 50."""


def test_a_mine_that_stands_as_it_is_stays_active_for_years() -> None:
    """From the second year on it is held against itself, so that no change is seen."""
    stands = [see(day, LOW, alone=HIGH) for day in range(50 + YEAR, 3 * YEAR, 30)]
    assert {belief.state for belief in fold_states([*DUG, *stands])[2:]} == {CellState.ACTIVE}
    assert fold_states([*DUG, *stands])[-1] == fold_states(DUG)[-1]


def test_a_mine_that_regrows_is_closed_by_the_quiet_stretch_in_which_no_mine_shows_either() -> None:
    stands = [see(day, LOW, alone=HIGH) for day in range(50 + YEAR, 2 * YEAR, 30)]
    last, stretch = 2 * YEAR, QUIET_STRETCH.days
    regrown = [see(last + day, LOW, alone=LOW) for day in (0, stretch // 2, stretch)]
    assert decide_state([*DUG, *stands, *regrown[:2]]) is CellState.ACTIVE
    assert decide_state([*DUG, *stands, *regrown]) is CellState.QUIET
    between = see(last + 1, LOW, alone=HIGH)
    assert decide_state([*DUG, *stands, between, *regrown]) is CellState.QUIET


@pytest.mark.parametrize(("alone", "is_quiet"), [(QUIET_BELOW, False), (QUIET_BELOW - 1e-9, True)])
def test_what_counts_as_no_mine_is_what_counts_as_no_change(alone: float, is_quiet: bool) -> None:
    low = see(50 + YEAR, LOW, alone=alone)
    assert (fold_states([*DUG, low])[-1] != fold_states(DUG)[-1]) is is_quiet


def test_of_scenes_of_one_pass_that_differ_only_in_what_shows_alone_the_same_one_counts_in_any_order() -> (
    None
):
    scenes = [see(500, LOW, alone=alone) for alone in (None, LOW, HIGH)]
    assert [choose_looks(arrived) for arrived in permutations(scenes)] == [[scenes[-1]]] * 6


@pytest.mark.parametrize("alone", [None, LOW, HIGH])
def test_within_a_year_of_the_first_high_look_no_change_is_quiet_whatever_shows(alone: float | None) -> None:
    """Until then the reference is of before the mine."""
    quiet = [see(50 + YEAR - day, LOW, alone=alone) for day in (1 + QUIET_STRETCH.days, 20, 1)]
    assert decide_state([*DUG, *quiet]) is CellState.QUIET


def test_a_look_that_began_within_the_year_is_held_against_what_was_before() -> None:
    belief = fold_states(DUG)[-1]
    began = see(60 + YEAR, LOW, composite=True, days=11, alone=HIGH)
    assert update_belief(belief, began).quiet_run == 1
    assert update_belief(belief, see(60 + YEAR, LOW, composite=True, days=10, alone=HIGH)) == belief


@pytest.mark.parametrize("reference", [True, False])
def test_where_it_is_not_known_what_shows_alone_no_change_is_quiet(reference: bool) -> None:
    quiet = [see(2 * YEAR + day, LOW, reference=reference) for day in (0, 30, QUIET_STRETCH.days)]
    assert decide_state([*DUG, *quiet]) is CellState.QUIET


def test_a_mine_that_is_dug_anew_after_it_was_closed_has_a_year_of_its_own() -> None:
    closed = [see(100 + day, LOW) for day in (0, 30, QUIET_STRETCH.days)]
    again = [see(400, HIGH), see(410, HIGH)]
    quiet = [see(420 + day, LOW, alone=HIGH) for day in (0, 30, QUIET_STRETCH.days)]
    assert decide_state([*DUG, *closed, *again, *quiet]) is CellState.QUIET


def test_a_suspicion_is_cleared_by_no_change_however_old_it_is() -> None:
    assert decide_state([see(0, HIGH), see(2 * YEAR, LOW, alone=HIGH)]) is CellState.QUIET


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


@given(histories(), st.floats(0, 1), st.booleans(), st.booleans())
def test_a_look_at_unfamiliar_ground_suspects_at_most_and_makes_nothing_quiet(
    history: list[Observation], mining: float, reference: bool, composite: bool
) -> None:
    odd = see(1000, mining, reference=reference, composite=composite, familiar=False)
    for belief in fold_states(history):
        after = update_belief(belief, odd)
        assert after == belief or (after == Belief(CellState.SUSPECTED) and mining >= SUSPECT_AT)
        assert after == belief or belief.state in {CellState.QUIET, CellState.NOT_OBSERVED}


def test_a_suspicion_of_unfamiliar_ground_is_confirmed_by_two_other_looks_or_cleared_by_one() -> None:
    odd = see(0, HIGH, familiar=False)
    assert decide_state([odd]) is CellState.SUSPECTED
    assert decide_state([odd, see(1, HIGH)]) is CellState.SUSPECTED
    assert decide_state([odd, see(1, HIGH), see(2, HIGH)]) is CellState.ACTIVE
    assert decide_state([odd, see(1, LOW)]) is CellState.QUIET


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(history: list[Observation], random: object) -> None:
    arrived = list(history)
    random.shuffle(arrived)  # type: ignore[attr-defined]
    assert fold_states(arrived) == fold_states(history)


@given(histories(), st.integers(0, 12))
def test_what_arrives_late_leads_to_the_same_belief_as_if_it_had_been_there(
    history: list[Observation], split: int
) -> None:
    late, early = history[:split], history[split:]
    assert fold_states([*early, *late])[-1:] == fold_states(history)[-1:]


@given(histories())
def test_the_same_scene_twice_is_one(history: list[Observation]) -> None:
    assert fold_states([*history, *history])[-1:] == fold_states(history)[-1:]


@given(histories(reference=False))
def test_without_a_reference_date_no_cell_ever_becomes_active(history: list[Observation]) -> None:
    assert CellState.ACTIVE not in {belief.state for belief in fold_states(history)}


@given(histories())
def test_beliefs_are_consistent_after_every_step(history: list[Observation]) -> None:
    beliefs = fold_states(history)
    assert len(beliefs) == len(history)
    for belief in beliefs:
        assert belief.state is not CellState.ACTIVE or belief.support >= 2
        assert belief.state is not CellState.QUIET or belief.support == 0
        assert (belief.high_since is None) is (belief.support == 0)
        if belief.state is CellState.ACTIVE and belief.quiet_since and belief.quiet_on:
            long = belief.quiet_on - belief.quiet_since >= QUIET_STRETCH
            assert not (long and belief.quiet_run >= QUIET_DATES)
        if belief.state is CellState.NOT_OBSERVED:
            assert belief == Belief()


@given(histories())
def test_active_is_reached_only_through_a_familiar_look_with_a_reference(history: list[Observation]) -> None:
    belief = Belief()
    for day in sorted({item.observed_on for item in history}):
        for look in choose_looks([item for item in history if item.observed_on == day]):
            after = update_belief(belief, look)
            if after.state is CellState.ACTIVE and belief.state is not CellState.ACTIVE:
                assert look.has_reference
                assert look.observed
                assert look.is_familiar
                assert look.mining >= SUSPECT_AT
            belief = after
