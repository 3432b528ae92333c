"""Opening a raster file of a scene, with care: what may be opened, by which driver, and what is refused at the door.

Room `imagery`, pure. Whatever GDAL has to say of a path stays in here: only SceneRefused comes out. May import
`rasterfile`, `refusal`, `access`, `assets` and `georeference`.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Interleaving
from rasterio.io import DatasetReader

from monitor.imagery.access import AssetAccess, Located, locate_asset, verify_checksum
from monitor.imagery.assets import Asset
from monitor.imagery.georeference import GDAL_ERRORS, read_grid
from monitor.imagery.rasterfile import RasterFile, gdal_env
from monitor.imagery.refusal import Cause, SceneRefused

DRIVERS = ("GTiff", "JP2OpenJPEG")
"""These alone (a COG is read by the first): a VRT, a WMS or an XML file could make GDAL open anything else."""
MAX_SIDE = 60_000
"""Pixels along a side of one file; a tiny sparse file may claim billions."""
MAX_BLOCK_BYTES = 128 * 2**20
"""A file whose smallest readable part is larger cannot be streamed."""
_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
"""First bytes of TIFF, BigTIFF and JPEG 2000."""

# GDAL's messages quote paths, and a path tells where a scene lies: what it says comes out as a cause, or not at all.
logging.getLogger("rasterio").setLevel(logging.CRITICAL + 1)


def open_raster(asset: Asset, base_href: str, access: AssetAccess) -> RasterFile:
    """Open one file of a scene.

    Raises SceneRefused: ASSET_FORBIDDEN, ASSET_MISSING, CHECKSUM_MISMATCH, WRONG_FORMAT, TRUNCATED, and what
    `read_grid` raises.
    """
    located = locate_asset(asset.href, base_href, access)
    if located.local is not None and asset.checksum is not None:
        verify_checksum(located.local, asset.checksum)
    with gdal_env():
        return _open_located(located)


def _open_located(located: Located) -> RasterFile:
    dataset = _open_dataset(located)
    try:
        _check_layout(dataset)
        grid = read_grid(dataset)
    except GDAL_ERRORS:
        dataset.close()
        raise SceneRefused(Cause.NO_CRS, "The file's coordinate system cannot be read.") from None
    except SceneRefused:
        dataset.close()
        raise
    return RasterFile(dataset, grid, located.local is not None)


def _check_layout(dataset: DatasetReader) -> None:
    """Refuse what could not be read in bounded memory, or not in one read."""
    rows, cols = dataset.block_shapes[0]
    bands = dataset.count if dataset.interleaving is Interleaving.pixel else 1
    block_bytes = rows * cols * bands * np.dtype(dataset.dtypes[0]).itemsize
    if max(dataset.height, dataset.width) > MAX_SIDE or block_bytes > MAX_BLOCK_BYTES:
        raise SceneRefused(
            Cause.WRONG_FORMAT,
            "The file is too large, or in pieces too large, to stream; hand in tiled GeoTIFFs.",
        )
    if len(set(dataset.dtypes)) > 1:
        raise SceneRefused(Cause.WRONG_DTYPE, "The bands of one file are of different types; split the file.")


def _open_dataset(located: Located) -> DatasetReader:
    for driver in DRIVERS:
        try:
            return rasterio.open(located.gdal_path, driver=driver)
        except GDAL_ERRORS:
            continue
    raise _not_opened(located)


def _not_opened(located: Located) -> SceneRefused:
    """Tell a damaged raster from something that is none."""
    if located.local is None:
        return SceneRefused(
            Cause.ASSET_MISSING, "A file cannot be opened over the network; check that it is there."
        )
    if _first_bytes(located.local).startswith(_MAGIC):
        return SceneRefused(
            Cause.TRUNCATED, "A file is cut off or damaged: its head is whole, the rest is not."
        )
    return SceneRefused(Cause.WRONG_FORMAT, "A file is no GeoTIFF and no JPEG 2000.")


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""
