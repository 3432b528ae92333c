"""Two worlds that look the same to a viewer must answer with the same bytes, whatever the viewer asks (LC, "2W").

2,000 requests of one seed here; 100,000 over many seeds in `python -m tests.privacy.two_worlds`.
"""

from __future__ import annotations

import pytest

from tests.privacy.comparing import compare_seed, find_blind_controls, find_missed_builds
from tests.privacy.pairs import KINDS

PAIRS = 2000
SEED = 20261120
SEEDS = range(SEED, SEED + 8)
PARTS = 3
"""Tests into which the leaky builds of one kind of pair are dealt, so that several processes share them."""
ENOUGH = 0.05
"""Least share of answers that are no refusals, for whoever may ask something: refusals alone would prove little."""
WHO_MAY_ASK = {"rosa", "ines", "ivo", "pia", "paul", "aldo"}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", KINDS)
def test_two_worlds_that_look_the_same_answer_with_the_same_bytes(kind: str) -> None:
    tally = compare_seed(SEED, PAIRS, [kind])
    assert tally.is_clean, "\n".join(tally.told[:5])
    for viewer in WHO_MAY_ASK & set(tally.asked):
        assert tally.answered[viewer] >= ENOUGH * tally.asked[viewer], f"{viewer} was answered too little"


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_may_see_the_difference_sees_it(kind: str) -> None:
    """Or the worlds would not differ, and the test above could not fail."""
    checked, blind = find_blind_controls(SEED, [kind])
    assert checked
    assert blind == []


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_leaky_build_is_caught(kind: str, part: int) -> None:
    """By the net that it names. Without this, "nothing differs" would mean nothing.

    A leak of a bit or two does not show between any two worlds: each build has as many pairs as SEEDS.
    """
    _, missed = find_missed_builds(SEEDS, [kind], slice(part, None, PARTS))
    assert missed == []
