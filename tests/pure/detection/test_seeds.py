"""Deals: the figures of a recipe are medians over seeds that nobody chose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.seeds import judge_deal, sum_up_deals
from tests.pure.detection.invented import QUICK, make_cells

CELLS = make_cells()


def test_a_deal_has_the_figures_of_the_report_of_the_same_seed() -> None:
    late = np.random.default_rng(0).random(len(CELLS)) < 0.3
    cells = replace(CELLS, periods=tuple("late" if each else "early" for each in late))
    deal, report = judge_deal(cells, QUICK), evaluate_recipe(cells, QUICK, draws=5)
    (group, *_) = report["same_period"]
    for name, figures in (
        ("all", report["all"]),
        ("period", group["fitted_on_all"]),
        ("there", group["fitted_there"]),
    ):
        assert deal[f"{name}: AUC"] == pytest.approx(figures["auc"]["value"], abs=1e-5)
        assert deal[f"{name}: calibration error"] == pytest.approx(figures["ece"]["value"], abs=1e-5)
        chance = figures["ece_by_chance"]
        assert deal[f"{name}: calibration error by chance"] == pytest.approx(chance["value"], abs=1e-5)
        assert deal[f"{name}: greatest by chance"] == pytest.approx(chance["high"], abs=1e-5)
        moved = figures["ece_at_its_share"]
        assert deal[f"{name}: calibration error at its share"] == pytest.approx(moved, abs=1e-5)
    told = report["period_in_scores"]
    assert told is None or deal["mines tell the period"] == pytest.approx(told["auc"]["value"], abs=1e-5)


def test_what_the_cells_do_not_allow_is_left_out() -> None:
    deal = judge_deal(replace(CELLS, periods=tuple("one" for _ in CELLS.periods)), QUICK)
    assert "mines tell the period" not in deal
    assert deal["period: AUC"] == deal["all: AUC"]


def test_seeds_deal_other_folds() -> None:
    assert judge_deal(CELLS, QUICK) == judge_deal(CELLS, QUICK) != judge_deal(CELLS, replace(QUICK, seed=1))


def test_deals_are_summed_up_by_their_median_with_the_least_and_the_greatest() -> None:
    deals = [{"a": 0.1, "b": 1.0}, {"a": 0.9}, {"a": 0.2, "b": 0.0}]
    assert sum_up_deals(deals) == {"a": {"median": 0.2, "least": 0.1, "greatest": 0.9}}
