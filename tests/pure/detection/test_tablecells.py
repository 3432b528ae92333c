"""Labels on features that others computed: judged as honestly as on scenes, and never taken for scenes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from monitor.detection.cells import NoLabelledCells
from monitor.detection.change import FeaturesDiffer
from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.featuretable import FeatureTable
from monitor.detection.labels import CellLabel
from monitor.detection.report import write_report
from monitor.detection.tablecells import (
    UNDATED,
    evaluate_table,
    fit_table,
    gather_table,
    score_table,
)
from monitor.detection.tablehead import FeaturesRefused
from monitor.detection.train import fit_model
from tests.pure.detection.invented import QUICK, make_cells, make_featurizer


def make_table(strength: float = 1.5) -> tuple[tuple[CellLabel, ...], FeatureTable]:
    """The invented cells as labels and a table; the table holds each place once, and some places more."""
    cells = make_cells(strength=strength)
    places = {(label.row, label.col): at for at, label in enumerate(cells.labels)}
    labels = tuple(cells.labels[at] for at in places.values())
    rows, cols = (np.array(each, np.int32) for each in zip(*places, (1, 1), strict=True))
    values = np.concatenate([cells.now[list(places.values())], np.zeros((1, 12), np.float32)])
    names = tuple(f"X_{number}" for number in range(12))
    return labels, FeatureTable(rows, cols, values, names, len(rows))


def test_the_report_is_that_of_the_recipe_with_a_warning_that_the_features_have_no_date() -> None:
    labels, table = make_table()
    report = evaluate_table(labels, table, QUICK, draws=10)
    plain = evaluate_recipe(gather_table(labels, table), QUICK, draws=10)
    assert report["all"] == plain["all"]
    assert report["warnings"] == [*plain["warnings"], UNDATED]
    assert report["features"]["columns"] == 12
    assert report["features"]["cells"] == len(labels) + 1
    assert "blocks of 0.1 degree" in report["method"]
    assert report["random_split"]["auc"] is not None
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert "read from a table" in write_report(report)


def test_features_that_say_nothing_are_not_made_to_say_something() -> None:
    labels, table = make_table(strength=0.0)
    assert 0.35 < evaluate_table(labels, table, QUICK, draws=5)["all"]["auc"]["value"] < 0.65


def test_labels_of_one_cell_speak_of_the_same_features_whatever_their_dates() -> None:
    table = FeatureTable(
        np.array([5, 6], np.int32), np.array([5, 6], np.int32), np.eye(2, dtype=np.float32), ("X_0", "X_1"), 2
    )
    early, late = (
        CellLabel(5, 5, label, date(year, 1, 1), date(year, 12, 31)) for label, year in ((0, 2019), (1, 2021))
    )
    other = CellLabel(6, 6, 1, item="scene")
    found = gather_table([early, late, other, replace(other, item="another")], table)
    assert found.labels == (other,)
    assert dict(found.unused) == {"contradicts another label": 2, "says what another label says": 1}
    assert gather_table([early, other], table).periods == ("2019-01-01/2019-12-31", "unstated")


def test_labels_that_meet_no_cell_are_an_error_with_the_mend() -> None:
    with pytest.raises(NoLabelledCells, match="of the same country"):
        gather_table([CellLabel(7, 7, 0)], make_table()[1])


def test_no_model_of_scenes_is_made_of_a_table() -> None:
    cells = gather_table(*make_table())
    with pytest.raises(FeaturesDiffer, match="cannot score scenes"):
        fit_model(cells, make_featurizer(), QUICK)


def test_every_cell_of_a_table_is_scored_in_its_order() -> None:
    labels, table = make_table()
    head = fit_table(gather_table(labels, table), QUICK)
    portions = [
        FeatureTable(table.rows[part], table.cols[part], table.values[part], table.names, 3)
        for part in (slice(0, 100), slice(100, 100), slice(100, None))
    ]
    scores = list(score_table(portions, head))
    assert [(score.cell_row, score.cell_col) for score in scores] == list(
        zip(table.rows.tolist(), table.cols.tolist(), strict=True)
    )
    stated = np.array([score[2:5] for score in scores])
    np.testing.assert_allclose(stated.sum(axis=1), 1, atol=1e-6)
    mines = np.array([label.label for label in labels]) == 1
    assert stated[:-1][mines, 1].mean() > stated[:-1][~mines, 1].mean() + 0.2
    with pytest.raises(FeaturesRefused, match="other columns"):
        list(score_table([replace(table, names=table.names[:5], values=table.values[:, :5])], head))
