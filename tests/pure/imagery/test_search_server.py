"""Search against a real STAC API server on this machine, with invented items and with real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.refusal import SceneRefused
from monitor.imagery.search import Found, Query, SearchFailed, search_items
from tests.data.make_scenes import SIX
from tests.stacserver import serve_items

MONTHS = 12
BESIDE = 21


def invent_items() -> list[dict[str, Any]]:
    """A year of months of 21 places, in two collections: one of STAC 1.0, one of 1.1."""
    items = []
    for month in range(MONTHS):
        for place in range(BESIDE):
            old = place % 2 == 0
            west, south = 20 + place / 10, 2.0
            box = [west, south, west + 0.08, south + 0.08]
            ring = [[box[a], box[b]] for a, b in ((0, 1), (2, 1), (2, 3), (0, 3), (0, 1))]
            named = [{"name": name, "eo:common_name": name} for name in SIX]
            plain = [{"name": name, "common_name": name} for name in SIX]
            asset = {
                "href": f"./{place}-{month}.tif",
                "type": "image/tiff; application=geotiff",
                "roles": ["data"],
            }
            items.append(
                {
                    "type": "Feature",
                    "stac_version": "1.0.0" if old else "1.1.0",
                    "stac_extensions": [],
                    "id": f"place{place:02}-{month + 1:02}",
                    "collection": "old" if old else "new",
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                    "bbox": box,
                    "properties": {
                        "datetime": f"2024-{month + 1:02}-15T10:00:00Z",
                        "platform": "sentinel-2a",
                    },
                    "links": [],
                    "assets": {"image": asset | ({"eo:bands": plain} if old else {"bands": named})},
                }
            )
    return items


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_items(tmp_path_factory.mktemp("api"), invent_items()) as served:
        yield served


def look(host: str, **more: Any) -> Found:
    return search_items(Query(f"http://{host}/", **more), [host])


def names(found: Found) -> set[str]:
    return {entry.parse().item_id for entry in found.items}


def test_all_items_come_over_many_pages_each_once_in_the_order_of_dates(host: str) -> None:
    told: list[int] = []
    found = search_items(Query(f"http://{host}/"), [host], told.append)
    assert names(found) == {item["id"] for item in invent_items()}
    assert len(found.items) == MONTHS * BESIDE
    assert told == [100, 200, 252]
    assert [entry.sort_key for entry in found.items] == sorted(entry.sort_key for entry in found.items)


def test_items_of_both_versions_have_their_bands_and_an_address(host: str) -> None:
    for entry in look(host, when="2024-01").items:
        item = entry.parse()
        assert set(item.bands) == set(SIX)
        assert item.sensor == "sentinel-2"
        assert item.bands["red"].asset.href.startswith(f"http://{host}/")
        assert item.base_href == f"http://{host}/collections/{item.collection}/items/{item.item_id}"


def test_collection_box_and_dates_narrow_the_search(host: str) -> None:
    assert len(look(host, collections=("old",)).items) == MONTHS * 11
    assert len(look(host, collections=("old", "new"), when="2024-03/2024-04").items) == 2 * BESIDE
    assert len(look(host, when="2024-11-01T00:00:00Z/..").items) == 2 * BESIDE
    box = (20.21, 2.0, 20.35, 2.1)
    assert names(look(host, bbox=box, when="2024-05")) == {"place02-05", "place03-05"}
    assert look(host, bbox=(1.0, 1.0, 2.0, 2.0)) == Found((), False)


def test_a_search_that_is_repeated_brings_the_same_documents(host: str) -> None:
    one, two = look(host, when="2024-06"), look(host, collections=("old", "new"), when="2024-06-15")
    assert [(entry.href, entry.parse().document_sha256) for entry in one.items] == [
        (entry.href, entry.parse().document_sha256) for entry in two.items
    ]


def test_an_unknown_collection_is_named(host: str) -> None:
    with pytest.raises(SearchFailed, match="no collection 'nothing'"):
        look(host, collections=("nothing",))


def read_real_items(folder: Path) -> list[dict[str, Any]]:
    """Items of the two versions that an API serves, each with a collection and a name of its own."""
    items: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ndjson":
            found = [json.loads(line) for line in path.read_text().splitlines() if line]
        elif path.suffix in (".json", ".geojson"):
            document = json.loads(path.read_text())
            found = document if isinstance(document, list) else document.get("features", [document])
        else:
            continue
        for item in found:
            if item.get("type") == "Feature" and str(item.get("stac_version"))[:3] in ("1.0", "1.1"):
                name = f"{path.stem}-{len(items)}"
                items[name] = {**item, "id": name, "collection": item.get("collection") or "real"}
    return list(items.values())


@pytest.mark.shared_data
def test_real_items_say_the_same_through_an_api_as_in_their_files(shared_data: Path, tmp_path: Path) -> None:
    items = read_real_items(shared_data / "stac")
    assert len(items) > 100
    with serve_items(tmp_path, items) as host:
        found = {str((entry.document or {})["id"]): entry for entry in look(host).items}
    assert found.keys() == {item["id"] for item in items}
    for item in items:
        entry = found[item["id"]]
        assert tell(lambda entry=entry: entry.parse()) == tell(
            lambda item=item, at=entry.href: parse_item(item, at)
        )


def tell(parse: Any) -> Any:
    """What a document means, but for its digest; or why it is refused."""
    try:
        item: SceneItem = parse()
    except SceneRefused as refused:
        return refused.cause
    return (item.sensor, item.observed_from, item.observed_to, item.bbox, item.bands, item.mask, item.assets)
