"""The survey: what only the pixels can tell, whether enough is left of a scene and whether its units can be right.

Room `imagery`, pure: counts and samples in, SceneRefused or nothing out. May import `refusal` and `sensors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import LEAST_DB, RADAR_BANDS, S2_OFFSET

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

MAX_OUTSIDE_SHARE = 0.01
"""Share of the valid pixels that may lie in cells wholly outside the stated footprint: outlines are simplified."""

PLAUSIBLE_REFLECTANCE, PLAUSIBLE_DB = (-0.3, 1.6), (-80.0, 40.0)
"""Least and greatest value that a pixel of ground can have. What lies outside is a fill value that nothing names."""


@dataclass
class Tally:
    """Counts of pixels seen so far. data: hold a measurement; cloudy: of these, under cloud; valid: neither;
    outside: valid ones in cells that the item's footprint does not touch."""

    data: int = 0
    cloudy: int = 0
    valid: int = 0
    outside: int = 0

    def judge(self, max_cloud_share: float) -> None:
        """Decide for a scene that was seen whole. Raises SceneRefused: NO_VALID_PIXELS, TOO_CLOUDY, FOOTPRINT_MISMATCH."""
        if self.data == 0:
            raise SceneRefused(Cause.NO_VALID_PIXELS, "No pixel holds a measurement: all are empty.")
        if self.cloudy > max_cloud_share * self.data:
            share = 100.0 * self.cloudy / self.data
            raise SceneRefused(
                Cause.TOO_CLOUDY,
                f"{share:.0f} % of the pixels are cloud; at most {100 * max_cloud_share:.0f} % may be.",
            )
        if self.valid == 0:
            raise SceneRefused(Cause.NO_VALID_PIXELS, "No pixel can be used: all are empty or masked.")
        if self.outside > MAX_OUTSIDE_SHARE * self.valid:
            raise SceneRefused(
                Cause.FOOTPRINT_MISMATCH,
                "The item does not describe this file: pixels hold data outside its footprint. Correct the footprint.",
            )


def find_plausible(band: str, values: Float32) -> Bool:
    """Where values of a band are such as ground can have: bool, of their shape. values: reflectance or dB."""
    least, most = PLAUSIBLE_DB if band in RADAR_BANDS else PLAUSIBLE_REFLECTANCE
    return (values >= np.float32(least)) & (values <= np.float32(most))


def drop_fill(names: Sequence[str], sample: Float32) -> Float32:
    """The sample, (bands, n), without pixels that hold the one value of a band that no ground has: a fill value that nothing
    names. A wrong scale gives many such values. names: of the bands."""
    fill = np.zeros(sample.shape[1], bool)
    for name, values in zip(names, sample, strict=True):
        odd = ~find_plausible(name, values)
        if odd.any() and np.ptp(values[odd]) == 0:
            fill |= odd
    return sample[:, ~fill]


def check_units(names: Sequence[str], sample: Float32, units: Sequence[str | None]) -> None:
    """Whether physical values can be what they claim. names: of the bands; sample: (bands, n); units: as stated. Raises
    SceneRefused(UNKNOWN_SCALE).

    Wide limits, for one purpose: a scale forgotten or applied twice, and the Sentinel-2 offset subtracted from numbers
    that had lost it already, which catalogues are known to state wrongly.
    """
    if sample.shape[1] == 0:
        return
    for values, unit in zip(sample, units, strict=True):
        if unit == "dB" and np.median(np.abs(values)) < LEAST_DB:
            raise _wrong_scale("radar values in dB that are as small as power")
    middles = dict(zip(names, np.median(sample, axis=1), strict=True))
    radar = [middles[name] for name in names if name in RADAR_BANDS]
    optical = [position for position, name in enumerate(names) if name not in RADAR_BANDS]
    visible = [middles[name] for name in names if name in ("blue", "green", "red")]
    if any(not -60 < middle < 30 for middle in radar):
        raise _wrong_scale("radar values that are no backscatter in dB")
    if visible and max(visible) < -0.02:
        raise _wrong_scale("most of what is visible below zero, as when an offset is subtracted twice")
    if optical and np.percentile(sample[optical], 98, axis=1).max() < 0.002:
        raise _wrong_scale("a scene darker than any ground")
    if optical and min(middles[names[position]] for position in optical) > 2.0:
        raise _wrong_scale("a scene brighter than snow")


def check_offset(sample: Float32) -> None:
    """Whether reflectance from which no offset was taken can be without one. sample: (bands, n), of bands where nothing says
    so, or where that contradicts the product. Raises SceneRefused(UNKNOWN_SCALE).

    Numbers with the offset of Sentinel-2 are brighter by 0.1 in every band (of Landsat by 0.2), and of most ground one band
    at least is darker.
    """
    if sample.size and np.median(sample.min(axis=0)) >= S2_OFFSET:
        raise SceneRefused(
            Cause.UNKNOWN_SCALE,
            "These numbers are bright enough to hold the offset of their product, and nothing states it, or it is said to be"
            " 0; state the processing baseline of Sentinel-2 (s2:processing_baseline), or raster:scale and"
            " raster:offset.",
        )


def _wrong_scale(what: str) -> SceneRefused:
    return SceneRefused(
        Cause.UNKNOWN_SCALE,
        f"The scale and offset, stated or usual, give {what}; state the right ones in the item.",
    )
