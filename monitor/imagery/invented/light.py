"""What a satellite sees of the invented country: reflectance of each cover, with crowns, seasons, haze and noise.

Room `imagery`, pure. Levels follow what Sentinel-2 L2A shows of such covers in the wet tropics; they are typical, not
measured anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from monitor.imagery.invented.ground import Classes, Field, fractal
from monitor.imagery.invented.land import Cover, Land

# reflectance x 10,000 of blue, green, red, nir, swir16, swir22; then how much crowns and ground modulate it
_LEVELS: dict[Cover, tuple[tuple[int, ...], float]] = {
    Cover.FOREST: ((230, 430, 270, 2950, 1500, 640), 0.11),
    Cover.SECONDARY: ((270, 540, 340, 3250, 1750, 800), 0.10),
    Cover.GRASS: ((420, 750, 690, 2650, 2500, 1450), 0.08),
    Cover.FIELD: ((480, 800, 840, 2600, 2450, 1500), 0.08),
    Cover.CLEARING: ((560, 830, 1120, 1950, 2650, 2050), 0.14),
    Cover.ROAD: ((700, 1030, 1570, 2350, 2950, 2450), 0.06),
    Cover.ROOFS: ((1350, 1560, 1750, 2350, 2550, 2250), 0.20),
    Cover.YARD: ((820, 1120, 1500, 2450, 2750, 2250), 0.12),
    Cover.WATER: ((430, 560, 440, 260, 110, 70), 0.05),
    Cover.TURBID: ((650, 980, 1120, 620, 150, 90), 0.05),
    Cover.SAND: ((1150, 1500, 1850, 2500, 3000, 2500), 0.08),
    Cover.SWAMP: ((250, 460, 300, 2500, 1250, 540), 0.12),
    Cover.TAILINGS: ((920, 1280, 1760, 2450, 3150, 2600), 0.16),
    Cover.POND: ((720, 1080, 1180, 720, 330, 210), 0.25),
    Cover.PIT: ((800, 980, 1180, 1500, 1950, 1700), 0.05),
    Cover.TERRACE: ((1050, 1300, 1580, 2050, 2550, 2200), 0.05),
    Cover.WASTE: ((1000, 1200, 1400, 1750, 2100, 1850), 0.05),
    Cover.SETTLING: ((900, 1350, 1150, 420, 90, 60), 0.03),
    Cover.PLANT: ((1900, 2050, 2200, 2550, 2650, 2400), 0.10),
}
BANDS = 6
_CROP = np.array((330, 640, 400, 3400, 1800, 820), np.float32)
_BARE = np.array((650, 950, 1250, 2150, 2900, 2250), np.float32)
_CLOUD = np.array((3000, 2950, 2900, 3400, 2700, 2100), np.float32)


@dataclass(frozen=True, slots=True)
class View:
    """One date as it is seen. greenness: of the fields, 0 to 1. haze: share of cloud in a pixel, 0 to 1. shadow: share
    of light that a cloud took. unseen: never without cloud, so nodata. gain: per band, of the whole composite."""

    greenness: Field
    haze: Field
    shadow: Field
    unseen: npt.NDArray[np.bool_]
    gain: npt.NDArray[np.float32]


def make_view(land: Land, date: int, seed: int) -> View:
    """Season, parcels and remnants of cloud of one date (0 or 1)."""
    rng = np.random.default_rng([seed, 4, date])
    shape = land.covers[0].shape
    clouds = fractal(shape, 1.5, rng)
    haze = np.clip((clouds - 2.0) * 0.55, 0.0, 0.7)
    shadow = np.roll(np.clip((clouds - 2.2) * 0.5, 0.0, 0.4), (-9, -14), axis=(0, 1))
    gain = (1.0 + rng.normal(0.0, 0.012, BANDS)).astype(np.float32)
    gain[3] *= (1.0, 1.035)[date]  # the second quarter is the greener one
    return View(_parcels(land.relief, shape, rng), haze, shadow, clouds > 3.55, gain)


def _parcels(relief: Field, shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Greenness by parcel: a crooked grid of plots of some 100 m, each sown or bare as its owner pleased."""
    rows = ((np.arange(shape[0])[:, None] + 5.0 * relief) / 5.0).astype(np.int32)
    cols = ((np.arange(shape[1])[None, :] - 4.0 * relief) / 6.0).astype(np.int32)
    plots = rng.beta(1.6, 1.2, 4096).astype(np.float32)
    greenness: Field = plots[(rows * 739 + cols * 193) % 4096]
    return greenness


def render_band(
    land: Land, cover: Classes, view: View, band: int, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """One band of one date: reflectance x 10,000, uint16 (height, width), 0 where nothing was seen."""
    level = np.array([_LEVELS[kind][0][band] for kind in Cover], np.float32)
    rough = np.array([_LEVELS[kind][1] for kind in Cover], np.float32)
    seen: Field = level[cover]
    fields = cover == Cover.FIELD
    green = view.greenness[fields]
    seen[fields] = _CROP[band] * green + _BARE[band] * (1.0 - green)
    seen *= 1.0 + rough[cover] * (0.8 * land.canopy + 0.35 * land.relief)
    seen = gaussian_filter(seen, 0.45, truncate=3.0)  # the sensor's own blur: mixed pixels at every edge
    seen *= 1.0 - view.shadow
    seen += (_CLOUD[band] - seen) * view.haze
    seen *= view.gain[band]
    seen += rng.standard_normal(seen.shape, dtype=np.float32) * (6.0 + 0.004 * level[cover])
    stored = np.clip(np.rint(seen), 1, 20_000).astype(np.uint16)
    stored[view.unseen] = 0
    return stored
