"""Feature tables: features that others computed, a row for each cell, read from CSV instead of imagery.

Room `detection`, pure. The form of MOSAIKS (Rolf et al. 2021): latitude and longitude of the centre of a cell of 0.01
degree, then X_0 to X_3999. Read in portions, so that a country passes in the memory of a few hundred cells. Messages
name lines and columns, never a place. May import `featurizer`, `tablehead`, `grid`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.detection.featurizer import Int64, Progress, number_cells
from monitor.detection.rcf import Float32, Int32
from monitor.detection.tablehead import Columns, FeaturesRefused, read_head
from monitor.grid import CELLS_PER_DEG, COLS

PORTION = 2**24
"""Bytes read together: some 200 lines of 4,000 features."""
TOLERANCE_DEG = 1e-4
"""How far from the centre of its cell a place may stand: room for numbers that were kept as float32."""


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of cells from a table. An exact thing.

    Parameters
    ----------
    rows, cols : int32 (n,)
        L0 cells, each once.
    values : float32 (n, F)
        Finite.
    names : tuple of str
        Of the features, X_0 to X_(F - 1).
    lines : int
        Cells that the file holds, of which n were asked for.

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.array([9000, 9001], np.int32)
    >>> FeatureTable(cells, cells, np.zeros((2, 1), np.float32), ("X_0",), 2).numbers.tolist()
    [324009000, 324045001]
    """

    rows: Int32
    cols: Int32
    values: Float32
    names: tuple[str, ...]
    lines: int

    @property
    def numbers(self) -> Int64:
        """int64 (n,), cell numbers."""
        return number_cells(self.rows, self.cols)


def read_feature_table(
    path: Path, wanted: Int64 | None = None, progress: Progress | None = None
) -> FeatureTable:
    """Read a table of features whole, or the cells of it that are wanted.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with columns `lat` and `lon` (or `latitude`, `longitude`; capitals do not matter) and `X_0`, `X_1`, ...
        in any order. A first column of row numbers is passed over.
    wanted : int64 (m,), optional
        Numbers of the cells to keep (`number_cells`). The places of all lines are checked, the numbers of those kept.
    progress : callable, optional
        Called with bytes read and bytes in all.

    Returns
    -------
    FeatureTable
        In the order of the file. Without a cell if none is wanted.

    Raises
    ------
    FeaturesRefused
        For columns that are missing or unknown, places that are off the centres of cells, off the earth, exchanged or
        named twice, and numbers that are not finite.
    OSError

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "features.csv"
    ...     _ = path.write_text("lat,lon,X_0,X_1\\n-4.975,-79.105,0.5,0.25\\n-4.975,-79.095,0.1,0.75\\n")
    ...     table = read_feature_table(path)
    >>> table.rows.tolist(), table.cols.tolist()
    ([8502, 8502], [10089, 10090])
    >>> table.values.tolist()[0]
    [0.5, 0.25]
    """
    portions = list(scan_feature_table(path, wanted, progress))
    return FeatureTable(
        np.concatenate([portion.rows for portion in portions]),
        np.concatenate([portion.cols for portion in portions]),
        np.concatenate([portion.values for portion in portions]),
        portions[0].names,
        sum(portion.lines for portion in portions),
    )


def scan_feature_table(
    path: Path, wanted: Int64 | None = None, progress: Progress | None = None
) -> Iterator[FeatureTable]:
    """As `read_feature_table`, portion by portion.

    Parameters
    ----------
    path, wanted, progress
        As of `read_feature_table`.

    Yields
    ------
    FeatureTable
        At least one. Cells named twice are found at the end of the file.

    Raises
    ------
    FeaturesRefused, OSError

    Examples
    --------
    `score_table(scan_feature_table(path), head)` scores a country in the memory of a few hundred cells.
    """
    size, seen, lines_of = path.stat().st_size, [], []
    met = exchanged = 0
    with path.open("rb") as file:
        columns = read_head(file.readline())
        line = 2
        while raw := file.readlines(PORTION):
            kept = [(line + at, text) for at, text in enumerate(raw) if text.strip()]
            line += len(raw)
            if not kept:
                continue
            numbers, turned = _place_lines(kept, columns)
            seen.append(numbers)
            lines_of.append(np.array([at for at, _ in kept], np.int64))
            chosen = np.arange(len(kept)) if wanted is None else np.flatnonzero(np.isin(numbers, wanted))
            met += len(chosen)
            exchanged += 0 if wanted is None else int(np.isin(turned, wanted).sum())
            yield _make_table(numbers, [kept[at] for at in chosen], chosen, columns)
            if progress is not None:
                progress(file.tell(), size)
    if not seen:
        raise FeaturesRefused("The table of features holds no line but the first.")
    _check_once(np.concatenate(seen), np.concatenate(lines_of))
    if not met and exchanged:
        raise FeaturesRefused(
            f"None of the cells that are asked for is in the table, and {exchanged} would be if latitude and longitude were "
            "exchanged. Exchange the names of the two columns."
        )


