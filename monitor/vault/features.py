"""The vault's feature store: one zarr group per scene and featurizer, float16, written whole or not at all.

Features are kept so that change needs no second read of the old scene and a new model can be applied to the past. They are
keyed by row and column: of a scene that is a reference only the cells are read that are compared with it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import zarr
from django.conf import settings

from monitor.detection.featurizer import CellFeatures, Int64, number_cells

CHUNK_CELLS = 512
MOST = float(np.finfo(np.float16).max)
"""What is farther from zero is kept as this: an infinite feature could not be scored at all."""
MODE = 0o700


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
    for name, values in (("rows", cells.rows), ("cols", cells.cols), ("valid_share", cells.valid_share)):
        group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=(CHUNK_CELLS,))[...] = values
    if cells.pixel_m is not None:
        group.attrs["pixel_m"] = cells.pixel_m
    chunks = (CHUNK_CELLS, *cells.values.shape[1:])
    kept = group.create_array("values", shape=cells.values.shape, dtype=np.float16, chunks=chunks)
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

    Raises LookupError where they are not there.
    """
    group = _open(scene_id, featurizer)
    rows, cols, valid_share = (_read(group, name) for name in ("rows", "cols", "valid_share"))
    if wanted is not None:
        places = np.flatnonzero(np.isin(number_cells(rows, cols), wanted))
        values = _read(group, "values", places)
        rows, cols, valid_share = rows[places], cols[places], valid_share[places]
    else:
        values = _read(group, "values")
    return CellFeatures(rows, cols, valid_share, values.astype(np.float32), featurizer, _pixel_size(group))


def read_pixel_size(scene_id: UUID, featurizer: str) -> float | None:
    """Side of a pixel of a scene whose features are kept, metres; None where it is not known. Raises LookupError."""
    return _pixel_size(_open(scene_id, featurizer))


def _pixel_size(group: zarr.Group) -> float | None:
    told = group.attrs.get("pixel_m")
    return float(told) if isinstance(told, int | float) else None


def _open(scene_id: UUID, featurizer: str) -> zarr.Group:
    folder = _folder(scene_id, featurizer)
    if not folder.exists():
        raise LookupError("The features of this scene are not in the vault.")
    return zarr.open_group(folder, mode="r")


def _read(group: zarr.Group, name: str, places: np.ndarray | None = None) -> np.ndarray:
    """An array, or some of its rows; of the others only those are read that share a chunk with them."""
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise LookupError(
            "The features of this scene are damaged. Remove them; they will be extracted again."
        )
    if places is None:
        return np.asarray(array[...])
    return np.asarray(array.oindex[places] if len(places) else array[:0])


def _folder(scene_id: UUID, featurizer: str) -> Path:
    return Path(settings.VAULT_DIR) / "features" / featurizer / f"{scene_id}.zarr"
