"""The bar on real cells: what the shipped defaults reach in blocks held back, on composites of one period.

The slowest tests of the room: about 15 seconds for 746 small scenes on one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monitor.detection.cells import LabelledCells, gather_cells
from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.featurizer import Featurizer
from monitor.detection.labels import number_labels, read_labels
from monitor.detection.survey import Refusal, extract_scenes, open_each, sort_items
from monitor.imagery.catalog import walk_items
from monitor.imagery.refusal import Cause
from monitor.imagery.sensors import REQUIRED_BANDS

pytestmark = pytest.mark.shared_data

SAME_PERIOD = "2021-01-01/2021-12-31 after 2019-01-01/2019-12-31"


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> tuple[LabelledCells, list[Refusal]]:
    """Labelled cells with the features of the defaults, and refused scenes."""
    folder = shared_data / "amazon-pairs"
    items, refused = sort_items(walk_items(folder / "catalog.json"), "sentinel-2")
    bands = REQUIRED_BANDS["sentinel-2"]
    featurizer = Featurizer.fit(open_each(items, bands), sensor="sentinel-2", bands=bands)
    labels = read_labels(folder / "labels.csv")
    scenes = extract_scenes(items, featurizer, refused, wanted=number_labels(labels))
    cells = gather_cells(labels, scenes, layout=featurizer.layout)
    return cells, refused


@pytest.fixture(scope="module")
def report(pairs: tuple[LabelledCells, list[Refusal]]) -> dict[str, Any]:
    return evaluate_recipe(pairs[0], draws=200)


def test_every_label_is_used_and_empty_references_are_refused(
    pairs: tuple[LabelledCells, list[Refusal]],
) -> None:
    cells, refused = pairs
    assert len(cells) == 373
    assert cells.unused == {}
    assert [refusal.cause for refusal in refused] == [Cause.NO_VALID_PIXELS] * 3
    assert cells.has_reference.sum() == 368  # three references are empty, two show too little of the cell
    assert 0.16 < cells.min_valid_share < 0.18  # the patches cover a fifth of a cell


def test_mines_of_one_period_are_told_as_well_as_the_reference_tells_them(report: dict[str, Any]) -> None:
    (group,) = report["same_period"]
    assert (group["period"], group["n"]) == (SAME_PERIOD, 181)
    assert group["fitted_on_all"]["auc"]["value"] >= 0.816
    assert group["fitted_there"]["auc"]["value"] >= 0.770


def test_probabilities_of_one_period_are_as_right_as_so_few_cells_can_show(report: dict[str, Any]) -> None:
    """Before, with cells of the one-sided period in the calibration, the error was 0.16."""
    (group,) = report["same_period"]
    for fitted in ("fitted_on_all", "fitted_there"):
        assert group[fitted]["ece"]["value"] < 1.1 * group[fitted]["ece_by_chance"]["high"]
    assert report["share_learnt"]["change"] == pytest.approx(1 / 3, abs=0.01)
    assert any("probabilities hold where" in warning for warning in report["warnings"])


def test_the_error_over_all_cells_is_the_share_of_mines_and_goes_once_all_calibrate(
    report: dict[str, Any],
) -> None:
    """The goal is 0.05. The acting model learnt a third of mines, and two thirds of these cells are."""
    assert report["all"]["ece"]["value"] > 0.1
    assert report["all"]["ece_calibrated_here"]["value"] <= 0.05
    (group,) = report["same_period"]
    error, here = (group["fitted_on_all"][name]["value"] for name in ("ece", "ece_calibrated_here"))
    assert here == pytest.approx(error, abs=1e-4)


def test_the_period_is_found_to_give_the_label_away(report: dict[str, Any]) -> None:
    alone = {row["field"]: row["auc"] for row in report["confounders"]}
    assert alone["period"] == pytest.approx(0.879, abs=0.03)
    assert alone["period in the pixels"] > 0.6
    for words in ("The period alone", "the pixels tell one period", "the scores tell one period"):
        assert sum(words in warning for warning in report["warnings"]) == 1
    assert report["all"]["auc"]["value"] < 0.95  # above, there would be a leak
