"""From pixels to features, and from features to a model, beside what one would use instead.

Needs no database. The BLAS in force is part of every condition: its threads and its kernel decide more than any code here.
"""

from __future__ import annotations

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

from monitor.detection.featurizer import PATCHES
from monitor.detection.gram import GramRidge
from monitor.detection.heads import Recipe
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import ACROSS, Layout
from monitor.detection.rcf import Float32, find_runs, pool_patches
from monitor.detection.ridge import PENALTIES
from monitor.imagery.labelmap import map_cells
from monitor.imagery.sensors import REQUIRED_BANDS
from tests.bench.measuring import Figure, compare, describe_machine

CELL, BIAS = 111, -1.0
UTM = CRS.from_epsg(32634)
ROUNDS = 5
PEERS = Path(__file__).resolve().parents[2] / "var/peers/bin/python"
"""An environment of one's own with torch and numpy (docs/detection.md): both are too large to be anybody's dependency."""
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_MMAP_MAX_": "0"}
"""glibc gives memory back after every call unless told; torch then spends most of its time on asking for it again."""


def measure_features() -> list[Figure]:
    """All figures of this page, with one BLAS thread."""
    with threadpool_limits(1):
        return [
            *_compare_pooling(4, 3),
            *_compare_pooling(6, 4),
            _compare_pairs(),
            _measure_memory(),
            _compare_label_map(),
            _compare_ridge(),
        ]


def describe_blas() -> str:
    """Library, kernel and threads."""
    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    return ", ".join(
        sorted({f"{e['internal_api']} {e['version']} {e['architecture']} x{e['num_threads']}" for e in found})
    )


def _compare_pooling(bands: int, size: int, patches: int = 1024) -> Iterator[Figure]:
    """Beside torch as it is installed and with an allocator that keeps memory; where there is none, beside numpy."""
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((bands, CELL, CELL)).astype(np.float32)
    weights = rng.standard_normal((patches, bands, size, size)).astype(np.float32)
    runs = find_runs(np.ones((CELL, CELL), np.bool_), np.zeros((CELL, CELL), np.int32), size)

    def ours() -> Float32:
        return pool_patches(pixels, runs, weights, BIAS)

    for peer in choose_peers(pixels, weights):
        with peer as (name, answer, theirs):
            difference = float(np.abs(ours()[0] - answer).max())
            if difference > 1e-3:
                raise RuntimeError(f"The two do not compute the same: {difference}.")
            spent = [(_spend(ours), theirs()) for _ in range(2 * ROUNDS + 1)][1:]
            here, there = (statistics.median(each) for each in zip(*spent, strict=True))
            yield Figure(
                f"features of a cell, {bands} bands, {size}x{size} (peer: {name})",
                round(here, 2),
                round(there, 2),
                round(there / here, 2),
                "ms of CPU",
                f"processor time, median of {2 * ROUNDS}, in turns; {patches} patches, {CELL} x {CELL} pixels;"
                f" {describe_conditions()}",
            )


def _spend(call: Callable[[], object]) -> float:
    """Processor time of a call, in milliseconds."""
    began = time.process_time()
    call()
    return (time.process_time() - began) * 1000


Peer = tuple[str, Float32, Callable[[], float]]
"""Name, answer, and the processor time of one call more, in milliseconds."""


def choose_peers(pixels: Float32, weights: Float32) -> list[AbstractContextManager[Peer]]:
    """torch twice where var/peers holds it, else numpy. pixels: float32 (C, H, W); weights: float32 (K, C, k, k)."""
    if not PEERS.exists():
        return [nullcontext(_ask_numpy(pixels, weights))]
    return [
        _ask_torch("torch as installed", pixels, weights, {}),
        _ask_torch("torch, tuned", pixels, weights, KEEP_MEMORY),
    ]


def _ask_numpy(pixels: Float32, weights: Float32) -> Peer:
    """All windows at once, for machines without the peers' environment."""

    def by_numpy() -> Float32:
        size = weights.shape[-1]
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (size, size), axis=(1, 2))
        table = windows.transpose(0, 3, 4, 1, 2).reshape(weights[0].size, -1)
        answer = weights.reshape(len(weights), -1) @ table + np.float32(BIAS)
        return np.concatenate([np.maximum(answer, 0).mean(axis=1), np.maximum(-answer, 0).mean(axis=1)])

    return "one matrix product of numpy; no var/peers", by_numpy(), lambda: _spend(by_numpy)


@contextmanager
def _ask_torch(name: str, pixels: Float32, weights: Float32, allocator: Mapping[str, str]) -> Iterator[Peer]:
    """A process of the peers' Python: it computes when it is told to."""
    with TemporaryDirectory() as folder:
        question, answer = Path(folder) / "question.npz", Path(folder) / "answer.npy"
        np.savez(question, pixels=pixels, weights=weights, bias=BIAS)
        words = [str(PEERS), str(Path(__file__).with_name("torch_peer.py")), str(question), str(answer)]
        environment = {**os.environ, **allocator, "OMP_NUM_THREADS": "1"}
        with Popen(words, stdin=PIPE, stdout=PIPE, text=True, bufsize=1, env=environment) as process:
            told, hears = process.stdout, process.stdin
            if told is None or hears is None:
                raise RuntimeError("The peer's process has no pipes.")

            def again() -> float:
                hears.write("again\n")
                return float(told.readline())

            try:
                version = told.readline().strip()
                if not version:
                    raise RuntimeError("The peer's process ended: does var/peers hold torch and numpy?")
                yield f"{name}, {version}", np.load(answer), again
            finally:
                hears.close()


