"""What is believed of a cell, from its scores in the order of their dates (pure).

One high look suspects; a second, independent one confirms; clouds leave the belief as it was; a long quiet stretch closes.
What was seen of a cell by one sensor on one day is one look, whatever scenes it came in. Looks are independent when they
are of different systems, or of dates that do not overlap; a composite is made from many dates already, so a change that
shows in a composite is confirmed by itself. A look without a reference date (`basis` single) can only suspect: what stands
at the first look may have stood for years. Features unlike all that the model was fitted to can suspect too, but they
support nothing and make nothing quiet: a thin cloud that no mask knows looks like neither forest nor mine.

Of an active cell that was high a year ago, "no change" may mean that the mine stands as it did: such a look is quiet only if
no mine shows in it by itself either (`alone`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby

SUSPECT_AT = 0.5
"""Probability of mining from which a look counts as high."""
QUIET_BELOW = 0.3
"""Probability below which a look counts as quiet; between the two it changes nothing."""
QUIET_DATES = 3
"""So many quiet dates in a row close an active cell; a suspected one is closed by the first."""
QUIET_STRETCH = timedelta(days=60)
"""So long the quiet dates that close an active cell must reach: three clear days in a fortnight are no long stretch."""

REFERENCE_AGE = timedelta(days=365)
"""The scene that a cell is compared with is at least so old, where there is one: the same season, and before whatever began
since. Held against the latest scene, a mine that was dug between two looks shows no change from the second on, and nothing
would confirm it. So long after it was first seen, a mine can stand in the reference too."""


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
    is_familiar: the features lie within what the model was fitted to. sensor: the system that looked. observed_from: first
    day of the scene, None for a scene of one day. valid_share: of the cell, 0..1. alone: of a look that was judged by
    change, the probability of mining without the reference, 0..1; None where that is not known, and of all other looks.
    """

    observed_on: date
    mining: float
    has_reference: bool
    is_composite: bool
    observed: bool = True
    is_familiar: bool = True
    sensor: str = ""
    observed_from: date | None = None
    valid_share: float = 1.0
    alone: float | None = None

    @property
    def began_on(self) -> date:
        """First day of the scene."""
        return self.observed_from or self.observed_on


@dataclass(frozen=True, slots=True)
class Belief:
    """The state after a day, how many independent high looks support it, and the quiet stretch so far.

    A suspicion of unfamiliar ground has no support. last_high: by sensor, the last day of its last high look. quiet_since:
    first of the quiet dates that are counted in quiet_run, and quiet_on the last. high_since: last day of the first high
    look of a suspected or active cell, on familiar ground; None where there is none.
    """

    state: CellState = CellState.NOT_OBSERVED
    support: int = 0
    quiet_run: int = 0
    last_high: frozenset[tuple[str, date]] = field(default_factory=frozenset)
    quiet_since: date | None = None
    quiet_on: date | None = None
    high_since: date | None = None


def fold_states(history: Sequence[Observation]) -> list[Belief]:
    """The belief at the end of the day of each observation, in the order of dates. Neither the order in which observations
    are given nor that of their arrival matters.

    history: observations of one cell in any order; the result is in the order of `rank_look`.
    """
    belief = Belief()
    beliefs: list[Belief] = []
    for _, day in groupby(sorted(history, key=rank_look), key=lambda item: item.observed_on):
        seen = list(day)
        for look in choose_looks(seen):
            belief = update_belief(belief, look)
        beliefs += [belief] * len(seen)
    return beliefs


def choose_looks(day: Sequence[Observation]) -> list[Observation]:
    """The looks of one day: of each sensor the one that ranks last, if the cell was seen at all; in the order of ranks."""
    looks = {each.sensor: each for each in sorted(day, key=rank_look)}
    return [look for look in looks.values() if look.observed]


def rank_look(each: Observation) -> tuple[object, ...]:
    """A key by which observations are put in order, whatever order they came in: by day, sensor and how much of the cell
    was seen. Of those that show as much, all else decides, so that only equal ones rank alike."""
    return (
        each.observed_on,
        each.sensor,
        each.observed,
        each.valid_share,
        each.began_on,
        each.is_familiar,
        each.has_reference,
        each.mining,
        each.is_composite,
        -1.0 if each.alone is None else each.alone,
    )


def decide_state(history: Sequence[Observation]) -> CellState:
    """The state after the last observation; not observed where there is none."""
    beliefs = fold_states(history)
    return beliefs[-1].state if beliefs else CellState.NOT_OBSERVED


def update_belief(belief: Belief, look: Observation) -> Belief:
    """One step of the hysteresis described above."""
    if not look.observed:
        return belief
    if not look.is_familiar:
        return _suspect_only(belief, look)
    if look.mining >= SUSPECT_AT:
        return _add_high(belief, look)
    if look.mining >= QUIET_BELOW and belief.state is not CellState.NOT_OBSERVED:
        return belief
    if _may_still_stand(belief, look):
        return belief
    return _add_quiet(belief, look)


def _suspect_only(belief: Belief, look: Observation) -> Belief:
    if look.mining >= SUSPECT_AT and belief.state in {CellState.QUIET, CellState.NOT_OBSERVED}:
        return Belief(CellState.SUSPECTED)
    return belief


def _add_high(belief: Belief, look: Observation) -> Belief:
    known = dict(belief.last_high)
    last = known.get(look.sensor)
    support = belief.support + (1 if last is None or look.began_on > last else 0)
    if look.is_composite and look.has_reference:
        support = max(support, 2)
    confirmed = look.has_reference and support >= 2
    is_active = confirmed or belief.state is CellState.ACTIVE
    state = CellState.ACTIVE if is_active else CellState.SUSPECTED
    last_high = frozenset((known | {look.sensor: look.observed_on}).items())
    return Belief(state, support, last_high=last_high, high_since=belief.high_since or look.observed_on)


def _may_still_stand(belief: Belief, look: Observation) -> bool:
    """Whether a low look of an active cell may have been held against the mine itself, and sees it when asked alone."""
    if belief.state is not CellState.ACTIVE or belief.high_since is None or look.alone is None:
        return False
    return look.began_on - belief.high_since >= REFERENCE_AGE and look.alone >= QUIET_BELOW


def _add_quiet(belief: Belief, look: Observation) -> Belief:
    is_new_date = belief.quiet_on is None or look.began_on > belief.quiet_on
    run, since = belief.quiet_run + is_new_date, belief.quiet_since or look.began_on
    long = run >= QUIET_DATES and look.observed_on - since >= QUIET_STRETCH
    if belief.state is CellState.ACTIVE and not long:
        return replace(belief, quiet_run=run, quiet_since=since, quiet_on=look.observed_on)
    return Belief(CellState.QUIET, 0, run, frozenset(), since, look.observed_on)
