"""The rule table itself: who sees anything, how sharply, and that nothing but the role decides."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields

import pytest

from accounts.roles import Role
from monitor.grid import Level
from monitor.privacy import policy
from monitor.privacy.policy import ACTIVITY_RULES, POLICY_VERSION, SITE_RULES, Reach, Rule, levels_of

TABLES: Mapping[str, Mapping[Role, Rule]] = {"activity": ACTIVITY_RULES, "site": SITE_RULES}
EXACT_ROLES = {Role.REGULATOR, Role.ANALYST, Role.INSPECTOR}

EXPECTED = {
    Role.REGULATOR: {"activity": Level.L0, "site": Level.L0},
    Role.ANALYST: {"activity": Level.L0},
    Role.INSPECTOR: {"site": Level.L0},
    Role.PARTNER: {"activity": Level.L2},
    Role.AUDITOR: {},
    Role.ADMINISTRATOR: {},
    Role.FEEDER: {},
    Role.PUBLIC: {"activity": Level.L3},
}


@pytest.mark.parametrize("role", list(Role))
def test_the_whole_table_role_by_role(role: Role) -> None:
    """A role has at most one rule per question: the table is a mapping, and this is all of it."""
    assert {name: table[role].level for name, table in TABLES.items() if role in table} == EXPECTED[role]
    assert levels_of(role) == sorted(set(EXPECTED[role].values()))


@pytest.mark.parametrize("role", sorted(set(Role) - EXACT_ROLES))
def test_nobody_else_sees_anything_finer_than_a_fifth_of_a_degree(role: Role) -> None:
    for table in TABLES.values():
        if role in table:
            assert table[role].level >= Level.L2
            assert not table[role].is_exact


def test_whoever_sees_an_exact_place_sees_no_coarse_view_beside_it() -> None:
    for role in Role:
        sharp = {rule.is_exact for table in TABLES.values() for held, rule in table.items() if held is role}
        assert len(sharp) <= 1  # coarse minus one's own exact cells would be a sliver (LC-42)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_what_is_exact_is_reached_by_mandate_or_inspection_and_what_is_coarse_by_release(
    table: Mapping[Role, Rule],
) -> None:
    for rule in table.values():
        assert rule.is_exact == (rule.level is Level.L0)
        assert rule.is_exact == (rule.reach in {Reach.MANDATE, Reach.INSPECTION})
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)


def test_an_inspector_never_asks_the_open_question() -> None:
    assert Role.INSPECTOR not in ACTIVITY_RULES
    assert SITE_RULES[Role.INSPECTOR].reach is Reach.INSPECTION


def test_no_rule_knows_a_user_so_a_superuser_is_nothing_to_it() -> None:
    words = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(policy)))
        if isinstance(node, ast.Attribute)
    }
    assert not words & {"is_superuser", "is_staff", "user", "viewer"}
    assert {field.name for field in fields(Rule)} == {"name", "reach", "level"}


def test_rules_cannot_be_changed_while_running() -> None:
    with pytest.raises(FrozenInstanceError):
        ACTIVITY_RULES[Role.PARTNER].level = Level.L0  # type: ignore[misc]


def test_the_numbers_of_the_promise_have_not_moved() -> None:
    """Changing one of these is a new policy version and a line in the changelog, not an edit."""
    assert (POLICY_VERSION, policy.K_EFF_MIN, policy.PRIOR_MAX) == ("2027-03", 40, 0.10)
