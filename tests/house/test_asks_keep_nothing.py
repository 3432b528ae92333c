"""What checks questions is made once and shared by all who ask: it must keep nothing of any of them."""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import Serializer

from monitor import api
from monitor.api.view import prepare

ASKS = sorted(
    {
        each
        for found in pkgutil.iter_modules(api.__path__)
        if found.name.endswith("asks")
        for each in vars(import_module(f"monitor.api.{found.name}")).values()
        if isinstance(each, type) and issubclass(each, Serializer) and each is not Serializer
    },
    key=lambda each: each.__qualname__,
)
TEXTS = (
    "7",
    "0.5",
    "active",
    "1,2,3,4",
    "2026-10",
    "2026-10-01",
    "L2",
    "6f2d3c1e-6e1f-4c56-9a60-0d7d4f0f2c11",
    "?",
)


def test_the_questions_that_are_asked_over_http_are_looked_at() -> None:
    assert {"ExactActivityAsk", "CoarseTileAsk", "EntriesAsk", "AccessRequestAsk"} <= {
        each.__name__ for each in ASKS
    }


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__)
def test_a_question_leaves_nothing_with_what_checks_it(ask: type[Serializer[Any]]) -> None:
    checks = prepare(ask)
    assert checks is prepare(ask)
    check(checks, dict.fromkeys(checks.fields, "7"))
    before = remember(checks)
    for text in TEXTS:
        check(checks, dict.fromkeys(checks.fields, text))
        for name in checks.fields:
            check(checks, {str(name): text})
    assert remember(checks) == before


def check(checks: Serializer[Any], asked: dict[str, Any]) -> None:
    with suppress(ValidationError):
        checks.run_validation(asked)


def remember(checks: Serializer[Any]) -> list[dict[str, str]]:
    """As text, so that what is put into a list that was there is told as well."""
    # the framework makes `_validators` when they are first needed, from what the class says
    each_of = (checks, *checks.fields.values())
    return [
        {key: repr(value) for key, value in vars(each).items() if key != "_validators"} for each in each_of
    ]
