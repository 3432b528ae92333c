"""A strip of invented land on both sides of the border between Aruwe East and West, seen in two quarters.

Between the quarters mines are dug in cells that are named here, so a test knows what must be found. Small enough that
a model is trained on it, and a scene scored, in about a second.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform, transform_bounds

from monitor.grid import box_of_degrees
from monitor.imagery.labelmap import map_cells
from tests.builders import Cell
from tests.data.make_scenes import SIX, make_item, make_reflectance, write_raster

UTM = CRS.from_epsg(32634)
PIXEL_M = 20.0
Box = tuple[float, float, float, float]
BOX: Box = (19.9, 2.1, 20.1, 2.2)
"""West, south, east, north of the strip, degrees: ten rows of twenty cells, the border in their middle."""
TALL: Box = (19.9, 1.9, 20.1, 2.2)
"""A box whose scenes take several strips to read. Land is drawn from its upper left corner: the same as that of BOX, or the
scenes of one would not lie upon those of the other."""
QUARTERS = {"t0": ("2025-01-01", "2025-03-31"), "t1": ("2025-04-01", "2025-06-30")}
EASTERN_MINE: frozenset[Cell] = frozenset({(9213, 20005), (9213, 20006), (9214, 20006)})
"""A new mine of three cells in the east; it touches no other."""
WESTERN_MINE: frozenset[Cell] = frozenset({(9216, 19994)})
OLD_MINE: frozenset[Cell] = frozenset({(9218, 20003)})
"""Dug before the first quarter: it does not change."""

Pixels = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class MinedLand:
    """What was written. items: STAC item by quarter, with an absolute href. mined: cells dug between the quarters."""

    folder: Path
    catalog: Path
    labels: Path
    items: dict[str, dict[str, Any]]
    mined: frozenset[Cell]
    whole: frozenset[Cell]


def write_land(folder: Path, box: Box = BOX, seed: int = 5, rough: bool = False) -> MinedLand:
    """Write both quarters, their catalogue and labels of every second cell. rough: with fields of 100 m."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = box_of_degrees(*box)
    whole = {(r, c) for r in range(cells.row_from, cells.row_to) for c in range(cells.col_from, cells.col_to)}
    mined = _choose_mines(whole, seed)
    items = {
        "t0": write_quarter(folder, "t0", box=box, rough=rough),
        "t1": write_quarter(folder, "t1", mined, box=box, seed=1, rough=rough),
    }
    links = [{"rel": "item", "href": f"./{name}.json"} for name in items]
    catalog = folder / "catalog.json"
    catalog.write_text(json.dumps({"type": "Catalog", "id": "land", "stac_version": "1.1.0", "links": links}))
    labels = _write_labels(folder / "labels.csv", whole, mined)
    return MinedLand(folder, catalog, labels, items, mined, frozenset(whole))


def write_quarter(
    folder: Path,
    name: str,
    mined: Collection[Cell] = (),
    *,
    hidden: Collection[Cell] = (),
    period: tuple[str, str] | None = None,
    box: Box = BOX,
    seed: int = 0,
    dtype: str = "uint16",
    rough: bool = False,
    pixel_m: float = PIXEL_M,
    **properties: Any,
) -> dict[str, Any]:
    """Write one view of the land and its item, whose href is absolute; the item.

    mined: cells with a mine, beside OLD_MINE. hidden: cells of which no pixel is seen. period: first and last day, of
    QUARTERS unless told. dtype: of the numbers in the file. rough: there are fields, the same in every quarter, by which
    one can see how a scene lies. pixel_m: side of a pixel. properties: of the item.
    """
    grid, shape = _place_grid(box, pixel_m)
    pixels = make_reflectance(*shape, seed=seed, dtype=dtype)
    if rough:
        pixels += _draw_fields(shape).astype(pixels.dtype)
    _dig(pixels, grid, {*OLD_MINE, *mined})
    if hidden:
        inside = map_cells(UTM, grid, *shape)
        numbers = [at for at, cell in enumerate(zip(inside.rows, inside.cols, strict=True)) if cell in hidden]
        pixels[:, np.isin(inside.labels(0, shape[0]), numbers)] = 0
    path = write_raster(folder / f"{name}.tif", pixels, transform=grid, nodata=0, zlevel=1)
    begins, ends = period or QUARTERS[name]
    dates = {"start_datetime": f"{begins}T00:00:00Z", "end_datetime": f"{ends}T23:59:59Z"}
    item = make_item({"image": path}, {"image": SIX}, datetime=None, **dates, **properties)
    item["id"] = f"land-{name}"
    item["assets"]["image"]["href"] = str(path)
    (folder / f"{name}.json").write_text(json.dumps(item))
    return item


def _draw_fields(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Squares of five pixels, each of its own brightness."""
    fields = np.random.default_rng(9).uniform(0, 150, (shape[0] // 5 + 1, shape[1] // 5 + 1))
    return fields.repeat(5, axis=0).repeat(5, axis=1)[: shape[0], : shape[1]]


def _place_grid(box: Box, pixel_m: float = PIXEL_M) -> tuple[Affine, tuple[int, int]]:
    """Transform and shape of a raster that covers the box."""
    west, south, east, north = transform_bounds(CRS.from_epsg(4326), UTM, *box, densify_pts=41)
    left, top = np.floor(west / pixel_m) * pixel_m, np.ceil(north / pixel_m) * pixel_m
    shape = (int(np.ceil((top - south) / pixel_m)), int(np.ceil((east - left) / pixel_m)))
    return Affine(pixel_m, 0.0, float(left), 0.0, -pixel_m, float(top)), shape


def _choose_mines(whole: set[Cell], seed: int) -> frozenset[Cell]:
    """The two mines that tests speak of and scattered ones, none of which touches another."""
    known = EASTERN_MINE | WESTERN_MINE | OLD_MINE
    taken = _widen(known)
    mined = set(EASTERN_MINE | WESTERN_MINE)
    candidates = sorted(whole)
    for at in np.random.default_rng(seed).permutation(len(candidates)):
        cell = candidates[at]
        if cell not in taken:
            mined.add(cell)
            taken |= _widen({cell})
    return frozenset(mined & whole)


def _widen(cells: Collection[Cell]) -> set[Cell]:
    return {(row + dr, col + dc) for row, col in cells for dr in (-1, 0, 1) for dc in (-1, 0, 1)}


def _dig(pixels: Pixels, grid: Affine, cells: Collection[Cell]) -> None:
    """Bare bright soil with ponds, some 500 m wide, in the middle of each cell."""
    for row, col in sorted(cells):
        (x,), (y,) = transform(CRS.from_epsg(4326), UTM, [(col + 0.5) / 100 - 180], [(row + 0.5) / 100 - 90])
        across, down = ~grid @ (x, y)
        part = (slice(None), slice(int(down) - 12, int(down) + 13), slice(int(across) - 12, int(across) + 13))
        height, width = pixels[part].shape[1:]
        ponds = np.random.default_rng([row, col]).random((height, width)) < 0.25
        pixels[part] = np.where(ponds, 400, 4200) + (np.arange(6) * 60)[:, None, None]


def _write_labels(path: Path, whole: set[Cell], mined: frozenset[Cell]) -> Path:
    with path.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(
            ("cell_row", "cell_col", "label", "kind", "observed_from", "observed_to", "source", "item_t1")
        )
        for row, col in sorted(whole):
            if (row + col) % 2 == 0 or (row, col) in mined:
                said = ("artisanal", "new_mine") if (row, col) in mined else ("none", "forest")
                table.writerow((row, col, *said, *QUARTERS["t1"], "invented", "land-t1"))
    return path
