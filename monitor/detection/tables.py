"""Tables of plain numbers that a notebook hands in: read as they are meant, or refused with the cause.

Room `detection`, pure numpy. Imports nothing of this project.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.floating)


def read_table(
    values: npt.ArrayLike, name: str, dtype: type[Number], *, least_rows: int = 1
) -> npt.NDArray[Number]:
    """Features of cells, of the type asked for (n, F), of one feature at least.

    name: what an error calls them. least_rows: fewer are refused. Raises ValueError for another shape, and numbers that are
    masked, not real or not finite.
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} holds numbers that are masked; leave out cells that were not observed.")
    if np.asarray(values).dtype.kind in "cmM":
        raise ValueError(f"{name} must hold real numbers.")
    with np.errstate(over="ignore"):  # what is too large for the type is not finite in it, and refused below
        table = np.asarray(values, dtype)
    if table.ndim != 2 or len(table) < least_rows or not table.shape[1]:
        raise ValueError(f"{name} must be a table with a row for each cell and a column for each feature.")
    if not np.isfinite(table).all():
        raise ValueError(f"{name} holds numbers that are not finite; leave out cells that were not observed.")
    return table


def read_blocks(groups: npt.ArrayLike) -> Int64:
    """The block of each row, int64, from whole numbers of any type. Raises ValueError for others."""
    told = np.asarray(groups)
    if told.dtype.kind not in "iu":
        try:
            numbers = told.astype(np.float64)
        except (TypeError, ValueError):
            numbers = np.full(told.shape, np.nan)
        if told.dtype.kind in "cUSmM" or not (np.isfinite(numbers) & (numbers == np.rint(numbers))).all():
            raise ValueError(
                "groups must be whole numbers, the block of each row, such as `assign_blocks` gives; blocks of 0.1 and 0.9 "
                "would become one."
            )
        told = numbers
    return told.astype(np.int64)
