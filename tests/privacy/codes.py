"""Codes of a place, written from their public definitions (pure): geohash, quadkey, web map tile, UTM, MGRS, H3.

UTM: Karney, "Transverse Mercator with an accuracy of a few nanometers", Journal of Geodesy 85 (2011), series to the third
order in n, far below a metre. MGRS: NGA.STND.0037, scheme AA, without the exceptions for Norway, Svalbard and the poles.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import h3

_GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"
_A, _F = 6_378_137.0, 1 / 298.257223563
_N = _F / (2 - _F)
_RADIUS = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16,
    13 * _N**2 / 48 - 3 * _N**3 / 5,
    61 * _N**3 / 240,
)
_BANDS = "CDEFGHJKLMNPQRSTUVWXX"
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"


class Utm(NamedTuple):
    """A point in metres. zone: 1..60; band: letter of latitude; northing: from the equator, or from 10,000 km below."""

    zone: int
    band: str
    easting: float
    northing: float


def write_geohash(lon: float, lat: float, length: int = 8) -> str:
    """The geohash of a point."""
    ranges, value, bits = [[-180.0, 180.0], [-90.0, 90.0]], 0, 5 * length
    for number in range(bits):
        span, point = ranges[number % 2], (lon, lat)[number % 2]
        middle = sum(span) / 2
        value = value * 2 + (point >= middle)
        span[0 if point >= middle else 1] = middle
    return "".join(_GEOHASH[value >> shift & 31] for shift in range(bits - 5, -1, -5))


def find_tile(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Column and row of the web map tile of a point."""
    scale = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * scale), int(y * scale)


def write_quadkey(x: int, y: int, zoom: int) -> str:
    """The quadkey of a tile."""
    return "".join(str((x >> bit & 1) + 2 * (y >> bit & 1)) for bit in range(zoom - 1, -1, -1))


def project_utm(lon: float, lat: float) -> Utm:
    """The point in its own UTM zone."""
    zone = int((lon + 180) // 6) + 1
    phi, away = math.radians(lat), math.radians(lon - (6 * zone - 183))
    e = 2 * math.sqrt(_N) / (1 + _N)
    t = math.sinh(math.atanh(math.sin(phi)) - e * math.atanh(e * math.sin(phi)))
    xi, eta = math.atan2(t, math.cos(away)), math.atanh(math.sin(away) / math.hypot(1, t))
    east = eta + sum(a * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, a in enumerate(_ALPHA, start=1))
    north = xi + sum(a * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, a in enumerate(_ALPHA, start=1))
    northing = 0.9996 * _RADIUS * north + (10_000_000 if lat < 0 else 0)
    band = _BANDS[int((lat + 80) // 8)]
    return Utm(zone, band, 500_000 + 0.9996 * _RADIUS * east, northing)


def write_mgrs(lon: float, lat: float, digits: int) -> str:
    """The MGRS reference of a point; digits: of easting and of northing each, 5 for metres, 2 for kilometres."""
    zone, band, easting, northing = project_utm(lon, lat)
    column = _COLUMNS[(zone - 1) % 3][int(easting // 100_000) - 1]
    row = _ROWS[(int(northing // 100_000) + (5 if zone % 2 == 0 else 0)) % 20]
    east, north = f"{int(easting % 100_000):05d}", f"{int(northing % 100_000):05d}"
    return f"{zone}{band}{column}{row}{east[:digits]}{north[:digits]}"


def write_h3(lon: float, lat: float, resolution: int) -> str:
    """The H3 index of a point, as 15 hex digits."""
    return str(h3.latlng_to_cell(lat, lon, resolution))
