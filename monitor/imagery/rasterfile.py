"""One open raster file of a scene, read by whole rows of blocks onto the scene's grid.

Room `imagery`, pure. Whatever GDAL has to say of a path stays in here: only SceneRefused comes out. May import
`refusal` and `georeference`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import MaskFlags
from rasterio.env import Env
from rasterio.io import DatasetReader
from rasterio.windows import Window

from monitor.imagery.georeference import GDAL_ERRORS, Grid
from monitor.imagery.refusal import Cause, SceneRefused

CACHE_BYTES = 16 * 2**20
"""Bound of GDAL's block cache, else a twentieth of the machine. It need hold little: blocks are read by whole rows."""
MAX_HELD_BYTES = 160 * 2**20
"""Bound of the row of blocks that a file keeps; of larger ones, blocks are decoded anew for every strip."""
_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecar file may change what the scene says
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_MAX_RETRY": "3",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "CPL_DEBUG": "OFF",
}

IntP = npt.NDArray[np.intp]


def gdal_env() -> AbstractContextManager[Env]:
    """GDAL's settings for one call."""
    env: AbstractContextManager[Env] = Env(GDAL_CACHEMAX=CACHE_BYTES, **_OPTIONS)
    return env


@dataclass(slots=True)
class _Held:
    """Rows of a file as stored: those from `first` up to, without, `end`, in the first rows of `buffer` (bands, rows,
    width). The buffer is used again for the next rows, since memory given back piecemeal is not given back."""

    buffer: npt.NDArray[Any]
    first: int = 0
    end: int = 0


@dataclass
class RasterFile:
    """An open file on its own grid. row_of, col_of: which of its rows and columns each row and column of the scene's
    grid reads, or None where both grids are the same."""

    dataset: DatasetReader
    grid: Grid
    is_local: bool
    row_of: IntP | None = None
    col_of: IntP | None = None
    _held: dict[tuple[int, ...], _Held] = field(default_factory=dict)

    @property
    def block_rows(self) -> int:
        """Rows of one block of the file, in rows of the scene's grid."""
        rows: int = self.dataset.block_shapes[0][0]
        return rows if self.row_of is None else rows * self.row_of.size // self.dataset.height

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

    def read_rows(self, indexes: list[int], row_from: int, row_to: int, out: npt.NDArray[Any]) -> None:
        """Read rows of the scene's grid, whole width, into `out` (len(indexes), rows, width); numbers as stored.

        Raises SceneRefused(TRUNCATED) where the file ends early, ASSET_MISSING where the network fails.
        """
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # fill values that no float32 holds become infinite
            if self.row_of is None or self.col_of is None:
                out[:] = self._hold_rows(tuple(indexes), row_from, row_to)
                return
            rows = self.row_of[row_from:row_to]
            first, last = int(rows.min()), int(rows.max())
            for band, stored in zip(out, self._hold_rows(tuple(indexes), first, last + 1), strict=True):
                band[:] = stored[rows - first][:, self.col_of]

    def _hold_rows(self, indexes: tuple[int, ...], first: int, end: int) -> npt.NDArray[Any]:
        """Rows of the file as stored, out of the row of blocks that is held; the next one is read when it is needed.

        So every block is decoded once, and GDAL need not keep it.
        """
        held = self._held.get(indexes)
        if held is None or not (held.first <= first and end <= held.end):
            held = self._read_blocks(indexes, *self._whole_blocks(indexes, first, end))
        return held.buffer[:, first - held.first : end - held.first]

    def _read_blocks(self, indexes: tuple[int, ...], first: int, end: int) -> _Held:
        held = self._held.pop(indexes, None)
        if held is None or held.buffer.shape[1] < end - first:
            shape = (len(indexes), end - first, self.dataset.width)
            held = _Held(np.empty(shape, self.dataset.dtypes[0]))
        window = Window(0, first, self.dataset.width, end - first)
        try:
            self.dataset.read(list(indexes), window=window, out=held.buffer[:, : end - first])
        except GDAL_ERRORS:
            raise self.unreadable() from None
        held.first, held.end = first, end
        self._held[indexes] = held
        return held

    def _whole_blocks(self, indexes: tuple[int, ...], first: int, end: int) -> tuple[int, int]:
        """The rows of all blocks that some rows touch, unless these are too large to keep."""
        block = int(self.dataset.block_shapes[0][0])
        start, stop = first // block * block, min(-(-end // block) * block, self.dataset.height)
        row_bytes = self.dataset.width * len(indexes) * np.dtype(self.dataset.dtypes[0]).itemsize
        return (start, stop) if (stop - start) * row_bytes <= MAX_HELD_BYTES else (first, end)

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
        """Let the file go, and what is held of it."""
        self._held.clear()
        self.dataset.close()
