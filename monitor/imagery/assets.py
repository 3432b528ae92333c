"""Assets: the files an item names, and which band is where in them.

Room `imagery`, pure, and light enough for the web process: no raster library here. Reads STAC 0.8 to 1.1; asset keys
differ between providers and mean nothing, so bands are found by eo common name. May import `fields` and `sensors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlsplit

from monitor.imagery.fields import read_list, read_mapping, read_number, read_numbers, read_text
from monitor.imagery.sensors import RADAR_BANDS, MaskRule, SensorProfile

MAX_ASSETS = 500
MAX_BANDS = 100
_DISPLAY_ROLES = frozenset({"visual", "overview", "thumbnail", "metadata"})
_DISPLAY_KEYS = frozenset({"visual", "overview", "preview", "thumbnail", "rendered_preview", "tci"})
_RASTER_TYPES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/x-tiff")


@dataclass(frozen=True, slots=True)
class Asset:
    """One raster file, and what the item states of it.

    href: absolute or as far as it could be resolved; never to be shown. dtype: stated data type or None. checksum:
    stated multihash in hex or None. crs, shape (rows, columns), transform (six numbers, pixel to CRS): the stated
    grid, each None if unstated. own_grid: the grid is stated of this asset, not of the item at large.
    """

    href: str
    dtype: str | None = None
    checksum: str | None = None
    crs: str | None = None
    shape: tuple[int, int] | None = None
    transform: tuple[float, ...] | None = None
    own_grid: bool = False


@dataclass(frozen=True, slots=True)
class BandRef:
    """Where one band is, and how its numbers are to be read.

    common_name: eo common name, or VV / VH. index: 1-based position in the file. scale, offset, nodata: as the item
    states them, None if it does not (then the file's own tag counts, then the sensor profile). unit: "dB", "power"
    or None; radar only.
    """

    common_name: str
    asset: Asset
    index: int
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class MaskRef:
    """Where the band is that says which pixels are cloud, and how it says so."""

    rule: MaskRule
    asset: Asset
    index: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A named band with what decides between several of the same name: the smallest `rank` wins."""

    names: tuple[str, ...]
    common_name: str | None
    ref: BandRef
    rank: tuple[float, int, int]


def resolve_href(href: str, base_href: str) -> str:
    """`href` as seen from the document at `base_href` (a path or a URL, "" if unknown). What is no address stays."""
    try:
        base_scheme = urlsplit(base_href).scheme
        if base_scheme in ("http", "https"):
            # "/x" of a document on the network is on its host, no file of this disk
            return urljoin(base_href, href)
        if urlsplit(href).scheme or href.startswith("/"):
            return href
    except ValueError:
        return href
    if base_scheme in ("file", "s3"):
        return f"{base_href.rsplit('/', 1)[0]}/{href}"
    return str(PurePosixPath(base_href).parent / href) if base_href else href


def read_assets(
    document: Mapping[str, Any], base_href: str, profile: SensorProfile | None
) -> tuple[tuple[Asset, ...], dict[str, BandRef], MaskRef | None]:
    """All data rasters of an item, its bands by common name, and its mask.

    Display pictures and metadata are left out. Where a band is offered several times the finest wins, then the file
    with fewest bands, then the first. profile: for band names of the provider; None if the sensor is unknown.
    """
    properties = read_mapping(document.get("properties"))
    assets: list[Asset] = []
    candidates: list[_Candidate] = []
    for key, entry in list(read_mapping(document.get("assets")).items())[:MAX_ASSETS]:
        asset_fields = read_mapping(entry)
        href = read_text(asset_fields.get("href"))
        if href is None or not _may_hold_data(str(key), asset_fields):
            continue
        asset = _read_asset(asset_fields, properties, resolve_href(href, base_href))
        assets.append(asset)
        candidates.extend(_read_candidates(str(key), asset_fields, properties, asset, profile))
    candidates.sort(key=lambda candidate: candidate.rank)
    bands: dict[str, BandRef] = {}
    for candidate in candidates:
        if candidate.common_name is not None:
            bands.setdefault(candidate.common_name, candidate.ref)
    return tuple(assets), bands, _find_mask(candidates, profile)


def _may_hold_data(key: str, asset_fields: Mapping[str, Any]) -> bool:
    roles = {role for role in read_list(asset_fields.get("roles")) if isinstance(role, str)}
    media_type = read_text(asset_fields.get("type"))
    return (
        not roles & _DISPLAY_ROLES
        and key.lower() not in _DISPLAY_KEYS
        and (media_type is None or media_type.lower().startswith(_RASTER_TYPES))
    )


def _read_asset(asset_fields: Mapping[str, Any], properties: Mapping[str, Any], href: str) -> Asset:
    """The file with its stated grid: the asset's own, or else the item's."""
    own_grid = any(key in asset_fields for key in ("proj:shape", "proj:transform"))
    grid = asset_fields if own_grid else properties
    shape = read_numbers(grid.get("proj:shape"), (2,))
    transform = read_numbers(grid.get("proj:transform"), (6, 9))
    raster_band = read_mapping(next(iter(read_list(asset_fields.get("raster:bands"))), None))
    band = read_mapping(next(iter(read_list(asset_fields.get("bands"))), None))
    checksum = read_text(asset_fields.get("file:checksum")) or read_text(
        asset_fields.get("checksum:multihash")
    )
    return Asset(
        href=href,
        dtype=read_text(
            asset_fields.get("data_type") or band.get("data_type") or raster_band.get("data_type")
        ),
        checksum=checksum.lower() if checksum else None,
        crs=_read_crs(asset_fields) or _read_crs(properties),
        shape=(int(shape[0]), int(shape[1])) if shape else None,
        transform=transform[:6] if transform else None,
        own_grid=own_grid,
    )


def _read_crs(fields: Mapping[str, Any]) -> str | None:
    code = read_text(fields.get("proj:code"))
    epsg = read_number(fields.get("proj:epsg"))
    return code or (f"EPSG:{int(epsg)}" if epsg is not None else None)


def _read_candidates(
    key: str,
    asset_fields: Mapping[str, Any],
    properties: Mapping[str, Any],
    asset: Asset,
    profile: SensorProfile | None,
) -> Iterator[_Candidate]:
    """Each band of one file, named if the item names it. A file without a list of bands is one band, named by its key."""
    listed = read_list(asset_fields.get("bands")) or read_list(asset_fields.get("eo:bands"))
    known = read_list(properties.get("eo:bands"))
    raster_bands = read_list(asset_fields.get("raster:bands"))
    entries = list(listed)[:MAX_BANDS] or [{}]
    for position, entry in enumerate(entries):
        if isinstance(entry, int) and not isinstance(entry, bool) and 0 <= entry < len(known):
            entry = known[entry]  # before STAC 1.0 a band was a position in the item's list
        band = read_mapping(entry)
        raster = read_mapping(raster_bands[position]) if position < len(raster_bands) else {}
        names = tuple(
            name.upper()
            for name in (read_text(band.get("name")), key if len(entries) == 1 else None)
            if name is not None
        )
        common_name = _common_name(band, names, profile)
        ref = BandRef(
            common_name=common_name or "",
            asset=asset,
            index=position + 1,
            scale=_first_number(band, asset_fields, raster, key="scale"),
            offset=_first_number(band, asset_fields, raster, key="offset"),
            nodata=_first_number(band, asset_fields, raster, key="nodata"),
            unit=_read_unit(band, asset_fields, raster) if common_name in RADAR_BANDS else None,
        )
        rank = (_pixel_size(band, asset_fields, raster, asset), len(entries), position)
        yield _Candidate(names, common_name, ref, rank)


def _common_name(
    band: Mapping[str, Any], names: tuple[str, ...], profile: SensorProfile | None
) -> str | None:
    stated = read_text(band.get("eo:common_name")) or read_text(band.get("common_name"))
    if stated is not None:
        name = stated.lower()
        return profile.aliases.get(name, name) if profile else name
    own_names = {radar: radar for radar in RADAR_BANDS} | dict(profile.own_names if profile else {})
    return next((own_names[name] for name in names if name in own_names), None)


def _first_number(
    band: Mapping[str, Any], asset_fields: Mapping[str, Any], raster: Mapping[str, Any], *, key: str
) -> float | None:
    """A number stated of the band, else of its file (STAC 1.1), else in raster:bands (STAC 1.0)."""
    stated = (
        read_number(fields.get(name)) for fields in (band, asset_fields) for name in (f"raster:{key}", key)
    )
    return next((number for number in stated if number is not None), read_number(raster.get(key)))


def _read_unit(
    band: Mapping[str, Any], asset_fields: Mapping[str, Any], raster: Mapping[str, Any]
) -> str | None:
    stated = [fields.get(key) for fields in (band, raster, asset_fields) for key in ("unit", "description")]
    words = " ".join(text for text in stated if isinstance(text, str))
    if re.search(r"\bdb\b|decibel", words, re.IGNORECASE):
        return "dB"
    # radar is linearly polarised, whatever its unit
    return "power" if re.search(r"\bpower\b|\blinear\b(?!\W+polari)", words, re.IGNORECASE) else None


def _pixel_size(
    band: Mapping[str, Any], asset_fields: Mapping[str, Any], raster: Mapping[str, Any], asset: Asset
) -> float:
    """Stated side of a pixel, to choose between files that hold the same band; a very large one if unstated."""
    stated = (
        read_number(asset_fields.get("gsd")),
        read_number(asset_fields.get("raster:spatial_resolution")),
        read_number(raster.get("spatial_resolution")),
        read_number(band.get("gsd")),
        abs(asset.transform[0]) if asset.transform and asset.own_grid else None,
    )
    return next((size for size in stated if size is not None), 1e9)


def _find_mask(candidates: list[_Candidate], profile: SensorProfile | None) -> MaskRef | None:
    """The mask of the first rule of the profile that some band answers to."""
    for rule, pattern in (profile.mask_names if profile else {}).items():
        for candidate in candidates:
            if any(re.fullmatch(pattern, name, re.IGNORECASE) for name in candidate.names):
                return MaskRef(rule, candidate.ref.asset, candidate.ref.index)
    return None
