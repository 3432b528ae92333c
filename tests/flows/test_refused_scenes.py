"""Commands that read a labelled catalogue say how many of its scenes were refused, by cause, also where they fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from monitor.models import Scene, TrainedModel
from tests.data.make_scenes import write_raster
from tests.flows.commanding import QUICK_WORDS, Commands
from tests.flows.conftest import Ringing
from tests.flows.mined_land import MinedLand

pytestmark = pytest.mark.usefixtures("db")

NAMES = ("evaluate_model", "compare_models", "try_recipe", "review_labels")
GOOD, BAD = ("t0", "t1"), ("lost", "redless", "astray", "radar")
CAUSES = {"asset_missing": 1, "footprint_mismatch": 1, "missing_band": 1, "unknown_sensor": 1}
"""Of the bad ones."""


def write_catalog(folder: Path, land: MinedLand, names: Sequence[str]) -> Path:
    """A catalogue of some of these: both quarters, and scenes without a file or a red band, astray, of another sensor."""
    for quarter in GOOD:
        shutil.copy(land.folder / f"{quarter}.tif", folder)
    write_raster(folder / "astray.tif", np.full((6, 100, 100), 900, np.uint16))
    t0, t1 = (json.dumps(land.items[name]).replace(str(land.folder), str(folder)) for name in GOOD)
    documents = {
        "t0": t0,
        "t1": t1,
        "lost": t1.replace("t1.tif", "absent.tif"),
        "redless": t1.replace('"red"', '"rededge071"'),
        "astray": t1.replace("t1.tif", "astray.tif"),
        "radar": t1.replace("sentinel-2", "sentinel-1"),
    }
    for name in names:
        (folder / f"{name}.json").write_text(documents[name].replace("land-t1", f"land-{name}"))
    links = [{"rel": "item", "href": f"./{name}.json"} for name in names]
    catalog = folder / "catalog.json"
    catalog.write_text(json.dumps({"type": "Catalog", "id": "c", "stac_version": "1.1.0", "links": links}))
    return catalog


def list_words(name: str, catalog: Path, land: MinedLand, model: Path) -> tuple[object, ...]:
    """A command with its arguments."""
    own: dict[str, tuple[object, ...]] = {
        "evaluate_model": ("--model", model),
        "compare_models": ("--before", model, "--after", model),
        "try_recipe": (*QUICK_WORDS, "--seeds", "2"),
        "review_labels": (*QUICK_WORDS, "--deals", "1", "--list", catalog.with_name("doubts.csv")),
    }
    return (name, "--catalog", catalog, "--labels", land.labels, *own[name])


@pytest.mark.parametrize("name", NAMES)
def test_figures_come_with_the_causes_of_the_scenes_that_were_refused(
    commands: Commands,
    capsys: pytest.CaptureFixture[str],
    land: MinedLand,
    model_file: Path,
    tmp_path: Path,
    name: str,
) -> None:
    words = list_words(name, write_catalog(tmp_path, land, (*GOOD, *BAD)), land, model_file)
    answer = commands.ask(*words)
    both = {"before": CAUSES, "after": CAUSES}
    assert answer["refused"] == (both if name == "compare_models" else CAUSES)
    call_command(*map(str, words))
    told = capsys.readouterr().out
    assert all(cause in told for cause in CAUSES)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_because_no_scene_is_left_names_the_causes(
    commands: Commands, land: MinedLand, model_file: Path, tmp_path: Path, name: str
) -> None:
    words = list_words(name, write_catalog(tmp_path, land, BAD), land, model_file)
    said = commands.refuse(*words)
    of_model = " (before)" if name == "compare_models" else ""
    assert said.endswith(f"refused: {', '.join(f'{cause}{of_model} 1' for cause in sorted(CAUSES))}.")


@pytest.mark.usefixtures("_readable_land", "worker")
@pytest.mark.parametrize("is_read_before", [False, True])
def test_a_training_that_cannot_be_names_the_causes_of_the_scenes_in_the_vault(
    commands: Commands, land: MinedLand, tmp_path: Path, ringing: Ringing, is_read_before: bool
) -> None:
    """Whether the training finds the scenes unreadable, or somebody read and refused them before."""
    catalog = write_catalog(tmp_path, land, ("lost", "astray", "radar"))
    with ringing() if is_read_before else nullcontext():
        commands.ask("ingest", catalog)
    assert Scene.objects.filter(sensor="sentinel-2", state="refused").count() == 2 * is_read_before
    said = commands.refuse("train_model", "--labels", land.labels, *QUICK_WORDS)
    assert said.endswith("Scenes refused: asset_missing 1, footprint_mismatch 1.")
    assert not TrainedModel.objects.exists()


@pytest.mark.usefixtures("_readable_land", "worker")
def test_a_training_whose_labels_teach_nothing_names_the_scenes_refused_on_the_way(
    commands: Commands, land: MinedLand, tmp_path: Path
) -> None:
    commands.ask("ingest", write_catalog(tmp_path, land, (*GOOD, "lost")))
    rows = [line for line in land.labels.read_text().splitlines() if "none" not in line]
    (tmp_path / "mines.csv").write_text("\n".join(rows))
    said = commands.refuse("train_model", "--labels", tmp_path / "mines.csv", *QUICK_WORDS)
    assert said.endswith("Scenes refused: asset_missing 1.")
    assert "a model needs cells without a mine" in said


def test_an_error_without_a_refused_scene_names_none(
    commands: Commands, land: MinedLand, model_file: Path, tmp_path: Path
) -> None:
    catalog = write_catalog(tmp_path, land, GOOD)
    elsewhere = tmp_path / "labels.csv"
    elsewhere.write_text("cell_row,cell_col,label\n1,1,none\n")
    words = ("--model", model_file, "--catalog", catalog, "--labels", elsewhere)
    assert commands.refuse("evaluate_model", *words).endswith("the dates and the cells.")
