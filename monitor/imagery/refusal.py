"""Why a scene was refused: one cause per fault, one exception.

Room `imagery`, pure. A cause and its sentence are shown outside the vault, so neither may ever hold a place, a path,
a footprint or an id of a scene; band names, types, shares and resolutions may be said. Imports nothing.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """One named cause for each way in which a scene cannot be used. The text is stable: it is stored and shown."""

    # what the document says
    MALFORMED_ITEM = "malformed_item"
    NO_OBSERVATION_DATE = "no_observation_date"
    WRONG_PROCESSING_LEVEL = "wrong_processing_level"
    # whether its files may be read, and can be
    ASSET_FORBIDDEN = "asset_forbidden"
    ASSET_MISSING = "asset_missing"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    WRONG_FORMAT = "wrong_format"
    TRUNCATED = "truncated"
    # where the pixels lie
    GCPS_ONLY = "gcps_only"
    NO_CRS = "no_crs"
    UNNAMED_CRS = "unnamed_crs"
    NOT_NORTH_UP = "not_north_up"
    ANTIMERIDIAN = "antimeridian"
    FOOTPRINT_MISMATCH = "footprint_mismatch"
    BAND_GRIDS_DIFFER = "band_grids_differ"
    MISREGISTERED = "misregistered"
    # what the pixels are
    WRONG_DTYPE = "wrong_dtype"
    UNKNOWN_SENSOR = "unknown_sensor"
    UNNAMED_BANDS = "unnamed_bands"
    MISSING_BAND = "missing_band"
    RESOLUTION_UNFIT = "resolution_unfit"
    UNKNOWN_SCALE = "unknown_scale"
    UNLIKE_BEFORE = "unlike_before"
    # what is left of them
    NO_VALID_PIXELS = "no_valid_pixels"
    TOO_CLOUDY = "too_cloudy"


class SceneRefused(Exception):
    """A scene that must not be scored.

    cause: the named fault. detail: one or two plain sentences, what is wrong and how to mend it; fit to be shown to
    anyone who may know that the scene exists.
    """

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail

    def __reduce__(self) -> tuple[type[SceneRefused], tuple[Cause, str]]:
        """Pickle by its two fields, so that it crosses a process boundary unchanged."""
        return type(self), (self.cause, self.detail)
