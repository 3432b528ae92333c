"""The scene as its STAC item describes it: frozen, and read without opening a raster.

Room `imagery`, pure; used in the web process, so it must not import rasterio. Whatever JSON comes in, `parse_item`
returns a SceneItem or raises SceneRefused, nothing else. A SceneItem holds places and paths: it stays in the worker.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.imagery.assets import Asset, BandRef, MaskRef, read_assets
from monitor.imagery.fields import read_list, read_mapping, read_moment, read_number, read_numbers, read_text
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.imagery.sensors import (
    OFFSET_SINCE,
    PROFILES,
    Calibration,
    choose_product,
    choose_sensor,
    name_bands,
)

__all__ = ["Asset", "BandRef", "MaskRef", "SceneItem", "parse_item"]

COMPOSITE_FROM = timedelta(days=30)
"""An observation at least this long is a composite of many passes, not a scene on a day."""
FIRST_YEAR, LAST_YEAR = 1972, 2099
"""Of the first Landsat, and the last that is no slip of the pen."""
MAX_POSITIONS = 100_000
_BASELINES = ("s2:processing_baseline", "sentinel:processing_baseline")
_NULL_CHARACTER = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it; behind an even number of backslashes, or it is text about one."""
Bbox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SceneItem:
    """One scene: what it claims to be, before any file is opened.

    sensor: name of a profile, None if the platform is unknown. observed_from, observed_to: UTC. bands: by eo common
    name (VV, VH for radar). mask: None where valid data is all that is known. bbox: envelope of the item's bbox and
    geometry, degrees CRS84. assets: every data raster named. calibrations: of the product, by dtype of the file.
    base_href: where the document came from. document_sha256: of the canonical JSON, so that formatting does not
    matter.
    """

    item_id: str
    collection: str | None
    sensor: str | None
    observed_from: datetime
    observed_to: datetime
    bands: Mapping[str, BandRef]
    mask: MaskRef | None
    bbox: Bbox
    assets: tuple[Asset, ...]
    base_href: str
    document_sha256: str
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)

    @property
    def is_composite(self) -> bool:
        """Whether the pixels come from many passes."""
        return self.observed_to - self.observed_from >= COMPOSITE_FROM


def parse_item(document: Any, base_href: str = "") -> SceneItem:
    """Read a STAC item (0.8 to 1.1) that was found at `base_href` (a path, a URL, or "" if it was handed in).

    Raises SceneRefused: MALFORMED_ITEM, NO_OBSERVATION_DATE, WRONG_PROCESSING_LEVEL, ASSET_MISSING, ANTIMERIDIAN or
    FOOTPRINT_MISMATCH. An unknown sensor or a band that is missing is no fault of the document: `open_scene` tells.
    """
    digest = _digest(document)
    if not isinstance(document, Mapping) or document.get("type") != "Feature":
        raise SceneRefused(Cause.MALFORMED_ITEM, "The document is not a STAC item (a GeoJSON Feature).")
    item_id = read_text(document.get("id"))
    if item_id is None:
        raise SceneRefused(Cause.MALFORMED_ITEM, "The item has no id.")
    properties = read_mapping(document.get("properties"))
    collection = read_text(document.get("collection")) or read_text(properties.get("collection"))
    observed_from, observed_to = _read_period(properties)
    bbox = _read_footprint(document)
    named = _sensor_words(properties, collection, item_id)
    sensor = choose_sensor(named)
    profile = name_bands(PROFILES[sensor], named) if sensor else None
    calibrations: Mapping[str, Calibration] = {}
    offset_is_applied = False
    if profile is not None:
        words = _product_words(properties, collection, item_id)
        if observed_to.date() < OFFSET_SINCE:
            words += "\nprocessed-without-offset"
        product = choose_product(profile, words)
        if product.refused is not None:
            raise SceneRefused(
                Cause.WRONG_PROCESSING_LEVEL, f"The product cannot be used: {product.refused}."
            )
        calibrations, offset_is_applied = product.calibrations, product.offset_is_applied
    assets, bands, mask = read_assets(document, base_href, profile)
    if offset_is_applied:
        # 0, not None: a tag of the file must not take it off again either
        bands = {name: replace(ref, offset=0.0) for name, ref in bands.items()}
    if not assets:
        raise SceneRefused(Cause.ASSET_MISSING, "The item names no raster file that holds data.")
    return SceneItem(
        item_id=item_id,
        collection=collection,
        sensor=sensor,
        observed_from=observed_from,
        observed_to=observed_to,
        bands=bands,
        mask=mask,
        bbox=bbox,
        assets=assets,
        base_href=base_href,
        document_sha256=digest,
        calibrations=calibrations,
    )


def _digest(document: Any) -> str:
    """Hex sha256 of the document in canonical JSON. Raises SceneRefused where it is not JSON that a database can keep."""
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
        json.dumps(document, ensure_ascii=False).encode()  # fails at half a surrogate pair
    except (TypeError, ValueError, RecursionError):
        raise SceneRefused(
            Cause.MALFORMED_ITEM,
            "The document is not plain JSON, or nested too deep; NaN and infinities stand as text.",
        ) from None
    if _NULL_CHARACTER.search(text):
        raise SceneRefused(Cause.MALFORMED_ITEM, "A text in the document holds a null character.")
    return hashlib.sha256(text.encode()).hexdigest()


