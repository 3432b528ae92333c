"""The store of features: half precision, whole or not at all, keyed by row and column."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
import zarr
from pytest_django import Settings

from monitor.detection.featurizer import CellFeatures
from monitor.detection.partmaps import UNSEEN
from monitor.vault.features import (
    CHUNK_CELLS,
    FeaturesLost,
    has_features,
    load_features,
    read_pixel_size,
    save_features,
)

DIGEST = "0" * 64


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A store that nobody else writes to."""
    settings.VAULT_DIR = tmp_path
    return tmp_path


def make_features(count: int = 1300) -> CellFeatures:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, 7)).astype(np.float32)
    values[:, 6] = UNSEEN
    values[5] = np.nan
    share = np.ones(count, np.float32)
    share[5] = 0
    rows, cols = (
        (9000 + np.arange(count) // 40).astype(np.int32),
        (20000 + np.arange(count) % 40).astype(np.int32),
    )
    return CellFeatures(rows, cols, share, values, DIGEST)


def keep(cells: CellFeatures) -> UUID:
    scene_id = uuid4()
    save_features(scene_id, cells)
    return scene_id


def test_features_are_kept_in_chunks_of_cells_in_half_precision(folder: Path) -> None:
    cells = make_features()
    scene_id = keep(cells)
    group = zarr.open_group(folder / "features" / DIGEST / f"{scene_id}.zarr", mode="r")
    values = group["values"]
    assert isinstance(values, zarr.Array)
    assert (str(values.dtype), values.chunks, values.shape) == ("float16", (CHUNK_CELLS, 7), (1300, 7))
    back = load_features(scene_id, DIGEST)
    np.testing.assert_array_equal(back.numbers, cells.numbers)
    np.testing.assert_array_equal(back.valid_share, cells.valid_share)
    np.testing.assert_allclose(back.values, cells.values, rtol=1e-3, atol=1e-6)
    assert back.values.dtype == np.float32
    assert (back.values[np.isfinite(back.values[:, 6]), 6] == UNSEEN).all()


def test_cells_are_found_by_row_and_column(folder: Path) -> None:
    cells = make_features()
    scene_id = keep(cells)
    whole = load_features(scene_id, DIGEST)
    for places in ([3, 700, 1299], [5], list(range(400, 900)), []):
        some = load_features(scene_id, DIGEST, np.append(cells.numbers[places], 1)[::-1])
        for name in ("rows", "cols", "valid_share", "values"):
            np.testing.assert_array_equal(
                getattr(some, name), getattr(whole.select(np.array(places, np.int64)), name)
            )
    assert load_features(scene_id, DIGEST, np.array([1])).values.shape == (0, 7)


@pytest.mark.usefixtures("folder")
def test_a_feature_too_large_for_half_precision_is_kept_finite() -> None:
    cells = make_features(6)
    cells.values[1] = [1e6, -1e6, 65504, 0, 0, 0, 0]
    back = load_features(keep(cells), DIGEST)
    assert back.values[1, :3].tolist() == [65504, -65504, 65504]


@contextmanager
def no_file_over(length: int) -> Iterator[None]:
    """The system refuses to write a longer one, as it refuses any on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_of_features_that_find_no_room_nothing_stays(folder: Path) -> None:
    with no_file_over(4000), pytest.raises(OSError, match="too large"):
        keep(make_features())
    assert list((folder / "features" / DIGEST).iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_said_to_be_not_there() -> None:
    assert not has_features(uuid4(), DIGEST)
    with pytest.raises(LookupError, match="not in the vault"):
        load_features(uuid4(), DIGEST)


def flip(file: Path) -> None:
    """Change one byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a changed chunk": ("values/c/1/0", flip),
    "a chunk cut off": ("values/c/1/0", lambda file: file.write_bytes(file.read_bytes()[:500])),
    "an empty chunk": ("values/c/1/0", lambda file: file.write_bytes(b"")),
    "a lost chunk": ("values/c/1/0", Path.unlink),
    "a lost chunk of rows": ("rows/c/0", Path.unlink),
    "a lost chunk of shares": ("valid_share/c/0", Path.unlink),
    "a lost array": ("values/zarr.json", Path.unlink),
    "a lost head": ("zarr.json", Path.unlink),
    "a head that is no JSON": ("zarr.json", lambda file: file.write_text("{")),
    "an array of nothing": (
        "values/zarr.json",
        lambda file: file.write_text('{"zarr_format": 3, "node_type": "array"}'),
    ),
}


@pytest.mark.parametrize(("name", "spoil"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_features_are_told_as_lost_and_whose(
    folder: Path, name: str, spoil: Callable[[Path], object]
) -> None:
    cells = make_features()
    scene_id = keep(cells)
    spoil(folder / "features" / DIGEST / f"{scene_id}.zarr" / name)
    for wanted in (None, cells.numbers[600:610]):
        with pytest.raises(FeaturesLost, match="damaged") as lost:
            load_features(scene_id, DIGEST, wanted)
        assert (lost.value.scene_id, lost.value.featurizer) == (scene_id, DIGEST)


def test_a_damaged_head_tells_no_size_of_pixels(folder: Path) -> None:
    scene_id = keep(make_features())
    (folder / "features" / DIGEST / f"{scene_id}.zarr" / "zarr.json").write_text("{")
    with pytest.raises(FeaturesLost):
        read_pixel_size(scene_id, DIGEST)


@pytest.mark.usefixtures("folder")
def test_features_of_ground_that_was_not_seen_at_all_are_whole() -> None:
    cells = make_features()
    cells.valid_share[:] = 0
    assert not load_features(keep(cells), DIGEST).valid_share.any()
