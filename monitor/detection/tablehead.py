"""Heads of feature tables: what the first line names, in the ways in which such tables are saved.

Room `detection`, pure. Imports nothing of this project.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

_PLACES = {"lat": "lat", "latitude": "lat", "lon": "lon", "longitude": "lon"}
_FEATURE = re.compile(r"X(?:[._]?(\d{1,6}))?", re.IGNORECASE)
"""X_0, as MOSAIKS writes it, or X, X.1, X.2, as R makes of it."""
_COUNTERS = ("", "unnamed: 0")
"""Headings of the row numbers that data frames are saved with."""


class FeaturesRefused(ValueError):
    """A table of features that cannot be used; the text names the line or column and the mend, never a place."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where what stands. lat, lon, features: places in a line, the features in the order of their numbers. count: of all
    columns."""

    lat: int
    lon: int
    features: tuple[int, ...]
    count: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(f"X_{number}" for number in range(len(self.features)))


def read_head(raw: bytes) -> Columns:
    """What the first line names. Raises FeaturesRefused."""
    try:
        headings = next(csv.reader([raw.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):
        raise FeaturesRefused("The table of features cannot be read: it is no CSV in UTF-8.") from None
    places: dict[str, int] = {}
    features: dict[int, int] = {}
    for at, heading in enumerate(headings):
        name = heading.strip()
        feature = _FEATURE.fullmatch(name)
        repeated = False
        if name.lower() in _PLACES:
            repeated = places.setdefault(_PLACES[name.lower()], at) != at
        elif feature is not None:
            repeated = features.setdefault(int(feature[1] or 0), at) != at
        elif at or name.lower() not in _COUNTERS:
            raise FeaturesRefused(
                f"Column {at + 1} is neither lat, lon nor one of X_0, X_1, ...; the first line must name the columns, with "
                "commas between, and others must be taken out."
            )
        if repeated:
            raise FeaturesRefused(
                f"Column {at + 1} has the name of one before it; name the features X_0, X_1, ..."
            )
    missing = [name for name in ("lat", "lon") if name not in places] or [
        f"X_{number}" for number in range(max(features, default=0) + 1) if number not in features
    ]
    if missing:
        raise FeaturesRefused(
            f"The table has no column {missing[0]}; it needs lat, lon and features from X_0 on without a gap."
        )
    in_order = tuple(features[number] for number in range(len(features)))
    return Columns(places["lat"], places["lon"], in_order, len(headings))
