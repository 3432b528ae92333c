"""Two worlds that look the same to a viewer must answer with the same bytes, whatever the viewer asks (LC, "2W").

2,000 requests of one seed here; 100,000 over many seeds in `python -m tests.privacy.two_worlds`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.privacy.comparing import ask_in_both, compare_seed, is_caught, try_builds, unhurried
from tests.privacy.leaks import LEAKY_BUILDS
from tests.privacy.pairs import KINDS, draw_pair

PAIRS = 2000
SEED = 20261120
SEEDS = range(SEED, SEED + 4)
FEWER = 40
PARTS = 3
"""Tests into which the leaky builds of one kind of pair are dealt, so that several processes share them."""
ENOUGH = 0.05
"""Least share of answers that are no refusals, for whoever may ask something: refusals alone would prove little."""
WHO_MAY_ASK = {"rosa", "ines", "ivo", "pia", "paul", "aldo"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unhurried() -> Iterator[None]:
    with unhurried():
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_two_worlds_that_look_the_same_answer_with_the_same_bytes(kind: str) -> None:
    tally = compare_seed(SEED, PAIRS, [kind])
    assert tally.is_clean, "\n".join(tally.told[:5])
    for viewer in WHO_MAY_ASK & set(tally.asked):
        assert tally.answered[viewer] >= ENOUGH * tally.asked[viewer], f"{viewer} was answered too little"


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_may_see_the_difference_sees_it(kind: str) -> None:
    """Or the worlds would not differ, and the test above could not fail."""
    pair = draw_pair(kind, SEED)
    for viewer, heard in ask_in_both(pair, SEED, dict.fromkeys(pair.sharp, FEWER)).items():
        assert heard.differences, f"{viewer} sees no difference"


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_leaky_build_is_caught(kind: str, part: int) -> None:
    """By the net that it names. Without this, "nothing differs" would mean nothing.

    A leak of a bit or two does not show between any two worlds: each build has as many pairs as SEEDS.
    """
    missed = [build for build in LEAKY_BUILDS if build.pair == kind][part::PARTS]
    for seed in SEEDS:
        heard = try_builds(kind, seed, missed)
        missed = [build for build in missed if not is_caught(build, heard[build.name])]
        if not missed:
            return
    assert [build.name for build in missed] == []
