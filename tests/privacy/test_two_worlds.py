"""Two worlds that look the same to a viewer must answer with the same bytes, whatever the viewer asks (LC, "2W").

2,000 requests of one seed here; 100,000 over many seeds in `python -m tests.privacy.two_worlds`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.privacy.comparing import Heard, ask_in_both, compare_seed, unhurried
from tests.privacy.leaks import LEAKY_BUILDS, LeakyBuild
from tests.privacy.pairs import KINDS, draw_pair

PAIRS = 2000
SEED = 20261120
FEWER = 40
QUESTIONS = 110
ENOUGH = 0.08
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


@pytest.mark.parametrize(
    "build", [b for b in LEAKY_BUILDS if b.net != "canaries"], ids=lambda build: build.name.replace(" ", "-")
)
def test_a_leaky_build_is_caught(build: LeakyBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    build.break_code(monkeypatch)
    pair = draw_pair(build.pair, SEED)
    (heard,) = ask_in_both(pair, SEED, {build.viewer: QUESTIONS}, build.statement).values()
    assert caught_by(heard, build.net), f"nobody noticed that {build.name}"


def caught_by(heard: Heard, net: str) -> bool:
    """Whether that net holds something; another one does not count."""
    parts = {part for difference in heard.differences for part in difference.parts}
    return {"bytes": bool(parts - {"work"}), "work": "work" in parts, "vault": bool(heard.openings)}[net]
