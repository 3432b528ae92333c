"""The shapes that leave as files, tiles and summaries (pure). Beside `released`, the only ones that a view can answer with.

Only `privacy/door` builds them (a house test reads the source). May import the lattice and `released` only.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import TypeVar
from uuid import UUID

from monitor.privacy.released import Leaving, Provenance, ReleasedBlock

Item = TypeVar("Item")


class FileFormat(StrEnum):
    """As what an export is written; the value ends the address and the file's name."""

    GEOJSON = "geojson"
    CSV = "csv"
    GPKG = "gpkg"
    KML = "kml"
    FGB = "fgb"


class Stream(Iterator[Item]):
    """An answer that is read while it leaves. Its first part is read when it is made, so whatever refuses the answer
    refuses it before a byte is sent. Whoever has one must close it: its ledger entry is completed at the end or then."""

    def __init__(self, parts: Generator[Item]) -> None:
        self._parts = parts
        self._first = list(islice(parts, 1))

    def __next__(self) -> Item:
        """The next part. Raises StreamCut where the right to read it has ended."""
        return self._first.pop() if self._first else next(self._parts)

    def close(self) -> None:
        """Read no further."""
        self._parts.close()


@dataclass(frozen=True, slots=True)
class ExactFile(Leaving):
    """Exact cells on their way into a file. For exact roles only.

    chunks: what PostgreSQL wrote, each read with a ticket of its own: GeoJSON features joined by commas for a GeoJSON
    file, else lines of comma-separated values. A chunk is empty where it holds no cell.
    """

    provenance: Provenance
    format: FileFormat
    chunks: Stream[bytes]


@dataclass(frozen=True, slots=True)
class ReleasedFile(Leaving):
    """Published blocks on their way into a file. published_at: moment of the batch, or None where there is none."""

    provenance: Provenance
    format: FileFormat
    release: UUID | None
    published_at: datetime | None
    applied_bbox: tuple[str, str, str, str] | None
    pages: Stream[Sequence[ReleasedBlock]]


@dataclass(frozen=True, slots=True)
class ReadyFile(Leaving):
    """A file that PostGIS wrote, cells or blocks, in parts that follow each other as they are."""

    provenance: Provenance
    format: FileFormat
    chunks: Stream[bytes]


File = ExactFile | ReleasedFile | ReadyFile
"""What leaves as a file, part by part."""


@dataclass(frozen=True, slots=True)
class Tile(Leaving):
    """A vector tile, ready as bytes; empty where there is nothing, or nothing for this viewer (P8)."""

    provenance: Provenance
    content: bytes


@dataclass(frozen=True, slots=True)
class ReleasedSummary(Leaving):
    """What the published blocks of a region say of one month together. Pairs are least and greatest.

    blocks: how many have a row in that month. cells: active cells. share, observed: per cent of plausible cells,
    decimals.
    """

    provenance: Provenance
    region: UUID
    name: str
    release: UUID | None
    period: str | None
    blocks: int
    cells: tuple[int, int]
    share: tuple[str, str]
    observed: tuple[str, str]
