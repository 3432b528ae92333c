"""A GeoJSON file: the collection of `activity`, without pages."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.api.rendering import dump, head_of, write_block
from monitor.privacy.released_files import ExactFile, ReleasedFile


def write_geojson(shape: ExactFile | ReleasedFile) -> Iterator[bytes]:
    """The file, part by part. A file that was cut has no closing brackets, so it is no JSON."""
    head = head_of(shape.provenance) | {"next": None}
    if isinstance(shape, ReleasedFile):
        head |= {"release": str(shape.release) if shape.release else None}
        box = f"[{','.join(shape.applied_bbox)}]" if shape.applied_bbox else "null"
        yield f'{dump(head)[:-1]},"applied_bbox":{box},"features":['.encode()
    else:
        yield f'{dump(head)[:-1]},"features":['.encode()
    comma = b""
    for part in _write_parts(shape):
        if part:
            yield comma + part
            comma = b","
    yield b"]}"


def _write_parts(shape: ExactFile | ReleasedFile) -> Iterator[bytes]:
    if isinstance(shape, ExactFile):
        yield from shape.chunks
    else:
        for page in shape.pages:
            yield ",".join(write_block(block) for block in page).encode()