def _read_period(properties: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Begin and end of the observation, UTC: start and end if both are stated, else the one moment."""
    moment = read_moment(properties.get("datetime"))
    start = read_moment(properties.get("start_datetime")) or moment
    end = read_moment(properties.get("end_datetime")) or moment
    if start is None or end is None:
        raise SceneRefused(
            Cause.NO_OBSERVATION_DATE,
            "The item states no date of observation; give datetime, or start_datetime and end_datetime.",
        )
    if end < start:
        raise SceneRefused(
            Cause.NO_OBSERVATION_DATE, "The observation ends before it begins; mend the dates."
        )
    # one of the year 2999 would stand for the newest look at its cells for ever
    if start.year < FIRST_YEAR or end.year > LAST_YEAR:
        raise SceneRefused(
            Cause.NO_OBSERVATION_DATE,
            "The observation lies far in the future, or before the first satellite that this service reads; mend the dates.",
        )
    return start, end


def _read_footprint(document: Mapping[str, Any]) -> Bbox:
    """Envelope of bbox and geometry, degrees. Both together, so that neither can contradict the pixels unseen."""
    boxes: list[Bbox] = []
    numbers = read_numbers(document.get("bbox"), (4, 6))
    if numbers is not None:
        west, south = numbers[:2]
        east, north = numbers[len(numbers) // 2 :][:2]
        if west > east:
            raise SceneRefused(
                Cause.ANTIMERIDIAN,
                "The footprint crosses 180 degrees of longitude; hand in each side by itself.",
            )
        boxes.append((west, south, east, north))
    positions = list(_walk_positions(document.get("geometry")))
    if positions:
        lons, lats = [lon for lon, _ in positions], [lat for _, lat in positions]
        boxes.append((min(lons), min(lats), max(lons), max(lats)))
    if not boxes:
        raise SceneRefused(
            Cause.MALFORMED_ITEM, "The item has neither bbox nor geometry, so nothing to check."
        )
    wests, souths, easts, norths = zip(*boxes, strict=True)
    bbox = (min(wests), min(souths), max(easts), max(norths))
    if bbox[1] > bbox[3] or bbox[0] < -180 or bbox[2] > 180 or bbox[1] < -90 or bbox[3] > 90:
        raise SceneRefused(
            Cause.MALFORMED_ITEM, "The footprint is not on earth; give degrees, longitude first."
        )
    return bbox


def _walk_positions(geometry: Any) -> Iterator[tuple[float, float]]:
    """Longitude and latitude of every position of a Polygon or MultiPolygon."""
    pending = [(read_list(read_mapping(geometry).get("coordinates")), 0)]
    found = 0
    while pending and found < MAX_POSITIONS:
        part, depth = pending.pop()
        numbers = read_numbers(part, (2, 3, 4))
        if numbers is not None:
            found += 1
            yield numbers[0], numbers[1]
        elif depth < 4:
            pending.extend((read_list(child), depth + 1) for child in part)


def _sensor_words(properties: Mapping[str, Any], collection: str | None, item_id: str) -> list[str]:
    """What may name the sensor, most authoritative first."""
    stated = [properties.get(key) for key in ("constellation", "platform", "eo:constellation", "eo:platform")]
    stated += list(read_list(properties.get("instruments")))
    stated += [collection, item_id]
    return [text for text in map(read_text, stated) if text is not None]


def _read_baseline(value: Any) -> str | None:
    """A processing baseline as two digits, a point and two digits, however it is written: 05.09, 5.09, N0509, 5; or None."""
    number = read_number(value)
    text = f"{number:.2f}" if number is not None else read_text(value)
    found = re.fullmatch(r"[Nn]?(\d{1,2})(?:\.(\d{1,2}))?|[Nn]?(\d\d)(\d\d)", text or "")
    if found is None:
        return None
    whole, part = found[1] or found[3], found[2] or found[4] or ""
    return f"{int(whole):02d}.{part:0<2}"


def _product_words(properties: Mapping[str, Any], collection: str | None, item_id: str) -> str:
    """All that tells one product of a sensor from another, as one text for the patterns of `sensors`."""
    words = [item_id, collection or ""]
    words += [
        text
        for key, value in properties.items()
        if re.search(r"product|correction|granule|datatake", str(key)) and (text := read_text(value))
    ]
    baseline = next(filter(None, (_read_baseline(properties.get(key)) for key in _BASELINES)), None)
    words += [f"baseline {baseline}"] if baseline else []
    # of any software, and of Sentinel-2 its baseline, which is written so
    version = read_text(properties.get("processing:version"))
    words += (
        [f"baseline {version}"] if version and re.fullmatch(r"\d\d\.\d\d", version) and not baseline else []
    )
    level = properties.get("processing:level") or properties.get("landsat:processing_level")
    words += [f"level {text}" for text in (read_text(level),) if text]
    words += [
        f"collection {text}" for text in (read_text(properties.get("landsat:collection_number")),) if text
    ]
    applied = properties.get("earthsearch:boa_offset_applied", properties.get("sentinel:boa_offset_applied"))
    words += ["boa-offset-applied"] if applied is True else []
    return "\n".join(words)
