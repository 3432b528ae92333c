"""The attackers: one file for each way of asking. They know the lattice, public geography, and what servers answer."""

from __future__ import annotations

from collections.abc import Sequence

from tests.privacy.redteam.attackers.bisection import Bisection
from tests.privacy.redteam.attackers.calendar import Differencing
from tests.privacy.redteam.attackers.collusion import Collusion
from tests.privacy.redteam.attackers.fingerprint import Fingerprint
from tests.privacy.redteam.attackers.names import Names
from tests.privacy.redteam.attackers.neighbours import NearestNeighbour
from tests.privacy.redteam.attackers.offering import Offering
from tests.privacy.redteam.attackers.ordering import Ordering
from tests.privacy.redteam.attackers.probing import Probing
from tests.privacy.redteam.attackers.tiles import TilePyramid
from tests.privacy.redteam.attackers.trilateration import Trilateration
from tests.privacy.redteam.campaign import Attacker


def gather_attackers(timing_repeats: int) -> Sequence[Attacker]:
    """Everybody who attacks with partners' accounts. timing_repeats: how often the clock is read for each part."""
    return (
        Bisection(),
        Trilateration(),
        Ordering(),
        Probing("counting tracker", "LC-09", "exact count"),
        TilePyramid(),
        Differencing(),
        Collusion(),
        Fingerprint(),
        Names(),
        Probing("timing", "LC-24", "slow where full", repeats=timing_repeats, by_clock=True),
        NearestNeighbour(),
        Offering(),
    )


def gather_readers() -> Sequence[Attacker]:
    """Who attacks the blocks of other levels: an agreement on L1, the public at L3."""
    return (
        Bisection(single_cells=4),
        Probing("counting tracker", "LC-09", "exact count"),
        TilePyramid(),
        Differencing(),
        Fingerprint(),
        Names(),
    )


def gather_onlookers() -> Sequence[Attacker]:
    """Who attacks with accounts that are told no block: what can be asked with any account."""
    counting = Probing("counting tracker", "LC-09", "exact count", sides=2)
    bisection, offering = Bisection(steps=1, single_cells=2, file_steps=0), Offering(steps=1, single_cells=2)
    return (bisection, counting, Fingerprint(), Names(), offering)
