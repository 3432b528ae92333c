"""How posture bends the rule table (pure): open, guarded, sealed, and what a grant opens again.

The same table stands in schema `access`, where the statement that reads applies it (P7); a test holds the two
together. Lowering precision takes one person, raising it two.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from accounts.roles import Role
from monitor.grid import Level


class Posture(StrEnum):
    """What a region is open to, widest first."""

    OPEN = "open"
    """Every role sees what its rule says."""
    GUARDED = "guarded"
    """Exact roles see published blocks of L1 or coarser; inspectors keep the sites of their inspections."""
    SEALED = "sealed"
    """Nobody sees anything finer than L3 without a grant that two people approved."""

    @property
    def strictness(self) -> int:
        """0 for open, 2 for sealed."""
        return list(Posture).index(self)


class Move(StrEnum):
    """What a wish for a posture comes to."""

    LOWER = "lower"
    """Less precision: one person, at once."""
    ASK = "ask"
    """More precision: noted, and nothing changes until somebody else wishes the same."""
    RAISE = "raise"
    """More precision, which somebody else has asked for."""
    WITHDRAW = "withdraw"
    """The posture stays; what was asked for is off the table."""


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant in force: how fine, and how many people approved it."""

    level: Level
    approvals: int


BASE_LEVELS = {
    Role.REGULATOR: Level.L0,
    Role.ANALYST: Level.L0,
    Role.INSPECTOR: Level.L0,
    Role.PARTNER: Level.L2,
}
"""What a role sees of an open region that it holds something on. A role that is not here can ask for nothing."""
FINEST_LEVELS = {
    Role.REGULATOR: Level.L0,
    Role.ANALYST: Level.L0,
    Role.INSPECTOR: Level.L0,
    Role.PARTNER: Level.L1,
}
"""What a grant can open at most: a partner never sees a cell."""
POSTURE_LEVELS = {Posture.OPEN: Level.L0, Posture.GUARDED: Level.L1, Posture.SEALED: Level.L3}
APPROVALS = {Posture.OPEN: 1, Posture.GUARDED: 1, Posture.SEALED: 2}
"""So many people, none of them the one who asks, must have approved a grant for it to count under a posture."""

READERS = frozenset(role for role, level in FINEST_LEVELS.items() if level is Level.L0)
"""Whoever can be shown an exact cell, and hence has a quota."""

GRANT_DAYS_MAX = 30
"""A grant ends by itself after so many days at most."""
ASKED_POSTURE_LASTS = timedelta(days=7)
"""A raise that nobody seconded for so long is forgotten."""


def choose_level(
    role: Role, posture: Posture, grants: Collection[HeldGrant] = (), base: Level | None = None
) -> Level:
    """The finest level at which a role sees a region that it holds something on.

    base: what the role sees of it while it is open, where an agreement says other than BASE_LEVELS. Raises KeyError
    for a role that sees no place. An inspector's level speaks of the sites of open inspections only.
    """
    shown = BASE_LEVELS[role] if base is None else base
    if not (role is Role.INSPECTOR and posture is Posture.GUARDED):
        shown = max(shown, POSTURE_LEVELS[posture])
    granted = [
        max(grant.level, FINEST_LEVELS[role]) for grant in grants if grant.approvals >= APPROVALS[posture]
    ]
    return min([shown, *granted])


def choose_move(now: Posture, wanted: Posture, seconded: bool) -> Move:
    """What a wish comes to. seconded: somebody else has asked for exactly this lately."""
    if wanted.strictness > now.strictness:
        return Move.LOWER
    if wanted is now:
        return Move.WITHDRAW
    return Move.RAISE if seconded else Move.ASK
