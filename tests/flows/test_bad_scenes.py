"""Bad scenes come in by both doors, and each is refused with its own cause; nothing of them is kept or told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from rasterio.warp import transform_bounds

from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.data.make_scenes import SIX, write_raster
from tests.flows.conftest import Ringing
from tests.flows.handing_in import assert_discreet, hand_in
from tests.flows.mined_land import write_quarter
from tests.flows.route import Trainee, as_worker, let_act, list_scenes_by_item, stand

SIX_NAMED = [{"eo:common_name": name} for name in SIX]
SENTINEL_2 = {"constellation": "sentinel-2"}

CATALOGUED = {
    "bad-input/bad-gcps-only.json": "gcps_only",
    "bad-input/bad-nan-pixels.json": "resolution_unfit",
    "bad-input/bad-missing-bands.json": "missing_band",
    "bad-input/bad-truncated.json": "truncated",
    "french-guiana/french-guiana-s2-t0.json": "wrong_dtype",
    "french-guiana/french-guiana-s2-t1.json": "wrong_dtype",
    "french-guiana/french-guiana-s1-t0.json": "wrong_dtype",
    "french-guiana/french-guiana-s1-t1.json": "wrong_dtype",
}
"""Items that their folder's README calls bad or no imagery."""
GOOD = {
    "porto-velho/porto-velho-20190727.json",
    "bolzano/bolzano-20220612.json",
    "galamsey/galamsey-galamsey_001.json",
    "galamsey/galamsey-forest_001.json",
}
UNDESCRIBED: dict[str, tuple[list[dict[str, str]], dict[str, str], str]] = {
    "antimeridian.tif": (SIX_NAMED[:1], SENTINEL_2, "antimeridian"),
    # one pixel of it is NaN, and each is a degree wide: the latter is what no mending of values would cure
    "all_nan.tif": ([{"name": "VV"}], {"constellation": "sentinel-1"}, "resolution_unfit"),
    "rotated.tif": (SIX_NAMED[:1], SENTINEL_2, "not_north_up"),
    "landsat7_epsg31985.tif": (SIX_NAMED, {"platform": "landsat-7"}, "wrong_dtype"),
    "scale_offset_unnamed_crs.tif": (SIX_NAMED[:2], SENTINEL_2, "unnamed_crs"),
    "one_band_10m.jp2": ([{"name": "unknown"}], SENTINEL_2, "unnamed_bands"),
}
"""Files that came without an item: the bands and properties that a careful person would write, and the cause."""


@pytest.fixture
def scenes(shared_data: Path, settings: Settings) -> Path:
    """The folder of real scenes, which may be read."""
    settings.IMAGERY_ROOTS = [shared_data / "scenes"]
    return shared_data / "scenes"


def describe(path: Path) -> dict[str, Any]:
    """An item for one of UNDESCRIBED."""
    bands, properties, _ = UNDESCRIBED[path.name]
    with rasterio.open(path) as file:
        bbox = list(transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=41))
    if bbox[0] > bbox[2] or bbox[2] > 180:
        bbox[0], bbox[2] = -180.0, 180.0  # the naive box of a scene across the antimeridian
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": path.stem,
        "bbox": bbox,
        "geometry": None,
        "properties": {"datetime": "2020-01-01T00:00:00Z"} | properties,
        "assets": {"image": {"href": str(path), "bands": bands, "roles": ["data"]}},
        "links": [],
    }


def read_absolute(path: Path) -> dict[str, Any]:
    """An item whose hrefs say where its files are without saying where it was found."""
    document: dict[str, Any] = json.loads(path.read_text())
    for asset in document["assets"].values():
        asset["href"] = str(path.parent / asset["href"])
    return document


def causes_by_item() -> dict[str, tuple[str, str]]:
    """State and cause of every scene by the id of its item."""
    scenes = list_scenes_by_item()
    return dict(zip(scenes, stand(*scenes.values()), strict=True))


