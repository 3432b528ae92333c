"""Labels: reviewed statements about cells, read from CSV, and the features of the cells they speak of.

Room `detection`, pure. A label names a cell, a class and a period, perhaps the scene it was made on. Messages name a
line of the file, never a place. May import `change` and `featurizer`.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from monitor.detection.featurizer import Int64, number_cells
from monitor.grid import COLS, ROWS

CLASSES = ("none", "artisanal", "industrial")
"""What a cell may be; the order of all columns of probabilities."""
_ALSO = {"artisanal_mine": "artisanal", "industrial_mine": "industrial"}
_NEEDED = ("cell_row", "cell_col", "label")
_PERIOD = ("observed_from", "observed_to")
_OPTIONAL = ("kind", "source", "region", "mineral", "formalisation")
_SCENE = "item_t1"
_BESIDE = ("lon", "lat", "item_t0")
"""What sets of labels tell besides, and nothing here reads."""
_ALIKE = 0.81
"""Share of letters from which a name is taken for another one misspelt; 0.8 is `source_id` beside `source`."""


class LabelsRefused(ValueError):
    """A file of labels that cannot be used; the text names the line and the mend."""


@dataclass(frozen=True, slots=True)
class CellLabel:
    """One label.

    Parameters
    ----------
    row, col : int
        L0 cell.
    label : int
        Position in `CLASSES`.
    observed_from, observed_to : date, optional
        Period it holds for.
    kind : str
        What a `none` or a mine is in detail.
    source : str
        Where it comes from.
    item : str
        Id of the scene it was made on.
    region, mineral, formalisation : str
        For the breakdown of figures. All texts are "" if unstated.

    Examples
    --------
    >>> CellLabel(9000, 20000, CLASSES.index("none"), date(2021, 1, 1), date(2021, 12, 31), kind="road").period
    '2021-01-01/2021-12-31'
    """

    row: int
    col: int
    label: int
    observed_from: date | None = None
    observed_to: date | None = None
    kind: str = ""
    source: str = ""
    region: str = ""
    item: str = ""
    mineral: str = ""
    formalisation: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for a class that there is none of: -1 would be taken for the last one; and for a cell that there
        is none of, which would be taken for another."""
        if self.label not in range(len(CLASSES)):
            raise ValueError(f"label must be 0 to {len(CLASSES) - 1}, a position in {', '.join(CLASSES)}.")
        if not (0 <= self.row < ROWS and 0 <= self.col < COLS):
            raise ValueError("The cell is not on the lattice of 0.01 degree; row and col are not degrees.")

    @property
    def period(self) -> str:
        """The period as text, "" if unstated."""
        ends = (self.observed_from, self.observed_to)
        return "/".join(end.isoformat() if end else "" for end in ends) if any(ends) else ""


def read_labels(path: Path) -> tuple[CellLabel, ...]:
    """Read labels from CSV.

    Parameters
    ----------
    path : Path
        With the columns cell_row, cell_col, label and, if there are any, observed_from, observed_to, kind, source, region,
        mineral, formalisation, item_t1. Others are passed over, unless they look like one of these misspelt.
        `artisanal_mine` is artisanal.

    Returns
    -------
    tuple of CellLabel

    Raises
    ------
    LabelsRefused
        With the line and the mend, never a place; also if the file is no CSV in UTF-8.
    OSError

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.csv"
    ...     _ = path.write_text("cell_row,cell_col,label\\n9000,20000,artisanal\\n")
    ...     read_labels(path)[0].label
    1
    """
    return tuple(label for _, label in read_numbered_labels(path))


