"""Read a Mapbox vector tile: a decoder of its own, so that a writer's mistake cannot hide in it (specification 2.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One polygon: its ring in pixels, without the closing point, and what is said of it."""

    ring: list[tuple[int, int]]
    values: dict[str, object]


def read_tile(content: bytes) -> list[Feature]:
    """The features of all layers, in order."""
    found = []
    for number, layer in _fields(content):
        assert number == 3
        found += _read_layer(layer)  # type: ignore[arg-type]
    return found


def _read_layer(content: bytes) -> list[Feature]:
    fields = list(_fields(content))
    keys = [bytes(value).decode() for number, value in fields if number == 3]
    values = [_read_value(value) for number, value in fields if number == 4]  # type: ignore[arg-type]
    assert dict(fields)[15] == 2
    assert dict(fields)[5] == 4096
    return [_read_feature(value, keys, values) for number, value in fields if number == 2]  # type: ignore[arg-type]


def _read_feature(content: bytes, keys: list[str], values: list[object]) -> Feature:
    fields = dict(_fields(content))
    assert fields[3] == 3
    assert 1 not in fields, "an id would tie tiles together"
    tags = list(_varints(fields[2]))  # type: ignore[arg-type]
    said = {keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2], strict=True)}
    return Feature(_read_ring(list(_varints(fields[4]))), said)  # type: ignore[arg-type]


def _read_ring(numbers: list[int]) -> list[tuple[int, int]]:
    ring, x, y, place = [], 0, 0, 0
    while place < len(numbers):
        command, count = numbers[place] & 7, numbers[place] >> 3
        place += 1
        if command == 7:
            continue
        for _ in range(count):
            x += (numbers[place] >> 1) ^ -(numbers[place] & 1)
            y += (numbers[place + 1] >> 1) ^ -(numbers[place + 1] & 1)
            ring.append((x, y))
            place += 2
    return ring


def _read_value(content: bytes) -> object:
    ((number, value),) = _fields(content)
    match number:
        case 1:
            return bytes(value).decode()
        case 3:
            return struct.unpack("<d", value)[0]  # type: ignore[arg-type]
        case 7:
            return bool(value)
    return value


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield number, value
            continue
        length = 8
        if kind == 2:
            length, place = _varint(content, place)
        yield number, content[place : place + length]
        place += length


def _varints(content: bytes) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
