"""What other systems publish confirms what we saw, and does nothing else, whatever came first."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.field.fusion import COMPANION, Fused, can_confirm, fuse_evidence, is_independent, list_public
from monitor.field.outside import Published
from monitor.field.states import Belief, CellState, Observation, fold_states
from monitor.field.systems import SYSTEMS, Theme, Trust

START = date(2026, 1, 1)
LATER = START + timedelta(days=1000)
RANKS = {
    CellState.NOT_OBSERVED: 0,
    CellState.QUIET: 0,
    CellState.SUSPECTED: 1,
    CellState.ACTIVE: 2,
}


def look(
    day: int,
    mining: float = 0.9,
    sensor: str = "sentinel-2",
    *,
    reference: bool = True,
    familiar: bool = True,
) -> Observation:
    """A look of one day."""
    return Observation(
        START + timedelta(days=day), mining, reference, False, is_familiar=familiar, sensor=sensor
    )


def tell(
    day: int, system: str = "radd", trust: Trust = Trust.HIGH, theme: Theme = Theme.FOREST_LOSS
) -> Published:
    """What a system says of the cell, of one day."""
    return Published(9210, 20010, system, theme, START + timedelta(days=day), trust, 1)


def fuse(history: list[Observation], evidence: list[Published], today: date = LATER) -> tuple[str, bool]:
    """The state, and whether an independent system agrees."""
    fused = fuse_evidence(history, evidence, today)
    return fused.belief.state.value, fused.agrees


@st.composite
def looks(draw: st.DrawFn) -> list[Observation]:
    """Looks by several sensors, single days and composites."""
    found = []
    for day in draw(st.lists(st.integers(0, 400), max_size=12)):
        last = START + timedelta(days=day)
        found.append(
            Observation(
                last,
                draw(st.sampled_from([0.1, 0.4, 0.9])),
                draw(st.booleans()),
                draw(st.booleans()),
                draw(st.sampled_from([True, True, False])),
                draw(st.sampled_from([True, True, False])),
                draw(st.sampled_from(["landsat", "sentinel-1", "sentinel-2"])),
                last - timedelta(days=draw(st.sampled_from([0, 0, 40]))),
            )
        )
    return found


words = st.lists(
    st.builds(
        tell,
        st.integers(-500, 500),
        st.sampled_from(sorted(SYSTEMS)),
        st.sampled_from(list(Trust)),
        st.sampled_from(list(Theme)),
    ),
    max_size=8,
)
days = st.integers(0, 900).map(lambda day: START + timedelta(days=day))


def test_one_high_look_and_an_independent_system_that_stands_by_its_word_make_a_cell_active() -> None:
    assert fuse([look(10)], []) == ("suspected", False)
    assert fuse([look(10)], [tell(0)]) == ("active", True)


def test_it_counts_from_the_day_on_which_the_system_will_not_take_it_back() -> None:
    settles = START + SYSTEMS["radd"].settles
    assert fuse([look(10)], [tell(0)], settles - timedelta(days=1)) == ("suspected", False)
    assert fuse([look(10)], [tell(0)], settles) == ("active", True)
    assert fuse_evidence([look(10)], [tell(0)], LATER).confirmed_on == settles
    assert fuse_evidence([look(200)], [tell(0)], LATER).confirmed_on == START + timedelta(days=200)


def test_what_we_had_given_up_before_it_settled_is_not_confirmed() -> None:
    assert fuse([look(10), look(20, 0.1)], [tell(0)]) == ("quiet", False)
    assert (
        fuse([look(10), look(100, 0.1)], [tell(0)])[0] == "active"
    )  # settled in between: one quiet look closes nothing


def test_a_look_of_a_suspicion_that_was_given_up_witnesses_for_no_later_one() -> None:
    weak = look(30, reference=False)
    assert fuse([look(10), look(20, 0.1), weak], [tell(0)]) == ("suspected", False)
    assert fuse([look(10), weak], [tell(0)]) == ("active", True)


@pytest.mark.parametrize(
    ("system", "trust", "sensor", "confirms"),
    [
        ("radd", Trust.HIGH, "sentinel-2", True),
        ("radd", Trust.HIGHEST, "landsat", True),
        ("radd", Trust.HIGH, "sentinel-1", False),
        ("radd", Trust.NOMINAL, "sentinel-2", False),
        ("glad_l", Trust.HIGH, "sentinel-2", True),
        ("glad_l", Trust.HIGH, "landsat", False),
        ("glad_s2", Trust.HIGH, "sentinel-2", False),
        ("glad_s2", Trust.HIGH, "sentinel-1", True),
        ("gfw_integrated", Trust.HIGH, "sentinel-2", False),
        ("gfw_integrated", Trust.HIGHEST, "sentinel-2", True),
        ("mapbiomas_alerta", Trust.HIGH, "sentinel-2", True),
        ("viirs", Trust.HIGHEST, "sentinel-2", False),
        ("other_detector", Trust.HIGHEST, "sentinel-2", False),
    ],
)
def test_a_system_confirms_only_what_another_satellite_saw_and_only_when_it_is_sure(
    system: str, trust: Trust, sensor: str, confirms: bool
) -> None:
    theme = SYSTEMS[system].theme
    assert fuse([look(10, sensor=sensor)], [tell(0, system, trust, theme)])[0] == (
        "active" if confirms else "suspected"
    )


def test_forest_that_was_lost_years_before_is_no_witness() -> None:
    near = COMPANION.days
    assert fuse([look(400)], [tell(400 - near)])[0] == "active"
    assert fuse([look(400)], [tell(399 - near)])[0] == "suspected"
    assert fuse([look(10)], [tell(11 + near)])[0] == "suspected"


@pytest.mark.parametrize("weak", [look(10, reference=False), look(10, familiar=False), look(10, 0.4)])
def test_a_look_that_could_only_suspect_is_confirmed_by_nobody(weak: Observation) -> None:
    assert fuse([weak], [tell(0), tell(5, "mapbiomas_alerta")])[0] != "active"


def test_what_we_are_sure_of_ourselves_can_be_agreed_with() -> None:
    ours = [look(10), look(20)]
    assert fuse(ours, []) == ("active", False)
    assert fuse(ours, [tell(0)]) == ("active", True)
    assert fuse_evidence(ours, [tell(0)], LATER).confirmed_on is None
    assert fuse(ours, [tell(0, "glad_s2")]) == ("active", False)


def test_two_reports_of_a_fire_or_of_one_system_are_no_more_than_one() -> None:
    once, twice = [tell(0)], [tell(0), tell(0), tell(1)]
    assert fuse_evidence([look(10)], once, LATER) == fuse_evidence([look(10)], twice, LATER)


@given(looks(), days)
def test_without_evidence_belief_is_that_of_our_own_looks(history: list[Observation], today: date) -> None:
    beliefs = fold_states(history)
    assert fuse_evidence(history, [], today) == Fused(beliefs[-1] if beliefs else Belief())


@given(words, days)
def test_evidence_alone_makes_nothing(evidence: list[Published], today: date) -> None:
    assert fuse_evidence([], evidence, today) == Fused(Belief())
    quiet = [look(10, 0.1), look(300, 0.1)]
    assert fuse_evidence(quiet, evidence, today) == Fused(fold_states(quiet)[-1])


@given(looks(), words, days, st.integers(0, 2**32))
def test_the_order_of_arrival_does_not_matter(
    history: list[Observation], evidence: list[Published], today: date, seed: int
) -> None:
    draw = random.Random(seed)
    assert fuse_evidence(
        draw.sample(history, len(history)), draw.sample(evidence, len(evidence)), today
    ) == fuse_evidence(history, evidence, today)


@given(looks(), words, days)
def test_evidence_never_makes_a_belief_weaker(
    history: list[Observation], evidence: list[Published], today: date
) -> None:
    beliefs = fold_states(history)
    own = beliefs[-1].state if beliefs else CellState.NOT_OBSERVED
    fused = fuse_evidence(history, evidence, today)
    assert RANKS[fused.belief.state] >= RANKS[own]
    if fused.belief.state is not own:
        assert fused.confirmed_on is not None


@given(looks(), words, days)
def test_only_what_is_settled_sure_and_independent_changes_anything(
    history: list[Observation], evidence: list[Published], today: date
) -> None:
    sensors = {each.sensor for each in history}
    able = [
        each
        for each in evidence
        if can_confirm(each)
        and each.settles_on <= today
        and any(is_independent(each, look(0, sensor=sensor)) for sensor in sensors)
    ]
    assert fuse_evidence(history, evidence, today) == fuse_evidence(history, able, today)


@given(looks(), words, days)
def test_a_confirmation_has_its_witnesses(
    history: list[Observation], evidence: list[Published], today: date
) -> None:
    fused = fuse_evidence(history, evidence, today)
    if fused.confirmed_on is not None:
        assert fused.confirmed_on <= max(today, *(each.observed_on for each in history))
        assert any(each.mining >= 0.5 and each.observed_on <= fused.confirmed_on for each in history)
        assert any(each.settles_on <= fused.confirmed_on for each in evidence if can_confirm(each))


def test_a_place_is_public_where_a_public_system_stands_by_what_it_said_of_more_than_a_fire() -> None:
    evidence = [
        tell(0, "radd", Trust.LOW),
        tell(1, "glad_l"),
        tell(0, "viirs", theme=Theme.FIRE),
        tell(0, "other_detector", theme=Theme.MINING),
        tell(2, "radd"),
    ]
    assert list_public(evidence, START) == ()
    assert list_public(evidence, START + SYSTEMS["radd"].settles) == ("radd",)
    assert list_public(evidence, LATER) == ("glad_l", "radd")
