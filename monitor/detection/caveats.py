"""Caveats of a report: what a reader must know before believing its figures.

Room `detection`, pure. A finished dict of figures in, sentences out. Imports `folds`, `metrics` and `periods` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from monitor.detection.folds import BLOCK_DEG
from monitor.detection.metrics import LEAST_BLOCKS
from monitor.detection.periods import LEAST_PAIRED

SMALL = 30
"""A group with fewer mines or fewer others is called small; so is one of few blocks."""
COMMON = 0.1
"""Share of mines among the labels from which a report tells that the field is different."""
CALLED_AT = 0.5
"""Probability from which a cell is called a mine."""
TOO_GOOD = 0.95
"""AUC from which a report tells to look for a leak."""


def list_caveats(report: Mapping[str, Any]) -> list[str]:
    """The warnings that follow from the figures themselves; those of confounders come with the confounders."""
    warnings = []
    mines, others = report["all"]["positives"], report["all"]["n"] - report["all"]["positives"]
    if report["block_deg"] < BLOCK_DEG:
        reason = (
            "the labelled cells lie too close together, or the mines or the others among them do"
            if mines and others
            else "all labels are of one kind"
        )
        warnings.append(
            f"Blocks are {report['block_deg']:g} degree wide, not {BLOCK_DEG:g}: {reason}. Blocks so small resemble "
            "their neighbours: intervals are too narrow, and cross-validation flatters."
        )
    if min(mines, others) < SMALL:
        warnings.append(f"Fewer than {SMALL} mines or others: the figures can say little.")
    if report["blocks"] < LEAST_BLOCKS:
        warnings.append(
            f"The cells lie in fewer than {LEAST_BLOCKS} blocks: no interval can be told, and the figures hold for these "
            "places at most."
        )
    if undated := report["undated"]:
        warnings.append(
            f"{undated['labels']} of {report['all']['n']} labels name neither a scene nor the last day for which they hold. "
            f"They met the latest scene that shows their cell, up to {undated['latest']}: where the ground has changed "
            "since, they say what is not so. Give them observed_to or item_t1."
        )
    told = report["period_in_scores"]
    low, high = (told["auc"]["low"], told["auc"]["high"]) if told else (None, None)
    if told and low is not None and high is not None and not low <= 0.5 <= high:
        warnings.append(
            f"Among mines alone, the scores tell one period from the others with AUC {told['auc']['value']:.2f}: either "
            f"more changed in that period, or the model reads the look of its composites.{_tell_equal(told)}"
        )
    share = report["all"]["positives"] / report["all"]["n"]
    if share > COMMON:
        warnings.append(
            f"{100 * share:.0f} % of these cells are mines. Where mines are rarer, fewer of the cells that are called "
            "mines will be mines, and probabilities learnt from such labels are too high."
        )
    learnt = list(report["share_learnt"].values())
    if learnt and min(abs(share - each) for each in learnt) > COMMON:
        warnings.append(
            f"The probabilities hold where {100 * learnt[0]:.3g} % of the cells are mines; of the cells judged here "
            f"{100 * share:.0f} % are. Over all cells the calibration error is mostly this difference: read it within a "
            "period, or once moved to the share found."
        )
    warnings += _warn_of_miscalibrated(report)
    judged = [("all cells", report["all"])]
    judged += [("cells of the same period", group["fitted_on_all"]) for group in report["same_period"]]
    for what, figures in judged:
        if (figures["auc"]["value"] or 0) > TOO_GOOD:
            warnings.append(
                f"AUC above {TOO_GOOD} on {what}: a reason to look for a leak before celebrating."
            )
    return warnings


def _warn_of_miscalibrated(report: Mapping[str, Any]) -> list[str]:
    """Whose calibration error lies beyond the 95 % that right probabilities would show: all cells, those of one period."""
    judged = [("all cells", report["all"])]
    judged += [(f"the cells of {group['period']}", group["fitted_on_all"]) for group in report["same_period"]]
    warnings = []
    for what, figures in judged:
        error, most = figures["ece"]["value"], figures["ece_by_chance"]["high"]
        if error is not None and most is not None and error > most:
            warnings.append(
                f"The calibration error of {what} is {error:.3f}; right probabilities would show at most {most:.3f} on them "
                "(95 % of draws). The probabilities are not to be taken at their word on these labels."
            )
    return warnings


def list_gaps(report: Mapping[str, Any]) -> list[str]:
    """The warnings of what a recipe could not learn or judge: of a cross-validation, not of a saved model."""
    warnings = []
    counted = [("the cells", report, report["all"]["n"])]
    for group in report["same_period"]:
        there = group.get("fitted_there")
        if there is not None:
            counted.append((f"the cells of {group['period']} alone", there, there["n"]))
    for what, counts, every in counted:
        if counts["unordered_cells"]:
            warnings.append(
                f"{counts['unordered_cells']} of {every} of {what} were judged by heads that give every cell the share of "
                "mines: their scores put mines below others where they were held back, and no order is better than a "
                "wrong one. That share is of the other blocks, lower where more mines were held back, so an AUC below 0.5 "
                "says of such cells that nothing was learnt, not that they are told the wrong way round."
            )
        if counts["untaught_cells"]:
            warnings.append(
                f"{counts['untaught_cells']} of {every} of {what} were held back by folds that taught nothing: mines, or "
                "others, lie in too few blocks. These cells have the share of mines elsewhere instead of a score, and the "
                "figures are not to be believed."
            )
    mines, others = report["with_reference"]["mines"], report["with_reference"]["others"]
    if mines + others and not report["learns_change"]:
        warnings.append(
            f"{mines} mines and {others} others with a reference are too few to learn change from, or lie in too few blocks "
            f"(at least {LEAST_PAIRED} of each are needed): cells are judged without their reference."
        )
    for head, names in report["classes_left_out"].items():
        if names:
            warnings.append(
                f"The head {head} has not learnt {' and '.join(names)}: all such cells lie in one block, or none teaches "
                "it, so nothing could tell how surely it is told. Its probability is 0 there."
            )
    return warnings


def warn_of_unordered(heads: Collection[str], share: Mapping[str, float] | None = None) -> list[str]:
    """The sentence of a model whose heads, by these names, give all cells the share of each class.

    share: of mines for which the probabilities hold, by head, where it is known.
    """
    return [
        f"The head {head} gives every cell the same probability, the share of mines: its scores put mines below others "
        f"where they were held back.{_call_all(head, share or {})}"
        for head in heads
    ]


def _call_all(head: str, share: Mapping[str, float]) -> str:
    if share.get(head, 0.0) < CALLED_AT:
        return ""
    return f" That share is {100 * share[head]:.0f} %, so it calls every cell a mine: it must not act."


def _tell_equal(told: Mapping[str, Any]) -> str:
    """What mines that changed alike say of it, where that is known."""
    equal = told["at_equal_change"]
    if equal is None or equal["low"] is None:
        return ""
    figure = f"{equal['value']:.2f} ({equal['low']:.2f} to {equal['high']:.2f})"
    if equal["low"] <= 0.5 <= equal["high"]:
        return f" Mines that changed alike are told with {figure}, which chance can give: it is mostly the former."
    return f" Mines that changed alike are still told with {figure}: it is not the former alone."
