"""Two worlds that look the same to a viewer must answer with the same bytes, whatever the viewer asks (LC, "2W").

`inside`: the worlds differ in where inside their blocks sites lie, in scores and counts within a band, in days within
a month, in all of the present month, in the order of storing. `counted`: the same, but counts are equal, because an
auditor may know how many cells somebody read. `elsewhere`: the east is the same to the last cell and the west is not,
its alerts and published bands included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from accounts.roles import Role
from tests.privacy.exit_leaks import EXIT_LEAKS
from tests.privacy.layouts import Layout, Plan, lay_out
from tests.privacy.leaks import LEAKY_BUILDS, LeakyBuild
from tests.privacy.questions import API, Question, gather_bait, write_questions
from tests.privacy.transcripts import Difference, Exchange, compare, write_transcript
from tests.privacy.worlds import World, build_world

Viewer = str | None
SAME = {"east": 1, "west": 2, "strip": 3}
ANONYMOUS = None
ACTS = {
    "rosa": [Question("GET", f"{API}/activity"), Question("GET", f"{API}/alerts")],
    "pia": [Question("GET", f"{API}/activity"), Question("GET", f"{API}/releases")],
    "mallory": [Question("GET", f"{API}/activity"), Question("GET", f"{API}/alerts")],
    "adam": [Question("GET", f"{API}/activity")],
}
"""What others did before the auditor looks."""


@dataclass(frozen=True)
class Pair:
    """Two worlds, the viewers to whom they must look the same, and those who must see a difference."""

    one: Plan
    other: Plan
    blind: Sequence[Viewer]
    sharp: Sequence[str]


PAIRS = {
    "inside": Pair(
        Plan(SAME, {"east": 11, "west": 12, "strip": 13}),
        Plan(SAME, {"east": 21, "west": 22, "strip": 23}),
        blind=["pia", "paul", "mallory", "ines", "adam", "finn", ANONYMOUS],
        sharp=["rosa", "otis", "anna", "ivo"],
    ),
    "counted": Pair(
        Plan(SAME, {"east": 31, "west": 32, "strip": 33}, same_counts=True),
        Plan(SAME, {"east": 41, "west": 42, "strip": 43}, same_counts=True),
        blind=["aldo"],
        sharp=["rosa"],
    ),
    "elsewhere": Pair(
        Plan(SAME, {"east": 51, "west": 52, "strip": 53}),
        Plan(SAME | {"west": 9}, {"east": 51, "west": 62, "strip": 53}),
        blind=["rosa", "pia", "ines", "ivo", "mallory", ANONYMOUS],
        sharp=["otis", "paul"],
    ),
}
QUESTIONS = 100
FEWER = 40
ENOUGH = 20
ROLES = {
    **dict.fromkeys(["rosa", "otis"], Role.REGULATOR),
    **dict.fromkeys(["ines", "ivo"], Role.INSPECTOR),
    **dict.fromkeys(["pia", "paul", "mallory"], Role.PARTNER),
    "aldo": Role.AUDITOR,
    "anna": Role.ANALYST,
}
"""Whoever may ask something: of their answers at least ENOUGH must have a body; refusals alone would prove little."""


def ask_in_world(
    layout: Layout, questions: dict[Viewer, list[Question]], statement: str | None = None
) -> dict[Viewer, list[Exchange]]:
    """Build a world, let everybody ask, and take the world back."""
    cache.clear()  # both worlds have the same ids: what one has left in a cache would be told in the other
    before = transaction.savepoint()
    world = build_world(layout)
    if statement is not None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    if "aldo" in questions:
        act(world)
    transcripts = {viewer: write_transcript(world, viewer, asked) for viewer, asked in questions.items()}
    transaction.savepoint_rollback(before)
    return transcripts


def act(world: World) -> None:
    """Give the auditor something to read."""
    for name, questions in ACTS.items():
        write_transcript(world, name, questions)
    sites = [Question("GET", f"{API}/alerts/{alert}/site") for alert in world.layout.sites]
    write_transcript(world, "rosa", sites)


def ask_in_both(
    pair: Pair, viewers: Sequence[Viewer], count: int, statement: str | None = None
) -> dict[Viewer, tuple[list[Exchange], list[Difference]]]:
    """By viewer: what was answered in one world, and where the other differs."""
    layouts = [lay_out(pair.one), lay_out(pair.other)]
    bait = gather_bait(layouts)
    questions = {
        viewer: write_questions(number, bait, count, ROLES.get(viewer or ""))
        for number, viewer in enumerate(viewers)
    }
    one, other = (ask_in_world(layout, questions, statement) for layout in layouts)
    return {viewer: (one[viewer], compare(one[viewer], other[viewer])) for viewer in viewers}


@pytest.fixture(autouse=True)
def _unthrottled(settings: Any) -> None:
    """Whoever asks for a living is not stopped by the number of questions."""
    settings.REQUESTS_PER_MINUTE = 1_000_000


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAIRS)
def test_two_worlds_that_look_the_same_answer_with_the_same_bytes(name: str) -> None:
    told = []
    for viewer, (transcript, differences) in ask_in_both(PAIRS[name], PAIRS[name].blind, QUESTIONS).items():
        told += [f"{viewer or 'anonymous'}: {difference}" for difference in differences]
        answered = sum(exchange.status == 200 for exchange in transcript)
        assert viewer not in ROLES or answered >= ENOUGH, f"{viewer} got {answered} answers"
    assert not told, f"{len(told)} answers differ:\n" + "\n".join(told[:5])


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAIRS)
def test_whoever_may_see_the_difference_sees_it(name: str) -> None:
    """Or the worlds would not differ, and the test above could not fail."""
    for viewer, (_, differences) in ask_in_both(PAIRS[name], PAIRS[name].sharp, FEWER).items():
        assert differences, f"{viewer} sees no difference"


@pytest.mark.django_db
@pytest.mark.parametrize("build", [*LEAKY_BUILDS, *EXIT_LEAKS], ids=lambda build: build.name)
def test_a_leaky_build_is_caught(build: LeakyBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    build.break_code(monkeypatch)
    ((_, differences),) = ask_in_both(PAIRS[build.pair], [build.viewer], QUESTIONS, build.statement).values()
    assert differences, f"nobody noticed that {build.name}"
