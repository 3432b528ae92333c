"""Comparing two models on the same cells: before and after, with the interval of the difference.

Room `detection`, pure. Both are judged on the cells that both could judge; the bootstrap draws the same blocks for both,
so what they have in common falls out. May import `figures`, `labels`, `metrics`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from monitor.detection.figures import JudgedCells
from monitor.detection.labels import CellLabel
from monitor.detection.metrics import DRAWS, LEAST_BLOCKS, LEVEL, MEASURES, draw_samples, has_few_blocks


class NothingInCommon(ValueError):
    """The two models judged no cell in common."""


def compare_judged(
    before: JudgedCells, after: JudgedCells, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """Figures of mining against the rest, before, after and their difference.

    Parameters
    ----------
    before, after : JudgedCells
        What two models said of the same labels, in any order.
    draws : int
        Bootstrap draws of whole blocks, the same for both.
    seed : int

    Returns
    -------
    dict
        JSON-able. An interval of a difference that holds 0 means that these cells do not tell which is better; nor do
        cells of few blocks (`few_blocks`), which have no interval.

    Raises
    ------
    NothingInCommon

    Examples
    --------
    >>> labels = tuple(CellLabel(9000 + 200 * (at // 2), 20000, at % 2) for at in range(20))
    >>> none = np.array([label.label == 0 for label in labels])
    >>> def say(sure):
    ...     stated = np.where(none, 0.5 + sure, 0.5 - sure)
    ...     every = ("p",) * 20
    ...     return JudgedCells(labels, np.stack([stated, 1 - stated, 0 * stated], axis=1), every, every, none, 2.0)
    >>> compare_judged(say(-0.1), say(0.4), draws=10)["figures"]["auc"]
    {'before': 0.0, 'after': 1.0, 'difference': 1.0, 'low': 1.0, 'high': 1.0}
    """
    places = {each: at for at, each in enumerate(_tell_apart(after.labels))}
    common = [(at, places[each]) for at, each in enumerate(_tell_apart(before.labels)) if each in places]
    if not common:
        raise NothingInCommon(
            "The two models judged no cell in common; give labels whose scenes both can read."
        )
    first, second = (np.array(each) for each in zip(*common, strict=True))
    mining, blocks = before.mining[first], before.blocks[first]
    old, new = before.score[first], after.score[second]
    samples = draw_samples(blocks, draws, seed)
    tail = (100 - LEVEL) / 2
    figures: dict[str, Any] = {}
    for name, function in MEASURES.items():
        drawn = np.array([function(mining, new, each) - function(mining, old, each) for each in samples])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.percentile(drawn, [tail, 100 - tail]) if len(drawn) else (np.nan, np.nan)
        values = {"before": function(mining, old, None), "after": function(mining, new, None)}
        values |= {"difference": values["after"] - values["before"], "low": float(low), "high": float(high)}
        figures[name] = {
            key: round(float(value), 6) if np.isfinite(value) else None for key, value in values.items()
        }
    called = (old >= 0.5) != (new >= 0.5)
    return {
        "cells": len(common),
        "mines": int(mining.sum()),
        "blocks": len(set(blocks.tolist())),
        "few_blocks": has_few_blocks(blocks),
        "called_differently": int(called.sum()),
        "figures": figures,
    }


def _tell_apart(labels: Sequence[CellLabel]) -> Iterator[tuple[CellLabel, int]]:
    """Each label with how often the same one came before."""
    seen: Counter[CellLabel] = Counter()
    for label in labels:
        yield label, seen[label]
        seen[label] += 1


def write_comparison(comparison: dict[str, Any]) -> str:
    """The comparison as a plain table."""
    lines = [
        f"{comparison['cells']} cells judged by both, {comparison['mines']} mines, in {comparison['blocks']} blocks; "
        f"{comparison['called_differently']} are called differently.",
        "figure".ljust(30)
        + "".join(title.rjust(12) for title in ("before", "after", "difference"))
        + "   95 %",
    ]
    for name, row in comparison["figures"].items():
        words = [
            "-" if row[key] is None else f"{row[key]:.3f}"
            for key in ("before", "after", "difference", "low", "high")
        ]
        interval = "-" if row["low"] is None else f"{words[3]} to {words[4]}"
        lines.append(name.ljust(30) + "".join(w.rjust(12) for w in words[:3]) + f"   {interval}")
    lines.append(
        f"Fewer than {LEAST_BLOCKS} blocks are too few to tell which of the two is better."
        if comparison["few_blocks"]
        else "An interval that holds 0 means that these cells do not tell which of the two is better."
    )
    return "\n".join(lines) + "\n"
