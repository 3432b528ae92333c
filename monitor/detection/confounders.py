"""Confounders: what tells the label without looking at the ground.

Room `detection`, pure. If the period of a composite, the day of a scene, how much of a cell was seen, where it lies, or
where a label comes from predicts the label, then pixels that give it away look like skill. Each such field is tried alone,
in the same spatial folds. May import `crossvalidation`, `cells`, `folds`, `labels`, `metrics`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeRegressor

from monitor.detection.cells import LabelledCells
from monitor.detection.crossvalidation import cross_validate
from monitor.detection.folds import FOLDS, FoldsNotPossible, split_blocks
from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel, name_source
from monitor.detection.metrics import area_under_roc, draw_samples, with_interval
from monitor.detection.scorers import RIDGE

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

WARN_ABOVE = 0.6
"""AUC of a field alone from which it is called a confounder; of numbers and coarser values, unless chance explains it."""
DRAWS = 200
"""Of the bootstrap over blocks, for what chance explains."""
ERRORS = 2.5
"""Standard errors that chance explains: several fields are tried, and one of them is always the best."""
TELLS_MORE = 0.05
"""So much more AUC must a field have to be warned of beside another that says the same in other words."""
MOSTLY = 0.5
"""A field most of whose values no other block holds cannot be tried by its values."""
LEAST_CELLS = 20
"""So many mines of each of two periods are needed to ask whether pixels tell the periods apart."""
DEPTH, LEAF = 3, 10
"""Depth of the tree that reads a number, and the fewest cells of its leaves."""
LONGEST_SEASON = 183
"""Days; what is longer is of no season."""
_SAYS_THE_SAME = {
    "year": "period",
    "day": "period",
    "day of the reference": "period",
    "number of days": "period",
    "season": "period",
    "period of the scene": "period",
    "day of the scene": "period",
    "season of the scene": "period",
    "source without its numbers": "source",
}


@dataclass(frozen=True, slots=True)
class Confounder:
    """How well a field alone predicts the label.

    values: how many different ones there are. auc: in blocks held back. low: what chance leaves of it, NaN for fields that
    the threshold alone judges. unknown: share of the cells whose value no cell of the other blocks has, so that nothing is
    learnt of it.
    """

    field: str
    values: int
    auc: float
    low: float = float("nan")
    unknown: float = 0.0

    @property
    def warning(self) -> str | None:
        """A sentence for the reader of a report, if there is reason for one."""
        if not self.auc > WARN_ABOVE or self.low <= 0.5:
            return None
        if self.field == "period in the pixels":
            return (
                f"Among mines alone, so with the label held fixed, the pixels tell one period from another with AUC "
                f"{self.auc:.2f}: part of the skill over all cells may be the look of the composite."
            )
        advice = (
            "Read the figures of cells of the same period instead."
            if self.field == "period"
            else "Compare cells that do not differ in it before believing them."
        )
        return (
            f"The {self.field} alone, without a pixel, predicts the label with AUC {self.auc:.2f}: the figures over "
            f"all cells cannot be taken as skill at finding mines. {advice}"
        )

    @property
    def tells_nothing(self) -> bool:
        """Whether most cells have a value that no cell of the other blocks has."""
        return self.unknown > MOSTLY


def list_fields(
    labels: Sequence[CellLabel],
    periods: Sequence[str],
    sensors: Sequence[str],
    scene_periods: Sequence[str] = (),
) -> dict[str, Sequence[str]]:
    """Fields that might give the label away, each with its value per cell; those with one value are left out.

    A day or a record that occurs once says nothing of other cells: so the year stands beside the period, and the source
    without its numbers beside the source, where there are fewer of them. Labels may state a period of their own, such as a
    year, in which the scenes that show them differ: so what `scene_periods` names stands beside it.
    """
    sources = [name_source(label) for label in labels]
    fields = {
        "period": periods,
        "year": [str(days[-1].year) if days else "" for days in map(_find_days, periods)],
        "source": sources,
        "source without its numbers": [re.sub(r"\d+", "", source) for source in sources],
        "sensor": sensors,
        "region": [label.region for label in labels],
    }
    counts = {name: len(set(values)) for name, values in fields.items()}
    told = {
        name: values
        for name, values in fields.items()
        if counts[name] > 1 and counts[name] != counts.get(_SAYS_THE_SAME.get(name, ""))
    }
    if len(set(scene_periods)) > 1 and _differ(periods, scene_periods):
        told["period of the scene"] = scene_periods
    return told


def list_numbers(
    periods: Sequence[str],
    valid_share: npt.ArrayLike | None = None,
    labels: Sequence[CellLabel] = (),
    scene_periods: Sequence[str] = (),
) -> dict[str, Float64]:
    """Numbers that might give the label away, float64 (n,) each, or (n, 2) for the place; NaN where unknown. Those with one
    value are left out.

    periods: of the label and its reference, as `LabelledCells` has them. valid_share: (n,), of each cell. labels: for the
    place of each cell. scene_periods: as of `list_fields`.
    """
    now = [_find_days(period) for period in periods]
    before = [_find_days(period.partition(" after ")[2]) for period in periods]
    numbers: dict[str, npt.ArrayLike] = {
        "day": [_number_day(days) for days in now],
        "day of the reference": [_number_day(days) for days in before],
        "number of days": [_count_days(days) for days in now],
        "season": [_find_season(days) for days in now],
    }
    if _differ(periods, scene_periods):
        seen = [_find_days(period) for period in scene_periods]
        numbers |= {
            "day of the scene": [_number_day(days) for days in seen],
            "season of the scene": [_find_season(days) for days in seen],
        }
    numbers["share of the cell seen"] = np.full(len(periods), np.nan) if valid_share is None else valid_share
    if labels:
        numbers["place"] = [(label.row, label.col) for label in labels]
    told = {name: np.asarray(values, np.float64) for name, values in numbers.items()}
    return {name: values for name, values in told.items() if _count_values(values) > 1}


def _differ(periods: Sequence[str], scene_periods: Sequence[str]) -> bool:
    """Whether the scenes are of other periods than the labels state. They are not where nothing is known of them."""
    stated = [period.partition(" after ")[0] for period in periods]
    return bool(scene_periods) and stated != list(scene_periods)


def _number_day(days: Sequence[date]) -> float:
    return days[-1].toordinal() if days else np.nan


def _count_days(days: Sequence[date]) -> float:
    return (days[-1] - days[0]).days + 1 if len(days) == 2 else np.nan


def _find_season(days: Sequence[date]) -> float:
    """The day of the year in the middle, NaN where there is none."""
    span = _count_days(days)
    middle = days[0].timetuple().tm_yday + (span - 1) / 2 if span <= LONGEST_SEASON else np.nan
    return (middle - 1) % 365 + 1


def _count_values(values: Float64) -> int:
    return len(np.unique(values, axis=0)) if values.ndim == 2 else len(np.unique(values))


def _find_days(period: str) -> list[date]:
    """The days that a period names, the earlier first, without those of its reference."""
    return sorted(map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", period.partition(" after ")[0])))


def find_confounders(
    fields: Mapping[str, Sequence[str]],
    mining: Bool,
    blocks: Int64,
    *,
    numbers: Mapping[str, Float64] | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> list[Confounder]:
    """Try each field alone.

    Parameters
    ----------
    fields : mapping of str to sequence of str
        Of `list_fields`. A cell is scored by the share of mines among cells with its value in other blocks.
    mining : bool (n,)
    blocks : int64 (n,)
        Cells of one block are held back together.
    numbers : mapping of str to float64 (n,), optional
        Of `list_numbers`. A cell is scored by a shallow tree, fitted to the number alone in other blocks (to row and column
        for the place).
    folds, seed : int
        Of the folds and the bootstrap.

    Returns
    -------
    list of Confounder
        Those of `fields`, then those of `numbers`. The share of mines of the whole fold is taken off each score, so that a
        field that says nothing scores 0.5 whatever the folds.

    Raises
    ------
    FoldsNotPossible
    """
    splits = list(split_blocks(mining, blocks, folds, seed))
    samples = draw_samples(blocks, DRAWS, seed)
    found = []
    for name, values in fields.items():
        codes = np.unique(np.asarray(values), return_inverse=True)[1]
        score, unknown = np.zeros(len(codes)), np.zeros(len(codes), np.bool_)
        for fit_on, judge_on in splits:
            cells = np.bincount(codes[fit_on], minlength=codes.max() + 1)
            mines = np.bincount(codes[fit_on], mining[fit_on], minlength=codes.max() + 1)
            # whole numbers until the division, so that saying nothing is exactly 0; one cell's worth of doubt
            excess = mines * len(fit_on) - cells * mining[fit_on].sum()
            score[judge_on] = (excess / (len(fit_on) * (cells + 1)))[codes[judge_on]]
            unknown[judge_on] = cells[codes[judge_on]] == 0
        auc = area_under_roc(mining, score)
        low = _leave_chance(mining, score, samples) if name in _SAYS_THE_SAME else float("nan")
        found.append(Confounder(name, int(codes.max()) + 1, auc, low, float(unknown.mean())))
    for name, numbered in (numbers or {}).items():
        score, columns = np.zeros(len(numbered)), numbered.reshape(len(numbered), -1)
        for fit_on, judge_on in splits:
            tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=seed)
            tree.fit(columns[fit_on], mining[fit_on])
            stated = tree.predict(columns[judge_on])
            score[judge_on] = np.round(stated - mining[fit_on].mean(), 9)  # saying nothing is exactly 0
        auc, low = area_under_roc(mining, score), _leave_chance(mining, score, samples)
        found.append(Confounder(name, _count_values(numbered), auc, low))
    return found


def _leave_chance(mining: Bool, score: Float64, samples: Float64) -> float:
    """The lower end of the AUC: over draws of whole blocks, or by the error that Mann and Whitney (1947) give for scores
    that say nothing, whichever is lower."""
    figure = with_interval(partial(area_under_roc, mining, score), samples)
    mines, count = int(mining.sum()), len(mining)
    error = np.sqrt((count + 1) / (12 * max(mines * (count - mines), 1)))
    return float(np.fmin(figure.low, figure.value - ERRORS * error))


def list_warnings(confounders: Iterable[Confounder]) -> list[str]:
    """What to warn of. A field that says the same as one before in other words, such as the year beside the period, is
    passed over unless it tells more (`TELLS_MORE`)."""
    told: dict[str, float] = {}
    warnings = []
    for each in confounders:
        what = _SAYS_THE_SAME.get(each.field, each.field)
        if each.warning is not None and each.auc > told.get(what, 0.0) + TELLS_MORE:
            told[what] = each.auc
            warnings.append(each.warning)
    return warnings


def find_period_in_pixels(cells: LabelledCells, recipe: Recipe, block_deg: float) -> Confounder | None:
    """Whether the features of mines alone tell the most frequent period from the rest, in blocks held back."""
    mines = cells.select(cells.mining)
    frequent = Counter(mines.periods).most_common(1)
    if not frequent:
        return None
    period, count = frequent[0]
    if min(count, len(mines) - count) < LEAST_CELLS:
        return None
    of_period = np.array([own == period for own in mines.periods])
    as_label = tuple(
        replace(own, label=int(is_it)) for own, is_it in zip(mines.labels, of_period, strict=True)
    )
    try:
        asked = replace(recipe, model=RIDGE, leave_out_one_sided=False)
        probabilities = cross_validate(replace(mines, labels=as_label), asked, block_deg)
    except FoldsNotPossible:
        return None
    return Confounder("period in the pixels", 2, area_under_roc(of_period, probabilities[:, 1]))
