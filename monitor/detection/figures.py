"""Figures: everything a report says of cells that a model has judged.

Room `detection`, pure. Mining against the rest; the same within one period; per class, kind, region, sensor; and what
gives the label away. A report is a JSON-able dict. May import
`caveats`, `confounders`, `curves`, `metrics`, `periodtrace` and `strata`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.detection.caveats import SMALL, list_caveats
from monitor.detection.confounders import (
    Confounder,
    find_confounders,
    list_fields,
    list_numbers,
    list_warnings,
)
from monitor.detection.curves import chance_error, error_at_share, precision_recall_points, roc_points
from monitor.detection.folds import FoldsNotPossible, assign_blocks
from monitor.detection.labels import CLASSES, CellLabel
from monitor.detection.metrics import Figure, has_few_blocks, measure, reliability
from monitor.detection.periodtrace import find_period_in_scores
from monitor.detection.strata import list_strata

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Report = dict[str, Any]

LEAST = 10
"""Fewer mines or others than this give no figure of a group."""
LEAST_OF_PERIOD = 20
"""Mines and others a period must have each for figures of its own."""


@dataclass(frozen=True, slots=True)
class JudgedCells:
    """Labelled cells with what a model said of them.

    probabilities: float64 (n, 3), finite. periods, sensors: as text. has_reference: bool (n,). block_deg: side of the
    blocks that were held back together, or that the bootstrap draws. change: float64 (n,), how strongly the ground of each
    cell changed (`views.measure_change`), NaN or None where that is unknown. valid_share: (n,), how much of each cell was
    seen, None where that is unknown. industrial_km: float64 (n,), distance to the
    nearest polygon of an industrial mine, None where no polygons are known. scene_periods: of the scene of each cell, as
    text, empty where they are unknown.
    """

    labels: tuple[CellLabel, ...]
    probabilities: Float64
    periods: tuple[str, ...]
    sensors: tuple[str, ...]
    has_reference: Bool
    block_deg: float
    change: Float64 | None = None
    industrial_km: Float64 | None = None
    valid_share: npt.NDArray[np.floating] | None = None
    scene_periods: tuple[str, ...] = ()

    @property
    def blocks(self) -> Int64:
        """int64 (n,), number of the block of each cell."""
        rows, cols = ([getattr(label, name) for label in self.labels] for name in ("row", "col"))
        return assign_blocks(rows, cols, self.block_deg)

    @property
    def mining(self) -> Bool:
        """bool (n,), whether the label is any kind of mine."""
        return np.array([label.label != 0 for label in self.labels], np.bool_)

    @property
    def score(self) -> Float64:
        """float64 (n,), probability of any kind of mine."""
        return np.asarray(self.probabilities[:, 1:].sum(axis=1))

    def select(self, mask: Bool) -> JudgedCells:
        """Some of the cells. mask: bool (n,)."""
        at = np.flatnonzero(mask)
        return JudgedCells(
            tuple(self.labels[place] for place in at),
            self.probabilities[at],
            tuple(self.periods[place] for place in at),
            tuple(self.sensors[place] for place in at),
            self.has_reference[at],
            self.block_deg,
            None if self.change is None else self.change[at],
            None if self.industrial_km is None else self.industrial_km[at],
            None if self.valid_share is None else self.valid_share[at],
            tuple(self.scene_periods[place] for place in at) if self.scene_periods else (),
        )


def summarise(
    judged: JudgedCells,
    draws: int,
    seed: int,
    known: Iterable[Confounder] = (),
    share: Mapping[str, float] | None = None,
) -> Report:
    """All figures of judged cells, with warnings.

    known: confounders found already. share: of mines for which the probabilities hold, by head, where it is known.
    """
    fields = list_fields(judged.labels, judged.periods, judged.sensors, judged.scene_periods)
    numbers = list_numbers(judged.periods, judged.valid_share, judged.labels, judged.scene_periods)
    mining = judged.mining
    confounders = list(known)
    with suppress(FoldsNotPossible):
        tried = find_confounders(fields, mining, judged.blocks, numbers=numbers, seed=seed)
        confounders = tried + confounders
    report: Report = {
        "block_deg": judged.block_deg,
        "blocks": len(set(judged.blocks.tolist())),
        "bootstrap_draws": draws,
        "cells": len(judged.labels),
        "by_class": {name: int((_classes(judged) == place).sum()) for place, name in enumerate(CLASSES)},
        "share_learnt": {name: _plain(value) for name, value in (share or {}).items()},
        "all": measure_cells(judged, draws, seed),
        "same_period": _measure_periods(judged, draws, seed),
        "classes": _measure_classes(judged, draws, seed),
        "kinds": _measure_kinds(judged, draws, seed),
        "groups": {
            name: _measure_groups(judged, values, draws, seed)
            for name, values in list_strata(
                judged.labels,
                judged.sensors,
                judged.has_reference.tolist(),
                None if judged.industrial_km is None else judged.industrial_km.tolist(),
            ).items()
        },
        "confounders": [
            {
                "field": each.field,
                "values": each.values,
                "auc": _plain(each.auc),
                "low": _plain(each.low),
                "tells_nothing": each.tells_nothing,
            }
            for each in confounders
        ],
    }
    report["period_in_scores"] = _trace_period(judged, draws, seed)
    report["undated"] = _count_undated(judged)
    report["warnings"] = (
        list_warnings(confounders) + _warn_of_no_period(confounders, report) + list_caveats(report)
    )
    return report


def _count_undated(judged: JudgedCells) -> Report | None:
    """How many labels name neither a scene nor a last day, and the latest day of the scenes that they met; or None."""
    # cells without scenes, such as those of a table, have no period
    stated = zip(judged.labels, judged.scene_periods, strict=False)
    days = [
        period.rpartition("/")[2] for each, period in stated if not each.item and each.observed_to is None
    ]
    return {"labels": len(days), "latest": max(days)} if days else None


def _warn_of_no_period(confounders: Sequence[Confounder], report: Report) -> list[str]:
    """Where the period gives the label away and no period is judged by itself."""
    if report["same_period"] or not any(each.field == "period" and each.warning for each in confounders):
        return []
    return [
        f"No period holds {LEAST_OF_PERIOD} mines and as many others, so there are no figures of cells of the same period: "
        "nothing in this report is free of what the period gives away."
    ]


def _classes(judged: JudgedCells) -> Int64:
    return np.array([label.label for label in judged.labels], np.int64)


def measure_cells(judged: JudgedCells, draws: int, seed: int) -> Report:
    """Figures of mining against the rest."""
    return _measure_score(judged.mining, judged.score, judged.blocks, draws, seed) | {
        "reliability": reliability(judged.mining, judged.score),
        "ece_at_its_share": _plain(error_at_share(judged.mining, judged.score)),
        "curves": {
            "roc": roc_points(judged.mining, judged.score),
            "precision_recall": precision_recall_points(judged.mining, judged.score),
        },
    }


def _measure_score(positive: Bool, score: Float64, blocks: Int64, draws: int, seed: int) -> Report:
    figures = measure(positive, score, blocks, draws=draws, seed=seed)
    count, mines = len(positive), int(positive.sum())
    figures["ece_by_chance"] = chance_error(score, seed=seed)
    small = min(mines, count - mines) < SMALL or has_few_blocks(blocks)
    return {"n": count, "positives": mines, "small": small} | {
        name: write_figure(figure) for name, figure in figures.items()
    }


def find_periods(periods: Sequence[str], mining: Bool) -> list[str]:
    """The periods that hold `LEAST_OF_PERIOD` mines and as many others, the largest first."""
    counts, mines = (
        Counter(periods),
        Counter(each for each, is_mine in zip(periods, mining, strict=True) if is_mine),
    )
    return [
        period
        for period, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if min(mines[period], count - mines[period]) >= LEAST_OF_PERIOD
    ]


def _measure_periods(judged: JudgedCells, draws: int, seed: int) -> list[Report]:
    """Figures of cells that share the period of label and reference, the largest group first."""
    groups = []
    for period in find_periods(judged.periods, judged.mining):
        own = np.array([each == period for each in judged.periods])
        fitted_on_all = measure_cells(judged.select(own), draws, seed)
        groups.append({"period": period, "n": fitted_on_all["n"], "fitted_on_all": fitted_on_all})
    return groups


def _trace_period(judged: JudgedCells, draws: int, seed: int) -> Report | None:
    """Whether the scores of mines alone, so with the label held fixed, tell the most frequent period from the rest."""
    own = judged.select(judged.mining)
    trace = find_period_in_scores(own.periods, own.score, own.blocks, own.change, draws=draws, seed=seed)
    if trace is None:
        return None
    others = {"change_alone": trace.change_alone, "at_equal_change": trace.at_equal_change}
    return {"period": trace.period, "n": trace.n, "auc": write_figure(trace.scores)} | {
        name: None if figure is None else write_figure(figure) for name, figure in others.items()
    }


def _measure_classes(judged: JudgedCells, draws: int, seed: int) -> Report:
    """Figures of each mining class against all the rest."""
    figures = {}
    for place, name in enumerate(CLASSES[1:], start=1):
        own = _classes(judged) == place
        if min(own.sum(), (~own).sum()) >= LEAST:
            score = judged.probabilities[:, place]
            figures[name] = _measure_score(own, score, judged.blocks, draws, seed)
    return figures


def _measure_kinds(judged: JudgedCells, draws: int, seed: int) -> list[Report]:
    """For every kind of label how often it is called a mine; for a kind of `none` how well mines stand out from it."""
    kinds: dict[tuple[int, str], list[int]] = {}
    for place, own in enumerate(judged.labels):
        kinds.setdefault((own.label, own.kind), []).append(place)
    rows = []
    for (label, kind), places in sorted(kinds.items()):
        score = judged.score[places]
        row: Report = {
            "label": CLASSES[label],
            "kind": kind or "(unstated)",
            "n": len(places),
            "small": len(places) < SMALL or has_few_blocks(judged.blocks[places]),
            "mean_probability": float(score.mean()),
            "share_called_mine": float((score >= 0.5).mean()),
        }
        if label == 0 and len(places) >= LEAST and judged.mining.sum() >= LEAST:
            against = judged.mining.copy()
            against[places] = True
            both = judged.select(against)
            figures = measure(both.mining, both.score, both.blocks, draws=draws, seed=seed)
            row["auc"] = write_figure(figures["auc"])
        rows.append(row)
    return rows


def _measure_groups(judged: JudgedCells, values: Sequence[str], draws: int, seed: int) -> Report:
    rows = {}
    for value in sorted(set(values)):
        own = judged.select(np.array([each == value for each in values]))
        mines = int(own.mining.sum())
        rows[value or "(unstated)"] = (
            _measure_score(own.mining, own.score, own.blocks, draws, seed)
            if min(mines, len(own.labels) - mines) >= LEAST
            else {"n": len(own.labels), "positives": mines, "small": True}
        )
    return rows


def write_figure(figure: Figure) -> dict[str, float | None]:
    """A figure as a report has it: value, low and high."""
    return {"value": _plain(figure.value), "low": _plain(figure.low), "high": _plain(figure.high)}


def _plain(value: float) -> float | None:
    """JSON knows no NaN."""
    return None if math.isnan(value) else round(float(value), 6)
