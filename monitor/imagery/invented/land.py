"""The land of the invented country: what is there before anybody digs.

Room `imagery`, pure. Paints classes of cover; `light` turns them into reflectance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.ndimage import distance_transform_edt

from monitor.imagery.invented.ground import Classes, Field, Ground, Points, fractal, meander, stamp

COARSE = 8
"""Distances are measured on every eighth pixel: fine enough for where fields begin."""


class Cover(IntEnum):
    """What covers a pixel."""

    FOREST = 0
    SECONDARY = 1
    GRASS = 2
    FIELD = 3
    CLEARING = 4
    ROAD = 5
    ROOFS = 6
    YARD = 7
    WATER = 8
    TURBID = 9
    SAND = 10
    SWAMP = 11
    TAILINGS = 12
    POND = 13
    PIT = 14
    TERRACE = 15
    WASTE = 16
    SETTLING = 17
    PLANT = 18


@dataclass(frozen=True, slots=True)
class Land:
    """Cover at both dates, as yet without mines, and the lines that other things follow.

    covers: uint8 (height, width) by date. relief, canopy: noise of the ground and of the crowns. rivers: main rivers
    first. town_centres: points.
    """

    covers: tuple[Classes, Classes]
    relief: Field
    canopy: Field
    rivers: tuple[Points, ...]
    roads: tuple[Points, ...]
    towns: Points


def paint_land(ground: Ground, seed: int) -> Land:
    """Forest, grass, rivers, towns, roads, fields, and clearings old and new."""
    rng = np.random.default_rng([seed, 1])
    relief, canopy = fractal(ground.shape, 1.6, rng), fractal(ground.shape, 1.1, rng)
    cover = np.full(ground.shape, Cover.FOREST, np.uint8)
    openness = fractal(ground.shape, 1.4, rng)
    cover[openness > 1.1] = Cover.SECONDARY
    cover[(openness > 1.9) & (relief > 0.2)] = Cover.GRASS
    rivers = _draw_rivers(ground, rng)
    towns = _place_towns(rivers, rng)
    roads = _draw_roads(towns, rng)
    _paint_fields(cover, roads, towns, openness + 0.4 * canopy)
    before, after = cover, cover.copy()
    _paint_clearings((before, after), roads, rng)
    for layer, shift in ((before, 0.0), (after, 1.5)):
        bank = np.random.default_rng(
            [seed, 2]
        )  # the same banks at both dates, but for a little drift of the sand
        _paint_rivers(layer, rivers, shift, bank)
        for road in roads:
            stamp(layer, road, 0.8, Cover.ROAD)
        _paint_towns(layer, towns, bank)
    return Land((before, after), relief, canopy, rivers, roads, towns)


def _draw_rivers(ground: Ground, rng: np.random.Generator) -> tuple[Points, ...]:
    """Two rivers that cross the country, and smaller ones that join them."""
    height, width = ground.shape
    mains = [
        meander(
            np.array([height * share, -20.0]),
            np.array([height * (share + rng.uniform(-0.1, 0.1)), width + 20.0]),
            90.0,
            rng,
        )
        for share in (0.3, 0.72)
    ]
    branches = []
    for number in range(22):
        main = mains[number % 2]
        mouth = main[int(rng.uniform(0.04, 0.96) * len(main))]
        away = rng.choice([-1.0, 1.0]) * rng.uniform(0.12, 0.24) * height
        source = mouth + np.array([away, rng.uniform(-0.1, 0.1) * width])
        branches.append(meander(source, mouth, 28.0, rng))
    return (*mains, *branches)


def _place_towns(rivers: tuple[Points, ...], rng: np.random.Generator) -> Points:
    """Seven towns a little way off the main rivers."""
    shares = (np.arange(7) + rng.uniform(0.2, 0.8, 7)) / 7
    spots = [
        rivers[number % 2][int(share * (len(rivers[number % 2]) - 1))] for number, share in enumerate(shares)
    ]
    return np.array(spots) + rng.choice([-1.0, 1.0], (7, 2)) * rng.uniform(15, 40, (7, 2))


def _draw_roads(towns: Points, rng: np.random.Generator) -> tuple[Points, ...]:
    """From each town to the next two, and a few tracks into the forest."""
    pairs = [(a, a + step) for step in (1, 2) for a in range(len(towns) - step)]
    roads = [meander(towns[a], towns[b], 18.0, rng) for a, b in pairs]
    for road in list(roads):
        start = road[int(rng.uniform(0.2, 0.8) * len(road))]
        roads.append(meander(start, start + rng.uniform(-260, 260, 2), 14.0, rng))
    return tuple(roads)


def _distance(shape: tuple[int, int], ways: tuple[Points, ...]) -> Field:
    """Pixels to the nearest way, float32, known on every eighth pixel and repeated between."""
    far = np.ones((-(-shape[0] // COARSE), -(-shape[1] // COARSE)), np.uint8)
    for way in ways:
        stamp(far, way / COARSE, 0.0, 0)
    coarse = (distance_transform_edt(far) * COARSE).astype(np.float32)
    fine: Field = coarse.repeat(COARSE, axis=0).repeat(COARSE, axis=1)[: shape[0], : shape[1]]
    return fine


def _paint_fields(cover: Classes, roads: tuple[Points, ...], towns: Points, roughness: Field) -> None:
    """Fields where a road or a town is near, thinning out with the way to walk; fallow between."""
    wish = roughness - _distance(cover.shape, roads) / 45.0
    wish = np.maximum(wish, roughness * 0.7 + 1.6 - _distance(cover.shape, (towns,)) / 70.0)
    cover[wish > -0.5] = Cover.SECONDARY
    cover[wish > 0.1] = Cover.FIELD


def _paint_clearings(
    layers: tuple[Classes, Classes], roads: tuple[Points, ...], rng: np.random.Generator
) -> None:
    """Slash and burn: some clearings are there at both dates, some are new, some have grown over."""
    for _ in range(260):
        if rng.random() < 0.6:
            road = roads[rng.integers(len(roads))]
            spot = road[rng.integers(len(road))] + rng.normal(0, 22, 2)
        else:
            spot = rng.uniform(0, 1, 2) * layers[0].shape
        blots = spot + rng.normal(0, 5, (rng.integers(3, 9), 2))
        radius = rng.uniform(2.5, 6.0)
        first, second = ((4, 4), (0, 4), (4, 1))[rng.choice(3, p=(0.3, 0.5, 0.2))]
        for layer, value in zip(layers, (first, second), strict=True):
            if value:
                stamp(layer, blots, radius, value)


def _paint_rivers(layer: Classes, rivers: tuple[Points, ...], shift: float, rng: np.random.Generator) -> None:
    """Swampy banks, sand bars that drift, open water; ox-bow lakes beside the large rivers."""
    for number, river in enumerate(rivers):
        main = number < 2
        stamp(layer, river, 9.0 if main else 3.5, Cover.SWAMP)
        bars = river[rng.integers(0, len(river), 60 if main else 8)] + rng.normal(0, 3.0, 2) + shift
        stamp(layer, bars, 3.2 if main else 1.3, Cover.SAND)
        stamp(layer, river, 4.0 if main else 1.1, Cover.WATER)
        if main:
            for _ in range(26):
                lake = river[rng.integers(0, len(river))] + rng.normal(0, 22, 2)
                turn = np.linspace(0, np.pi, 40) + rng.uniform(0, 6.3)
                bow = lake + rng.uniform(4, 9) * np.column_stack([np.sin(turn), np.cos(turn)])
                stamp(layer, bow, rng.uniform(0.8, 1.8), Cover.WATER)


def _paint_towns(layer: Classes, towns: Points, rng: np.random.Generator) -> None:
    """Roofs and yards, dense in the middle."""
    for town in towns:
        size = rng.uniform(9, 22)
        stamp(layer, town + rng.normal(0, size, (int(size * 14), 2)), 0.9, Cover.YARD)
        stamp(layer, town + rng.normal(0, size * 0.8, (int(size * 22), 2)), 0.5, Cover.ROOFS)
