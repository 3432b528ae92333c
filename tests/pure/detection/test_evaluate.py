"""Reports: what they say, and what they warn of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from monitor.detection.caveats import list_caveats
from monitor.detection.cells import LabelledCells
from monitor.detection.confounders import Confounder, find_confounders, find_period_in_pixels, list_fields
from monitor.detection.crossvalidation import cross_validate, judge_held_back
from monitor.detection.evaluate import evaluate_recipe, judge_cells
from monitor.detection.figures import summarise
from monitor.detection.heads import TrainingRefused, fit_heads
from monitor.detection.metrics import area_under_roc
from monitor.detection.page import render_page
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


def test_cells_of_heads_that_put_mines_below_others_are_counted_and_warned_of() -> None:
    """Of noise, what is learnt from some blocks is as often wrong as right in others."""
    cells = make_cells(strength=0.0, features=3, seed=3)
    held_back = judge_held_back(cells, QUICK, 0.1)
    report = evaluate_recipe(cells, QUICK, draws=2)
    assert report["unordered_cells"] == held_back.unordered.sum() > 100
    (text,) = (text for text in report["warnings"] if "of the cells were judged by heads that give" in text)
    assert text.startswith(f"{report['unordered_cells']} of 240")
    whole = evaluate_recipe(make_cells(), QUICK, draws=2)
    assert whole["unordered_cells"] == 0
    assert not any("no order is better" in text for text in whole["warnings"])


def test_cells_whose_features_are_unknown_are_refused_with_their_number() -> None:
    """Before, they ended in a fault of linear algebra, deep in the first fold."""
    cells = make_cells()
    cells.now[:3, 1] = [np.nan, np.inf, -np.inf]
    for judge in (evaluate_recipe, lambda own, recipe: fit_heads(own, recipe, 0.1)):
        with pytest.raises(TrainingRefused, match="3 of 240 cells have features that are not finite"):
            judge(cells, QUICK)


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


def test_a_period_that_tells_all_is_not_answered_with_figures_that_there_are_none_of() -> None:
    cells = make_cells(400)
    told = replace(cells, periods=tuple("2021" if is_mine else "2020" for is_mine in cells.mining))
    for own, is_told in ((told, True), (cells, False)):
        report = summarise(judge_cells(own, np.full((400, 3), 1 / 3), 0.1), 5, 0)
        assert (report["same_period"] == []) == is_told
        assert (
            any("no figures of cells of the same period" in warning for warning in report["warnings"])
            == is_told
        )


def test_figures_fitted_there_gain_nothing_from_the_other_period() -> None:
    """All mines of the long period are told by a feature that says nothing of mines of the short one."""
    cells = of_two_periods(make_cells(400, strength=0.0), 0.6)
    cells.now[:, 0] += 5 * np.array([period == "long" for period in cells.periods])
    cells = replace(cells, reference=np.full_like(cells.now, np.nan))
    report = evaluate_recipe(cells, replace(QUICK, leave_out_one_sided=False), draws=10)
    assert report["all"]["auc"]["value"] > 0.7
    assert report["same_period"][0]["fitted_there"]["auc"]["value"] < 0.65
    # a calibrator that saw the long period would turn its look into a slope
    kept_apart = cross_validate(cells, QUICK, 0.1)
    assert area_under_roc(cells.mining, 1 - kept_apart[:, 0]) < 0.6


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


def with_field(field: str, values: Sequence[str]) -> LabelledCells:
    """Invented cells whose period, sensor, source or region is told."""
    cells = make_cells(240)
    if field == "period":
        return replace(cells, periods=tuple(values))
    if field == "sensor":
        return replace(cells, sensors=tuple(values))
    told = zip(cells.labels, values, strict=True)
    if field == "source":
        return replace(cells, labels=tuple(replace(own, source=value) for own, value in told))
    return replace(cells, labels=tuple(replace(own, region=value) for own, value in told))


@pytest.mark.parametrize("field", ["period", "sensor", "source", "region"])
def test_whatever_tells_the_label_without_a_pixel_is_warned_of_by_its_name(field: str) -> None:
    mining, rng = make_cells(240).mining, np.random.default_rng(3)
    chance = rng.random(240)
    cases = {"tells": np.where(chance < 0.8, mining, ~mining), "says nothing": chance < 0.5}
    warned = {}
    for case, is_one in cases.items():
        cells = with_field(field, ["one" if own else "other" for own in is_one])
        report = summarise(judge_cells(cells, np.full((240, 3), 1 / 3), 0.1), 5, 0)
        report |= {"method": "invented", "unused_labels": {}}
        warned[case] = [text for text in report["warnings"] if f"The {field} alone, without a pixel" in text]
        assert write_report(report).count(f"{field} alone: AUC") == 1
    assert [len(texts) for texts in warned.values()] == [1, 0]


def test_the_report_says_for_which_share_of_mines_the_probabilities_hold() -> None:
    """All mines of the long period neither teach nor calibrate; of the short one fewer cells are mines."""
    cells = of_two_periods(make_cells(400), 0.6)
    report = evaluate_recipe(replace(cells, reference=np.full_like(cells.now, np.nan)), QUICK, draws=5)
    short = np.array([period == "short" for period in cells.periods])
    assert report["share_learnt"] == {"single": pytest.approx(cells.mining[short].mean(), abs=1e-6)}
    assert cells.mining.mean() > cells.mining[short].mean() + 0.1
    assert any("probabilities hold where" in warning for warning in report["warnings"])
    assert "The probabilities hold where so many" in write_report(report)
    (group,) = report["same_period"]
    stated = 1 - cross_validate(replace(cells, reference=np.full_like(cells.now, np.nan)), QUICK, 0.1)[:, 0]
    assert stated[short].mean() == pytest.approx(cells.mining[short].mean(), abs=0.05)
    assert group["fitted_on_all"]["ece"]["value"] < report["all"]["ece"]["value"]


def test_a_share_that_was_told_is_said_as_it_was_told_and_not_to_have_been_learnt() -> None:
    report = dict(evaluate_recipe(make_cells(), QUICK, draws=5))
    report["share_learnt"] = {"change": 0.001}  # what `MineModel.expect_share` leaves
    (warning,) = (
        text for text in list_caveats(report) if "probabilities hold where 0.1 % of the cells" in text
    )
    assert "learnt" not in warning
    assert "mines: 0.1 % (change)" in write_report(report)


def test_labels_that_met_the_latest_scene_because_they_name_no_time_are_counted_and_warned_of() -> None:
    """They may tell of the ground of years ago. Features without scenes have no date to compare with."""
    cells = make_cells()
    periods = [f"{2019 + at % 3}-01-01/{2019 + at % 3}-12-31" for at in range(len(cells))]
    undated = [
        replace(each, observed_from=date(2018, 1, 1), item="", observed_to=None) for each in cells.labels
    ]
    named = [
        replace(each, **({"item": "x"} if at % 2 else {"observed_to": date(2020, 1, 1)}))
        for at, each in enumerate(undated)
    ]
    told = {}
    for case, labels, seen in (
        ("some", named[:40] + undated[40:41] + named[41:], periods),
        ("none", named, periods),
        ("no scenes", undated, []),
    ):
        own = replace(cells, labels=tuple(labels), scene_periods=tuple(seen))
        report = summarise(judge_cells(own, np.full((len(own), 3), 1 / 3), 0.1), 2, 0)
        told[case] = [text for text in report["warnings"] if "name neither a scene nor the last day" in text]
        assert (report["undated"] is None) == (not told[case])
    assert (told["none"], told["no scenes"]) == ([], [])
    (text,) = told["some"]
    assert text.startswith("1 of 240 labels")
    assert "up to 2020-12-31: where" in text


def test_a_report_of_labels_that_all_teach_warns_of_no_other_share() -> None:
    report = evaluate_recipe(make_cells(), QUICK, draws=5)
    assert not any("probabilities hold where" in warning for warning in report["warnings"])


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


def in_patches(count: int = 300) -> LabelledCells:
    """Cells whose neighbours share their label and their look, and no look means a mine elsewhere: 30 places of ten
    cells, each place with a look of its own."""
    cells = make_cells(count, strength=0.0)
    rng = np.random.default_rng(5)
    place = np.arange(count) // 10
    kind, look = rng.random(30) < 0.5, rng.standard_normal((30, 12)).astype(np.float32)
    labels = tuple(
        replace(
            label,
            row=9000 + 20 * int(at // 6),
            col=20000 + 20 * int(at % 6) + number % 10,
            label=int(kind[at]),
        )
        for number, (label, at) in enumerate(zip(cells.labels, place, strict=True))
    )
    noise = 0.1 * rng.standard_normal((count, 12)).astype(np.float32)
    return replace(
        cells, labels=labels, now=look[place] + noise, reference=np.full_like(cells.reference, np.nan)
    )


def test_a_split_at_random_would_have_flattered_and_the_report_says_by_how_much() -> None:
    report = evaluate_recipe(in_patches(), replace(QUICK, block_deg=0.2), draws=10)
    assert report["all"]["auc"]["value"] < 0.7  # in blocks never seen there is nothing to know
    assert report["random_split"]["auc"] > 0.9  # beside cells that were seen there is
    assert "would have shown AUC" in write_report(report)


def test_scores_that_tell_the_period_of_mines_are_warned_of() -> None:
    cells = make_cells(industrial=True)
    judged = judge_cells(cells, cross_validate(cells, QUICK, 0.1), 0.1)
    score = judged.probabilities[:, 1:].sum(axis=1)
    late = tuple("late" if own > np.median(score[cells.mining]) else "early" for own in score)
    told = summarise(replace(judged, periods=late), 50, 0)
    auc = told["period_in_scores"]["auc"]
    assert auc["low"] > 0.5 or auc["high"] < 0.5
    assert any("the scores tell one period" in warning for warning in told["warnings"])
    mixed = tuple(np.random.default_rng(1).choice(["late", "early"], len(cells)).tolist())
    quiet = summarise(replace(judged, periods=mixed), 50, 0)["period_in_scores"]["auc"]
    assert quiet["low"] < 0.5 < quiet["high"]
    assert summarise(judged, 10, 0)["period_in_scores"] is None


def test_the_calibration_error_comes_with_what_chance_would_show() -> None:
    every = evaluate_recipe(make_cells(), QUICK, draws=10)["all"]
    chance = every["ece_by_chance"]
    assert 0 < chance["low"] < chance["value"] < chance["high"] < 0.2
    assert every["ece_at_its_share"] >= 0
    assert every["curves"]["roc"][-1] == [1, 1]


def test_an_error_beyond_what_chance_shows_is_warned_of_on_the_cells_that_have_it() -> None:
    """Probabilities pushed to both ends keep their order, and so their AUC; of the labels they say too much."""
    cells = of_two_periods(make_cells(400, strength=1.0), 0.3)
    held_back = cross_validate(cells, QUICK, 0.1)
    warned = {}
    for case, power in (("as calibrated", 1), ("pushed", 6)):
        mining = (odds := (held_back[:, 1:].sum(axis=1) / held_back[:, 0]) ** power) / (1 + odds)
        stated = np.column_stack([1 - mining, mining, 0 * mining])
        report = summarise(judge_cells(cells, stated, 0.1), 5, 0) | {
            "method": "invented",
            "unused_labels": {},
        }
        judged = [report["all"], *(group["fitted_on_all"] for group in report["same_period"])]
        beyond = [each["ece"]["value"] > each["ece_by_chance"]["high"] for each in judged]
        warned[case] = [text for text in report["warnings"] if "are not to be taken at their word" in text]
        assert len(warned[case]) == sum(beyond)
        for text in warned[case]:
            assert f"WARNING: {text}" in write_report(report)
            assert text in render_page(report)
    of_all, of_short = warned["pushed"]
    assert of_all.startswith("The calibration error of all cells is 0.")
    assert of_short.startswith("The calibration error of the cells of short is 0.")
    assert not any(
        text.startswith("The calibration error of the cells of short") for text in warned["as calibrated"]
    )


def test_cells_of_few_blocks_are_called_small_and_have_no_interval() -> None:
    judged = judge_cells(make_cells(), np.full((240, 3), 1 / 3), 10.0)
    few, many = (summarise(replace(judged, block_deg=deg), 5, 0) for deg in (10.0, 0.1))
    assert (few["blocks"], many["blocks"]) == (1, 24)
    for report, is_few in ((few, True), (many, False)):
        assert report["all"]["small"] == is_few
        assert (report["all"]["auc"]["low"] is None) == is_few
        assert {row["small"] for row in report["kinds"]} == {is_few}
        assert any("fewer than 5 blocks" in warning for warning in report["warnings"]) == is_few
        assert not any("Fewer than 30 mines" in warning for warning in report["warnings"])
    text = write_report(few | {"method": "invented", "unused_labels": {}})
    assert "(---)" not in text


def test_labels_of_one_kind_are_not_said_to_lie_too_close_together() -> None:
    cells = make_cells()
    alone = cells.select(cells.mining)
    for own, is_one in ((alone, True), (cells, False)):
        warnings = " ".join(summarise(judge_cells(own, np.full((len(own), 3), 1 / 3), 0.1), 5, 0)["warnings"])
        assert ("all labels are of one kind" in warnings, "too close together" in warnings) == (
            is_one,
            not is_one,
        )
