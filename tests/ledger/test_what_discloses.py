"""One definition says which entries can disclose anything, and every action that is written with a level is known to it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.db import connection

from tests.house.source import list_modules, parse

CHANGES = {
    "access.approve",
    "access.ask",
    "access.refuse",
    "agreement.end",
    "agreement.make",
    "grant.revoke",
    "quota.release",
}
"""They have the level of what is asked for, granted or taken away, or none, and show nobody anything."""
REFUSALS = {"refuse.quota"}
_ACTION = re.compile(r"[a-z]+(\.[a-z_]+)+")
_LEVEL_PLACE = 4
"""Which argument of an `Entry` is its level."""


def writes_levels(path: Path) -> bool:
    """Whether a module makes an entry with a level, or discloses by a rule, which has one."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = {keyword.arg for keyword in node.keywords}
            if node.func.id == "disclose" and "rule" in named:
                return True
            if node.func.id == "Entry" and ("level" in named or len(node.args) > _LEVEL_PLACE):
                return True
    return False


def list_actions() -> set[str]:
    """Every dotted word of the modules that write levels."""
    return {
        node.value
        for path in list_modules()
        if writes_levels(path)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _ACTION.fullmatch(node.value) is not None
    }


@pytest.mark.django_db
def test_every_action_with_a_level_is_a_reading_or_a_change_that_is_known() -> None:
    actions = list_actions()
    assert {"read.activity", "read.summary", "export.activity"} <= actions
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action FROM unnest(%s::text[]) AS action WHERE NOT ledger.can_disclose(action)",
            [sorted(actions)],
        )
        assert {action for (action,) in cursor.fetchall()} == CHANGES | REFUSALS
