"""The vault's feature store: one zarr group per scene and featurizer, float16, written whole or not at all.

Features are kept so that change needs no second read of the old scene and a new model can be applied to the past. They are
keyed by row and column: of a scene that is a reference only the cells are read that are compared with it.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import zarr
from django.conf import settings
from zarr.codecs import ZstdCodec

from monitor.detection.featurizer import CellFeatures, Int64, number_cells

CHUNK_CELLS = 512
MOST = float(np.finfo(np.float16).max)
"""What is farther from zero is kept as this: an infinite feature could not be scored at all."""
MODE = 0o700
log = logging.getLogger(__name__)


class FeaturesLost(LookupError):
    """The features of a scene are not there, or are damaged: they must be made again from its files.

    scene_id, featurizer: whose, and by which featurizer (its digest).
    """

    def __init__(self, scene_id: UUID, featurizer: str, what: str) -> None:
        super().__init__(what)
        self.scene_id, self.featurizer = scene_id, featurizer


def save_features(scene_id: UUID, cells: CellFeatures) -> None:
    """Keep the features of a scene, whole or not at all. What is kept already stays: the same pixels give the same.

    A crash leaves a folder that nothing reads; the next attempt removes it. Raises OSError, of a full disk say; then
    nothing is left behind.
    """
    target = _folder(scene_id, cells.digest)
    target.parent.mkdir(mode=MODE, parents=True, exist_ok=True)
    for left_over in target.parent.glob(f"{target.name}.*.partial"):
        shutil.rmtree(left_over, ignore_errors=True)
    partial = target.with_name(f"{target.name}.{uuid4().hex}.partial")
    try:
        _write(partial, cells)
        os.replace(partial, target)
    except OSError:
        # of a full disk, which is not to be filled by what nobody reads
        shutil.rmtree(partial, ignore_errors=True)
        # a worker that was thought lost may have kept them in the meantime
        if not target.exists():
            raise


def _write(folder: Path, cells: CellFeatures) -> None:
    group = zarr.open_group(folder, mode="w")

    def create(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> zarr.Array[Any]:
        # with a checksum, and without leaving out chunks of zeros, so that a changed chunk and a lost one are noticed
        return group.create_array(
            name,
            shape=shape,
            dtype=dtype,
            chunks=(CHUNK_CELLS, *shape[1:]),
            compressors=ZstdCodec(checksum=True),
            config={"write_empty_chunks": True},
        )

    for name, values in (("rows", cells.rows), ("cols", cells.cols), ("valid_share", cells.valid_share)):
        create(name, values.shape, values.dtype)[...] = values
    if cells.pixel_m is not None:
        group.attrs["pixel_m"] = cells.pixel_m
    kept = create("values", cells.values.shape, np.dtype(np.float16))
    for first in range(0, len(cells.values), CHUNK_CELLS):
        chunk = slice(first, first + CHUNK_CELLS)
        kept[chunk] = np.clip(cells.values[chunk], -MOST, MOST).astype(np.float16)


def has_features(scene_id: UUID, featurizer: str) -> bool:
    """True where the features of a scene are there, complete."""
    return _folder(scene_id, featurizer).exists()


def discard_features(scene_id: UUID, featurizer: str) -> None:
    """Forget the features of a scene, so that they are read from its files anew."""
    folder = _folder(scene_id, featurizer)
    if folder.exists():
        gone = folder.with_name(f"{folder.name}.{uuid4().hex}.partial")
        os.replace(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def load_features(scene_id: UUID, featurizer: str, wanted: Int64 | None = None) -> CellFeatures:
    """The features of a scene, values as float32, of all cells or of those that are wanted by number.

    Raises FeaturesLost where they are not there or damaged, OSError where the disk cannot be read.
    """
    with _open(scene_id, featurizer) as group:
        rows, cols, valid_share = (_read(group, name) for name in ("rows", "cols", "valid_share"))
        if wanted is not None:
            places = np.flatnonzero(np.isin(number_cells(rows, cols), wanted))
            values = _read(group, "values", places)
            rows, cols, valid_share = rows[places], cols[places], valid_share[places]
        else:
            values = _read(group, "values")
        return CellFeatures(
            rows, cols, valid_share, values.astype(np.float32), featurizer, _pixel_size(group)
        )


def read_pixel_size(scene_id: UUID, featurizer: str) -> float | None:
    """Side of a pixel of a scene whose features are kept, metres; None where it is not known. Raises as `load_features`."""
    with _open(scene_id, featurizer) as group:
        return _pixel_size(group)


def _pixel_size(group: zarr.Group) -> float | None:
    told = group.attrs.get("pixel_m")
    return float(told) if isinstance(told, int | float) else None


@contextmanager
def _open(scene_id: UUID, featurizer: str) -> Iterator[zarr.Group]:
    """The features of a scene, to be read within the block: what zarr raises of damaged ones becomes FeaturesLost."""
    folder = _folder(scene_id, featurizer)
    if not folder.exists():
        raise FeaturesLost(scene_id, featurizer, "The features of this scene are not in the vault.")
    try:
        yield zarr.open_group(folder, mode="r")
    except (FileNotFoundError, ValueError, LookupError, RuntimeError, TypeError, AttributeError) as error:
        raise FeaturesLost(scene_id, featurizer, "The features of this scene are damaged.") from error
    except OSError:
        log.warning("the features of scene %s cannot be read", scene_id)
        raise


def _read(group: zarr.Group, name: str, places: np.ndarray | None = None) -> np.ndarray:
    """An array, or some of its rows; of the others only those are read that share a chunk with them."""
    array = group[name]
    if not isinstance(array, zarr.Array) or array.nchunks_initialized < array.nchunks:
        raise LookupError("An array or a part of it is missing.")
    if places is None:
        return np.asarray(array[...])
    return np.asarray(array.oindex[places] if len(places) else array[:0])


def _folder(scene_id: UUID, featurizer: str) -> Path:
    return Path(settings.VAULT_DIR) / "features" / featurizer / f"{scene_id}.zarr"
