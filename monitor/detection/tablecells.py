"""Labelled cells of a feature table: labels brought together with features that others computed, and judged as ever.

Room `detection`, pure. The features show each cell once, at a date that the table does not tell, so there is no change to
see and no period to hide behind. May import `agreement`, `cells`, `evaluate`, `featuretable`, `heads`, `model`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from monitor.detection.agreement import find_agreement
from monitor.detection.cells import TABLE_DIGEST, LabelledCells, NoLabelledCells
from monitor.detection.crossvalidation import settle_block_deg
from monitor.detection.evaluate import Watch, evaluate_recipe
from monitor.detection.featuretable import FeatureTable
from monitor.detection.figures import Report
from monitor.detection.heads import Recipe, fit_heads
from monitor.detection.labels import CellLabel, digest_labels, number_labels
from monitor.detection.metrics import DRAWS
from monitor.detection.model import Head
from monitor.detection.tablehead import FeaturesRefused

SENSOR = "table"
UNDATED = (
    "The features come from a table that shows each cell once and does not say when: what changed cannot be seen, and a "
    "label of another date than the pictures is judged as if it were of the same."
)
"""What every report on a table warns of."""


def gather_table(labels: Sequence[CellLabel], table: FeatureTable) -> LabelledCells:
    """Bring labels and a table of features together.

    Parameters
    ----------
    labels : sequence of CellLabel
        Labels of one cell speak of the same features whatever their periods and scenes: of those that say the same one
        counts, of those that contradict each other none (`find_agreement`).
    table : FeatureTable

    Returns
    -------
    LabelledCells
        Without references. Their features are those of the table, so no model of scenes is made of them (`train_model`
        refuses); `evaluate_table` judges, `fit_table` and `MineClassifier` learn from them.

    Raises
    ------
    NoLabelledCells
        If no label is of a cell of the table.

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.arange(9000, 9004, dtype=np.int32)
    >>> table = FeatureTable(cells, cells, np.eye(4, dtype=np.float32), ("X_0", "X_1", "X_2", "X_3"), 4)
    >>> found = gather_table([CellLabel(9001, 9001, 1), CellLabel(9003, 9003, 0), CellLabel(1, 1, 0)], table)
    >>> found.now.tolist(), found.mining.tolist(), dict(found.unused)
    ([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]], [True, False], {'the table does not hold the cell': 1})
    """
    undated = [replace(label, observed_from=None, observed_to=None, item="") for label in labels]
    agreement = find_agreement(undated)
    places = {number: place for place, number in enumerate(table.numbers.tolist())}
    numbers = number_labels(labels).tolist()
    used = [(at, places[numbers[at]]) for at in agreement.kept if numbers[at] in places]
    if not used:
        raise NoLabelledCells(
            "No label is of a cell of the table; check that both are of the same country and of cells of 0.01 degree."
        )
    own = tuple(labels[at] for at, _ in used)
    unused = dict(agreement.left_out)
    if len(agreement.kept) > len(used):
        unused["the table does not hold the cell"] = len(agreement.kept) - len(used)
    values = table.values[[place for _, place in used]]
    return LabelledCells(
        labels=own,
        now=values,
        reference=np.full_like(values, np.nan),
        periods=tuple(label.period or "unstated" for label in own),
        sensors=(SENSOR,) * len(own),
        valid_share=np.ones(len(own), np.float32),
        digest=TABLE_DIGEST + digest_table(table),
        min_valid_share=0.0,
        unused=unused,
        labels_digest=digest_labels(labels),
    )


def digest_table(table: FeatureTable) -> str:
    """Hex sha256 of the cells that were kept, their features and the names of these."""
    digest = hashlib.sha256(",".join(table.names).encode())
    for array in (table.numbers.astype("<i8"), table.values.astype("<f4")):
        digest.update(array.tobytes())
    return digest.hexdigest()


def evaluate_table(
    labels: Sequence[CellLabel],
    table: FeatureTable,
    recipe: Recipe | None = None,
    *,
    draws: int = DRAWS,
    watch: Watch | None = None,
) -> Report:
    """The report of `evaluate_recipe` for labels and a table of features.

    Parameters
    ----------
    labels, table
        As in `gather_table`.
    recipe, draws, watch
        As in `evaluate_recipe`.

    Returns
    -------
    dict
        JSON-able. Warns that the features have no date; `features` says what they were.

    Raises
    ------
    NoLabelledCells, TrainingRefused, FoldsNotPossible

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rows, cols = 9000 + 200 * (np.arange(120) // 10 % 4), 9000 + 200 * (np.arange(120) // 40) + np.arange(120) % 10
    >>> values = rng.normal(size=(120, 3)).astype(np.float32)
    >>> table = FeatureTable(rows.astype(np.int32), cols.astype(np.int32), values, ("X_0", "X_1", "X_2"), 120)
    >>> labels = [CellLabel(int(r), int(c), int(x[0] > 0)) for r, c, x in zip(rows, cols, values)]
    >>> report = evaluate_table(labels, table, Recipe(repeats=1), draws=10)
    >>> report["block_deg"], report["all"]["n"], report["all"]["auc"]["value"] > 0.9
    (2.0, 120, True)
    """
    cells = gather_table(labels, table)
    report = evaluate_recipe(cells, recipe, draws=draws, watch=watch)
    report["method"] += "; features read from a table"
    report["warnings"].append(UNDATED)
    report["features"] = {"columns": len(table.names), "cells": table.lines, "digest": cells.digest}
    return report


def fit_table(cells: LabelledCells, recipe: Recipe | None = None) -> Head:
    """The head of a recipe, fitted to all labelled cells of a table; `Head.predict` scores other rows of such a table.

    Parameters
    ----------
    cells : LabelledCells
        Of `gather_table`.
    recipe : Recipe, optional

    Returns
    -------
    Head
        It knows columns of a table and nothing of pixels: it is no `MineModel`, is kept in no model file and scores no
        scene.

    Raises
    ------
    TrainingRefused, FoldsNotPossible

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.arange(9000, 9800, 20, dtype=np.int32)
    >>> values = np.stack([cells % 40 - 10, cells % 7], axis=1).astype(np.float32)
    >>> table = FeatureTable(cells, cells, values, ("X_0", "X_1"), 40)
    >>> labels = [CellLabel(int(cell), int(cell), int(cell % 40 > 0)) for cell in cells]
    >>> head = fit_table(gather_table(labels, table), Recipe(repeats=1))
    >>> [round(score.probability_none) for score in score_table([table], head)][:4]
    [1, 0, 1, 0]
    """
    recipe = recipe or Recipe()
    return fit_heads(cells, recipe, settle_block_deg(cells, recipe)).single


class TableScore(NamedTuple):
    """What a head says of a cell of a table. An exact thing. low, high: interval of the most probable mining class."""

    cell_row: int
    cell_col: int
    probability_none: float
    probability_artisanal: float
    probability_industrial: float
    low: float
    high: float
    familiar: bool


def score_table(portions: Iterable[FeatureTable], head: Head) -> Iterator[TableScore]:
    """Score the cells of a table, portion by portion.

    Parameters
    ----------
    portions : iterable of FeatureTable
        Of `scan_feature_table`, with the columns that the head was fitted to.
    head : Head
        Of `fit_table`.

    Yields
    ------
    TableScore

    Raises
    ------
    FeaturesRefused
        If the columns are others in number.

    Examples
    --------
    See `fit_table`.
    """
    for portion in portions:
        if len(portion.names) != len(head.now.centre):
            raise FeaturesRefused("The table has other columns than the one that was learnt from.")
        if not len(portion.rows):
            continue
        probabilities, low, high, familiar = head.predict(portion.values)
        columns = (portion.rows, portion.cols, *probabilities.T, low, high, familiar)
        yield from map(TableScore._make, zip(*(column.tolist() for column in columns), strict=True))
