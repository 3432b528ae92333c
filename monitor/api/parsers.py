"""Read JSON bodies: UTF-8, at most 2 MiB, no NaN, no repeated keys, no text, number or depth that hurts the server."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH = 64
"""Far more than any STAC item has."""


class StrictJSONParser(BaseParser):
    """Parses a body of type application/json, or application/geo+json for STAC items."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parsed value. Raises ParseError for anything that is not strict JSON, RequestDataTooBig over 2 MiB."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content = stream.read(limit + 1)
        if len(content) > limit:
            raise RequestDataTooBig
        try:
            value = json.loads(
                content.decode("utf-8"),
                object_pairs_hook=_unique,
                parse_constant=_refuse_constant,
                parse_float=_read_finite,
            )
            _refuse_unkeepable(value)
        except (ValueError, RecursionError):
            raise ParseError("The body is not strict JSON in UTF-8.") from None
        return value


class GeoJSONParser(StrictJSONParser):
    """The same for the media type of a STAC item."""

    media_type = "application/geo+json"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _read_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _refuse_unkeepable(value: Any) -> None:
    """Raise ValueError for what PostgreSQL or the next encoder could not take: NUL, half a surrogate pair, great depth."""
    pending = [(value, 1)]
    while pending:
        part, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")
        if isinstance(part, str):
            if "\x00" in part:
                raise ValueError("a text holds NUL")
            part.encode("utf-8")
        elif isinstance(part, dict):
            pending += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list):
            pending += [(inner, depth + 1) for inner in part]
