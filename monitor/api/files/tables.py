"""Rows of a file: the same columns in every tabular format, and what each row says of itself (P9).

A row is a list of texts: west, south, east, north, then the values of `columns_of`. No value can hold a comma, a quote,
an angle bracket or a line break: all are numbers, words of enumerations, dates, and names of rules of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from monitor.grid import Level
from monitor.privacy.released import Provenance, ReleasedBlock
from monitor.privacy.released_files import ExactFile, ReleasedFile


class Kind(StrEnum):
    """What the values of a column are; named as GeoPackage does."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    REAL = "DOUBLE"
    FLAG = "BOOLEAN"


Columns = Sequence[tuple[str, Kind]]

BOUNDS = ("west", "south", "east", "north")
_ABOUT: Columns = (
    ("precision_deg", Kind.REAL),
    ("rule", Kind.TEXT),
    ("policy_version", Kind.TEXT),
    ("generalised", Kind.FLAG),
)
CELL_COLUMNS: Columns = (
    ("row", Kind.INTEGER),
    ("col", Kind.INTEGER),
    ("state", Kind.TEXT),
    ("class", Kind.TEXT),
    ("probability", Kind.REAL),
    ("low", Kind.REAL),
    ("high", Kind.REAL),
    ("observed_on", Kind.TEXT),
    ("valid_share", Kind.REAL),
    ("confidence", Kind.TEXT),
    ("public_elsewhere", Kind.TEXT),
    ("level", Kind.TEXT),
    *_ABOUT,
)
BLOCK_COLUMNS: Columns = (
    ("level", Kind.TEXT),
    ("row", Kind.INTEGER),
    ("col", Kind.INTEGER),
    ("period", Kind.TEXT),
    ("band", Kind.TEXT),
    ("trend", Kind.TEXT),
    ("observed", Kind.TEXT),
    ("part", Kind.TEXT),
    *_ABOUT,
)


def columns_of(shape: ExactFile | ReleasedFile) -> Columns:
    """Names and kinds of the columns behind the four bounds."""
    return CELL_COLUMNS if isinstance(shape, ExactFile) else BLOCK_COLUMNS


def read_parts(shape: ExactFile | ReleasedFile) -> Iterator[list[list[str]]]:
    """The rows, part by part as they are read."""
    if isinstance(shape, ExactFile):
        about = [shape.provenance.level, *about_of(shape.provenance)]
        for chunk in shape.chunks:
            yield [[*line.split(","), *about] for line in chunk.decode().splitlines()]
    else:
        for page in shape.pages:
            yield [block_row(block, shape.provenance) for block in page]


def block_row(block: ReleasedBlock, provenance: Provenance) -> list[str]:
    """One block as a row; its precision is its own, which can be coarser than that of the answer."""
    values = [block.level, str(block.row), str(block.col), block.period, block.band.value, block.trend.value]
    about = about_of(provenance)
    values += [block.observed.value, block.part]
    return [*block.bounds, *values, Level[block.level].deg_text, *about[1:]]


def about_of(provenance: Provenance) -> list[str]:
    """The last four columns: precision, rule, policy version, whether generalised."""
    generalised = "true" if provenance.generalised else "false"
    return [provenance.precision_deg, provenance.rule, provenance.policy_version, generalised]
