"""Canonical JSON (pure), RFC 8785: one text for one value, so that a hash over it means something.

The database writes the canonical bytes of each entry (migration 0010_lean_lines); this says them a second time, for whatever
checks them. Must not import Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"
MAX_INTEGER = 2**53 - 1
"""Beyond it a reader that keeps numbers as doubles sees another number (RFC 7493, section 2.2)."""


class NotCanonical(ValueError):
    """The value has no canonical form: not a number, an integer beyond 2**53 - 1, half a character, a key twice."""


def canonicalise(value: object) -> bytes:
    """The canonical bytes of a JSON value. Raises NotCanonical, also for a type that JSON does not know."""
    try:
        return _write(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("A text holds half of a surrogate pair.") from error


def parse_canonical(content: bytes) -> Value:
    """The value of canonical bytes. Raises NotCanonical for anything that `canonicalise` would not have written."""
    try:
        value: Value = json.loads(content.decode("utf-8"), parse_int=_read_integer)
    except (ValueError, RecursionError) as error:
        raise NotCanonical("This is not JSON in UTF-8.") from error
    if canonicalise(value) != content:
        raise NotCanonical("This JSON is not in canonical form.")
    return value


def _read_integer(digits: str) -> int | float:
    """As ECMAScript reads it: beyond 2**53 - 1 digits stand for a double, also where they look like an integer."""
    return float(digits) if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER else int(digits)


def _write(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise NotCanonical("An integer is beyond 2**53 - 1.")
        return str(value)
    if isinstance(value, float):
        return _write_number(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # its escapes are those of RFC 8785, section 3.2.2.2
    if isinstance(value, Mapping):
        return _write_object(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return f"[{','.join(_write(item) for item in value)}]"
    raise NotCanonical(f"JSON knows no {type(value).__name__}.")


def _write_object(value: Mapping[object, object]) -> str:
    keys = [key for key in value if isinstance(key, str)]
    if len(keys) < len(value):
        raise NotCanonical("A key is not a text.")
    # section 3.2.3: by UTF-16 code units, which differs from code points beyond the basic plane
    keys.sort(key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return f"{{{','.join(f'{_write(key)}:{_write(value[key])}' for key in keys)}}}"


def _write_number(value: float) -> str:
    """A double as ECMAScript writes it (ECMA-262, Number::toString): Python's shortest digits in another layout."""
    if value != value or value in (float("inf"), float("-inf")):
        raise NotCanonical("JSON knows no infinity and no NaN.")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    significant = (whole + fraction).lstrip("0")
    # value = 0.significant * 10**point
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(significant))
    digits = significant.rstrip("0")
    return sign + _lay_out(digits, point)


def _lay_out(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    exponent = point - 1
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'+' if exponent > 0 else '-'}{abs(exponent)}"
