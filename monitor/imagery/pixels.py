"""Pixels: a scene opened, checked and read strip by strip, in bounded memory.

Room `imagery`, pure. Every fault of a scene comes out of `open_scene` (or, for what only reading can show, out of
`OpenScene.strips`) as SceneRefused with its own cause and without a place. Knows nothing of features or models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from monitor.grid import CELLS_PER_DEG
from monitor.imagery.access import AssetAccess
from monitor.imagery.assets import Asset, MaskRef
from monitor.imagery.channels import Channel, check_mask, choose_channels, settle_unit
from monitor.imagery.georeference import Grid, check_stated_grid
from monitor.imagery.item import Bbox, SceneItem
from monitor.imagery.labelmap import CellMap, map_cells
from monitor.imagery.masks import decode_mask
from monitor.imagery.opening import open_raster
from monitor.imagery.rasterfile import RasterFile, gdal_env
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.strips import STRIP_BYTES, Strip, plan_strips
from monitor.imagery.survey import Tally, check_offset, check_units, drop_fill, find_plausible

WHOLE_PIXELS = 4_000_000
"""A scene no larger than this is seen whole when it is opened."""
SAMPLE_STRIPS = 3
"""Of a larger one so many strips are looked at, and more until one holds a valid pixel."""
SAMPLE_PER_STRIP = 20_000
MAX_CLOUD_SHARE = 0.9

__all__ = ["OpenScene", "Strip", "open_scene"]

Int32 = npt.NDArray[np.int32]
Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


class OpenScene:
    """An open scene; use it as a context manager.

    bands: names, in the order of the channels. rows, cols: int32 (n,), L0 cells that hold at least one pixel centre.
    full_pixels: float32 (n,), how many pixels a wholly covered cell has. height, width: of the finest wanted band,
    whose grid all others are read onto. pixel_m: side of its pixel, metres.
    """

    def __init__(
        self,
        item: SceneItem,
        channels: tuple[Channel, ...],
        files: dict[Asset, RasterFile],
        grid: Grid,
        *,
        max_cloud_share: float = MAX_CLOUD_SHARE,
        strip_bytes: int = STRIP_BYTES,
    ) -> None:
        self.bands = tuple(channel.name for channel in channels)
        self.height, self.width, self.pixel_m = grid.height, grid.width, grid.pixel_m
        self._mask: MaskRef | None = item.mask
        self._channels = channels
        self._files = files
        self._cells = _map_cells(grid)
        self.rows, self.cols, self.full_pixels = self._cells.rows, self._cells.cols, self._cells.full_pixels
        self._outside = _cells_outside(self._cells, item.bbox, grid.tolerance_deg)
        self._max_cloud_share = max_cloud_share
        block_rows = max(file.block_rows for file in files.values())
        self._is_surveyed = False
        self._plan = plan_strips(grid.height, grid.width, len(channels), block_rows, strip_bytes)
        self._survey()

    def strips(self, halo: int = 0) -> Iterator[Strip]:
        """The scene from north to south; every strip but the first repeats the last `halo` rows of the one before.

        Raises SceneRefused(TRUNCATED) where a file ends early, and NO_VALID_PIXELS, TOO_CLOUDY or FOOTPRINT_MISMATCH
        after the last strip where all pixels had to be seen to tell: so keep nothing before the end is reached.
        """
        tally = Tally()
        pixels, valid, labels = self._empty(0)
        for row_from, row_to in self._plan:
            kept = min(halo, valid.shape[0])
            before = (pixels, valid, labels)
            pixels, valid, labels = self._empty(kept + row_to - row_from)
            for new, old in zip((pixels, valid, labels), before, strict=True):
                new[..., :kept, :] = old[..., old.shape[-2] - kept :, :]
            del before, new, old  # the strip before must not be held while this one is read
            self._read(row_from, row_to, pixels[:, kept:], valid[kept:], labels[kept:], tally)
            yield Strip(pixels, valid, labels, kept)
        tally.judge(self._max_cloud_share)

    def parts(self, row_from: int, row_to: int, across: int) -> npt.NDArray[np.int16]:
        """Which of the across * across parts of its cell each pixel of some rows lies in (see `CellMap.parts`)."""
        return self._cells.parts(row_from, row_to, across)

    def close(self) -> None:
        """Let all files go."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _empty(self, height: int) -> tuple[Float32, Bool, Int32]:
        return (
            np.empty((len(self._channels), height, self.width), np.float32),
            np.empty((height, self.width), bool),
            np.empty((height, self.width), np.int32),
        )

    def _read(
        self, row_from: int, row_to: int, pixels: Float32, valid: Bool, labels: Int32, tally: Tally
    ) -> None:
        """Fill views of one strip with rows of the scene and count them."""
        if any(file.dataset.closed for file in self._files.values()):
            raise ValueError("the scene is closed; read it inside its with block")
        labels[:] = self._cells.labels(row_from, row_to)
        valid[:] = True
        with gdal_env():
            for file, members in self._by_file():
                self._read_file(file, members, row_from, row_to, pixels)
                own_mask = file.read_mask(row_from, row_to)
                if own_mask is not None:
                    valid &= own_mask
            quality = self._read_quality(row_from, row_to)
        for channel, band in zip(self._channels, pixels, strict=True):
            valid &= channel.calibrate(band)
            if self._is_surveyed:
                valid &= find_plausible(channel.name, band)
        if quality is not None:
            empty, cloudy = quality
            valid &= ~empty
            tally.data += int(valid.sum())
            tally.cloudy += int((valid & cloudy).sum())
            valid &= ~cloudy
        else:
            tally.data += int(valid.sum())
        tally.valid += int(valid.sum())
        if self._outside is not None:
            tally.outside += int(self._outside[labels[valid]].sum())
        for band in pixels:
            np.copyto(band, 0.0, where=~valid)

    def _by_file(self) -> list[tuple[RasterFile, list[int]]]:
        """Each file with the positions of the channels that it holds."""
        members: dict[Asset, list[int]] = {}
        for position, channel in enumerate(self._channels):
            members.setdefault(channel.asset, []).append(position)
        return [(self._files[asset], positions) for asset, positions in members.items()]

    def _read_file(
        self, file: RasterFile, members: list[int], row_from: int, row_to: int, pixels: Float32
    ) -> None:
        """All wanted bands of one file in one read; straight into place where their channels are neighbours."""
        indexes = [self._channels[position].index for position in members]
        first = members[0]
        if members == list(range(first, first + len(members))):
            file.read_rows(indexes, row_from, row_to, pixels[first : first + len(members)])
            return
        stored = np.empty((len(members), *pixels.shape[1:]), np.float32)
        file.read_rows(indexes, row_from, row_to, stored)
        pixels[members] = stored

    def _read_quality(self, row_from: int, row_to: int) -> tuple[Bool, Bool] | None:
        if self._mask is None:
            return None
        stored = np.empty((1, row_to - row_from, self.width), np.uint16)
        self._files[self._mask.asset].read_rows([self._mask.index], row_from, row_to, stored)
        return decode_mask(self._mask.rule, stored[0])

    def _survey(self) -> None:
        """Look at the whole scene, or at a few strips of a large one, before anything is computed from it."""
        tally = Tally()
        samples: list[Float32] = []
        for row_from, row_to in self._choose_looks():
            if len(samples) >= SAMPLE_STRIPS and self.height * self.width > WHOLE_PIXELS and tally.valid:
                break
            pixels, valid, labels = self._empty(row_to - row_from)
            self._read(row_from, row_to, pixels, valid, labels, tally)
            found = np.flatnonzero(valid)
            found = found[:: found.size // SAMPLE_PER_STRIP + 1]
            samples.append(pixels.reshape(len(self._channels), -1)[:, found])
        else:
            tally.judge(self._max_cloud_share)
        sample = drop_fill(self.bands, np.concatenate(samples, axis=1))
        stated = [channel.unit for channel in self._channels]
        self._channels = tuple(map(settle_unit, self._channels, sample))
        check_units(self.bands, sample, stated)
        check_offset(sample[[channel.calibration.is_guessed for channel in self._channels]])
        # not before: a wrong scale must be told from fill values
        self._is_surveyed = True

    def _choose_looks(self) -> list[tuple[int, int]]:
        """All strips, a few evenly spaced ones first."""
        first = np.linspace(0, len(self._plan) - 1, SAMPLE_STRIPS + 2).astype(int)[1:-1]
        order = dict.fromkeys([*first.tolist(), *range(len(self._plan))])
        return [self._plan[number] for number in order]


def open_scene(
    item: SceneItem,
    bands: Sequence[str],
    *,
    access: AssetAccess | None = None,
    max_cloud_share: float = MAX_CLOUD_SHARE,
    strip_bytes: int = STRIP_BYTES,
) -> OpenScene:
    """Open the files of a scene and make sure that it can be scored.

    bands: which channels, by eo common name (VV, VH for radar), in the order wanted. access: where files may be; by
    default in the item's own folder, and nowhere on the network. max_cloud_share: of the pixels with data. strip_bytes:
    bound of one strip. Raises SceneRefused with the cause that lies deepest: first what stops a file from being read,
    then where it lies, then what it holds, then what is left of it.
    """
    if not bands or len(set(bands)) != len(bands):
        raise ValueError("bands must be named, each once")
    wanted = [item.bands[name].asset for name in bands if name in item.bands]
    if not wanted:
        wanted = [item.assets[0]]  # nothing to read, but a deeper fault may show
    mask = [item.mask.asset] if item.mask is not None else []
    with ExitStack() as opened:
        files: dict[Asset, RasterFile] = {}
        for asset in dict.fromkeys(wanted + mask):
            files[asset] = open_raster(asset, item.base_href, access or AssetAccess())
            opened.callback(files[asset].close)
            check_stated_grid(files[asset].grid, asset, item.bbox)
        check_mask(item, files)
        channels = choose_channels(item, bands, {asset: files[asset] for asset in dict.fromkeys(wanted)})
        grid = min((files[asset].grid for asset in wanted), key=lambda grid: grid.pixel_m)
        for file in files.values():
            file.match_grid(grid)
        scene = OpenScene(
            item, channels, files, grid, max_cloud_share=max_cloud_share, strip_bytes=strip_bytes
        )
        opened.pop_all()
        return scene


def _map_cells(grid: Grid) -> CellMap:
    try:
        return map_cells(grid.crs, grid.transform, grid.height, grid.width)
    except ValueError:
        raise SceneRefused(Cause.ANTIMERIDIAN, "The pixels reach a pole, where there are no cells.") from None


def _cells_outside(cells: CellMap, bbox: Bbox, tolerance_deg: tuple[float, float]) -> Bool | None:
    """Which cells the stated footprint does not touch, bool (n,), or None where it touches all."""
    south, west = cells.rows / CELLS_PER_DEG - 90.0, cells.cols / CELLS_PER_DEG - 180.0
    side = 1.0 / CELLS_PER_DEG
    outside = (
        (west + side < bbox[0] - tolerance_deg[0])
        | (west > bbox[2] + tolerance_deg[0])
        | (south + side < bbox[1] - tolerance_deg[1])
        | (south > bbox[3] + tolerance_deg[1])
    )
    return outside if bool(outside.any()) else None
