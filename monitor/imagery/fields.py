"""Typed readers for JSON that anybody may have written: the right type, or nothing.

Room `imagery`, pure. Total functions: whatever JSON value comes in, none of these raises. Imports nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

MAX_TEXT = 4096
"""Longer text in a field that should hold a name or an address is taken as absent."""


def read_text(value: Any) -> str | None:
    """The text, if it is some: not empty, not longer than MAX_TEXT."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_TEXT else None


def read_number(value: Any) -> float | None:
    """The number as a finite float; True, text, NaN and what no float can hold are None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_numbers(value: Any, counts: Sequence[int]) -> tuple[float, ...] | None:
    """A list of finite numbers whose length is one of `counts`, or None."""
    if not isinstance(value, list | tuple) or len(value) not in counts:
        return None
    numbers = tuple(number for number in map(read_number, value) if number is not None)
    return numbers if len(numbers) == len(value) else None


def read_mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def read_list(value: Any) -> Sequence[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list | tuple) else ()


def read_moment(value: Any) -> datetime | None:
    """An RFC 3339 moment in UTC; without a zone it is taken as UTC. None where it is not one."""
    text = read_text(value)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
