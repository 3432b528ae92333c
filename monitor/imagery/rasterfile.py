"""One raster file of a scene: opened with care, and read by whole rows onto the scene's grid.

Room `imagery`, pure. Whatever GDAL has to say of a path stays in here: only SceneRefused comes out. May import
`refusal`, `access`, `assets`, `georeference` and `item`.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Interleaving, MaskFlags
from rasterio.env import Env
from rasterio.io import DatasetReader
from rasterio.windows import Window

from monitor.imagery.access import AssetAccess, Located, locate_asset, verify_checksum
from monitor.imagery.assets import Asset
from monitor.imagery.georeference import GDAL_ERRORS, Grid, read_grid
from monitor.imagery.refusal import Cause, SceneRefused

DRIVERS = ("GTiff", "JP2OpenJPEG")
"""These alone (a COG is read by the first): a VRT, a WMS or an XML file could make GDAL open anything else."""
MAX_SIDE = 60_000
"""Pixels along a side of one file; a tiny sparse file may claim billions."""
MAX_BLOCK_BYTES = 128 * 2**20
"""A file whose smallest readable part is larger cannot be streamed."""
_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
"""First bytes of TIFF, BigTIFF and JPEG 2000."""
_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecar file may change what the scene says
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_MAX_RETRY": "3",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "CPL_DEBUG": "OFF",
}

# GDAL's messages quote paths, and a path tells where a scene lies: what it says comes out as a cause, or not at all.
logging.getLogger("rasterio").setLevel(logging.CRITICAL + 1)

IntP = npt.NDArray[np.intp]


def gdal_env(cache_bytes: int) -> AbstractContextManager[Env]:
    """GDAL's settings for one call. cache_bytes: bound of its block cache, else a twentieth of the machine."""
    env: AbstractContextManager[Env] = Env(GDAL_CACHEMAX=cache_bytes, **_OPTIONS)
    return env


@dataclass
class RasterFile:
    """An open file on its own grid. row_of, col_of: which of its rows and columns each row and column of the scene's
    grid reads, or None where both grids are the same."""

    dataset: DatasetReader
    grid: Grid
    is_local: bool
    row_of: IntP | None = field(default=None)
    col_of: IntP | None = field(default=None)

    @property
    def block_rows(self) -> int:
        """Rows of one block of the file, in rows of the scene's grid."""
        rows: int = self.dataset.block_shapes[0][0]
        return rows if self.row_of is None else rows * self.row_of.size // self.dataset.height

    @property
    def block_row_bytes(self) -> int:
        """Size of one row of blocks, all bands, as GDAL keeps them."""
        itemsize = sum(np.dtype(dtype).itemsize for dtype in self.dataset.dtypes)
        return int(self.dataset.block_shapes[0][0] * self.dataset.width * itemsize)

    def match_grid(self, target: Grid) -> None:
        """Find the nearest row and column for every one of `target`; a coarser band is repeated, never blurred.

        Raises SceneRefused(BAND_GRIDS_DIFFER) where the CRS or the ground differ.
        """
        own = self.grid
        if (own.crs, own.height, own.width, own.transform) == (
            target.crs,
            target.height,
            target.width,
            target.transform,
        ):
            return
        x = target.transform.c + target.transform.a * (np.arange(target.width) + 0.5)
        y = target.transform.f + target.transform.e * (np.arange(target.height) + 0.5)
        cols = np.floor((x - own.transform.c) / own.transform.a).astype(np.intp)
        rows = np.floor((y - own.transform.f) / own.transform.e).astype(np.intp)
        # one pixel of the coarser file may be missing at an edge, no more
        reach = max(1, round(own.pixel_m / target.pixel_m))
        outside = (rows < 0) | (rows >= own.height)
        outside_cols = (cols < 0) | (cols >= own.width)
        if own.crs != target.crs or outside.sum() > reach or outside_cols.sum() > reach:
            raise SceneRefused(
                Cause.BAND_GRIDS_DIFFER,
                "The bands do not cover the same ground on the same grid; align them first.",
            )
        self.row_of, self.col_of = rows.clip(0, own.height - 1), cols.clip(0, own.width - 1)

    def read_rows(self, indexes: list[int], row_from: int, row_to: int, out: npt.NDArray[np.generic]) -> None:
        """Read rows of the scene's grid, whole width, into `out` (len(indexes), rows, width); numbers as stored.

        Raises SceneRefused(TRUNCATED) where the file ends early, ASSET_MISSING where the network fails.
        """
        try:
            if self.row_of is None or self.col_of is None:
                window = Window(0, row_from, self.dataset.width, row_to - row_from)
                self.dataset.read(indexes, window=window, out=out)
                return
            rows = self.row_of[row_from:row_to]
            first, last = int(rows.min()), int(rows.max())
            window = Window(0, first, self.dataset.width, last + 1 - first)
            for band, index in zip(out, indexes, strict=True):
                stored = self.dataset.read(index, window=window, out_dtype=out.dtype)
                np.take(stored[rows - first], self.col_of, axis=1, out=band)
        except GDAL_ERRORS:
            raise self.unreadable() from None

    def read_mask(self, row_from: int, row_to: int) -> npt.NDArray[np.bool_] | None:
        """The file's own mask of valid pixels (rows, width), or None where it has none beside nodata."""
        flags = self.dataset.mask_flag_enums[0]
        if MaskFlags.per_dataset not in flags:
            return None
        rows = np.arange(row_from, row_to) if self.row_of is None else self.row_of[row_from:row_to]
        first, last = int(rows.min()), int(rows.max())
        try:
            mask = self.dataset.dataset_mask(window=Window(0, first, self.dataset.width, last + 1 - first))
        except GDAL_ERRORS:
            raise self.unreadable() from None
        taken: npt.NDArray[np.bool_] = mask[rows - first] > 0
        return taken if self.col_of is None else taken[:, self.col_of]

    def unreadable(self) -> SceneRefused:
        """What a failed read means."""
        if self.is_local:
            return SceneRefused(
                Cause.TRUNCATED, "A file ends before its pixels do, or is damaged; transfer it again."
            )
        return SceneRefused(
            Cause.ASSET_MISSING, "A file could not be read over the network; try again later."
        )

    def close(self) -> None:
        """Let the file go."""
        self.dataset.close()


def open_raster(asset: Asset, base_href: str, access: AssetAccess) -> RasterFile:
    """Open one file of a scene.

    Raises SceneRefused: ASSET_FORBIDDEN, ASSET_MISSING, CHECKSUM_MISMATCH, WRONG_FORMAT, TRUNCATED, and what
    `read_grid` raises.
    """
    located = locate_asset(asset.href, base_href, access)
    if located.local is not None and asset.checksum is not None:
        verify_checksum(located.local, asset.checksum)
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
    """Refuse what could not be read in bounded memory."""
    rows, cols = dataset.block_shapes[0]
    bands = dataset.count if dataset.interleaving is Interleaving.pixel else 1
    block_bytes = rows * cols * bands * np.dtype(dataset.dtypes[0]).itemsize
    if max(dataset.height, dataset.width) > MAX_SIDE or block_bytes > MAX_BLOCK_BYTES:
        raise SceneRefused(
            Cause.WRONG_FORMAT,
            "The file is too large, or in pieces too large, to stream; hand in tiled GeoTIFFs.",
        )


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
