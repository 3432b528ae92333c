"""Reports: what they say, and what they warn of."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.cells import LabelledCells
from monitor.detection.confounders import Confounder, find_confounders, find_period_in_pixels, list_fields
from monitor.detection.crossvalidation import cross_validate
from monitor.detection.evaluate import evaluate_recipe, judge_cells
from monitor.detection.figures import summarise
from monitor.detection.metrics import area_under_roc
from monitor.detection.report import write_report
from tests.pure.detection.invented import QUICK, make_cells


def of_two_periods(cells: LabelledCells, share: float) -> LabelledCells:
    """`share` of the mines, and no other cell, come from another period."""
    elsewhere = cells.mining & (np.random.default_rng(0).random(len(cells)) < share)
    return replace(cells, periods=tuple("long" if other else "short" for other in elsewhere))


def test_a_report_can_be_written_as_json_and_as_text() -> None:
    report = evaluate_recipe(of_two_periods(make_cells(industrial=True), 0.5), QUICK, draws=20)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    text = write_report(report)
    for words in (
        "240 labelled cells",
        "WARNING: The period alone",
        "fitted there",
        "none: forest",
        "reference: with",
    ):
        assert words in text


def test_figures_are_of_mining_against_the_rest_and_come_with_intervals() -> None:
    report = evaluate_recipe(make_cells(), QUICK, draws=50)
    every = report["all"]
    assert (every["n"], every["positives"]) == (240, report["by_class"]["artisanal"])
    for name in ("auc", "average_precision", "recall_at_specificity_0.99", "brier", "ece"):
        assert every[name]["low"] <= every[name]["value"] <= every[name]["high"]
    assert sum(row["n"] for row in every["reliability"]) == 240
    assert report["method"].startswith("cross-validation, 5 folds of blocks of 0.1 degree")


def test_kinds_of_labels_are_counted_and_judged() -> None:
    report = evaluate_recipe(make_cells(), QUICK, draws=10)
    rows = {row["kind"]: row for row in report["kinds"]}
    assert {"forest", "road", "pit"} == set(rows)
    assert sum(row["n"] for row in rows.values()) == 240
    assert "auc" in rows["forest"]
    assert "auc" not in rows["pit"]
    assert rows["pit"]["share_called_mine"] > rows["forest"]["share_called_mine"]


def test_a_period_that_tells_the_label_is_found_and_judged_apart() -> None:
    cells = of_two_periods(make_cells(400), 0.6)
    report = evaluate_recipe(cells, QUICK, draws=10)
    alone = {row["field"]: row["auc"] for row in report["confounders"]}
    assert alone["period"] > 0.7
    assert any("The period alone, without a pixel" in warning for warning in report["warnings"])
    (group,) = report["same_period"]
    assert group["period"] == "short"
    assert group["n"] == sum(period == "short" for period in cells.periods)
    assert group["fitted_on_all"]["n"] == group["fitted_there"]["n"] == group["n"]
    short = cells.select(np.array([period == "short" for period in cells.periods]))
    alone_there = cross_validate(short, QUICK, 0.1)
    expected = area_under_roc(short.mining, 1 - alone_there[:, 0])
    assert group["fitted_there"]["auc"]["value"] == pytest.approx(expected, abs=1e-5)
    assert group["fitted_there"]["auc"] != group["fitted_on_all"]["auc"]


def test_figures_fitted_there_gain_nothing_from_the_other_period() -> None:
    """All mines of the long period are told by a feature that says nothing of mines of the short one."""
    cells = of_two_periods(make_cells(400, strength=0.0), 0.6)
    cells.now[:, 0] += 5 * np.array([period == "long" for period in cells.periods])
    report = evaluate_recipe(replace(cells, reference=np.full_like(cells.now, np.nan)), QUICK, draws=10)
    assert report["all"]["auc"]["value"] > 0.7
    assert report["same_period"][0]["fitted_there"]["auc"]["value"] < 0.65


def test_a_look_of_the_composite_is_found_in_the_pixels_of_mines() -> None:
    cells = of_two_periods(make_cells(400, strength=0.0), 0.5)
    plain = find_period_in_pixels(cells, QUICK, 0.1)
    cells.now[:, 3] += 4 * np.array([period == "long" for period in cells.periods])
    seen = find_period_in_pixels(cells, QUICK, 0.1)
    assert plain is not None
    assert seen is not None
    assert plain.auc < 0.65 < 0.9 < seen.auc
    assert plain.warning is None or plain.auc > 0.6
    assert "the pixels tell one period from another" in (seen.warning or "")


def test_a_field_that_says_nothing_scores_half_whatever_the_folds() -> None:
    cells = make_cells(400)
    blocks = np.arange(400) % 24
    fields = {"constant": ["x"] * 400, "noise": [str(number % 3) for number in range(400)]}
    constant, noise = find_confounders(fields, cells.mining, blocks)
    assert constant.auc == 0.5
    assert 0.35 < noise.auc < 0.6


def test_sources_are_compared_without_the_number_of_the_record() -> None:
    labels = [
        replace(make_cells(1).labels[0], source=f"set/{part}/mine_{n}") for n, part in enumerate("aabb")
    ]
    fields = list_fields(labels, ["p"] * 4, ["s"] * 4)
    assert fields == {"source": ["set/a", "set/a", "set/b", "set/b"]}


def test_a_field_is_called_a_confounder_above_its_threshold_only() -> None:
    assert Confounder("region", 2, 0.61).warning is not None
    assert Confounder("region", 2, 0.6).warning is None
    assert Confounder("region", 2, float("nan")).warning is None


def test_small_blocks_few_cells_and_figures_too_good_are_warned_of() -> None:
    cells = make_cells(60, strength=8.0)
    warnings = " ".join(evaluate_recipe(cells, QUICK, draws=10)["warnings"])
    assert "not 2: the labelled cells lie too close" in warnings
    assert "% of these cells are mines" in warnings
    assert "Fewer than 30" in warnings
    assert "look for a leak" in warnings


def test_regions_and_sensors_are_told_apart_where_labels_name_them() -> None:
    cells = make_cells(300)
    labels = tuple(replace(label, region="east" if n % 3 else "") for n, label in enumerate(cells.labels))
    judged = judge_cells(replace(cells, labels=labels), np.full((300, 3), 1 / 3), 0.1)
    report = summarise(judged, 10, 0)
    assert set(report["groups"]["region"]) == {"east", "(unstated)"}
    assert "sensor" not in report["groups"]


def test_judged_probabilities_are_of_any_kind_of_mining() -> None:
    cells = make_cells(50)
    probabilities = np.tile([0.5, 0.2, 0.3], (50, 1))
    np.testing.assert_allclose(judge_cells(cells, probabilities, 0.1).score, 0.5)


def test_a_period_with_few_mines_has_no_figures_of_its_own() -> None:
    cells = of_two_periods(make_cells(60), 0.9)
    assert evaluate_recipe(cells, QUICK, draws=5)["same_period"] == []


def test_the_report_is_the_same_each_time() -> None:
    one, again = (evaluate_recipe(make_cells(), QUICK, draws=10) for _ in range(2))
    assert one == again


@pytest.mark.parametrize("seed", [0, 1])
def test_the_report_holds_the_out_of_fold_auc_to_the_digit(seed: int) -> None:
    cells, recipe = make_cells(), replace(QUICK, seed=seed)
    probabilities = cross_validate(cells, recipe, 0.1)
    expected = area_under_roc(cells.mining, probabilities[:, 1:].sum(axis=1))
    assert evaluate_recipe(cells, recipe, draws=2)["all"]["auc"]["value"] == pytest.approx(expected, abs=1e-6)