def _place_lines(kept: Sequence[tuple[int, bytes]], columns: Columns) -> tuple[Int64, Int64]:
    """Numbers of the cells of lines, and of the cells they would be with latitude and longitude exchanged, else -1."""
    last = max(columns.lat, columns.lon)
    places = np.empty((2, len(kept)))
    for at, (line, text) in enumerate(kept):
        found = text.count(b",") + 1
        if found != columns.count:
            raise FeaturesRefused(
                f"Line {line} has {found} fields, the first line {columns.count}: it was cut off, or its numbers are "
                "written with a comma. Fetch or write the file again."
            )
        if b"_" in text:  # Python would read 1_0 as ten
            raise FeaturesRefused(f"Line {line} holds an underscore; write numbers as 10.5 or 1.05e1.")
        fields = text.split(b",", last + 1)
        try:
            places[:, at] = [float(fields[place].strip(b'" \r\n')) for place in (columns.lat, columns.lon)]
        except ValueError:
            raise FeaturesRefused(f"Line {line}: the latitude or longitude is no number.") from None
    index = _find_cells(places, [line for line, _ in kept])
    lat, lon = places
    turned = number_cells(
        np.floor((lon + 90) * CELLS_PER_DEG).astype(np.int64),
        np.floor((lat + 180) * CELLS_PER_DEG).astype(np.int64),
    )
    return number_cells(index[0], index[1]), np.where(np.abs(lon) < 90, turned, -1)


def _find_cells(places: np.ndarray, lines: Sequence[int]) -> Int64:
    """Rows and columns, int64 (2, n), of the cells in whose centres places (2, n), latitude and longitude, stand."""
    most = np.array([[90.0], [180.0]])
    outside = ~(np.abs(places) <= most).all(axis=0)  # whatever is not a number is outside too
    if outside.any():
        at = int(outside.argmax())
        if abs(places[0, at]) <= 180 and abs(places[1, at]) <= 90:
            raise FeaturesRefused(
                f"Line {lines[at]}: the latitude is beyond 90 degrees, the longitude is not: the two are exchanged. "
                "Exchange the names of the two columns."
            )
        raise FeaturesRefused(f"Line {lines[at]}: the place is not on earth; give degrees, WGS 84.")
    scaled = (places + most) * CELLS_PER_DEG
    index: Int64 = np.floor(scaled).astype(np.int64)
    off = (np.abs(scaled - index - 0.5) > TOLERANCE_DEG * CELLS_PER_DEG).any(axis=0)
    if off.any():
        raise FeaturesRefused(
            f"Line {lines[int(off.argmax())]}: the place is not the centre of a cell of 0.01 degree, whose third "
            "decimals are 5. Features of another grid say nothing of these cells; fetch those of the dense grid."
        )
    return index


def _make_table(
    numbers: Int64, kept: Sequence[tuple[int, bytes]], chosen: np.ndarray, columns: Columns
) -> FeatureTable:
    """The chosen ones of a portion's lines. kept: the chosen lines. numbers: of all lines."""
    values = np.empty((len(kept), len(columns.features)), np.float32)
    for at, (line, text) in enumerate(kept):
        values[at] = _read_values(line, text, columns)
    rows, cols = divmod(numbers[chosen], COLS)
    return FeatureTable(rows.astype(np.int32), cols.astype(np.int32), values, columns.names, len(numbers))


def _read_values(line: int, text: bytes, columns: Columns) -> Float32:
    fields = text.replace(b'"', b"").split(b",")
    values = np.full(len(columns.features), np.nan)  # what is no number stays so
    with suppress(ValueError):
        for at, place in enumerate(columns.features):
            values[at] = float(fields[place])
    with np.errstate(over="ignore"):
        exact = values.astype(np.float32)
    if not np.isfinite(exact).all():
        raise FeaturesRefused(
            f"Line {line}: X_{int(np.isfinite(exact).argmin())} is no finite number. Leave out cells without features."
        )
    return exact


def _check_once(numbers: Int64, lines: Int64) -> None:
    order = np.argsort(numbers, kind="stable")
    same = np.flatnonzero(np.diff(numbers[order]) == 0)
    if len(same):
        first, second = lines[order[same[0]]], lines[order[same[0] + 1]]
        raise FeaturesRefused(f"Lines {first} and {second} are of the same cell; keep one of them.")
