"""Scenes that do not lie upon each other are told from those that do; what cannot be told is not guessed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from monitor.detection import registration
from monitor.detection.change import SceneFeatures, pair_features
from monitor.detection.featurizer import CellFeatures
from monitor.detection.likeness import Fit
from monitor.detection.misplaced import choose_references
from monitor.detection.partmaps import UNSEEN, Layout, PartMeans
from monitor.detection.registration import APART_M, Offset, measure_offset
from monitor.imagery.catalog import walk_items
from monitor.imagery.invented.country import InventedCountry, write_invented_country
from monitor.imagery.item import SceneItem
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import SceneRefused
from monitor.imagery.sensors import OPTICAL_BANDS
from tests.pure.detection.invented import make_scene_features

LAYOUT = Layout(0, OPTICAL_BANDS, 20)
PIXEL_M = 20.0


def read_maps(item: SceneItem, down: int = 0, right: int = 0) -> CellFeatures:
    """The part maps of a scene, its ground moved by so many pixels: what moves in from beyond the edge is not seen."""
    with open_scene(item, OPTICAL_BANDS) as scene:
        values = np.empty((len(scene.rows), LAYOUT.map_size), np.float32)
        maps = PartMeans(LAYOUT.maps(values))
        strips = list(scene.strips())
        pixels = np.concatenate([strip.pixels for strip in strips], axis=1)
        valid = np.concatenate([strip.valid for strip in strips])
        labels = np.concatenate([strip.labels for strip in strips])
        maps.add_rows(
            np.roll(pixels, (down, right), (1, 2)),
            move_in(valid, down, right),
            labels,
            scene.parts(0, scene.height, LAYOUT.across),
        )
        maps.finish(scene.full_pixels)
        share = np.bincount(labels[labels >= 0], minlength=len(scene.rows)) / scene.full_pixels
        return CellFeatures(scene.rows, scene.cols, share.clip(0, 1).astype(np.float32), values, "maps")


def move_in(valid: npt.NDArray[np.bool_], down: int, right: int) -> npt.NDArray[np.bool_]:
    padded = np.pad(valid, ((abs(down),) * 2, (abs(right),) * 2))
    high, wide = valid.shape
    return padded[abs(down) - down :, abs(right) - right :][:high, :wide]


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> InventedCountry:
    """A small country in two quarters: other light, haze, harvests, drifting sand, new mines."""
    box = {"Westmark": (20.0, 2.0, 20.2, 2.2)}
    return write_invented_country(tmp_path_factory.mktemp("country"), 7, box)


@pytest.fixture(scope="module")
def quarters(country: InventedCountry) -> list[SceneItem]:
    return [entry.parse() for entry in walk_items(country.catalog)]


@pytest.fixture(scope="module")
def before(quarters: list[SceneItem]) -> CellFeatures:
    return read_maps(quarters[0])


@pytest.mark.parametrize("pixels", [0, 1, 3, 5, 10])
@pytest.mark.parametrize("way", [(0, 1), (1, 0), (-1, 0), (0, -1)])
def test_an_offset_is_measured_and_those_over_the_bound_are_told(
    quarters: list[SceneItem], before: CellFeatures, pixels: int, way: tuple[int, int]
) -> None:
    down, right = pixels * way[0], pixels * way[1]
    offset = measure_offset(read_maps(quarters[1], down, right), before, LAYOUT, 0.5)
    assert offset is not None
    assert offset.north_m == pytest.approx(-PIXEL_M * down, abs=6)
    assert offset.east_m == pytest.approx(PIXEL_M * right, abs=6)
    assert offset.is_apart == (pixels >= 3)  # a pixel is 20 m here


@pytest.mark.parametrize("way", [(27, 0), (0, -28), (55, 0), (-41, 33), (0, 120)])
def test_a_scene_far_from_its_place_is_found_where_it_is(
    quarters: list[SceneItem], before: CellFeatures, way: tuple[int, int]
) -> None:
    down, right = way  # 20 m each: half a cell, a whole one, between, more than two
    offset = measure_offset(read_maps(quarters[1], down, right), before, LAYOUT, 0.5)
    assert offset is not None
    assert offset.north_m == pytest.approx(-PIXEL_M * down, abs=30)
    assert offset.east_m == pytest.approx(PIXEL_M * right, abs=30)
    assert offset.is_apart


def test_a_scene_lies_upon_itself_to_the_metre(before: CellFeatures) -> None:
    offset = measure_offset(before, before, LAYOUT)
    assert offset is not None
    assert offset.distance_m < 0.1
    assert not offset.is_apart


def test_clouds_and_new_mines_do_not_move_a_scene(quarters: list[SceneItem], before: CellFeatures) -> None:
    now = read_maps(quarters[1])
    maps = LAYOUT.maps(now.values).copy()
    rng = np.random.default_rng(3)
    for cell in rng.choice(len(maps), len(maps) // 3, replace=False):
        row, col = rng.integers(0, 14, 2)
        maps[cell, :, row : row + 6, col : col + 6] = rng.choice([0.4, UNSEEN])
    offset = measure_offset(replace(now, values=maps.reshape(len(maps), -1)), before, LAYOUT, 0.5)
    assert offset is not None
    assert offset.distance_m < 10


@pytest.mark.parametrize(("pixels", "apart"), [(0, False), (1, False), (5, True), (27, True)])
def test_nine_cells_are_enough_as_a_rule_and_never_wrong(
    quarters: list[SceneItem], before: CellFeatures, pixels: int, apart: bool
) -> None:
    now = read_maps(quarters[1], pixels)
    squares = [(row, col) for row in range(9201, 9217, 4) for col in range(20001, 20017, 4)]
    found = []
    for row, col in squares:
        part = (abs(now.rows - row - 1) <= 1) & (abs(now.cols - col - 1) <= 1)
        assert part.sum() == 9
        found.append(measure_offset(now.select(np.flatnonzero(part)), before, LAYOUT, 0.5))
    assert [offset.is_apart for offset in found if offset is not None] == [apart] * (
        told := len(found) - found.count(None)
    )
    assert told >= 12  # of 16


@pytest.mark.shared_data
def test_a_few_real_cells_lie_upon_themselves_after_two_years(shared_data: Path) -> None:
    """Composites of different years, a fifth of each cell seen."""
    dates: tuple[dict[str, CellFeatures], dict[str, CellFeatures]] = ({}, {})
    for entry in walk_items(shared_data / "amazon-pairs/catalog.json"):
        item = entry.parse()
        with suppress(SceneRefused):
            maps = read_maps(item)
            fullest = np.flatnonzero(maps.valid_share == maps.valid_share.max())[:1]
            dates[item.item_id.endswith("t1")][item.item_id[:-3]] = maps.select(fullest)
    cells = sorted(dates[0].keys() & dates[1].keys())
    rng, told = np.random.default_rng(1), 0
    for _ in range(100):
        drawn = [cells[at] for at in np.sort(rng.choice(len(cells), 8, replace=False))]
        before, now = (_join([each[cell] for cell in drawn]) for each in dates)
        offset = measure_offset(now, before, LAYOUT)
        told += offset is not None
        assert offset is None or not offset.is_apart
    assert told > 50


def _join(cells: list[CellFeatures]) -> CellFeatures:
    rows, cols, share, values = (
        np.concatenate([getattr(each, name) for each in cells])
        for name in ("rows", "cols", "valid_share", "values")
    )
    return CellFeatures(rows, cols, share, values, "maps")


def test_ground_without_a_likeness_is_not_guessed(before: CellFeatures) -> None:
    noise = np.random.default_rng(1).random(before.values.shape).astype(np.float32)
    assert measure_offset(replace(before, values=noise), before, LAYOUT) is None


@pytest.mark.parametrize("seed", range(5))
def test_cells_dealt_anew_lie_nowhere(before: CellFeatures, seed: int) -> None:
    dealt = np.random.default_rng(seed).permutation(len(before.rows))
    assert measure_offset(replace(before, values=before.values[dealt]), before, LAYOUT) is None


def test_a_few_cells_tell_nothing(before: CellFeatures) -> None:
    few = np.arange(registration.MIN_CELLS - 1)
    assert measure_offset(before.select(few), before, LAYOUT) is None
    assert measure_offset(before, before.select(np.array([], np.int64)), LAYOUT) is None
    assert measure_offset(before, before, Layout(0, OPTICAL_BANDS, 0)) is None


def test_a_scene_that_lies_upon_none_before_it_has_no_references(
    quarters: list[SceneItem], before: CellFeatures
) -> None:
    def at(name: str, month: int, features: CellFeatures) -> SceneFeatures:
        return make_scene_features(name, f"2024-{month:02}-01", f"2024-{month:02}-20", features)

    moved = read_maps(quarters[1], 0, 5)
    first, odd, third = at("first", 1, before), at("odd", 2, moved), at("third", 3, read_maps(quarters[1]))
    of_odd = pair_features(odd, [first], 0.5, LAYOUT)
    assert of_odd.odd is Fit.APART
    assert set(of_odd.source.tolist()) == {-1}
    assert np.isnan(of_odd.values).all()
    assert pair_features(odd, [first], 0.5).odd is None  # without a layout nothing can be told
    of_third = pair_features(third, [first, odd], 0.5, LAYOUT)
    assert of_third.odd is None
    assert set(of_third.source.tolist()) == {0, -1}
    again = pair_features(at("fourth", 4, moved), [first, odd, third], 0.5, LAYOUT)
    assert again.odd is None
    assert set(again.source.tolist()) == {1, -1}


def of(distance: float, error: float = 1.0) -> Offset:
    return Offset(distance, 0.0, error, 20.0, 100)


def test_only_what_is_sure_is_apart() -> None:
    assert of(APART_M + 4).is_apart
    assert not of(APART_M + 2).is_apart
    assert not of(APART_M + 10, error=4).is_apart


def choose(scenes: dict[str, Fit]) -> tuple[set[str], Fit | None]:
    """Scenes by date; the newest one that is not passed over shows all three cells, and the first one only."""

    def find(without: frozenset[str]) -> dict[str, npt.NDArray[np.int64]]:
        left = [name for name in scenes if name not in without]
        return {left[-1]: np.arange(3)} if left else {}

    kept, odd = choose_references(find, scenes.__getitem__)
    return set(kept), odd


@pytest.mark.parametrize(
    ("scenes", "kept", "odd"),
    [
        ({}, set(), None),
        ({"a": Fit.UPON}, {"a"}, None),
        ({"a": Fit.UNTOLD}, {"a"}, None),
        ({"a": Fit.APART}, set(), Fit.APART),
        ({"a": Fit.APART, "b": Fit.UPON}, {"b"}, None),
        ({"a": Fit.UPON, "b": Fit.DARKER}, {"a"}, None),
        ({"a": Fit.UNTOLD, "b": Fit.STRANGE}, {"a"}, Fit.STRANGE),
        ({"a": Fit.DARKER, "b": Fit.APART, "c": Fit.STRANGE}, set(), Fit.APART),
        ({"a": Fit.STRANGE, "b": Fit.APART, "c": Fit.BRIGHTER}, set(), Fit.APART),
    ],
)
def test_a_scene_is_compared_with_the_latest_that_it_lies_upon(
    scenes: dict[str, Fit], kept: set[str], odd: Fit | None
) -> None:
    assert choose(scenes) == (kept, odd)


def test_a_long_row_of_scenes_apart_is_not_asked_to_its_end() -> None:
    many = {f"{number:02}": Fit.APART for number in range(30)}
    assert choose(many) == (set(), Fit.APART)


@pytest.mark.shared_data
def test_no_pair_of_real_scenes_is_taken_for_apart_and_a_shift_is(shared_data: Path) -> None:
    """The reference pairs, taken together as if they were one scene: what normal is, and a shift of five pixels."""
    early, late, moved = [], [], []
    for entry in walk_items(shared_data / "amazon-pairs/catalog.json"):
        item = entry.parse()
        try:
            if item.item_id.endswith("t0"):
                early.append(read_maps(item))
            else:
                late.append(read_maps(item))
                moved.append(read_maps(item, 0, 5))
        except SceneRefused:
            continue
    before = join(early)
    honest, shifted = measure_offset(join(late), before, LAYOUT), measure_offset(join(moved), before, LAYOUT)
    assert honest is not None
    assert shifted is not None
    assert honest.distance_m < APART_M / 2
    assert not honest.is_apart
    assert shifted.is_apart
    assert shifted.east_m == pytest.approx(50, abs=10)


def join(parts: list[CellFeatures]) -> CellFeatures:
    return CellFeatures(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.cols for part in parts]),
        np.concatenate([part.valid_share for part in parts]),
        np.concatenate([part.values for part in parts]),
        "maps",
    )
