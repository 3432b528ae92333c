"""Pairs of worlds that must look the same to some viewers, drawn anew from every seed (pure).

`inside`: the worlds differ in where inside their blocks sites lie, in scores and counts within a band, in days within
a month, in what is new in blocks that may not move yet, in all of the present month, in the order of storing. `unseen`:
also in all alerts, inspections and findings, of which whoever sees releases only must not even see that they are.
`counted`: as `inside`, but counts are equal, also of different cells, because an auditor may know how many somebody read,
and whoever reads all activity of the east is shown its sites. `finer`: as `inside`, but inside blocks of L1, for partners
with an agreement on L1 and exact roles of guarded regions. `elsewhere`: the east is the same to the last cell and the west
is not, its alerts and published bands included; nor is the far bank of a river, which shares a block of L1 with the near
one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.roles import Role
from monitor.grid import Level
from tests.privacy.layouts import BANKS, Plan

Viewer = str | None
ANONYMOUS = None
REGIONS = ("east", "west", "strip", *BANKS)
BEYOND = ("west", "far bank")
"""Regions that differ in pairs of `elsewhere`."""
ROLES: Mapping[Viewer, Role] = {
    **dict.fromkeys(["rosa", "otis", "rex", "sela"], Role.REGULATOR),
    **dict.fromkeys(["ines", "ivo", "wim"], Role.INSPECTOR),
    **dict.fromkeys(["pia", "paul", "mallory", "vera"], Role.PARTNER),
    "aldo": Role.AUDITOR,
    "anna": Role.ANALYST,
    "adam": Role.ADMINISTRATOR,
    "finn": Role.FEEDER,
}
"""Viewers are people by name. "paul later" is Paul after a first look (not compared) and after a right was taken back;
"rosa sealed" is Rosa after her regions were; "pia agreed" is Pia after an agreement on L1; "sela guarded" is Sela, who read
cells of the near bank before it was guarded."""
READERS_OF_NOTHING_EXACT = frozenset(
    {
        "pia",
        "pia agreed",
        "paul",
        "paul agreed",
        "paul later",
        "mallory",
        "vera",
        "aldo",
        "adam",
        "finn",
        ANONYMOUS,
    }
)
"""Whose reading must never open a table of the vault."""


@dataclass(frozen=True)
class Pair:
    """Two worlds, the viewers to whom they must look the same, and those who must see a difference.

    blind: each with the weight of its questions; who may ask nothing is asked less.
    """

    one: Plan
    other: Plan
    blind: Mapping[Viewer, int]
    sharp: Sequence[str]


_BLIND: Mapping[str, str] = {
    "inside": "pia 4, paul 4, mallory 2, ines 3, adam 2, finn 2, rex 1, vera 1, anonymous 1, ivo later 2, rosa later 2,"
    " rosa sealed 2, anna sealed 1",
    "unseen": "pia 4, paul 4, mallory 1, adam 1, finn 2, vera 1, anonymous 1",
    "counted": "aldo 6",
    "finer": "pia agreed 4, paul agreed 4, rosa guarded 2, anna guarded 1",
    "elsewhere": "rosa 5, pia 3, ines 3, ivo 3, mallory 1, rex 1, vera 1, anonymous 1, paul later 3, otis later 1,"
    " sela guarded 2",
}
_SHARP = {
    "inside": ["rosa", "otis", "anna", "ivo"],
    "unseen": ["rosa", "ivo"],
    "counted": ["rosa"],
    "finer": ["rosa", "anna"],
    "elsewhere": ["otis", "paul"],
}
KINDS = tuple(_BLIND)


def weigh_blind(kind: str) -> dict[Viewer, int]:
    """Who must not see the difference, and the weight of their questions."""
    words = [entry.rpartition(" ") for entry in _BLIND[kind].split(", ")]
    return {None if name == "anonymous" else name: int(weight) for name, _, weight in words}


TOTAL_WEIGHT = sum(sum(weigh_blind(kind).values()) for kind in KINDS)


def name_person(viewer: Viewer) -> str | None:
    """Who the viewer is."""
    return viewer.partition(" ")[0] if viewer else None


def draw_pair(kind: str, seed: int) -> Pair:
    """The pair of one kind for a seed."""
    draw = random.Random(f"pair {kind} {seed}")
    seeds = [{name: draw.randrange(10**9) for name in REGIONS} for _ in range(4)]
    coarse, hidden, afield, others = seeds
    hidden_too = {name: draw.randrange(10**9) for name in REGIONS}
    if kind == "elsewhere":
        one = Plan(coarse, hidden, afield)
        bands = {name: others[name] if name in BEYOND else value for name, value in coarse.items()}
        there = {name: hidden_too[name] if name in BEYOND else value for name, value in hidden.items()}
        beyond = {name: others["strip"] if name == "west" else value for name, value in afield.items()}
        other = Plan(bands, there, beyond)
    else:
        same_counts = kind in {"counted", "finer"}  # or sums of bands would differ in coarser blocks
        level = Level.L1 if kind == "finer" else Level.L2
        one = Plan(coarse, hidden, afield, same_counts, level, kind == "counted")
        there = others if kind == "unseen" else afield
        other = Plan(coarse, hidden_too, there, same_counts, level, kind == "counted")
    return Pair(one, other, weigh_blind(kind), _SHARP[kind])
