"""Posture and grants: the table, and that nothing in it ever turns the wrong way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.roles import Role
from monitor.grid import Level
from monitor.privacy.policy import ACTIVITY_RULES, SITE_RULES
from monitor.privacy.posture import (
    APPROVALS,
    BASE_LEVELS,
    FINEST_LEVELS,
    READERS,
    HeldGrant,
    Move,
    Posture,
    choose_level,
    choose_move,
)

OPEN, GUARDED, SEALED = Posture
L0, L1, L2, L3 = Level
EXPECTED = {
    # without a grant: open, guarded, sealed
    Role.REGULATOR: (L0, L1, L3),
    Role.ANALYST: (L0, L1, L3),
    Role.INSPECTOR: (L0, L0, L3),
    Role.PARTNER: (L2, L2, L3),
}
roles = st.sampled_from(sorted(BASE_LEVELS))
postures = st.sampled_from(list(Posture))
grants = st.builds(HeldGrant, st.sampled_from([L0, L1, L2]), st.integers(1, 4))
many_grants = st.lists(grants, max_size=4)


@pytest.mark.parametrize("role", EXPECTED)
def test_the_whole_table_without_grants(role: Role) -> None:
    assert tuple(choose_level(role, posture) for posture in Posture) == EXPECTED[role]


def test_whoever_sees_no_place_is_in_no_table() -> None:
    placeless = set(Role) - set(EXPECTED)
    assert placeless == {Role.AUDITOR, Role.ADMINISTRATOR, Role.FEEDER, Role.PUBLIC}
    for role in placeless:
        with pytest.raises(KeyError):
            choose_level(role, OPEN)


def test_an_open_region_is_seen_as_the_rule_table_says() -> None:
    for role in EXPECTED:
        rule = ACTIVITY_RULES.get(role) or SITE_RULES[role]
        assert choose_level(role, OPEN) == rule.level


@given(roles, many_grants)
def test_a_stricter_posture_never_shows_more(role: Role, held: list[HeldGrant]) -> None:
    levels = [choose_level(role, posture, held) for posture in Posture]
    assert levels == sorted(levels)


@given(roles, postures, many_grants, grants)
def test_one_more_grant_never_shows_less(
    role: Role, posture: Posture, held: list[HeldGrant], more: HeldGrant
) -> None:
    assert choose_level(role, posture, [*held, more]) <= choose_level(role, posture, held)


@given(roles, many_grants)
def test_a_sealed_region_opens_to_two_people_only(role: Role, held: list[HeldGrant]) -> None:
    by_one = [HeldGrant(grant.level, 1) for grant in held]
    assert choose_level(role, SEALED, by_one) == L3
    by_two = [grant for grant in held if grant.approvals >= 2]
    assert choose_level(role, SEALED, held) == choose_level(role, SEALED, by_two)


@given(postures, many_grants, st.sampled_from([L1, L2]))
def test_no_grant_shows_a_cell_to_a_partner(posture: Posture, held: list[HeldGrant], base: Level) -> None:
    assert choose_level(Role.PARTNER, posture, held, base) >= L1


@given(roles, postures, many_grants)
def test_nobody_sees_finer_than_the_finest_of_the_role(
    role: Role, posture: Posture, held: list[HeldGrant]
) -> None:
    assert choose_level(role, posture, held) >= FINEST_LEVELS[role]


@given(st.sampled_from([L1, L2, L3]), postures)
def test_an_agreement_is_never_made_finer_by_posture(base: Level, posture: Posture) -> None:
    assert choose_level(Role.PARTNER, posture, base=base) >= base


@given(postures, postures, st.booleans())
def test_more_precision_takes_two_and_less_takes_one(now: Posture, wanted: Posture, seconded: bool) -> None:
    move = choose_move(now, wanted, seconded)
    if wanted.strictness > now.strictness:
        assert move is Move.LOWER
    elif wanted is now:
        assert move is Move.WITHDRAW
    else:
        assert move is (Move.RAISE if seconded else Move.ASK)


def test_postures_are_ordered_from_wide_to_narrow() -> None:
    assert [posture.strictness for posture in (OPEN, GUARDED, SEALED)] == [0, 1, 2]
    assert [APPROVALS[posture] for posture in (OPEN, GUARDED, SEALED)] == [1, 1, 2]
    assert {Role.REGULATOR, Role.ANALYST, Role.INSPECTOR} == READERS
