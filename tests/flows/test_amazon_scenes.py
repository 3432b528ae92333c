"""Real Sentinel-2 pixels through the whole route: some pairs of the Amazon set, ingested, learnt from and scored.

How well mines are told is held by tests/pure/detection; here only that every patch finds its way.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from monitor.imagery.catalog import walk_items
from monitor.models import Alert, Scene, TrainedModel
from monitor.services.demo import divide_catalog, seed_regions
from tests.builders import Cell
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.route import as_worker, cells_in, list_scenes_by_item, read_scores, read_sites, read_states

pytestmark = pytest.mark.shared_data

PAIRS = 30


@pytest.fixture
def rows(shared_data: Path, tmp_path: Path, settings: Settings) -> list[dict[str, str]]:
    """Every twelfth label, written to tmp_path beside a catalogue of both scenes of each."""
    folder = shared_data / "amazon-pairs"
    settings.IMAGERY_ROOTS = [folder]
    with (folder / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[::12][:PAIRS]
    names = [row[key] for row in rows for key in ("item_t0", "item_t1")]
    links = [{"rel": "item", "href": str(folder / name[-2:] / name / f"{name}.json")} for name in names]
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "pairs", "links": links}))
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return rows


def test_real_pairs_are_ingested_learnt_from_and_scored_and_mines_raise_alerts(
    cast: Cast, rows: list[dict[str, str]], tmp_path: Path, ringing: Ringing
) -> None:
    catalog, labels = tmp_path / "catalog.json", tmp_path / "labels.csv"
    with as_worker():
        items = [entry.parse() for entry in walk_items(catalog)]
        seed_regions(divide_catalog("amazon", items))
        with ringing():
            call_command("ingest", str(catalog), "--json")
        scenes = list_scenes_by_item()
        assert len(scenes) == 2 * PAIRS
        refused = set(Scene.objects.filter(state="refused").values_list("cause", flat=True))
        assert refused <= {"no_valid_pixels"}
        assert Scene.objects.filter(state="refused").count() < 3
        with ringing():
            call_command(
                "train_model", "--labels", str(labels), "--patches", "32", "--activate-by", "anna", "--json"
            )
        model = TrainedModel.objects.get()
        assert not Scene.objects.exclude(state__in=("scored", "refused")).exists()
        labelled: dict[Cell, dict[str, str]] = {
            (int(row["cell_row"]), int(row["cell_col"])): row for row in rows
        }
        believed = read_states()
        assert believed.keys() == labelled.keys()
        for cell, row in labelled.items():
            (score,) = read_scores(scenes[row["item_t1"]], model.id).values()
            before = read_scores(scenes[row["item_t0"]], model.id).get(cell)
            assert score.observed
            assert score.has_reference == (before is not None and before.observed)
            assert believed[cell][0] == score.state_after != "not_observed"
        active = cells_in("active")
        assert active
        assert {cell for site in read_sites() for cell in site} == active
        assert Alert.objects.count() == len(read_sites())