def _compare_pairs(cells: int = 64) -> Figure:
    """What the members of the ensemble look at in a pair of dates, beside what every cell of a scene costs anyhow."""
    rng = np.random.default_rng(0)
    bands = REQUIRED_BANDS["sentinel-2"]
    layout = Layout(0, bands, ACROSS)
    now, reference = rng.standard_normal((2, cells, layout.map_size)).astype(np.float32)
    recipe = Recipe()
    pairs = PairFeaturizer.fit(now, reference, layout, n_patches=recipe.all_pair_patches)
    if pairs is None:
        raise RuntimeError("No patches could be drawn from these maps.")
    pixels = rng.standard_normal((len(bands), CELL, CELL)).astype(np.float32)
    weights = rng.standard_normal((PATCHES, len(bands), 3, 3)).astype(np.float32)
    runs = find_runs(np.ones((CELL, CELL), np.bool_), np.zeros((CELL, CELL), np.int32), 3)
    spent = [
        (
            _spend(lambda: pairs.transform(now, reference)) / cells,
            _spend(lambda: pool_patches(pixels, runs, weights, BIAS, mirrored=True)),
        )
        for _ in range(ROUNDS + 1)
    ][1:]
    here, there = (statistics.median(each) for each in zip(*spent, strict=True))
    return Figure(
        "answers of a pair of dates for the ensemble (peer: features of a cell)",
        round(here, 2),
        round(there, 2),
        round(there / here, 2),
        "ms of CPU",
        f"a cell seen whole; processor time, median of {ROUNDS}, in turns; {pairs.patch_set.count} patches of pairs,"
        f" maps of {ACROSS} x {ACROSS} parts; peer: {PATCHES} patches of {len(bands)} bands, 3x3; {describe_conditions()}",
    )


def _measure_memory() -> Figure:
    """Peak of what the kernel allocates for a cell; the peer keeps every answer."""
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((6, CELL, CELL)).astype(np.float32)
    weights = rng.standard_normal((1024, 6, 4, 4)).astype(np.float32)
    runs = find_runs(np.ones((CELL, CELL), np.bool_), np.zeros((CELL, CELL), np.int32), 4)
    answers_mb = 1024 * (CELL - 3) ** 2 * 4 / 1e6
    tracemalloc.start()
    pool_patches(pixels, runs, weights, BIAS)
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return Figure(
        "peak memory of the kernel, 6 bands, 4x4",
        round(peak_mb, 1),
        round(answers_mb, 1),
        round(answers_mb / peak_mb, 2),
        "MB",
        "allocations of numpy; peer: the answers of one side of all patches, kept, by arithmetic",
    )


def _compare_label_map(side: int = 2000) -> Figure:
    """Which cell each pixel is of, beside warping one band of the scene onto the lattice of pixels of the same size."""
    transform = Affine(10, 0, 600_000, 0, -10, 300_000)
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": "uint16"}
    with MemoryFile() as memory:
        with memory.open(crs=UTM, transform=transform, **profile) as file:
            file.write(np.ones((side, side), np.uint16), 1)
        with memory.open() as raster:

            def ours() -> object:
                return map_cells(UTM, transform, side, side).labels(0, side)

            def theirs() -> object:
                with WarpedVRT(
                    raster, crs="EPSG:4326", resampling=rasterio.enums.Resampling.nearest
                ) as warped:
                    return warped.read(1)

            return compare(
                f"cells of {side * side / 1e6:.0f} million pixels",
                ours,
                theirs,
                "peer: WarpedVRT of one band to degrees, nearest",
                ROUNDS,
            )


def _compare_ridge(rows: int = 1500, features: int = 800) -> Figure:
    """A ridge whose penalty is chosen in five folds: by sums, and by scikit-learn's search."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((rows, features))
    classes = (table[:, :20].sum(axis=1) + 3 * rng.standard_normal(rows) > 0).astype(np.int64)
    groups = np.arange(rows) // 10
    folds = PredefinedSplit(groups % 5)

    def ours() -> object:
        return GramRidge(PENALTIES).fit(table, classes, groups).decision_function(table)

    def theirs() -> object:
        search = GridSearchCV(
            make_pipeline(StandardScaler(), Ridge()),
            {"ridge__alpha": PENALTIES},
            cv=folds,
            scoring="neg_mean_squared_error",
        )
        return search.fit(table, (classes == 0).astype(float)).predict(table)

    return compare(
        f"ridge of {rows} cells and {features} features, {len(PENALTIES)} penalties, 5 folds",
        ours,
        theirs,
        f"peer: GridSearchCV of scaler and ridge, one column (ours has three); {describe_blas()}",
        2,
    )


def describe_conditions() -> str:
    """What stands behind figures that have no peer."""
    return f"{describe_blas()}; {describe_machine()}"
