"""Seeds: how much of a figure is the luck of the draw, of patches and of folds.

Room `detection`, pure. One cross-validation is one deal. The honest figure of a recipe is the median over deals that nobody
chose, with the least and the greatest beside it. May import `cells`, `crossvalidation`, `heads`,
`metrics`, `periodtrace`, `populations`, `views`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from monitor.detection.cells import Bool, LabelledCells
from monitor.detection.crossvalidation import Float64, HeldBack, judge_held_back, settle_block_deg
from monitor.detection.curves import chance_error, error_at_share
from monitor.detection.folds import FoldsNotPossible, assign_blocks
from monitor.detection.heads import Recipe
from monitor.detection.metrics import area_under_roc, average_precision, calibration_error
from monitor.detection.periodtrace import find_period_in_scores
from monitor.detection.populations import EVERY, list_populations
from monitor.detection.views import measure_change

Figures = dict[str, float]


def judge_deal(cells: LabelledCells, recipe: Recipe) -> Figures:
    """The figures of one deal of the folds, by name.

    Parameters
    ----------
    cells : LabelledCells
    recipe : Recipe

    Returns
    -------
    dict of str to float
        `all: ...` over all cells. `period: ...` over the cells of the largest period that has mines and others, judged by
        models fitted on all cells of other blocks; `there: ...` the same cells by models fitted on such cells alone.
        `calibration error by chance` is the mean of what right probabilities would show on so few cells, `greatest by
        chance` the end of the middle 95 % of it. `calibrated here`: the same error, and by chance, once cells of the same
        group in other blocks calibrate. `mines tell the period`: how well scores of mines alone, so with the label
        held fixed, tell the most frequent period from the rest; 0.5 is not at all. `their change tells the period`, `... at
        equal change`: as of `PeriodTrace`. What these cells do not allow is left out.

    Raises
    ------
    TrainingRefused, FoldsNotPossible

    Examples
    --------
    See `sum_up_deals`.
    """
    block_deg = settle_block_deg(cells, recipe)
    populations = dict(list(list_populations(cells).items())[:2])
    held_back = judge_held_back(cells, recipe, block_deg, populations)
    score = 1 - held_back.probabilities[:, 0]
    figures: Figures = {}
    for group, (name, own) in zip(("all", "period"), populations.items(), strict=False):
        figures |= _measure(group, cells.mining, held_back, name, own)
        if name != EVERY:
            there = cells.select(own)
            every = np.ones(len(there), np.bool_)
            with suppress(FoldsNotPossible):
                alone = judge_held_back(there, recipe, block_deg, {name: every})
                figures |= _measure("there", there.mining, alone, name, every)
    mines = cells.select(cells.mining)
    trace = find_period_in_scores(
        mines.periods,
        score[cells.mining],
        assign_blocks(mines.rows, mines.cols, block_deg),
        measure_change(mines.now, mines.reference, mines.layout),
        draws=0,
    )
    if trace is not None:
        figures["mines tell the period"] = trace.scores.value
        if trace.change_alone is not None and trace.at_equal_change is not None:
            figures["their change tells the period"] = trace.change_alone.value
            figures["mines tell the period at equal change"] = trace.at_equal_change.value
    return figures


def sum_up_deals(deals: Sequence[Mapping[str, float]]) -> dict[str, Figures]:
    """Median, least and greatest of each figure over the deals.

    Parameters
    ----------
    deals : sequence of dict
        Of `judge_deal`, at least one.

    Returns
    -------
    dict of str to dict
        A figure that a deal lacks is left out.

    Examples
    --------
    >>> sum_up_deals([{"all: AUC": 0.8}, {"all: AUC": 0.9}, {"all: AUC": 0.7}])
    {'all: AUC': {'median': 0.8, 'least': 0.7, 'greatest': 0.9}}
    """
    return {
        name: {
            "median": round(float(np.median([deal[name] for deal in deals])), 4),
            "least": round(min(deal[name] for deal in deals), 4),
            "greatest": round(max(deal[name] for deal in deals), 4),
        }
        for name in deals[0]
        if all(name in deal for deal in deals)
    }


def subtract_deals(deals: Sequence[Figures], others: Sequence[Figures]) -> list[Figures]:
    """What each deal has more than another of the same seed, by figure.

    Parameters
    ----------
    deals, others : sequence of dict
        Of `judge_deal`, of the same seeds in the same order.

    Returns
    -------
    list of dict
        Of figures that both have.

    Examples
    --------
    >>> subtract_deals([{"a": 0.75, "b": 1.0}], [{"a": 0.5}])
    [{'a': 0.25}]
    """
    return [
        {name: own[name] - other[name] for name in own if name in other}
        for own, other in zip(deals, others, strict=True)
    ]


def _measure(group: str, mining: Bool, held_back: HeldBack, population: str, own: Bool) -> Figures:
    """Figures of the cells of a population. mining, own: bool (n,)."""
    calibrated = held_back.calibrated_here[population][own]
    mining, score = mining[own], 1 - held_back.probabilities[own, 0]
    figures = {
        f"{group}: AUC": area_under_roc(mining, score),
        f"{group}: average precision": average_precision(mining, score),
        **_measure_error(group, mining, score),
        f"{group}: calibration error at its share": error_at_share(mining, score),
    }
    if np.isfinite(calibrated).all():
        figures |= _measure_error(f"{group}, calibrated here", mining, calibrated)
    return figures


def _measure_error(group: str, mining: Bool, probability: Float64) -> Figures:
    by_chance = chance_error(probability)
    return {
        f"{group}: calibration error": calibration_error(mining, probability),
        f"{group}: calibration error by chance": by_chance.value,
        f"{group}: greatest by chance": by_chance.high,
    }
