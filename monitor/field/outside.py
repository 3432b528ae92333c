"""Outside evidence (pure): what other systems have published about a place, in one form.

Other systems tell of lost forest, of fires, of mines, each with words and delays of its own. A record here says which
cell, which system, when, how sure and what of. What that may do to a state stands in `fusion`. No Django, no files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.field.systems import SYSTEMS, Theme, Trust
from monitor.grid import OutsideLattice, locate_cells

Int64 = npt.NDArray[np.int64]

EPOCH = date(2014, 12, 31)
"""Day 0 of the raster encoding of Global Forest Watch."""
FIRST_DAY = EPOCH
"""The oldest day of an alert that is taken, in whatever form it comes: the raster encoding knows none before."""
AHEAD = timedelta(days=1)
"""East of here it may be tomorrow."""
PIXELS_OUTSIDE = (
    "Alerts of the raster lie outside the world, beyond 180 degrees or a pole; check its coordinate system "
    "and its corner."
)
"""Whether the pixels cannot be brought to degrees or lie in no cell."""


class OutsideRefused(ValueError):
    """A file of another system that cannot be used; the text names a row and a mend, never a place."""


_WORDS = {
    **dict.fromkeys(("low", "l", "1"), Trust.LOW),
    **dict.fromkeys(("nominal", "n", "medium", "m", "probable", "2"), Trust.NOMINAL),
    **dict.fromkeys(("high", "h", "confirmed", "3"), Trust.HIGH),
    **dict.fromkeys(("highest", "4"), Trust.HIGHEST),
}


@dataclass(frozen=True, slots=True)
class OutsideAlert:
    """What one system said of one cell on one day. An exact thing: together with our cells it says where."""

    row: int
    col: int
    system: str
    theme: Theme
    observed_on: date
    trust: Trust


@dataclass(frozen=True, slots=True)
class Published:
    """All that one system said of one cell with one theme and of one day: how sure at best, in how many alerts."""

    row: int
    col: int
    system: str
    theme: Theme
    observed_on: date
    trust: Trust
    alerts: int

    @property
    def settles_on(self) -> date:
        """The day from which the system will leave it as it is."""
        return self.observed_on + SYSTEMS[self.system].settles


def read_api_answer(text: str, system: str, today: date) -> list[OutsideAlert]:
    """Alerts of an answer of the GFW data API: JSON with `data`, rows with latitude, longitude, a date and a confidence.

    The names of date and confidence differ between data sets (`gfw_integrated_alerts__date`, `alert__date`,
    `confidence__cat`); there must be one of each. Raises OutsideRefused.
    """
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        raise OutsideRefused("The file is no JSON; save the answer of the API as it came.") from None
    rows = content.get("data") if isinstance(content, dict) else content
    # of an error, no rows would pass for no alerts, and take back all that was told before
    if isinstance(content, dict) and content.get("status", "success") != "success":
        raise OutsideRefused("The answer says that the API could not answer; ask it again.")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise OutsideRefused("The answer has no list of alerts under `data`; ask the API for rows.")
    return list(_read_rows(rows, system, today))


def read_csv_download(text: str, system: str, today: date) -> list[OutsideAlert]:
    """Alerts of a CSV with the same columns, named in its first line even if no row follows. Raises OutsideRefused."""
    # strict: a quote that is never closed would swallow all alerts after it
    reader, alerts = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), strict=True), list[OutsideAlert]()
    read = 0
    try:
        _check_head(reader.fieldnames or ())
        read = reader.line_num
        for alert in _read_rows(_check_fields(reader), system, today):
            alerts.append(alert)
            read = reader.line_num
    except csv.Error:
        raise OutsideRefused(
            f"Line {read + 1} of the table, or one after it, is no CSV: it has a quote too many, or a field that is too"
            " long; save the table again."
        ) from None
    return alerts


def decode_pixels(values: npt.NDArray[np.integer[Any]]) -> tuple[Int64, Int64]:
    """Confidence digit and days since 2014-12-31 of the raster encoding of Global Forest Watch, int64 of the same shape.

    A pixel such as 30123 is confidence 3 and day 123; 0 is no alert, for both. Raises OutsideRefused for other numbers.
    """
    plain = np.asarray(values, np.int64)
    digit, days = plain // 10_000, plain % 10_000
    if ((plain != 0) & ((digit < 1) | (digit > 4) | (plain < 0))).any():
        raise OutsideRefused(
            "The raster is not encoded as a confidence digit and days since 2014-12-31; give the layer `date_conf`."
        )
    return digit, days


def read_pixels(
    values: npt.NDArray[np.integer[Any]],
    lon: npt.NDArray[np.float64],
    lat: npt.NDArray[np.float64],
    system: str,
    today: date,
) -> list[OutsideAlert]:
    """Alerts of pixels (n,) in that encoding, with the centres of the pixels in degrees (n,). Raises OutsideRefused."""
    digit, days = decode_pixels(values)
    found = np.flatnonzero(digit)
    try:
        rows, cols = locate_cells(lon[found], lat[found])
    except OutsideLattice:
        raise OutsideRefused(PIXELS_OUTSIDE) from None
    words = {number: _WORDS[str(number)] for number in range(1, 5)}
    return [
        OutsideAlert(
            int(row),
            int(col),
            system,
            SYSTEMS[system].theme,
            check_day(EPOCH + timedelta(days=int(days[at])), today, "An alert of the raster"),
            words[int(digit[at])],
        )
        for row, col, at in zip(rows.tolist(), cols.tolist(), found.tolist(), strict=True)
    ]


def gather_published(alerts: Iterable[OutsideAlert]) -> list[Published]:
    """One record for each cell, system, theme and day, in the order of these: many pixels in a cell are one place."""
    groups: dict[tuple[int, int, str, Theme, date], tuple[int, int]] = {}
    for alert in alerts:
        key = (alert.row, alert.col, alert.system, alert.theme, alert.observed_on)
        rank, count = groups.get(key, (0, 0))
        groups[key] = (max(rank, alert.trust.rank), count + 1)
    return [Published(*key, list(Trust)[rank], count) for key, (rank, count) in sorted(groups.items())]


def read_trust(word: str) -> Trust:
    """The confidence that a word of any of the systems means. Raises OutsideRefused."""
    try:
        return _WORDS[word.strip().lower()]
    except KeyError:
        raise OutsideRefused(f"{word[:20]!r} is no confidence that is known here.") from None


def read_degrees(value: Any) -> float:
    """A latitude or longitude, in degrees. Python would take `true` for 1, and `6_9` or digits of other scripts for numbers.

    Raises ValueError, TypeError or OverflowError where it is none.
    """
    if isinstance(value, bool) or (isinstance(value, str) and ("_" in value or not value.isascii())):
        raise OutsideRefused("its latitude or longitude is no number such as -6.9")
    return float(value)


def check_day(seen: date, today: date, what: str) -> date:
    """The day of an alert, which must be one on which it can have been seen. what: how to call it. Raises OutsideRefused."""
    if not FIRST_DAY <= seen <= today + AHEAD:
        raise OutsideRefused(
            f"{what} is dated before {FIRST_DAY} or after tomorrow; correct the date or take it out."
        )
    return seen


def _check_head(names: Sequence[str]) -> None:
    """Refuse a table that does not name what is read here: without rows it would pass for one of no alerts."""
    wrong = [name for name in ("latitude", "longitude") if names.count(name) != 1]
    wrong += [what for what in ("date", "confidence") if sum(what in name for name in names) != 1]
    if wrong:
        raise OutsideRefused(
            f"There is not one column for the {', the '.join(wrong)}; the first line of the table must name latitude, "
            "longitude, one date and one confidence, with commas between."
        )


def _check_fields(rows: Iterable[dict[Any, Any]]) -> Iterator[dict[Any, Any]]:
    """Refuse a row of other fields than the first line names: half a number would pass for a latitude."""
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():  # as the reader marks fields too many, and too few
            raise OutsideRefused(
                f"Row {number} has not as many fields as the first line: it was cut off, or its numbers are written with a "
                "comma. Save the table again."
            )
        yield row


def _read_rows(rows: Iterable[Mapping[str, Any]], system: str, today: date) -> Iterator[OutsideAlert]:
    for number, row in enumerate(rows, start=1):
        try:
            lon, lat = read_degrees(row["longitude"]), read_degrees(row["latitude"])
            seen = date.fromisoformat(str(_find(row, "date", system))[:10])
            trust = read_trust(str(_find(row, "confidence", system)))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            cause = (
                str(error) if isinstance(error, OutsideRefused) else "latitude, longitude or date is missing"
            )
            raise OutsideRefused(f"Row {number} cannot be read: {cause.rstrip('.')}.") from None
        if not (-180 <= lon < 180 and -90 <= lat < 90):
            raise OutsideRefused(f"Row {number} lies outside the world; check latitude and longitude.")
        check_day(seen, today, f"Row {number}")
        cell_row, cell_col = locate_cells(lon, lat)
        yield OutsideAlert(int(cell_row), int(cell_col), system, SYSTEMS[system].theme, seen, trust)


def _find(row: Mapping[str, Any], what: str, system: str) -> Any:
    """The value of the one column whose name says `what`, and that of no other system than this one."""
    found = [name for name in row if name and what in name]
    if len(found) != 1:
        raise OutsideRefused(f"there is not one column for the {what}")
    dataset = found[0].partition("__")[0]
    told_by = next((each.name for each in SYSTEMS.values() if each.dataset == dataset), system)
    if told_by != system:
        raise OutsideRefused(f"its {what} is of {told_by}; load it with --system {told_by}")
    return row[found[0]]
