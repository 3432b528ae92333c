"""Sensors: what each one's bands are called, how its numbers become physical units, which pixels to believe.

Room `imagery`, pure, and light enough for the web process: no raster library here. A new sensor is one entry in
`PROFILES`. May import `refusal` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from monitor.imagery.refusal import Cause, SceneRefused

OPTICAL_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""The six reflective bands that optical sensors have in common, by eo common name."""
RADAR_BANDS = ("VV", "VH")
"""Backscatter by polarisation; these have no eo common name."""
S2_OFFSET = 0.1
"""What the numbers of Sentinel-2 Level-2A are too high by since OFFSET_SINCE, in reflectance."""
LEAST_DB = 1.5
"""Half of a scene's backscatter is farther from zero than this in dB, and nearer in power."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """physical = stored * scale + offset; `nodata` is the stored number that means nothing was measured. is_guessed: nothing
    says whether the numbers have the offset of their product, or what is said contradicts the product."""

    scale: float
    offset: float = 0.0
    nodata: float | None = None
    is_guessed: bool = False


class MaskRule(StrEnum):
    """How a mask band says that a pixel cannot be used."""

    SCL = "scl"  # Sentinel-2 scene classification
    QA_PIXEL = "qa_pixel"  # Landsat Collection 2 bit field
    FMASK = "fmask"  # Harmonized Landsat Sentinel-2 bit field
    CLOUD_PROBABILITY = "cloud_probability"  # 0 to 100 percent


_NUMBERS = ("int16", "uint16", "float32", "float64")
_TIMES_10_000 = {dtype: Calibration(1e-4, nodata=0.0) for dtype in _NUMBERS}
_TIMES_10_000_LESS_1000 = {dtype: Calibration(1e-4, -S2_OFFSET, nodata=0.0) for dtype in _NUMBERS}
_LANDSAT_TIMES_10_000 = {
    dtype: Calibration(1e-4, nodata=-9999.0) for dtype in ("int16", "float32", "float64")
}
_FMASK_NAME = r"fmask(\.tif)?"
_COLLECTION_2 = {"uint16": Calibration(2.75e-5, -0.2, nodata=0.0)} | _LANDSAT_TIMES_10_000


@dataclass(frozen=True, slots=True)
class Product:
    """One way in which a sensor's data is handed out.

    pattern: looked for in the words an item says of itself (collection, product names, levels, id), lower case.
    calibrations: by dtype of the file; used where neither item nor file states one. A dtype that is absent here
    cannot be read without a stated scale. refused: why this product is no use, or None.
    """

    pattern: str
    calibrations: Mapping[str, Calibration]
    refused: str | None = None
    offset_is_applied: bool = False
    """Whether an offset that the item states nevertheless must not be applied again."""


@dataclass(frozen=True, slots=True)
class SensorProfile:
    """Everything the room knows of a sensor.

    pattern: how constellation, platform, instruments or collection name it, lower case. required_bands: what a
    model is trained on. least_bands: a scene without them shows too little for any model. pixel_m: least and
    greatest side of a pixel, in metres, that still shows a mine in a cell of 1.1 km. own_names: the provider's band
    names (upper case) to ours, for items without eo common names. other_names: the same for those of its satellites that
    number their bands otherwise, by how these are named, lower case. aliases: eo common names to ours, where this
    sensor has one band and the vocabulary two names for it. products: the first whose pattern is found counts.
    """

    name: str
    pattern: str
    required_bands: tuple[str, ...]
    least_bands: tuple[str, ...]
    pixel_m: tuple[float, float]
    products: tuple[Product, ...]
    mask_names: Mapping[MaskRule, str] = field(default_factory=dict)
    own_names: Mapping[str, str] = field(default_factory=dict)
    other_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


_SENTINEL_2 = SensorProfile(
    name="sentinel-2",
    pattern=r"sentinel[-_ ]?(2|s2)|\bs2[abc](_|\b)|hlss30",
    required_bands=OPTICAL_BANDS,
    least_bands=("red", "nir"),
    pixel_m=(5.0, 30.0),
    products=(
        Product(
            r"(msi|level |[-_])l1c|msi1c",
            {},
            refused="it is top-of-atmosphere (Level-1C); hand in surface reflectance (Level-2A)",
        ),
        Product(r"hlss30", _LANDSAT_TIMES_10_000),
        Product(r"boa-offset-applied", _TIMES_10_000, offset_is_applied=True),
        Product(r"baseline (0[4-9]|[1-9]\d)\.|_n(0[4-9]|[1-9]\d)\.?\d\d", _TIMES_10_000_LESS_1000),
        Product(r"baseline \d|_n\d\d\.?\d\d|processed-without-offset", _TIMES_10_000),
        # of after the offset came: what the pixels must bear out
        Product(r"", {dtype: replace(usual, is_guessed=True) for dtype, usual in _TIMES_10_000.items()}),
    ),
    mask_names={
        MaskRule.SCL: r"scl(_20m)?",
        MaskRule.FMASK: _FMASK_NAME,
        MaskRule.CLOUD_PROBABILITY: r"cld(_20m)?|cloud|cloud_probability",
    },
    own_names={"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16", "B12": "swir22"}
    | {"B2": "blue", "B3": "green", "B4": "red", "B8": "nir"},
)

_LANDSAT = SensorProfile(
    name="landsat",
    pattern=r"landsat|\bl[cetmo]0\d_|hlsl30",
    required_bands=OPTICAL_BANDS,
    least_bands=("red", "nir"),
    pixel_m=(15.0, 60.0),
    products=(
        Product(
            r"_l1(tp|gt|gs)_|landsat-8-l1|level l1|c2-?l1",
            {},
            refused="it is Level-1 (not surface reflectance); hand in Level-2",
        ),
        Product(r"c2-?l2|_l2s[pr]_([0-9]{6,8}_){1,4}02_|collection 02", _COLLECTION_2),
        # unsigned numbers of an unnamed product may be raw counts as well as Collection 2: never guessed
        Product(r"", _LANDSAT_TIMES_10_000),
    ),
    mask_names={MaskRule.QA_PIXEL: r"qa_pixel(\.tif)?", MaskRule.FMASK: _FMASK_NAME},
    aliases={"nir08": "nir"},
    own_names={
        "SR_B2": "blue",
        "SR_B3": "green",
        "SR_B4": "red",
        "SR_B5": "nir",
        "SR_B6": "swir16",
        "SR_B7": "swir22",
    }
    | {"B02": "blue", "B03": "green", "B04": "red", "B05": "nir", "B06": "swir16", "B07": "swir22"},
    # band 1 of the mappers before OLI is blue, and their band 6 is thermal
    other_names={
        r"landsat[-_ ]?0?[457]\b|\bl[et]0[457]_": {
            "SR_B1": "blue",
            "SR_B2": "green",
            "SR_B3": "red",
            "SR_B4": "nir",
            "SR_B5": "swir16",
            "SR_B7": "swir22",
        }
    },
)

_SENTINEL_1 = SensorProfile(
    name="sentinel-1",
    pattern=r"sentinel[-_ ]?(1|s1)|\bs1[abc]_",
    required_bands=RADAR_BANDS,
    least_bands=("VV",),
    pixel_m=(5.0, 40.0),
    # whole numbers are amplitudes without calibration (GRD), not backscatter
    products=(Product(r"", {dtype: Calibration(1.0, nodata=0.0) for dtype in ("float32", "float64")}),),
)

OFFSET_SINCE = date(2022, 1, 25)
"""Sentinel-2 scenes observed before this day have the offset of 1000 only where they were processed anew, and then say so.
Baseline 04.00, see the Sentinel-2 Products Specification Document, 14.9."""
PROFILES: Mapping[str, SensorProfile] = {p.name: p for p in (_SENTINEL_2, _LANDSAT, _SENTINEL_1)}
REQUIRED_BANDS: Mapping[str, tuple[str, ...]] = {name: p.required_bands for name, p in PROFILES.items()}
RADAR_CALIBRATIONS: Mapping[str, Calibration] = _SENTINEL_1.products[0].calibrations
"""For VV and VH wherever they turn up, also beside optical bands in one file."""


def choose_sensor(words: Sequence[str]) -> str | None:
    """Name of the profile that the first telling word matches, or None. words: most authoritative first."""
    for word in words:
        for profile in PROFILES.values():
            if re.search(profile.pattern, word.lower()):
                return profile.name
    return None


def profile_of(sensor: str | None) -> SensorProfile:
    """The profile of a sensor's name. Raises SceneRefused(UNKNOWN_SENSOR) where there is none."""
    if sensor is None or sensor not in PROFILES:
        known = ", ".join(sorted(PROFILES))
        raise SceneRefused(
            Cause.UNKNOWN_SENSOR, f"The item's platform is none that this service can read ({known})."
        )
    return PROFILES[sensor]


def name_bands(profile: SensorProfile, words: Sequence[str]) -> SensorProfile:
    """The profile with the band names of the satellite that `words` name, where these are others than the profile's."""
    named = "\n".join(words).lower()
    found = next((names for pattern, names in profile.other_names.items() if re.search(pattern, named)), None)
    return profile if found is None else replace(profile, own_names=found)


def choose_product(profile: SensorProfile, words: str) -> Product:
    """The first product of the profile whose pattern is found in `words` (what the item says of itself)."""
    return next(product for product in profile.products if re.search(product.pattern, words.lower()))