def assert_nothing_kept(vault_dir: Path) -> None:
    """No score, state, site, alert or feature is in the vault."""
    with connection.cursor() as cursor:
        for table in ("vault.score", "vault.cell_state", "vault.site", "vault.alert_site"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
    assert not list(vault_dir.glob("features/*/*"))


@pytest.mark.shared_data
@pytest.mark.parametrize("acting", [False, True], ids=["without a model", "with a model"])
def test_an_ingested_catalogue_refuses_its_bad_items_each_for_its_own_cause(
    cast: Cast, scenes: Path, vault_dir: Path, ringing: Ringing, trainee: Trainee, acting: bool
) -> None:
    with as_worker():
        if acting:
            let_act(trainee, cast.anna.user)
        for catalogue in ("bad-input/catalog.json", "catalog.json"):
            with ringing():
                call_command("ingest", str(scenes / catalogue), "--json")
        found = causes_by_item()
    assert {name: found[Path(name).stem] for name in CATALOGUED} == {
        name: ("refused", cause) for name, cause in CATALOGUED.items()
    }
    assert {found[Path(name).stem] for name in GOOD} == {("waiting", "")}
    assert len(found) == len(CATALOGUED) + len(GOOD)
    assert_nothing_kept(vault_dir)


@pytest.mark.shared_data
def test_files_that_came_without_an_item_are_refused_each_for_its_own_cause(
    cast: Cast, scenes: Path, tmp_path: Path, vault_dir: Path, ringing: Ringing
) -> None:
    for name in UNDESCRIBED:
        (tmp_path / f"{Path(name).stem}.json").write_text(json.dumps(describe(scenes / "bad-input" / name)))
    links = [{"rel": "item", "href": f"./{Path(name).stem}.json"} for name in UNDESCRIBED]
    catalog = {"type": "Catalog", "id": "bad", "stac_version": "1.1.0", "links": links}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    with as_worker():
        with ringing():
            call_command("ingest", str(tmp_path / "catalog.json"), "--json")
        found = causes_by_item()
    assert found == {Path(name).stem: ("refused", cause) for name, (_, _, cause) in UNDESCRIBED.items()}
    assert_nothing_kept(vault_dir)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.shared_data
def test_no_bad_file_was_forgotten(scenes: Path) -> None:
    here = {path.name for path in (scenes / "bad-input").iterdir() if path.suffix in {".tif", ".jp2"}}
    described = {
        Path(asset["href"]).name
        for name in CATALOGUED
        for asset in json.loads((scenes / name).read_text())["assets"].values()
    }
    assert here - described == set(UNDESCRIBED)
    items = {str(path.relative_to(scenes)) for path in scenes.glob("*/*.json")}
    assert (
        items - {"bad-input/catalog.json", "bolzano/S2_L2A_sample_geotiff_pg.json"} == set(CATALOGUED) | GOOD
    )


@pytest.mark.shared_data
@pytest.mark.parametrize("name", [*CATALOGUED, *UNDESCRIBED])
def test_a_feeder_who_hands_in_a_bad_scene_is_told_the_cause_and_no_more(
    web: WebClient, cast: Cast, scenes: Path, vault_dir: Path, ringing: Ringing, name: str
) -> None:
    cause = CATALOGUED.get(name) or UNDESCRIBED[name][2]
    item = read_absolute(scenes / name) if name in CATALOGUED else describe(scenes / "bad-input" / name)
    told = hand_in(web, cast, item, ringing)
    assert (told["state"], told["cause"]) == ("refused", cause)
    assert_discreet(told["detail"], item)
    assert_nothing_kept(vault_dir)


@pytest.mark.shared_data
def test_a_record_whose_place_is_not_that_of_its_pictures_is_refused(
    web: WebClient, cast: Cast, scenes: Path, ringing: Ringing
) -> None:
    item = read_absolute(scenes / "french-guiana/french-guiana-s2-t0.json")
    record = json.loads((scenes / "french-guiana/alert_202309900112345671.geojson").read_text())
    item["geometry"] = record.get("features", [record])[0]["geometry"]
    assert hand_in(web, cast, item, ringing)["cause"] == "footprint_mismatch"


@pytest.mark.shared_data
@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_scene_is_taken_by_the_api_too(
    web: WebClient, cast: Cast, scenes: Path, ringing: Ringing, name: str
) -> None:
    told = hand_in(web, cast, read_absolute(scenes / name), ringing)
    assert (told["state"], told["cause"], told["detail"]) == ("waiting", "", "")


@pytest.mark.parametrize(
    ("bearable", "state", "cause"), [(0.9, "waiting", ""), (0.2, "refused", "too_cloudy")]
)
def test_how_cloudy_a_scene_may_be_is_the_installations_choice(
    web: WebClient,
    cast: Cast,
    tmp_path: Path,
    settings: Settings,
    ringing: Ringing,
    bearable: float,
    state: str,
    cause: str,
) -> None:
    settings.IMAGERY_ROOTS, settings.MAX_CLOUD_SHARE = [tmp_path], bearable
    item = write_quarter(tmp_path, "t0")
    with rasterio.open(tmp_path / "t0.tif") as file:
        classes = np.full((1, *file.shape), 4, np.uint8)
        grid = file.transform
    classes[:, : classes.shape[1] // 2] = 9  # cloud, of high probability
    mask = write_raster(tmp_path / "scl.tif", classes, transform=grid)
    item["assets"]["SCL"] = {"href": str(mask), "bands": [{"name": "SCL"}], "roles": ["data"]}
    told = hand_in(web, cast, item, ringing)
    assert (told["state"], told["cause"]) == (state, cause)
