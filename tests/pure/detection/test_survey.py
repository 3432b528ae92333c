"""A catalogue from its files to a table of scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from affine import Affine

from monitor.detection.cells import gather_cells
from monitor.detection.detect import withhold_scores
from monitor.detection.evaluate import evaluate_survey, judge_survey
from monitor.detection.featurizer import Featurizer
from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel
from monitor.detection.model import MineModel
from monitor.detection.report import write_report
from monitor.detection.survey import (
    SCORE_COLUMNS,
    Refusal,
    ScoreRow,
    extract_scenes,
    list_scores,
    open_each,
    sort_items,
    survey_catalog,
)
from monitor.detection.train import fit_model
from monitor.field.states import CellState, decide_state
from monitor.imagery.catalog import CatalogItem, walk_items
from monitor.imagery.refusal import Cause
from tests.data.make_scenes import SIX, SOMEWHERE, make_item, write_raster

RECIPE = Recipe(block_deg=0.01, repeats=1, penalties=(1.0, 100.0), draws=10)
PITS = [(row, col) for row in range(40, 240, 56) for col in range(30, 300, 56)]


def make_ground(seed: int, *, mined: bool) -> npt.NDArray[np.uint16]:
    """Forest with noise, (6, 260, 320); bright bare pits of 24 x 24 pixels where it is mined."""
    rng = np.random.default_rng(seed)
    levels = np.array([300, 500, 400, 3000, 1500, 700], float)[:, None, None]
    ground = levels * (1 + 0.15 * rng.standard_normal((6, 260, 320)))
    if mined:
        bare = np.array([900, 1300, 1700, 2300, 3000, 2500], float)[:, None, None]
        for row, col in PITS:
            ground[:, row : row + 24, col : col + 24] = bare * (1 + 0.15 * rng.standard_normal((6, 24, 24)))
    return ground.clip(1).astype(np.uint16)


def write_catalog(folder: Path) -> Path:
    """Two quarters of one place, a third scene whose file is missing, a radar item, and a link to nowhere."""
    documents: list[dict[str, Any]] = []
    for name, mined, begins, ends in (
        ("late", True, "2024-01-01T00:00:00Z", "2024-03-31T00:00:00Z"),
        ("early", False, "2023-01-01T00:00:00Z", "2023-03-31T00:00:00Z"),
    ):
        path = write_raster(folder / f"{name}.tif", make_ground(int(mined), mined=mined), nodata=0)
        period = {"datetime": None, "start_datetime": begins, "end_datetime": ends}
        documents.append(make_item({"image": path}, {"image": SIX}, **period) | {"id": name})
    lost = json.loads(json.dumps(documents[0]).replace("./late.tif", "./absent.tif"))
    radar = json.loads(json.dumps(documents[0]).replace("sentinel-2", "sentinel-1"))
    documents += [lost | {"id": "lost"}, radar | {"id": "radar"}]
    for document in documents:
        (folder / f"{document['id']}.json").write_text(json.dumps(document))
    return link_items(folder, [*(document["id"] for document in documents), "nowhere"])


def link_items(folder: Path, names: Iterable[str]) -> Path:
    """A catalogue of the items of these names beside it."""
    links = [{"rel": "item", "href": f"./{name}.json"} for name in names]
    catalog = {"type": "Catalog", "id": "c", "stac_version": "1.1.0", "description": "-", "links": links}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    return folder / "catalog.json"


def label_cells(featurizer: Featurizer, catalog: Path) -> list[CellLabel]:
    """A label for every cell that is seen by half or more: artisanal where a tenth of its pixels are bare."""
    items, _ = sort_items(walk_items(catalog), "sentinel-2")
    (late,) = (scene for scene in extract_scenes(items, featurizer, []) if scene.item_id == "late")
    bare = late.features.values[:, featurizer.names.index("ndvi_p10")] < 0.4
    seen = late.features.valid_share > 0.5
    return [
        CellLabel(int(row), int(col), int(is_bare), kind="pit" if is_bare else "forest", item="late")
        for row, col, is_bare, ok in zip(late.features.rows, late.features.cols, bare, seen, strict=True)
        if ok
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MineModel, list[CellLabel]]:
    """A catalogue, a model trained on it, and its labels."""
    catalog = write_catalog(tmp_path_factory.mktemp("catalogue"))
    items, _ = sort_items(walk_items(catalog), "sentinel-2")
    featurizer = Featurizer.fit(open_each(items, SIX), sensor="sentinel-2", bands=SIX, n_patches=16, seed=1)
    labels = label_cells(featurizer, catalog)
    cells = gather_cells(labels, extract_scenes(items, featurizer, []), layout=featurizer.layout)
    return catalog, fit_model(cells, featurizer, RECIPE), labels


Trained = tuple[Path, MineModel, list[CellLabel]]


def test_every_cell_of_every_scene_is_scored_against_its_reference(trained: Trained) -> None:
    catalog, model, _ = trained
    survey = survey_catalog(walk_items(catalog), model)
    assert [scene.item_id for scene in survey.scenes] == ["early", "late"]
    early, late = survey.scenes
    seen = early.scores.observed
    assert set(early.scores.basis[seen]) == {"single"}
    assert set(late.scores.basis[late.scores.observed & seen]) == {"change"}
    assert (early.references == -1).all()
    assert set(late.references[seen]) == {0}
    assert survey.reference_period(1, int(np.flatnonzero(seen)[0])) == "2023-01-01/2023-03-31"


def test_refused_scenes_are_written_down_with_their_cause_and_stop_nothing(trained: Trained) -> None:
    catalog, model, _ = trained
    refused = {refusal.item_id: refusal for refusal in survey_catalog(walk_items(catalog), model).refused}
    assert refused["lost"].cause is Cause.ASSET_MISSING
    assert refused["radar"] == Refusal(
        "radar",
        Cause.UNKNOWN_SENSOR,
        "The scene is not of the sensor that the model was trained for (sentinel-2).",
    )
    assert refused[""].cause is Cause.ASSET_MISSING
    assert not any(str(catalog.parent) in refusal.detail for refusal in refused.values())


def test_cells_of_pixels_of_another_size_are_unfamiliar_and_compared_with_no_others(
    trained: Trained, tmp_path: Path
) -> None:
    """Before, mines were missed at 10 m by a model of 20 m, and nothing said so."""
    catalog, model, _ = trained
    assert model.featurizer.pixel_m == pytest.approx((20, 20), abs=0.2)
    fine = Affine(10.0, 0.0, SOMEWHERE.c, 0.0, -10.0, SOMEWHERE.f)
    path = write_raster(tmp_path / "fine.tif", make_ground(1, mined=True), nodata=0, transform=fine)
    document = make_item({"image": path}, {"image": SIX}, datetime="2030-05-01T00:00:00Z")
    item = CatalogItem(str(tmp_path / "fine.json"), document)
    (scene,) = survey_catalog([*walk_items(catalog), item], model).scenes[-1:]
    observed = scene.scores.observed
    assert observed.any()
    assert not scene.scores.familiar.any()
    assert set(scene.scores.basis[observed]) == {"single"}
    unknown = replace(model, featurizer=replace(model.featurizer, pixel_m=None))
    (scene,) = survey_catalog([item], unknown).scenes
    assert scene.scores.familiar.any()


def test_a_model_of_scenes_of_several_sizes_knows_them_all(tmp_path: Path) -> None:
    documents = []
    for name, side in (("a", 10.0), ("b", 20.0), ("c", 20.0)):
        placed = Affine(side, 0.0, SOMEWHERE.c, 0.0, -side, SOMEWHERE.f)
        path = write_raster(tmp_path / f"{name}.tif", make_ground(1, mined=True), nodata=0, transform=placed)
        documents.append(make_item({"image": path}, {"image": SIX}) | {"id": name})
    entries = [CatalogItem(str(tmp_path / "item.json"), document) for document in documents]
    items, refused = sort_items(entries, "sentinel-2")
    featurizer = Featurizer.fit(open_each(items, SIX), sensor="sentinel-2", bands=SIX, n_patches=4)
    assert featurizer.pixel_m == pytest.approx((10, 20), abs=0.2)
    scenes = list(extract_scenes(items, featurizer, refused))
    assert [featurizer.fits(scene.features) for scene in scenes] == [True] * 3
    assert not refused


def test_mines_score_high_and_forest_low(trained: Trained) -> None:
    catalog, model, labels = trained
    survey = survey_catalog(walk_items(catalog), model)
    judged, unused = judge_survey(survey, labels)
    assert unused == {}
    assert len(judged.labels) == len(labels)
    assert judged.score[judged.mining].mean() > 0.7
    assert judged.score[~judged.mining].mean() < 0.3


def test_a_saved_model_is_judged_on_a_labelled_catalogue_without_being_fitted(trained: Trained) -> None:
    catalog, model, labels = trained
    survey = survey_catalog(walk_items(catalog), model)
    fresh = [replace(label, item="", source="other") for label in labels]
    report = evaluate_survey(survey, [*fresh, CellLabel(1, 1, 0)], model, draws=10)
    assert report["all"]["auc"]["value"] > 0.9
    assert report["unused_labels"] == {"no scene of the label's item and dates shows the cell": 1}
    assert "not fitted anew" in write_report(report)
    assert not any("trained on" in warning for warning in report["warnings"])


def test_a_label_without_a_scene_is_judged_on_the_latest_whose_cell_is_observed(trained: Trained) -> None:
    catalog, model, labels = trained
    survey = survey_catalog(walk_items(catalog), model)
    early, late = survey.scenes
    clouded = replace(late, scores=withhold_scores(late.scores))
    fresh = [replace(label, item="") for label in labels]
    judged, unused = judge_survey(replace(survey, scenes=(early, clouded)), [*fresh, *labels])
    assert judged.labels == tuple(fresh)
    assert unused == {"too little of the cell is seen": len(labels)}  # those that name the clouded scene
    assert set(judged.periods) == {f"{early.period} after nothing"}


def test_judging_a_model_on_its_own_labels_is_warned_of(trained: Trained) -> None:
    catalog, model, labels = trained
    report = evaluate_survey(survey_catalog(walk_items(catalog), model), labels, model, draws=10)
    assert "the labels that the model was trained on" in report["warnings"][0]


def test_the_table_has_a_row_per_scene_and_cell_with_the_state_after_it(trained: Trained) -> None:
    catalog, model, labels = trained
    survey = survey_catalog(walk_items(catalog), model)
    rows = list(list_scores(survey, decide_state))
    assert tuple(asdict(rows[0])) == SCORE_COLUMNS
    assert len(rows) == sum(len(scene.scores.rows) for scene in survey.scenes)
    of_cell: dict[tuple[int, int], list[ScoreRow]] = {}
    for row in rows:
        of_cell.setdefault((row.cell_row, row.cell_col), []).append(row)
        told = (row.probability_none, row.probability_artisanal, row.probability_industrial)
        if row.valid_share < model.min_valid_share:
            assert told == (None, None, None)
            assert row.state is CellState.NOT_OBSERVED
        else:
            assert sum(part for part in told if part is not None) == pytest.approx(1, abs=1e-5)
    mine = next(label for label in labels if label.label)
    before, after = of_cell[mine.row, mine.col]
    assert (before.item, after.item) == ("early", "late")
    assert before.state is CellState.QUIET
    assert after.state is CellState.ACTIVE  # a composite, with a reference: confirmed by itself


def test_a_mine_that_is_dug_and_then_stands_is_confirmed_by_the_second_look_of_one_sensor(
    trained: Trained, tmp_path: Path
) -> None:
    """Each look is of a single day; both are held against the forest."""
    days = {"2023-01-10": False, "2023-06-10": True, "2023-07-10": True}
    _, model, labels = trained
    assert list(watch_mines(model, labels, write_days(tmp_path, days)).values()) == [
        {CellState.QUIET},
        {CellState.SUSPECTED},
        {CellState.ACTIVE},
    ]


def test_a_mine_that_stands_for_three_years_stays_active_and_closes_once_it_regrows(
    trained: Trained, tmp_path: Path
) -> None:
    """Each look is of a single day; from the second year on the mine is held against itself, by a head that was taught that
    what stood a year ago, and what regrew since, is no mine of now."""
    _, model, labels = trained
    lessons = {"2020-01-10": False, "2020-06-10": True, "2021-07-10": True, "2022-08-10": False}
    catalog = write_days(tmp_path / "lessons", lessons)
    items, _ = sort_items(walk_items(catalog), "sentinel-2")
    taught = [replace(label, item="2020-06-10") for label in labels] + [
        replace(label, item=item, label=0) for item in ("2021-07-10", "2022-08-10") for label in labels
    ]
    featurizer = model.featurizer
    cells = gather_cells(taught, extract_scenes(items, featurizer, []), layout=featurizer.layout)
    model = replace(model, change=fit_model(cells, featurizer, RECIPE).change)
    stands = [f"{year}-{month:02}-15" for year in (2024, 2025, 2026) for month in (7, 9, 11)]
    regrown = ["2027-01-15", "2027-02-15", "2027-03-20"]
    days = {"2023-01-10": False, "2023-06-10": True, "2023-07-10": True}
    days |= dict.fromkeys(stands, True) | dict.fromkeys(regrown, False)
    states = watch_mines(model, labels, write_days(tmp_path / "years", days))
    assert [states[day] for day in stands] == [{CellState.ACTIVE}] * len(stands)
    assert [states[day] for day in regrown] == [{CellState.ACTIVE}, {CellState.ACTIVE}, {CellState.QUIET}]


def write_days(folder: Path, days: Mapping[str, bool]) -> Path:
    """A catalogue of a picture of each of these days, on which it is mined or not."""
    folder.mkdir(exist_ok=True)
    for seed, (name, mined) in enumerate(days.items()):
        path = write_raster(folder / f"{name}.tif", make_ground(seed, mined=mined), nodata=0)
        document = make_item({"image": path}, {"image": SIX}, datetime=f"{name}T10:00:00Z") | {"id": name}
        (folder / f"{name}.json").write_text(json.dumps(document))
    return link_items(folder, days)


def watch_mines(model: MineModel, labels: Iterable[CellLabel], catalog: Path) -> dict[str, set[CellState]]:
    """By scene, in the order of dates, the states of all cells with a pit."""
    survey = survey_catalog(walk_items(catalog), model)
    mines = {(label.row, label.col) for label in labels if label.label}
    states: dict[str, set[CellState]] = {scene.item_id: set() for scene in survey.scenes}
    for row in list_scores(survey, decide_state):
        if (row.cell_row, row.cell_col) in mines:
            states[row.item].add(row.state)
    return states


def test_progress_counts_scenes_with_those_refused(trained: Trained) -> None:
    catalog, model, _ = trained
    told: list[tuple[int, int]] = []
    survey_catalog(walk_items(catalog), model, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_scenes_without_a_wanted_cell_give_no_features(trained: Trained) -> None:
    catalog, model, _ = trained
    items, _ = sort_items(walk_items(catalog), "sentinel-2")
    assert list(extract_scenes(items, model.featurizer, [], wanted=np.array([1]))) == []
