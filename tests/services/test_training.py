"""What a training is recognised by, so that the same again is not trained twice."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel
from monitor.services.training import Preparation, digest_preparation

HOW = Preparation("sentinel-2", 8, 0, None, Recipe())
MINE, NONE = CellLabel(9000, 20000, 1, date(2021, 1, 1)), CellLabel(9001, 20000, 0)
OTHER: dict[str, Any] = {
    "row": 9002,
    "col": 20002,
    "label": 2,
    "observed_from": date(2020, 1, 1),
    "observed_to": date(2021, 12, 31),
}
"""Another value of each field that is no text."""


@pytest.mark.parametrize("name", [field.name for field in fields(CellLabel)])
def test_labels_of_which_one_says_something_else_are_trained_on_anew(name: str) -> None:
    changed = replace(MINE, **{name: OTHER.get(name, "said later")})
    assert digest_preparation([], [changed, NONE], HOW) != digest_preparation([], [MINE, NONE], HOW)


def test_the_same_labels_in_another_order_are_recognised() -> None:
    assert digest_preparation([], [NONE, MINE], HOW) == digest_preparation([], [MINE, NONE], HOW)


def test_another_recipe_is_trained_anew() -> None:
    other = replace(HOW, recipe=Recipe(seed=1))
    assert digest_preparation([], [MINE], other) != digest_preparation([], [MINE], HOW)
