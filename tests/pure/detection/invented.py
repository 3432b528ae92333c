"""Small invented scenes and labelled cells for the tests of detection: arrays from a seed, no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from monitor.detection.cells import LabelledCells
from monitor.detection.change import SceneFeatures
from monitor.detection.featurizer import CellFeatures, Featurizer
from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel
from monitor.detection.patches import whiten_patches
from monitor.imagery.pixels import Strip

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
QUICK = Recipe(block_deg=0.1, repeats=1, penalties=(1.0, 10.0, 100.0, 1000.0), draws=20, model="ridge")


@dataclass
class ArrayScene:
    """A scene held in memory and handed out in strips of `step` rows, as `imagery.OpenScene` does."""

    pixels: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    full_pixels: npt.NDArray[np.float32]
    bands: tuple[str, ...] = BANDS
    step: int = 1000

    def __post_init__(self) -> None:
        self.height = int(self.pixels.shape[1])

    def strips(self, halo: int = 0) -> Iterator[Strip]:
        for row in range(0, self.height, self.step):
            kept = min(halo, row)
            part = slice(row - kept, row + self.step)
            yield Strip(
                np.ascontiguousarray(self.pixels[:, part]), self.valid[part], self.labels[part].copy(), kept
            )

    def parts(self, row_from: int, row_to: int, across: int) -> npt.NDArray[np.int16]:
        """As if every cell were as wide as the scene: good enough for sums."""
        y, x = np.mgrid[row_from:row_to, : self.pixels.shape[2]]
        down, along = y * across // self.height, x * across // self.pixels.shape[2]
        return np.asarray(down * across + along, np.int16)


def make_scene(
    height: int = 60, width: int = 50, cell: int = 20, seed: int = 1, clouds: float = 0.02, step: int = 1000
) -> ArrayScene:
    """Noise with holes, and square cells of `cell` pixels, slightly tilted, cut off at the edges.

    Made by products and sums alone, so that it is the same on every machine.
    """
    rng = np.random.default_rng(seed)
    shape = (len(BANDS), height, width)
    pixels = (0.3 * rng.random(shape) * rng.random(shape) + 0.02).astype(np.float32)
    pixels += np.linspace(0, 0.1, width, dtype=np.float32)
    valid = rng.random((height, width)) >= clouds
    pixels[:, ~valid] = 0
    y, x = np.mgrid[:height, :width]
    row, col = (y + x // 25) // cell, (x + y // 30) // cell
    across = int(col.max()) + 1
    numbers, labels = np.unique(row * across + col, return_inverse=True)
    return ArrayScene(
        pixels,
        valid,
        labels.reshape(height, width).astype(np.int32),
        (9000 + numbers // across).astype(np.int32),
        (20000 + numbers % across).astype(np.int32),
        np.full(len(numbers), cell * cell, np.float32),
        step=step,
    )


def make_featurizer(count: int = 8, seed: int = 3) -> Featurizer:
    """A featurizer with few patches, whitened from noise."""
    windows = np.random.default_rng(seed).random((500, len(BANDS), 3, 3), np.float32)
    return Featurizer("sentinel-2", BANDS, whiten_patches(windows, count), seed=seed)


def make_cells(
    count: int = 240, *, strength: float = 1.5, features: int = 12, industrial: bool = False, seed: int = 0
) -> LabelledCells:
    """Labelled cells whose first feature, and its change, tell mines; the others are noise. Every tenth has no
    reference. They lie in 24 blocks of a tenth of a degree."""
    rng = np.random.default_rng(seed)
    block = np.arange(count) % 24
    rows, cols = 9000 + 10 * (block // 6) + rng.integers(0, 10, count), 20000 + 10 * (block % 6)
    classes = (rng.random(count) < 0.4).astype(np.int64)
    if industrial:
        classes[(classes == 1) & (rng.random(count) < 0.4)] = 2
    reference = rng.standard_normal((count, features)).astype(np.float32)
    now = (reference + 0.5 * rng.standard_normal((count, features))).astype(np.float32)
    now[:, 0] += strength * (classes != 0)
    now[:, 1] += 2 * strength * (classes == 2)
    reference[::10] = np.nan
    kinds = np.where(classes == 0, np.where(rng.random(count) < 0.5, "forest", "road"), "pit")
    labels = tuple(
        CellLabel(int(row), int(col), int(label), kind=str(kind))
        for row, col, label, kind in zip(rows, cols, classes, kinds, strict=True)
    )
    periods = tuple(
        "late after early" if has else "late after nothing" for has in np.isfinite(reference[:, 0])
    )
    share = np.full(count, 0.9, np.float32)
    sensors = ("sentinel-2",) * count
    return LabelledCells(labels, now, reference, periods, sensors, share, "invented", 0.5, {}, "labels")


def make_features(
    numbers: list[tuple[int, int]],
    values: npt.ArrayLike,
    shares: list[float] | None = None,
    digest: str = "invented",
) -> CellFeatures:
    """Features of cells given as (row, col); values (n, F) or (n,) for one feature."""
    table = np.asarray(values, np.float32)
    return CellFeatures(
        np.array([row for row, _ in numbers], np.int32),
        np.array([col for _, col in numbers], np.int32),
        np.array(shares or [1.0] * len(numbers), np.float32),
        table.reshape(len(numbers), -1),
        digest,
    )


def make_scene_features(
    item_id: str, begins: str, ends: str, features: CellFeatures, sensor: str = "sentinel-2"
) -> SceneFeatures:
    """Features of a scene; dates as ISO text."""
    dates = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begins, ends)]
    return SceneFeatures(item_id, sensor, dates[0], dates[1], dates[1] > dates[0], features)
