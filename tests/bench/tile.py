"""Features of a whole generated Sentinel-2 tile as workers extract them: by one, by two, and of every other row.

Six bands at 10 m (10,980 x 10,980 pixels), written, read back and pooled. `python -m tests.bench tile` measures it alone;
it takes some minutes. Two workers take a tile each, since a scene is one worker's: on two cores a tile takes half of it.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from monitor.detection.featurizer import Featurizer
from monitor.detection.partmaps import ACROSS
from monitor.detection.patches import PatchSet
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import parse_item
from monitor.imagery.pixels import open_scene
from monitor.imagery.sensors import REQUIRED_BANDS
from tests.bench.features import CELL, choose_peers, describe_conditions
from tests.bench.measuring import Figure
from tests.data.make_scenes import SIX, make_item

SIDE, BLOCK = 10_980, 512
BRIGHTNESS = (500, 800, 600, 3000, 2000, 1000)
"""Of each band, as of plants: numbers that are bright in every band are refused, as if they held an offset."""
PATCHES, SIZE = 1024, 3
BANDS = REQUIRED_BANDS["sentinel-2"]
CORNER = Affine(10, 0, 300_000, 0, -10, 300_000)
WORKERS = 2
GOAL_MB = 600.0
PEER_ROUNDS = 5


def measure_tile(side: int = SIDE) -> list[Figure]:
    """All figures of a tile. side: pixels."""
    with TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        work = partial(extract_tile, folder, write_tile(Path(folder), side))
        runs = [_run(pool, work, workers, step) for workers, step in ((1, 1), (WORKERS, 1), (WORKERS, 2))]
    (alone_s, cells, _), (both_s, _, _), (skipping_s, _, _) = runs
    said = (
        f"{side} x {side} pixels, {len(BANDS)} bands, {cells} cells, {PATCHES} patches of {SIZE} x {SIZE}, both signs, with"
        f" summaries and maps; reading and pooling; a worker has one BLAS thread; {describe_conditions()}"
    )
    figures = [
        Figure(
            f"a tile on {WORKERS} cores (peer: {name})",
            round(both_s / WORKERS, 1),
            round(theirs_s, 1),
            round(theirs_s / (both_s / WORKERS), 2),
            "s",
            f"peer: features of a cell, median of {PEER_ROUNDS}, times {cells} cells by {WORKERS} cores; no reading; {said}",
        )
        for name, theirs_s in _time_peers(cells)
    ]
    return [
        *figures,
        Figure(
            f"a tile on {WORKERS} cores, every other row (peer: every row)",
            round(skipping_s / WORKERS, 1),
            round(both_s / WORKERS, 1),
            round(both_s / skipping_s, 2),
            "s",
            said,
        ),
        Figure(
            f"{WORKERS} tiles by {WORKERS} workers (peer: by one)",
            round(both_s, 1),
            round(WORKERS * alone_s, 1),
            round(WORKERS * alone_s / both_s, 2),
            "s",
            said,
        ),
        Figure(
            "greatest memory of a worker (peer: the goal)",
            round(max(peak_mb for _, _, peak_mb in runs), 1),
            GOAL_MB,
            round(GOAL_MB / max(peak_mb for _, _, peak_mb in runs), 2),
            "MB",
            f"resident; {said}",
        ),
    ]


def _run(pool: Pool, work: Any, workers: int, row_step: int) -> tuple[float, int, float]:
    """A tile for each of so many workers at once: seconds of the slowest, cells, the greatest memory in MB."""
    told = [job.get() for job in [pool.apply_async(work, (row_step,)) for _ in range(workers)]]
    return max(each[0] for each in told), told[0][1], max(each[2] for each in told)


def _time_peers(cells: int) -> list[tuple[str, float]]:
    """Name and seconds of each peer for as many cells, by extrapolation: the peer's best case, which reads nothing."""
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((len(BANDS), CELL, CELL)).astype(np.float32)
    weights = rng.standard_normal((PATCHES, len(BANDS), SIZE, SIZE)).astype(np.float32)
    found = []
    with threadpool_limits(1):
        for peer in choose_peers(pixels, weights):
            with peer as (name, _, again):
                cell_ms = statistics.median([again() for _ in range(PEER_ROUNDS + 1)][1:])
                found.append((name, cell_ms / 1000 * cells / WORKERS))
    return found


def write_tile(folder: Path, side: int) -> dict[str, Any]:
    """A tile of ground that repeats itself every 512 pixels, with some noise; its STAC item."""
    rng = np.random.default_rng(7)
    ground = rng.normal(1, 0.2, (len(SIX), BLOCK, BLOCK)) * np.reshape(BRIGHTNESS, (-1, 1, 1))
    ground = ground.clip(1, 9000).astype(np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "crs": "EPSG:32634", "transform": CORNER, "nodata": 0}
    profile |= {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "zstd", "zstd_level": 1}
    path = folder / "tile.tif"
    with rasterio.open(path, "w", count=len(SIX), height=side, width=side, **profile) as file:
        for row in range(0, side, BLOCK):
            for col in range(0, side, BLOCK):
                window = Window(col, row, min(BLOCK, side - col), min(BLOCK, side - row))
                file.write(
                    ground[:, : window.height, : window.width] + np.uint16(row // BLOCK), window=window
                )
    item = make_item({"image": path}, {"image": SIX})
    item["assets"]["image"]["href"] = path.as_uri()
    return item


def extract_tile(folder: str, document: dict[str, Any], row_step: int) -> tuple[float, int, float]:
    """Features of the tile in this process: seconds, cells, the greatest memory of the process so far in MB."""
    rng = np.random.default_rng(0)
    patches = rng.standard_normal((PATCHES, len(BANDS), SIZE, SIZE)).astype(np.float32)
    spread = np.full(len(BANDS), 0.05, np.float32)
    featurizer = Featurizer("sentinel-2", BANDS, PatchSet(spread * 3, spread, (patches,)), across=ACROSS)
    began = time.perf_counter()
    with (
        threadpool_limits(1),
        open_scene(parse_item(document, ""), BANDS, access=AssetAccess(roots=(Path(folder),))) as scene,
    ):
        cells = featurizer.extract(scene, row_step=row_step)
    seconds = time.perf_counter() - began
    return seconds, len(cells.rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