def read_numbered_labels(path: Path) -> tuple[tuple[int, CellLabel], ...]:
    """As `read_labels`, each label with the number of its line, by which a message may name it. Raises LabelsRefused,
    OSError."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        # strict: a quote that is never closed would swallow all labels after it
        reader, read = csv.DictReader(file, strict=True), 0
        labels: list[tuple[int, CellLabel]] = []
        try:
            _check_head(reader.fieldnames or ())
            read = reader.line_num
            for fields in reader:
                labels.append((reader.line_num, _read_label(fields, reader.line_num)))
                read = reader.line_num
        except (UnicodeDecodeError, csv.Error):
            raise LabelsRefused(
                f"The labels cannot be read: line {read + 1} or one after it is no CSV in UTF-8, or has a quote too many; "
                "save the file as such."
            ) from None
    if not labels:
        raise LabelsRefused("The file holds no labels.")
    return tuple(labels)


def _check_head(names: Sequence[str]) -> None:
    """Refuse names of columns by which a label would be read wrongly. A headless file names places: they are not told."""
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise LabelsRefused(f"The labels have no column {', '.join(missing)}; the first line must name them.")
    known = (*_NEEDED, *_PERIOD, *_OPTIONAL, _SCENE)
    absent = [name for name in known if name not in names]
    for at, name in enumerate(names):
        if name and name in names[:at]:
            raise LabelsRefused(
                f"Line 1: column {at + 1} has the name of one before it; take one of them out."
            )
        alike = difflib.get_close_matches(name.strip().lower(), absent, 1, _ALIKE)
        if alike and name not in (*known, *_BESIDE):
            raise LabelsRefused(
                f"Line 1: column {at + 1} looks like {alike[0]} misspelt and would not be read; "
                f"write {alike[0]} or take it out."
            )


def _read_label(fields: Mapping[Any, Any], line: int) -> CellLabel:
    # a line with too many fields has the rest under None
    text = {name: (value or "").strip() for name, value in fields.items() if name is not None}
    if any("\0" in value for value in text.values()):
        raise LabelsRefused(f"Line {line}: a text holds a null character; take it out.")
    named = _ALSO.get(text["label"], text["label"])
    if named not in CLASSES:
        raise LabelsRefused(f"Line {line}: the label must be one of {', '.join([*CLASSES, *_ALSO])}.")
    try:
        row, col = _read_number(text["cell_row"]), _read_number(text["cell_col"])
        period = [_read_date(text.get(name, "")) for name in _PERIOD]
    except ValueError:
        raise LabelsRefused(
            f"Line {line}: cell_row and cell_col must be whole numbers, dates must be like 2021-12-31."
        ) from None
    if not (0 <= row < ROWS and 0 <= col < COLS):
        raise LabelsRefused(f"Line {line}: the cell is not on the lattice of 0.01 degree.")
    if period[0] and period[1] and period[0] > period[1]:
        raise LabelsRefused(
            f"Line {line}: observed_from lies after observed_to; the earlier date must be the first."
        )
    optional = {name: text.get(name, "") for name in _OPTIONAL}
    return CellLabel(
        row, col, CLASSES.index(named), period[0], period[1], item=text.get(_SCENE, ""), **optional
    )


def _read_number(text: str) -> int:
    """A number in the digits 0 to 9. Raises ValueError, for 9_000 too."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError
    return int(text)


def _read_date(text: str) -> date | None:
    return datetime.fromisoformat(text).date() if text else None


def digest_labels(labels: Iterable[CellLabel]) -> str:
    """Hex sha256 of the labels, whatever their order: tells whether two sets are the same."""
    lines = sorted(f"{x.row},{x.col},{x.period},{CLASSES[x.label]},{x.item}" for x in labels)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def name_source(label: CellLabel) -> str:
    """Where a label comes from, without the record: `set/train/mine_12` is of `set/train`."""
    return label.source.rpartition("/")[0] or label.source


def number_labels(labels: Sequence[CellLabel]) -> Int64:
    """int64 (n,): number of the cell of each label."""
    return number_cells(
        np.array([label.row for label in labels], np.int64),
        np.array([label.col for label in labels], np.int64),
    )


def list_scenes(label: CellLabel, scenes: Iterable[tuple[int, str, datetime, datetime]]) -> list[int]:
    """Positions of the scenes that a label may speak of, the latest first.

    scenes: position, item id, begin and end of those that hold the cell. Those that bear the id that the label names; if
    it names none, those that overlap its period, or all where it has no period.
    """
    found: list[tuple[datetime, str, int]] = []
    for position, item_id, observed_from, observed_to in scenes:
        if label.item:
            matches = item_id == label.item
        else:
            begins_in_time = label.observed_to is None or observed_from.date() <= label.observed_to
            matches = begins_in_time and (
                label.observed_from is None or observed_to.date() >= label.observed_from
            )
        if matches:
            found.append((observed_to, item_id, position))
    return [position for _, _, position in sorted(found, reverse=True)]


def choose_scene(spoken_of: Sequence[int], seen: Container[int]) -> int | None:
    """Which of the scenes of `list_scenes` a label is compared with; None for none.

    seen: positions of those that show enough of the cell. The latest of them; where there is none the latest of all, of
    which can be said that it shows too little.
    """
    latest = spoken_of[0] if spoken_of else None
    return next((position for position in spoken_of if position in seen), latest)
