"""The invented country on disk: scenes, a STAC catalogue, labels and regions.

Room `imagery`, pure. The same seed writes the same pixels, labels and documents. May import the rest of `invented`,
`labelmap`, `sensors` and `monitor.grid`.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from monitor.grid import box_of_degrees, cell_bounds
from monitor.imagery.invented.ground import EPSG, PIXEL_M, Ground, make_ground
from monitor.imagery.invented.labels import Label, choose_labels
from monitor.imagery.invented.land import Land, paint_land
from monitor.imagery.invented.light import View, make_view, render_band
from monitor.imagery.invented.mines import Dig, dig_mines
from monitor.imagery.labelmap import CellMap, map_cells
from monitor.imagery.sensors import OPTICAL_BANDS

Bbox = tuple[float, float, float, float]
REGIONS: Mapping[str, Bbox] = {"Westmark": (20.0, 2.0, 20.4, 2.4), "Eastmark": (20.4, 2.0, 20.8, 2.4)}
"""West, south, east, north in degrees; edges on lines of the 0.2 degree lattice."""
QUARTERS = (("2025-01-01", "2025-03-31"), ("2025-04-01", "2025-06-30"))
LABEL_COLUMNS = (
    "cell_row", "cell_col", "lon", "lat", "observed_from", "observed_to", "label", "kind", "source", "item_t1", "item_t0",
)  # fmt: skip
_EXTENSIONS = {"projection": "v2.0.0", "eo": "v2.0.0", "raster": "v2.0.0", "file": "v2.1.0"}


@dataclass(frozen=True, slots=True)
class InventedMine:
    """A mine and the cells (row, column) it reaches. kind: artisanal or industrial. since: 0 if both dates show it, 1
    if only the second does."""

    kind: str
    since: int
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class InventedCountry:
    """What was written: paths of the catalogue, labels and regions; ids of the scenes by date; all mines."""

    folder: Path
    catalog: Path
    labels: Path
    regions: Path
    scenes: tuple[tuple[str, ...], tuple[str, ...]]
    mines: tuple[InventedMine, ...]


def write_invented_country(
    folder: Path, seed: int = 7, regions: Mapping[str, Bbox] = REGIONS
) -> InventedCountry:
    """Invent a country and write it into `folder`: catalog.json, a folder per scene, labels.csv, regions.geojson.

    Two regions, two quarters, a Sentinel-2-like composite of 20 m pixels for each: uint16 reflectance x 10,000, bands
    blue, green, red, nir, swir16, swir22, nodata 0. What is there already is overwritten.
    regions: name to west, south, east, north in degrees, side by side within UTM zone 34 north.
    """
    ground = make_ground(*_envelope(regions))
    land = paint_land(ground, seed)
    digs = dig_mines(land, seed)
    cells = map_cells(CRS.from_epsg(EPSG), ground.transform, *ground.shape)
    folder.mkdir(parents=True, exist_ok=True)
    for date in (0, 1):
        view = make_view(land, date, seed)
        _write_scenes(folder, ground, regions, land, view, date, seed)
    scenes = tuple(tuple(_scene_id(name, date) for name in regions) for date in (0, 1))
    catalog = _write_json(folder / "catalog.json", _catalog_document([*scenes[0], *scenes[1]]))
    labels = choose_labels(land, digs, cells, view.haze, _cells_of_regions(cells, regions), seed)
    return InventedCountry(
        folder,
        catalog,
        _write_labels(folder / "labels.csv", labels, regions),
        _write_json(folder / "regions.geojson", _regions_document(regions)),
        (scenes[0], scenes[1]),
        tuple(_locate_mine(dig, cells) for dig in digs),
    )


def _envelope(regions: Mapping[str, Bbox]) -> Bbox:
    wests, souths, easts, norths = zip(*regions.values(), strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _scene_id(region: str, date: int) -> str:
    return f"{region.lower()}-2025q{date + 1}"


def _write_scenes(
    folder: Path, ground: Ground, regions: Mapping[str, Bbox], land: Land, view: View, date: int, seed: int
) -> None:
    """Every region's composite of one date; band by band, so that the country is held once only."""
    rng = np.random.default_rng([seed, 6, date])
    windows = {name: ground.window_of(*bounds) for name, bounds in regions.items()}
    pixels = {
        name: np.empty((len(OPTICAL_BANDS), *window[2:]), np.uint16) for name, window in windows.items()
    }
    for band in range(len(OPTICAL_BANDS)):
        whole = render_band(land, land.covers[date], view, band, rng)
        for name, (row, col, height, width) in windows.items():
            pixels[name][band] = whole[row : row + height, col : col + width]
    for name, (row, col, _, _) in windows.items():
        corner = ground.transform @ (col, row)
        transform = Affine(PIXEL_M, 0.0, corner[0], 0.0, -PIXEL_M, corner[1])
        scene_id = _scene_id(name, date)
        path = folder / scene_id / f"{scene_id}.tif"
        path.parent.mkdir(exist_ok=True)
        _write_raster(path, pixels[name], transform)
        _write_json(path.with_suffix(".json"), _item_document(scene_id, path, date))


