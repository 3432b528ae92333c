"""Cell numbers as an `integer[]` in the form in which PostgreSQL sends and takes it (pure).

As text, the server would read them digit by digit; as ranges, it would take each apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_INT4 = 23
"""The type of the elements, by its number in every PostgreSQL."""
_HEAD = np.dtype(
    [(name, ">i4") for name in ("dimensions", "has_nulls", "element_type", "length", "first_index")]
)
_ELEMENT = np.dtype([("length", ">i4"), ("number", ">i4")])


def write_numbers(numbers: Sequence[int]) -> bytes:
    """The array of one dimension that holds `numbers` in their order; none of them makes the empty array.

    Raises OverflowError for a number that an int4 cannot hold.
    """
    values = np.array(numbers, np.int64)
    if values.size and not -(2**31) <= values.min() <= values.max() < 2**31:
        raise OverflowError("a cell number does not fit into four bytes")
    elements = np.empty(values.size, _ELEMENT)
    elements["length"], elements["number"] = 4, values
    head = np.array((1 if values.size else 0, 0, _INT4, values.size, 1), _HEAD).tobytes()
    # an empty array has no dimension, so none is described
    return head[: -8 if not values.size else None] + elements.tobytes()
