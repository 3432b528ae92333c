"""Each code of a place against values that others have published or computed."""

from __future__ import annotations

import pytest

from tests.privacy.codes import (
    find_tile,
    project_utm,
    write_geohash,
    write_h3,
    write_mgrs,
    write_quadkey,
)


def test_geohash_of_the_example_in_the_public_description() -> None:
    assert write_geohash(-5.6, 42.6, 5) == "ezs42"
    assert write_geohash(10.40744, 57.64911, 8) == "u4pruydq"


def test_tile_and_quadkey_of_the_examples_in_the_public_description() -> None:
    assert find_tile(-0.0001, 0.0001, 1) == (0, 0)
    assert find_tile(139.7006793, 35.6590699, 18) == (232798, 103246)
    assert write_quadkey(3, 5, 3) == "213"


@pytest.mark.parametrize(
    ("lon", "lat", "zone", "band", "easting", "northing"),
    [
        (-79.387139, 43.642567, 17, "T", 630084, 4833438),  # the CN Tower
        (2.294497, 48.858222, 31, "U", 448252, 5411943),  # the Eiffel Tower
        (-43.210556, -22.951944, 23, "K", 683475, 7460689),  # Christ the Redeemer
    ],
)
def test_utm_of_well_known_towers(
    lon: float, lat: float, zone: int, band: str, easting: int, northing: int
) -> None:
    utm = project_utm(lon, lat)
    assert (utm.zone, utm.band) == (zone, band)
    assert (utm.easting, utm.northing) == pytest.approx((easting, northing), abs=60)


def test_mgrs_of_honolulu() -> None:
    """4QFJ12345678 in the public description of MGRS: the square of Honolulu."""
    assert write_mgrs(-157.916861, 21.309433, 4).startswith("4QFJ12")
    assert write_mgrs(-157.916861, 21.309433, 5)[:4] == "4QFJ"


def test_h3_of_the_example_in_its_documentation() -> None:
    assert write_h3(-122.418307270836, 37.7752702151959, 9) == "8928308280fffff"