def _write_raster(path: Path, pixels: npt.NDArray[np.uint16], transform: Affine) -> None:
    count, height, width = pixels.shape
    profile: dict[str, Any] = {"driver": "GTiff", "dtype": "uint16", "nodata": 0, "crs": CRS.from_epsg(EPSG)}
    profile |= {"tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "band"}
    profile |= {"compress": "deflate", "predictor": 2, "zlevel": 4}
    path.unlink(missing_ok=True)
    with rasterio.open(
        path, "w", count=count, height=height, width=width, transform=transform, **profile
    ) as file:
        file.write(pixels)
        for number, name in enumerate(OPTICAL_BANDS, start=1):
            file.set_band_description(number, name)


def _item_document(scene_id: str, path: Path, date: int) -> dict[str, Any]:
    """A STAC 1.1 item for one scene, with the checksum of its file."""
    with rasterio.open(path) as file:
        west, south, east, north = (
            round(degrees, 7)
            for degrees in transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=41)
        )
        shape, transform = list(file.shape), [*file.transform][:6]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    asset = {
        "href": f"./{path.name}",
        "type": "image/tiff; application=geotiff",
        "roles": ["data", "reflectance"],
        "data_type": "uint16",
        "nodata": 0,
        "raster:scale": 0.0001,
        "raster:offset": 0,
        "file:checksum": "1220" + hashlib.sha256(path.read_bytes()).hexdigest(),
        "bands": [{"name": name, "eo:common_name": name} for name in OPTICAL_BANDS],
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            f"https://stac-extensions.github.io/{name}/{version}/schema.json"
            for name, version in _EXTENSIONS.items()
        ],
        "id": scene_id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": None,
            "start_datetime": f"{QUARTERS[date][0]}T00:00:00Z",
            "end_datetime": f"{QUARTERS[date][1]}T23:59:59Z",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "description": "Invented: no satellite took it and no place looks like it.",
            "gsd": PIXEL_M,
            "proj:code": f"EPSG:{EPSG}",
            "proj:shape": shape,
            "proj:transform": transform,
        },
        "links": [
            {"rel": "root", "href": "../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
        ],
        "assets": {"image": asset},
    }


def _catalog_document(scene_ids: list[str]) -> dict[str, Any]:
    links = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}]
    links += [
        {"rel": "item", "href": f"./{name}/{name}.json", "type": "application/geo+json"} for name in scene_ids
    ]
    fields = {"type": "Catalog", "id": "invented-country", "stac_version": "1.1.0"}
    return fields | {"description": "Two quarters of a country that does not exist.", "links": links}


def _regions_document(regions: Mapping[str, Bbox]) -> dict[str, Any]:
    features = []
    for name, (west, south, east, north) in regions.items():
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"name": name}, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


def _cells_of_regions(cells: CellMap, regions: Mapping[str, Bbox]) -> npt.NDArray[np.bool_]:
    """Which cells lie in a region, bool (n,); the grid's edge reaches a few pixels further."""
    inside = np.zeros(len(cells.rows), bool)
    for bounds in regions.values():
        box = box_of_degrees(*bounds)
        inside |= (
            (cells.rows >= box.row_from)
            & (cells.rows < box.row_to)
            & (cells.cols >= box.col_from)
            & (cells.cols < box.col_to)
        )
    return inside


def _write_labels(path: Path, labels: list[Label], regions: Mapping[str, Bbox]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(LABEL_COLUMNS)
        for label in labels:
            west, south, east, north = cell_bounds(label.row, label.col)
            lon, lat = (west + east) / 2, (south + north) / 2
            region = next(name for name, bounds in regions.items() if bounds[0] <= lon < bounds[2])
            items = (_scene_id(region, 1), _scene_id(region, 0))
            place = (label.row, label.col, round(lon, 4), round(lat, 4))
            writer.writerow((*place, *QUARTERS[1], label.label, label.kind, "invented", *items))
    return path


def _locate_mine(dig: Dig, cells: CellMap) -> InventedMine:
    """The cells that a mine reaches, in the order of the lattice."""
    first, last = int(dig.pixels[:, 0].min()), int(dig.pixels[:, 0].max())
    numbers = np.unique(cells.labels(first, last + 1)[dig.pixels[:, 0] - first, dig.pixels[:, 1]])
    return InventedMine(
        dig.kind,
        dig.since,
        tuple(zip(cells.rows[numbers].tolist(), cells.cols[numbers].tolist(), strict=True)),
    )


def _write_json(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path
