"""Small rasters and their STAC items, made from a seed; nothing here was ever photographed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

SIX = ("blue", "green", "red", "nir", "swir16", "swir22")
SOMEWHERE = Affine(20.0, 0.0, 500_000.0, 0.0, -20.0, 240_000.0)
"""Upper left corner of the invented scenes, UTM zone 34 north, 20 m pixels."""


def make_reflectance(
    height: int = 120, width: int = 160, bands: int = 6, seed: int = 7, dtype: str = "uint16"
) -> npt.NDArray[Any]:
    """Stored reflectance x 10,000, (bands, height, width): smooth ground, a river, noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    ground = 900.0 + 300.0 * np.sin(x / 17.0) * np.cos(y / 23.0)
    river = np.abs(x - width / 2 - 12 * np.sin(y / 15.0)) < 3
    levels = np.linspace(0.5, 2.0, bands)[:, None, None]
    return (np.where(river, 250.0, ground) * levels + rng.normal(0, 20, (bands, height, width))).astype(dtype)


def write_raster(path: Path, data: npt.NDArray[Any], **options: Any) -> Path:
    """Write (bands, height, width) as a tiled GeoTIFF at SOMEWHERE; any option of rasterio overrides."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "crs": "EPSG:32634",
        "transform": SOMEWHERE,
        "compress": "deflate",
    }
    profile |= {"tiled": True, "blockxsize": 64, "blockysize": 64, "dtype": data.dtype.name} | options
    tags = {key: profile.pop(key) for key in ("scales", "offsets", "gcps") if key in profile}
    count, height, width = data.shape
    with rasterio.open(path, "w", count=count, height=height, width=width, **profile) as file:
        file.write(data)
        for key, value in tags.items():
            setattr(file, key, value)
    return path


def make_item(paths: dict[str, Path], bands: dict[str, Sequence[str]], **properties: Any) -> dict[str, Any]:
    """A STAC 1.1 item for files by asset key, with the band names of each; footprint from the first that has one."""
    bbox = [20.9, 2.1, 21.1, 2.2]
    for path in paths.values():
        with rasterio.open(path) as file:
            if file.crs is not None and not file.transform.is_identity:
                bbox = list(transform_bounds(file.crs, CRS.from_epsg(4326), *file.bounds, densify_pts=41))
                break
    assets = {
        key: {"href": f"./{path.name}", "bands": [_band(name) for name in bands[key]], "roles": ["data"]}
        for key, path in paths.items()
    }
    stated = {"constellation": "sentinel-2", "datetime": "2024-03-05T10:00:00Z"} | properties
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "invented",
        "geometry": None,
        "bbox": bbox,
        "links": [],
    }
    return item | {"properties": stated, "assets": assets}


def _band(name: str) -> dict[str, str]:
    return {"name": name} if name.isupper() else {"name": name.upper(), "eo:common_name": name}


def write_scene(
    folder: Path, data: npt.NDArray[Any] | None = None, **options: Any
) -> tuple[dict[str, Any], str]:
    """A six-band scene in one file: its item, and the address that the item would have."""
    path = write_raster(folder / "scene.tif", make_reflectance() if data is None else data, **options)
    with rasterio.open(path) as file:
        names = SIX[: file.count]
    return make_item({"image": path}, {"image": names}), str(folder / "item.json")
