"""Comma-separated values: a line of names, then a line a square; UTF-8, lines end with a line feed."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.api.files.tables import BOUNDS, about_of, columns_of, read_parts
from monitor.privacy.released_files import ExactFile, ReleasedFile


def write_csv(shape: ExactFile | ReleasedFile) -> Iterator[bytes]:
    """The file, part by part."""
    yield ",".join([*BOUNDS, *(name for name, _ in columns_of(shape))]).encode() + b"\n"
    if isinstance(shape, ExactFile):
        # the lines are PostgreSQL's own; what every row says of itself is set behind each
        end = f",{shape.provenance.level},{','.join(about_of(shape.provenance))}\n".encode()
        for chunk in shape.chunks:
            yield chunk.replace(b"\n", end) + end if chunk else b""
        return
    for rows in read_parts(shape):
        yield "".join(f"{','.join(row)}\n" for row in rows).encode()
