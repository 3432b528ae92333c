"""Fusion (pure): what our own looks and other systems say of one cell, as one belief.

An alert of another system confirms what a look of ours suspected, and does nothing else: alone it makes no cell suspected,
and it closes none. It takes part in the history on the day on which its system stands by it, so the outcome follows from
what was seen and published, never from the order in which it arrived. No Django, no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

from monitor.field.lifecycle import Confidence
from monitor.field.outside import Published
from monitor.field.states import (
    SUSPECT_AT,
    Belief,
    CellState,
    Observation,
    choose_looks,
    rank_look,
    update_belief,
)
from monitor.field.systems import SYSTEMS, Theme

COMPANION = timedelta(days=365)
"""A look and an alert speak of one change if no more than this lies between their days: forest that was lost years before
is no witness of a mine of today."""


@dataclass(frozen=True, slots=True)
class Fused:
    """What is believed of a cell once other systems have been heard.

    belief: after the last look and the last alert that stands. confirmed_on: the first day on which the word of another
    system made active what our looks alone only suspected; None where that never happened. agrees: the cell is active, and
    a system independent of a high look of ours says so too.
    """

    belief: Belief
    confirmed_on: date | None = None
    agrees: bool = False


def fuse_evidence(history: Sequence[Observation], evidence: Sequence[Published], today: date) -> Fused:
    """The belief in one cell by its looks and by what other systems had published and stood by until `today`.

    history, evidence: of one cell, in any order. Without evidence the belief is the last one of `fold_states`.
    """
    speaking = [each for each in evidence if can_confirm(each) and each.settles_on <= today]
    ordered = groupby(sorted(history, key=rank_look), key=lambda each: each.observed_on)
    looks = {day: choose_looks(list(seen)) for day, seen in ordered}
    belief, standing = Belief(), list[Observation]()
    confirmed_on: date | None = None
    for day in sorted(looks.keys() | {each.settles_on for each in speaking}):
        for look in looks.get(day, []):
            belief = update_belief(belief, look)
            standing = _keep_standing(standing, belief, look)
        heard = [each for each in speaking if each.settles_on <= day]
        if belief.state is CellState.SUSPECTED and _agree(standing, heard):
            belief = replace(belief, state=CellState.ACTIVE)
            confirmed_on = confirmed_on or day
    return Fused(belief, confirmed_on, belief.state is CellState.ACTIVE and _agree(standing, speaking))


def can_confirm(each: Published) -> bool:
    """Whether an alert is sure enough, for its system, to confirm a look. A fire is no mine."""
    least = SYSTEMS[each.system].confirms_from
    return least is not None and each.theme is not Theme.FIRE and each.trust.rank >= least.rank


def is_independent(each: Published, look: Observation) -> bool:
    """Whether the system looked with another satellite than the look's."""
    return look.sensor not in SYSTEMS[each.system].satellites


def choose_confidence(support: int, systems: int, agrees: bool = False) -> Confidence:
    """How sure one is of an active cell or site, of `support` independent high looks by `systems` sensors of ours.

    Nominal: confirmed once. High: three or more looks. Highest: independent systems agree, of ours or another one.
    """
    if agrees or systems >= 2:
        return Confidence.HIGHEST
    return Confidence.HIGH if support >= 3 else Confidence.NOMINAL


def list_public(evidence: Sequence[Published], today: date) -> tuple[str, ...]:
    """Names of the public systems that told of a cell and will not take it back, sorted. Fires tell of no mine."""
    return tuple(
        sorted(
            {
                each.system
                for each in evidence
                if SYSTEMS[each.system].is_public
                and each.theme is not Theme.FIRE
                and each.settles_on <= today
            }
        )
    )


def _keep_standing(standing: list[Observation], belief: Belief, look: Observation) -> list[Observation]:
    """The high looks that the belief rests on. As for our own looks, one that saw no change confirms nothing: what it saw
    may have stood for years."""
    if belief.state not in {CellState.SUSPECTED, CellState.ACTIVE}:
        return []
    is_high = look.is_familiar and look.has_reference and look.mining >= SUSPECT_AT
    return [*standing, look] if is_high else standing


def _agree(looks: Sequence[Observation], evidence: Sequence[Published]) -> bool:
    return any(
        is_independent(each, look) and _is_companion(each, look) for look in looks for each in evidence
    )


def _is_companion(each: Published, look: Observation) -> bool:
    return look.began_on - COMPANION <= each.observed_on <= look.observed_on + COMPANION
