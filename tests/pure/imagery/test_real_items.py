"""Every real STAC document that is at hand is either read, or refused with a cause; none is passed over in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform, transform_bounds

from monitor.imagery.access import AssetAccess
from monitor.imagery.assets import resolve_href
from monitor.imagery.catalog import CatalogItem, walk_items
from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import PROFILES
from tests.data.make_scenes import write_raster
from tests.pure.imagery.test_item import read_documents

NOBODY = AssetAccess(roots=())
"""No file may be opened: links of these items lead to services that ask for keys, or are gone."""


def list_entries(folder: Path) -> list[CatalogItem]:
    """Every document of the folder, as a catalogue gives it; those of lists and lines by themselves."""
    return [
        CatalogItem("https://example.org/stac/item.json", document) for document in read_documents(folder)
    ]


def refuse(entry: CatalogItem) -> SceneRefused | None:
    """Why it cannot be used, at the latest because no file of it may be opened."""
    try:
        item = entry.parse()
        profile = PROFILES.get(item.sensor or "")
        with open_scene(item, profile.required_bands if profile else ("red",), access=NOBODY):
            return None
    except SceneRefused as refused:
        return refused


@pytest.mark.shared_data
def test_every_real_item_is_read_up_to_its_files_or_refused_with_a_cause(shared_data: Path) -> None:
    entries = list_entries(shared_data / "stac")
    told: Counter[Cause] = Counter()
    for entry in entries:
        refused = refuse(entry)
        assert refused is not None
        assert len(refused.detail) > 10
        assert "http" not in refused.detail
        told[refused.cause] += 1
    assert sum(told.values()) == len(entries) > 170
    # what gets as far as its files names them, is dated and placed, and is of a level that can be used
    assert told[Cause.ASSET_FORBIDDEN] > 150
    assert told[Cause.WRONG_PROCESSING_LEVEL] > 10
    assert told[Cause.MALFORMED_ITEM] > 5


@pytest.mark.shared_data
def test_every_file_of_items_is_a_catalogue_of_its_own(shared_data: Path) -> None:
    paths = sorted((shared_data / "stac").rglob("*.*json"))
    found = {path: list(walk_items(path)) for path in paths}
    assert sum(bool(entries) for entries in found.values()) > 40
    for entry in (entry for entries in found.values() for entry in entries):
        assert refuse(entry) is not None


STORED = {
    "sentinel-2": (10.0, "uint16", 3000, 4),
    "landsat": (30.0, "uint16", 12000, 21824),
    "sentinel-1": (10.0, "float32", 0.08, 0),
}
"""Per sensor: side of a pixel, dtype, a value such as its products store, and what its mask says of clear ground."""


def write_file(folder: Path, item: SceneItem, value: float, name: str) -> str:
    """A file of twelve bands in the middle of the item's footprint, all of one value but for a little noise."""
    pixel_m, dtype, *_ = STORED[item.sensor or "sentinel-2"]
    west, south, east, north = item.bbox
    lon, lat = (west + east) / 2, (south + north) / 2
    crs = CRS.from_epsg((32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1)
    (x,), (y,) = transform(CRS.from_epsg(4326), crs, [lon], [lat])
    left, top = x // pixel_m * pixel_m - 32 * pixel_m, y // pixel_m * pixel_m + 32 * pixel_m
    noise = (
        np.random.default_rng(1).uniform(1, 1.05, (12, 64, 64)) if name == "data" else np.ones((12, 64, 64))
    )
    grid = Affine(pixel_m, 0, left, 0, -pixel_m, top)
    return str(write_raster(folder / f"{name}.tif", (value * noise).astype(dtype), crs=crs, transform=grid))


def provide_files(folder: Path, document: Mapping[str, Any], item: SceneItem) -> dict[str, Any]:
    """The item with small files that exist. What it states of place, grid and checksum of the true ones is left out."""
    _, _, value, clear = STORED[item.sensor or "sentinel-2"]
    data, mask = write_file(folder, item, value, "data"), write_file(folder, item, clear, "mask")

    def strip(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: found for key, found in fields.items() if not key.startswith(("proj:", "file:", "checksum:"))
        }

    assets = {}
    for key, asset in document["assets"].items():
        is_mask = (
            item.mask is not None and resolve_href(asset["href"], item.base_href) == item.mask.asset.href
        )
        assets[key] = {**strip(asset), "href": mask if is_mask else data}
    with rasterio.open(data) as file:
        box = list(transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=41))
    fields = {**document, "bbox": box, "geometry": None}
    return fields | {"properties": strip(document["properties"]), "assets": assets}


@pytest.mark.shared_data
def test_every_real_item_of_our_sensors_is_read_once_its_files_are_there_or_refused(
    shared_data: Path, tmp_path: Path
) -> None:
    told: Counter[str] = Counter()
    for entry in list_entries(shared_data / "stac"):
        try:
            item = entry.parse()
            whole = parse_item(provide_files(tmp_path, entry.document or {}, item), "")
            bands = PROFILES[item.sensor].required_bands if item.sensor else ("red",)
            with open_scene(whole, bands, access=AssetAccess(roots=(tmp_path,))) as scene:
                told["read"] += sum(int(strip.valid.sum()) for strip in scene.strips()) > 0
        except SceneRefused as refused:
            told[refused.cause] += 1
    assert told["read"] > 40
    assert told[Cause.UNKNOWN_SENSOR] > 100  # aerial pictures, for the most part
    assert sum(told.values()) == len(read_documents(shared_data / "stac"))
