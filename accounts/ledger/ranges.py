"""Numbers as a multirange in the form in which PostgreSQL sends and takes it (pure). As text, the server makes room for each
bound anew, which takes it several times as long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_FROM_INCLUDED = 2
"""Flags of a range (`RANGE_LB_INC`): its first number belongs to it, its end does not."""
_RANGE = np.dtype(
    [
        ("length", ">i4"),
        ("flags", "u1"),
        ("start_length", ">i4"),
        ("start", ">i4"),
        ("end_length", ">i4"),
        ("end", ">i4"),
    ]
)


def write_multirange(numbers: Sequence[int]) -> bytes:
    """An int4multirange of as few ranges as there can be. numbers: ascending, each once, below 2^31 - 1.

    Raises OverflowError for a number that an int4 cannot hold.
    """
    values = np.array(numbers, np.int64)
    if values.size and not -(2**31) <= values[0] <= values[-1] < 2**31 - 1:
        raise OverflowError("a number of a multirange does not fit into four bytes")
    is_start = np.ones(values.size, bool)
    is_start[1:] = np.diff(values) != 1
    is_last = np.roll(is_start, -1)
    ranges = np.empty(int(is_start.sum()), _RANGE)
    ranges["length"], ranges["flags"] = _RANGE.itemsize - 4, _FROM_INCLUDED
    ranges["start_length"] = ranges["end_length"] = 4
    ranges["start"], ranges["end"] = values[is_start], values[is_last] + 1
    return ranges.size.to_bytes(4, "big") + ranges.tobytes()
