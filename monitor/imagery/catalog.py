"""Catalogues: every item of a local static STAC catalogue, collection, item or feature collection, one at a time.

Room `imagery`, pure. A link that leads nowhere is an item that is refused, never an end of the walk; documents come
out as they were found, for their digest is part of the record. (pystac's own walk does neither, so it lends its
link rules alone.) May import `item`, `fields` and `refusal`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pystac import RelType
from pystac.utils import make_absolute_href

from monitor.imagery.fields import read_list, read_mapping, read_moment, read_text
from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.refusal import Cause, SceneRefused

MAX_DOCUMENT_BYTES = 64 * 2**20
MAX_DEPTH = 20
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CatalogItem:
    """One item as it was found. href: of its document. document: its JSON, None if it could not be read, and then
    `refused` says why."""

    href: str
    document: Mapping[str, Any] | None
    refused: SceneRefused | None = None

    @property
    def sort_key(self) -> tuple[datetime, str]:
        """Date of observation, then id; what has no date comes last."""
        fields = read_mapping(self.document)
        properties = read_mapping(fields.get("properties"))
        observed = read_moment(properties.get("datetime")) or read_moment(properties.get("start_datetime"))
        return observed or _LAST, read_text(fields.get("id")) or ""

    def parse(self) -> SceneItem:
        """The scene it describes. Raises SceneRefused, also for a link that led nowhere."""
        if self.refused is not None:
            raise self.refused
        return parse_item(self.document, self.href)


def walk_items(href: str | Path) -> Iterator[CatalogItem]:
    """All items below `href` (a local path or file address), sorted by date of observation, then id."""
    items = _walk(str(Path(href).absolute()) if isinstance(href, Path) else href, set(), 0)
    yield from sorted(items, key=lambda item: item.sort_key)


def count_repeated_ids(items: Iterable[CatalogItem]) -> int:
    """How many ids are borne by several items of one collection. Items without an id are not counted.

    Each of them is a scene of its own, and a label that names the id may speak of any.
    """
    documents = [read_mapping(item.document) for item in items]
    borne = Counter((read_text(each.get("collection")), read_text(each.get("id"))) for each in documents)
    return sum(count > 1 for (_, item_id), count in borne.items() if item_id is not None)


def _walk(href: str, seen: set[str], depth: int) -> Iterator[CatalogItem]:
    if href in seen:
        return
    seen.add(href)
    try:
        document = _read_document(href)
    except SceneRefused as refused:
        yield CatalogItem(href, None, refused)
        return
    kind = document.get("type")
    if kind == "Feature":
        yield CatalogItem(href, document)
    elif kind == "FeatureCollection":
        for feature in read_list(document.get("features")):
            yield CatalogItem(href, read_mapping(feature))
    elif depth < MAX_DEPTH:
        for link in _read_links(document):
            yield from _walk(make_absolute_href(link, href), seen, depth + 1)


def _read_links(document: Mapping[str, Any]) -> Iterator[str]:
    """Addresses of the children and items of a catalogue or collection, in its order."""
    for entry in read_list(document.get("links")):
        link = read_mapping(entry)
        target = read_text(link.get("href"))
        if target is not None and link.get("rel") in (RelType.CHILD, RelType.ITEM):
            yield target


def _read_document(href: str) -> Mapping[str, Any]:
    parts = urlsplit(href)
    if parts.scheme not in ("", "file"):
        raise SceneRefused(
            Cause.ASSET_FORBIDDEN,
            "A link of the catalogue leads to the network; search that service instead.",
        )
    path = Path(unquote(parts.path) if parts.scheme == "file" else href)
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise SceneRefused(Cause.MALFORMED_ITEM, "A document of the catalogue is far too large.")
        document = json.loads(path.read_bytes())
    except OSError:
        raise SceneRefused(
            Cause.ASSET_MISSING, "A link of the catalogue leads to no readable file."
        ) from None
    except (ValueError, RecursionError):
        raise SceneRefused(Cause.MALFORMED_ITEM, "A document of the catalogue is not JSON.") from None
    if not isinstance(document, Mapping):
        raise SceneRefused(Cause.MALFORMED_ITEM, "A document of the catalogue is not a JSON object.")
    return document
