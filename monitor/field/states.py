"""What is believed of a cell, from its scores in the order of their dates (pure).

One high score suspects; a second, independent observation confirms; clouds leave the belief as it was; a long quiet
stretch closes. Two observations are independent when they are of different dates, or one is a composite: a composite
is made from many dates already, so a change that shows in a composite is confirmed by itself. A score without a
reference date (`basis` single) can only suspect: what stands at the first look may have stood for years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

SUSPECT_AT = 0.5
"""Probability of mining from which an observation counts as high."""
QUIET_BELOW = 0.3
"""Probability below which an observation counts as quiet; between the two it changes nothing."""
QUIET_OBSERVATIONS = 3
"""So many quiet observations in a row close an active cell; a suspected one is closed by the first."""


class CellState(StrEnum):
    """What is currently believed of a cell."""

    QUIET = "quiet"
    SUSPECTED = "suspected"
    ACTIVE = "active"
    NOT_OBSERVED = "not_observed"


@dataclass(frozen=True, slots=True)
class Observation:
    """One score of one cell, as far as the belief depends on it.

    observed_on: last day of the scene. mining: calibrated probability of any kind of mining, 0..1. has_reference:
    judged by change against an earlier date. is_composite: made from many dates. observed: valid share was enough.
    """

    observed_on: date
    mining: float
    has_reference: bool
    is_composite: bool
    observed: bool = True


@dataclass(frozen=True, slots=True)
class Belief:
    """The state after an observation, how many independent high observations support it, and the quiet run so far."""

    state: CellState = CellState.NOT_OBSERVED
    support: int = 0
    quiet_run: int = 0
    last_high_on: date | None = None


def fold_states(history: Sequence[Observation]) -> list[Belief]:
    """The belief after each observation, in the order of dates. The order of arrival does not matter.

    history: observations of one cell in any order; the result has the order of `observed_on` (ties: as given).
    """
    belief = Belief()
    beliefs = []
    for observation in sorted(history, key=lambda item: item.observed_on):
        belief = update_belief(belief, observation)
        beliefs.append(belief)
    return beliefs


def decide_state(history: Sequence[Observation]) -> CellState:
    """The state after the last observation; not observed where there is none."""
    beliefs = fold_states(history)
    return beliefs[-1].state if beliefs else CellState.NOT_OBSERVED


def update_belief(belief: Belief, observation: Observation) -> Belief:
    """One step of the hysteresis described above."""
    if not observation.observed:
        return belief
    if observation.mining >= SUSPECT_AT:
        return _add_high(belief, observation)
    if observation.mining >= QUIET_BELOW and belief.state is not CellState.NOT_OBSERVED:
        return belief
    quiet_run = belief.quiet_run + 1
    if belief.state is CellState.ACTIVE and quiet_run < QUIET_OBSERVATIONS:
        return Belief(belief.state, belief.support, quiet_run, belief.last_high_on)
    return Belief(CellState.QUIET, 0, quiet_run, None)


def _add_high(belief: Belief, observation: Observation) -> Belief:
    is_new_date = belief.last_high_on != observation.observed_on
    support = belief.support + (1 if is_new_date else 0)
    if observation.is_composite and observation.has_reference:
        support = max(support, 2)
    confirmed = observation.has_reference and support >= 2
    is_active = confirmed or belief.state is CellState.ACTIVE
    return Belief(CellState.ACTIVE if is_active else CellState.SUSPECTED, support, 0, observation.observed_on)
