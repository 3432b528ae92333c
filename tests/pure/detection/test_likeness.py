"""Scenes in another light, or of other ground, are told from those that can be compared; a rush of mining never is one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from monitor.detection.featurizer import CellFeatures
from monitor.detection.likeness import DETAIL_CELLS, LIGHT_CELLS, Fit, judge_fit
from monitor.detection.partmaps import UNSEEN, Layout
from monitor.imagery.catalog import walk_items
from monitor.imagery.invented.country import write_invented_country
from monitor.imagery.item import SceneItem
from monitor.imagery.refusal import SceneRefused
from tests.pure.detection.test_registration import LAYOUT, join, read_maps

Maps = npt.NDArray[np.float32]
NIR = LAYOUT.bands.index("nir")


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> list[CellFeatures]:
    """Maps of an invented country in two quarters: other light, haze, harvests, drifting sand, new mines."""
    box = {"Westmark": (20.0, 2.0, 20.2, 2.2)}
    country = write_invented_country(tmp_path_factory.mktemp("country"), 7, box)
    items: list[SceneItem] = [entry.parse() for entry in walk_items(country.catalog)]
    return [read_maps(item) for item in items[:2]]


def spoil(cells: CellFeatures, change: Callable[[Maps], Maps]) -> CellFeatures:
    """The same cells, the parts that were seen changed."""
    maps = LAYOUT.maps(cells.values)
    changed = np.where(maps == UNSEEN, UNSEEN, change(maps)).astype(np.float32)
    return replace(cells, values=changed.reshape(len(maps), -1))


def turn_over(cells: CellFeatures) -> CellFeatures:
    """The scene with its rows reversed."""
    maps = LAYOUT.maps(cells.values)[:, :, ::-1].copy()
    rows = cells.rows.min() + cells.rows.max() - cells.rows
    order = np.argsort((rows.astype(np.int64) << 32) + cells.cols, kind="stable")
    return CellFeatures(
        rows[order],
        cells.cols[order],
        cells.valid_share[order],
        maps[order].reshape(len(maps), -1),
        cells.digest,
    )


def dig(maps: Maps, share: float) -> Maps:
    """Bare bright soil with ponds in a square of the middle of each cell, of so much of its ground."""
    across = maps.shape[-1]
    side = round(across * share**0.5)
    first = (across - side) // 2
    mined, chance = maps.copy(), np.random.default_rng(3)
    ponds = chance.random((len(maps), 1, side, side)) < 0.25
    soil = np.array([0.1, 0.14, 0.2, 0.3, 0.38, 0.34], np.float32)[:, None, None]
    mined[:, :, first : first + side, first : first + side] = np.where(ponds, 0.04, soil)
    return mined


def test_seasons_haze_and_new_mines_are_no_fault(dates: list[CellFeatures]) -> None:
    assert judge_fit(dates[1], dates[0], LAYOUT, 0.5) is Fit.UPON


@pytest.mark.parametrize(
    ("factor", "fit"), [(0.7, Fit.DARKER), (0.9, Fit.UPON), (1.1, Fit.UPON), (1.4, Fit.BRIGHTER)]
)
def test_a_scene_that_is_darker_or_brighter_in_every_band_is_told(
    dates: list[CellFeatures], factor: float, fit: Fit
) -> None:
    assert judge_fit(spoil(dates[1], lambda maps: maps * factor), dates[0], LAYOUT, 0.5) is fit


def test_light_is_told_of_all_bands_together(dates: list[CellFeatures]) -> None:
    def darken(maps: Maps) -> Maps:
        darker = maps * 0.6
        darker[:, NIR] = maps[:, NIR]
        return darker

    assert judge_fit(spoil(dates[1], darken), dates[0], LAYOUT, 0.5) is Fit.UPON


def test_a_scene_upside_down_is_strange(dates: list[CellFeatures]) -> None:
    assert judge_fit(turn_over(dates[1]), dates[0], LAYOUT, 0.5) is Fit.STRANGE


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_a_mine_in_every_cell_at_once_is_no_fault(dates: list[CellFeatures], share: float) -> None:
    mined = spoil(dates[1], lambda maps: dig(maps, share))
    assert judge_fit(mined, dates[0], LAYOUT, 0.5) is Fit.UPON


def test_noise_and_ground_without_detail_are_not_called_strange(dates: list[CellFeatures]) -> None:
    chance = np.random.default_rng(1)
    noise = spoil(dates[0], lambda maps: (0.2 + chance.normal(0, 0.01, maps.shape)).astype(np.float32))
    assert judge_fit(noise, noise, LAYOUT, 0.5) is Fit.UPON  # the very same noise
    again = spoil(dates[0], lambda maps: (0.2 + chance.normal(0, 0.01, maps.shape)).astype(np.float32))
    assert judge_fit(again, noise, LAYOUT, 0.5) is Fit.UNTOLD


def test_a_few_cells_tell_nothing(dates: list[CellFeatures]) -> None:
    whole = np.flatnonzero(dates[0].valid_share == 1)
    dark, over = spoil(dates[1], lambda maps: maps * 0.6), turn_over(dates[1])
    assert judge_fit(dark, dates[0].select(whole[: LIGHT_CELLS - 1]), LAYOUT) is not Fit.DARKER
    assert judge_fit(dark, dates[0].select(whole[:LIGHT_CELLS]), LAYOUT) is Fit.DARKER
    assert judge_fit(over, dates[0].select(whole[: DETAIL_CELLS // 2]), LAYOUT) is Fit.UNTOLD


def test_radar_is_not_asked_for_its_light(dates: list[CellFeatures]) -> None:
    layout = Layout(0, ("VV", "VH"), LAYOUT.across)
    radar = [
        replace(each, values=LAYOUT.maps(each.values)[:, :2].reshape(len(each.rows), -1).copy())
        for each in dates
    ]
    wet = replace(
        radar[1], values=np.where(radar[1].values == UNSEEN, UNSEEN, radar[1].values * 2).astype(np.float32)
    )
    assert judge_fit(wet, radar[0], layout, 0.5) in {Fit.UPON, Fit.UNTOLD}


@pytest.mark.shared_data
def test_no_real_pairs_are_unlike_and_those_that_were_spoilt_are(shared_data: Path) -> None:
    """The reference pairs, composites of different years, taken together as scenes of 48 cells, drawn forty times."""
    found: tuple[dict[str, CellFeatures], dict[str, CellFeatures]] = ({}, {})
    for entry in walk_items(shared_data / "amazon-pairs/catalog.json"):
        item = entry.parse()
        with suppress(SceneRefused):
            maps = read_maps(item)
            fullest = np.flatnonzero(maps.valid_share == maps.valid_share.max())[:1]
            found[item.item_id.endswith("t1")][item.item_id[:-3]] = maps.select(fullest)
    cells, chance = sorted(found[0].keys() & found[1].keys()), np.random.default_rng(1)
    told = 0
    for _ in range(40):
        drawn = [cells[at] for at in np.sort(chance.choice(len(cells), 48, replace=False))]
        before, now = (join([each[cell] for cell in drawn]) for each in found)
        assert judge_fit(now, before, LAYOUT) is Fit.UPON
        told += judge_fit(spoil(now, lambda maps: maps * 0.7), before, LAYOUT) is Fit.DARKER
    assert told > 30
