"""Channels: the bands that a caller wants, checked against their files, with all it takes to make units of numbers.

Room `imagery`, pure. May import `item`, `assets`, `sensors`, `rasterfile` and `refusal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.imagery.assets import Asset, BandRef
from monitor.imagery.item import SceneItem
from monitor.imagery.rasterfile import RasterFile
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import (
    LEAST_DB,
    RADAR_BANDS,
    RADAR_CALIBRATIONS,
    Calibration,
    MaskRule,
    profile_of,
)

_OPTICAL_DTYPES = ("int16", "uint16", "float32", "float64")
_RADAR_DTYPES = ("float32", "float64")
_DISPLAY_DTYPES = ("uint8", "int8")
_MOST_STORED = 1e6
"""No sensor here stores a measurement as large as that."""
_ROUGHLY = 0.02
"""Share by which the ground of a pixel may differ from its nominal size: by the map's projection and the earth's shape."""

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Channel:
    """One wanted band. unit: "reflectance", "dB", "power", or None for radar whose unit only the pixels can tell. empty:
    stored numbers that mean that nothing was measured."""

    name: str
    asset: Asset
    index: int
    dtype: str
    calibration: Calibration
    unit: str | None
    empty: tuple[float, ...] = ()

    def calibrate(self, band: Float32) -> Bool:
        """Turn stored numbers (H, W) into physical ones, in place; power becomes dB. Returns where there is data."""
        # one comparison for NaN, infinity and fill values that no float32 holds
        data = np.abs(band) < _MOST_STORED if self.dtype.startswith("float") else np.ones(band.shape, bool)
        for number in self.empty:
            data &= band != np.float32(number)
        band *= np.float32(self.calibration.scale)
        if self.calibration.offset:
            band += np.float32(self.calibration.offset)
        if self.unit == "power":
            data &= band > 0
            np.log10(band, out=band, where=data)
            band *= np.float32(10.0)
        return data


def choose_channels(
    item: SceneItem, bands: Sequence[str], files: Mapping[Asset, RasterFile]
) -> tuple[Channel, ...]:
    """One channel for each of `bands`, in their order.

    files: the opened files, at least one even if no band was found. Raises SceneRefused: UNKNOWN_SENSOR, WRONG_DTYPE,
    UNNAMED_BANDS, MISSING_BAND, RESOLUTION_UNFIT, UNKNOWN_SCALE.
    """
    profile = profile_of(item.sensor)
    found = [item.bands[name] for name in bands if name in item.bands]
    for asset, file in files.items():
        _check_measured(asset, file)
    if not item.bands:
        raise SceneRefused(
            Cause.UNNAMED_BANDS, "The item does not say which band is which; give each its eo common name."
        )
    missing = [name for name in bands if name not in item.bands]
    missing += [ref.common_name for ref in found if ref.index > files[ref.asset].dataset.count]
    if missing:
        raise SceneRefused(Cause.MISSING_BAND, f"The scene lacks what is needed: {', '.join(missing)}.")
    least, most = profile.pixel_m
    for pixel_m in (files[ref.asset].grid.pixel_m for ref in found):
        if not least * (1 - _ROUGHLY) <= pixel_m <= most * (1 + _ROUGHLY):
            raise SceneRefused(
                Cause.RESOLUTION_UNFIT,
                f"A pixel is about {_rounded(pixel_m)} m wide; for this sensor it must be {least:g} to {most:g} m.",
            )
    return tuple(_choose_channel(item, ref, files[ref.asset]) for ref in found)


def _check_measured(asset: Asset, file: RasterFile) -> None:
    """A file of 8-bit numbers is a picture to look at, whatever its bands are called."""
    dtypes = file.dataset.dtypes
    if all(dtype in _DISPLAY_DTYPES for dtype in dtypes):
        raise SceneRefused(
            Cause.WRONG_DTYPE,
            "The file is an 8-bit picture or raw counts, not a measurement; hand in reflectance.",
        )
    if asset.dtype is not None and asset.dtype not in dtypes:
        raise SceneRefused(
            Cause.WRONG_DTYPE,
            f"The file holds {dtypes[0]}, the item says otherwise; correct the item.",
        )


def _rounded(metres: float) -> str:
    """Two digits: more would tell how far from the equator the scene lies."""
    return f"{float(f'{metres:.2g}'):g}"


def _choose_channel(item: SceneItem, ref: BandRef, file: RasterFile) -> Channel:
    """Scale, offset and nodata: the item's word counts first, then the file's tag, then what the product does."""
    position = ref.index - 1
    dtype = file.dataset.dtypes[position]
    radar = ref.common_name in RADAR_BANDS
    if dtype not in (_RADAR_DTYPES if radar else _OPTICAL_DTYPES):
        wanted = "calibrated backscatter" if radar else "reflectance"
        raise SceneRefused(
            Cause.WRONG_DTYPE, f"Numbers of type {dtype} are not {wanted} for {ref.common_name}."
        )
    usual = (RADAR_CALIBRATIONS if radar else item.calibrations).get(dtype)
    tag_scale, tag_offset = file.dataset.scales[position], file.dataset.offsets[position]
    tagged = (tag_scale, tag_offset) != (1.0, 0.0)
    scale = ref.scale if ref.scale is not None else tag_scale if tagged else usual.scale if usual else None
    if scale is None or scale == 0:
        raise SceneRefused(
            Cause.UNKNOWN_SCALE,
            f"Nothing says how {dtype} becomes reflectance for {ref.common_name}; state raster:scale and raster:offset.",
        )
    offset = (
        ref.offset if ref.offset is not None else tag_offset if tagged else usual.offset if usual else 0.0
    )
    tag_nodata = file.dataset.nodatavals[position]
    stated = next((value for value in (ref.nodata, tag_nodata) if value is not None), None)
    # zero is no measurement of any product here, whatever else is stated; but reflectance in fractions may be clipped to it
    keeps_usual = stated is None or radar or not dtype.startswith("float")
    usually = usual.nodata if usual and keeps_usual else None
    empty = tuple(number for number in (stated, usually) if number is not None)
    unit = ref.unit if radar else "reflectance"
    is_silent = not tagged and (ref.scale, ref.offset) == (None, None)
    is_guessed = usual is not None and (
        (usual.is_guessed and is_silent) or _lacks_offset(usual, scale, offset)
    )
    calibration = Calibration(scale, offset, is_guessed=is_guessed)
    return Channel(ref.common_name, ref.asset, ref.index, dtype, calibration, unit, empty)


def _lacks_offset(usual: Calibration, scale: float, offset: float) -> bool:
    """Whether numbers of the product's own scale are said to have no offset, and the product has one. A tag of the file that
    names a scale alone says so too, and means nothing by it."""
    return usual.offset != 0 and offset == 0 and abs(scale / usual.scale - 1) < _ROUGHLY


def settle_unit(channel: Channel, sample: Float32) -> Channel:
    """Radar without a stated unit: decibels of land are far from zero, power is nearly always below one.

    sample: (n,), of valid pixels.
    """
    if channel.unit is not None:
        return channel
    is_far = sample.size > 0 and np.median(np.abs(sample)) > LEAST_DB
    return replace(channel, unit="dB" if is_far else "power")


def check_mask(item: SceneItem, files: Mapping[Asset, RasterFile]) -> None:
    """Whether the mask band can be read. Raises SceneRefused: MISSING_BAND, UNKNOWN_SCALE."""
    if item.mask is None:
        return
    file = files[item.mask.asset]
    if item.mask.index > file.dataset.count:
        raise SceneRefused(
            Cause.MISSING_BAND,
            "The band that tells clouds is not in its file; correct the item's list of bands.",
        )
    dtype = file.dataset.dtypes[item.mask.index - 1]
    if item.mask.rule is MaskRule.CLOUD_PROBABILITY and dtype.startswith("float"):
        raise SceneRefused(
            Cause.UNKNOWN_SCALE,
            f"Cloud probability of type {dtype} may be per cent or a fraction; hand in whole per cent.",
        )
