"""Numbers as the text of a multirange (pure): what the database would make of them, several times as fast as objects."""

from __future__ import annotations

from collections.abc import Sequence


def write_multirange(numbers: Sequence[int]) -> str:
    """The literal of an int4multirange. numbers: ascending, each once."""
    ranges, start, end = [], None, None
    for number in numbers:
        if number != end:
            if start is not None:
                ranges.append(f"[{start},{end})")
            start = number
        end = number + 1
    if start is not None:
        ranges.append(f"[{start},{end})")
    return f"{{{','.join(ranges)}}}"
