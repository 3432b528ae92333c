"""The invented country: it holds what it promises, is the same every time, and its scenes pass like real ones."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio

from monitor.grid import locate_cells
from monitor.imagery.catalog import walk_items
from monitor.imagery.invented import InventedCountry, write_invented_country
from monitor.imagery.invented.ground import make_ground
from monitor.imagery.invented.land import paint_land
from monitor.imagery.pixels import open_scene
from monitor.imagery.sensors import OPTICAL_BANDS

SMALL = {"Westmark": (20.0, 2.0, 20.2, 2.2), "Eastmark": (20.2, 2.0, 20.4, 2.2)}
"""A quarter of the country, to be quick."""


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> InventedCountry:
    return write_invented_country(tmp_path_factory.mktemp("country"), seed=3, regions=SMALL)


def read_labels(country: InventedCountry) -> list[dict[str, str]]:
    with country.labels.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_scene_is_read_whole(country: InventedCountry) -> None:
    items = [found.parse() for found in walk_items(country.catalog)]
    assert sorted(item.item_id for item in items) == sorted((*country.scenes[0], *country.scenes[1]))
    for item in items:
        assert item.sensor == "sentinel-2"
        assert item.is_composite
        with open_scene(item, OPTICAL_BANDS) as scene:
            valid = [strip.valid.mean() for strip in scene.strips()]
            assert {(9200, 20000), (9219, 20039)} & {
                *zip(scene.rows.tolist(), scene.cols.tolist(), strict=True)
            }
        assert np.mean(valid) > 0.98


def test_each_region_is_covered_at_both_dates(country: InventedCountry) -> None:
    regions = json.loads(country.regions.read_text())["features"]
    assert [region["properties"]["name"] for region in regions] == list(SMALL)
    for date in (0, 1):
        for name, scene_id in zip(SMALL, country.scenes[date], strict=True):
            west, south, east, north = SMALL[name]
            item = json.loads((country.folder / scene_id / f"{scene_id}.json").read_text())
            assert item["bbox"][0] <= west
            assert item["bbox"][1] <= south
            assert item["bbox"][2] >= east
            assert item["bbox"][3] >= north


def test_most_artisanal_mines_are_new_and_industrial_ones_are_large(country: InventedCountry) -> None:
    since = Counter((mine.kind, mine.since) for mine in country.mines)
    assert since["artisanal", 1] > 2 * since["artisanal", 0] > 0
    assert since["industrial", 0] == 2
    artisanal = [len(mine.cells) for mine in country.mines if mine.kind == "artisanal"]
    assert min(artisanal) >= 1
    assert max(artisanal) <= 12
    assert min(len(mine.cells) for mine in country.mines if mine.kind == "industrial") >= 10


def test_labels_say_what_was_dug_and_never_call_a_mined_cell_free(country: InventedCountry) -> None:
    labels = read_labels(country)
    dug = {
        kind: {cell for mine in country.mines if mine.kind == kind for cell in mine.cells}
        for kind in ("artisanal", "industrial")
    }
    counts = Counter(row["label"] for row in labels)
    assert min(counts["artisanal"], counts["none"]) > 40
    assert counts["industrial"] > 10
    cells = [(int(row["cell_row"]), int(row["cell_col"])) for row in labels]
    assert len(set(cells)) == len(cells)
    for row, cell in zip(labels, cells, strict=True):
        lattice_row, lattice_col = locate_cells(float(row["lon"]), float(row["lat"]))
        assert (int(lattice_row), int(lattice_col)) == cell
        if row["label"] == "none":
            assert cell not in dug["artisanal"] | dug["industrial"]
        else:
            assert cell in dug[row["label"]]
        assert (country.folder / row["item_t1"] / f"{row['item_t1']}.tif").is_file()
    assert len({row["kind"] for row in labels}) >= 8


def test_a_new_mine_changes_the_pixels_and_the_forest_hardly(country: InventedCountry) -> None:
    def mean_red(item_id: str, row: int, col: int) -> float:
        with open_scene(items[item_id], ("red",)) as scene:
            number = int(np.flatnonzero((scene.rows == row) & (scene.cols == col))[0])
            return float(np.mean(np.concatenate([s.pixels[0][s.labels == number] for s in scene.strips()])))

    items = {found.parse().item_id: found.parse() for found in walk_items(country.catalog)}
    change: dict[str, list[float]] = {"new_mine": [], "forest": []}
    for row in read_labels(country):
        seen = change.get(row["kind"], [0.0] * 9)
        if len(seen) < 5:
            place = int(row["cell_row"]), int(row["cell_col"])
            seen.append(mean_red(row["item_t1"], *place) - mean_red(row["item_t0"], *place))
    assert np.mean(change["new_mine"]) > 0.002
    assert np.abs(change["forest"]).max() < 0.002


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_land(
    tmp_path: Path, country: InventedCountry
) -> None:
    again = write_invented_country(tmp_path / "again", seed=3, regions=SMALL)
    assert again.labels.read_bytes() == country.labels.read_bytes()
    assert again.mines == country.mines
    for scene_id in (*country.scenes[0], *country.scenes[1]):
        with (
            rasterio.open(country.folder / scene_id / f"{scene_id}.tif") as first,
            rasterio.open(again.folder / scene_id / f"{scene_id}.tif") as second,
        ):
            pixels = first.read()
            assert pixels.tobytes() == second.read().tobytes()
            assert (first.count, first.dtypes[0], first.nodata) == (6, "uint16", 0)
            assert first.block_shapes[0] == (256, 256)
    ground = make_ground(20.0, 2.0, 20.05, 2.05)
    assert (paint_land(ground, 3).covers[0] != paint_land(ground, 4).covers[0]).any()


def test_what_is_invented_says_so(country: InventedCountry) -> None:
    for found in walk_items(country.catalog):
        assert "Invented" in (found.document or {})["properties"]["description"]
