"""A catalogue is walked to its end whatever is broken in it, in the order of observation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.imagery.catalog import count_repeated_ids, walk_items
from monitor.imagery.refusal import Cause, SceneRefused


def item(name: str, date: str) -> dict[str, Any]:
    assets = {"image": {"href": f"{name}.tif", "bands": [{"eo:common_name": "red"}]}}
    properties = {"datetime": f"{date}T00:00:00Z", "constellation": "sentinel-2"}
    fields = {"type": "Feature", "id": name, "bbox": [20.0, 2.0, 20.1, 2.1], "geometry": None}
    return fields | {"properties": properties, "assets": assets}


def catalog(*links: tuple[str, str]) -> dict[str, Any]:
    return {"type": "Catalog", "id": "c", "links": [{"rel": rel, "href": href} for rel, href in links]}


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_items_come_by_date_then_id_from_all_children(tmp_path: Path) -> None:
    root = write(
        tmp_path / "catalog.json",
        catalog(
            ("root", "./catalog.json"),
            ("child", "./x/collection.json"),
            ("item", "./b.json"),
            ("item", "./a.json"),
        ),
    )
    write(tmp_path / "x/collection.json", catalog(("parent", "../catalog.json"), ("item", "deep/c.json")))
    write(tmp_path / "x/deep/c.json", item("c", "2023-01-01"))
    write(tmp_path / "a.json", item("a", "2024-01-01"))
    write(tmp_path / "b.json", item("b", "2024-01-01"))
    found = list(walk_items(root))
    assert [scene.parse().item_id for scene in found] == ["c", "a", "b"]
    assert found[0].parse().bands["red"].asset.href == str(tmp_path / "x/deep/c.tif")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, Cause.ASSET_MISSING),
        ("{not json", Cause.MALFORMED_ITEM),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), Cause.MALFORMED_ITEM),
        ("[]", Cause.MALFORMED_ITEM),
        ('{"type": "Feature", "id": 3}', Cause.MALFORMED_ITEM),
        ("[" * 100_000, Cause.MALFORMED_ITEM),
    ],
)
def test_a_broken_link_is_an_item_that_is_refused(tmp_path: Path, content: str | None, cause: Cause) -> None:
    root = write(tmp_path / "catalog.json", catalog(("item", "./bad.json"), ("item", "./good.json")))
    if content is not None:
        write(tmp_path / "bad.json", content)
    write(tmp_path / "good.json", item("good", "2024-01-01"))
    good, bad = walk_items(root)
    assert good.parse().item_id == "good"
    with pytest.raises(SceneRefused) as caught:
        bad.parse()
    assert caught.value.cause is cause
    assert "bad.json" not in str(caught.value)


def test_a_link_to_the_network_is_refused_and_not_followed(tmp_path: Path) -> None:
    root = write(tmp_path / "catalog.json", catalog(("child", "https://example.org/catalog.json")))
    (only,) = walk_items(root)
    with pytest.raises(SceneRefused) as caught:
        only.parse()
    assert caught.value.cause is Cause.ASSET_FORBIDDEN


def test_catalogues_in_a_circle_end(tmp_path: Path) -> None:
    root = write(tmp_path / "catalog.json", catalog(("child", "./b.json"), ("child", "./catalog.json")))
    write(tmp_path / "b.json", catalog(("child", "./catalog.json"), ("item", "i.json")))
    write(tmp_path / "i.json", item("i", "2024-01-01"))
    assert [scene.parse().item_id for scene in walk_items(root)] == ["i"]


def test_one_item_and_a_feature_collection_are_catalogues_too(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", item("one", "2024-01-01"))
    assert [scene.parse().item_id for scene in walk_items(one)] == ["one"]
    features = [item("late", "2024-02-01"), item("early", "2024-01-01"), 5]
    many = write(tmp_path / "many.json", {"type": "FeatureCollection", "features": features})
    found = list(walk_items(f"file://{many}"))
    assert [scene.parse().item_id for scene in found[:2]] == ["early", "late"]
    with pytest.raises(SceneRefused):
        found[2].parse()


def test_ids_that_several_items_of_one_collection_bear_are_counted(tmp_path: Path) -> None:
    """The same name in another collection is usual: levels of one scene. What has no id bears none twice."""
    features: list[Any] = [item(name, f"2024-0{month}-01") for month, name in enumerate("aaabbcd", start=1)]
    features += [
        item("c", "2024-01-01") | {"collection": "l1c"},
        item("d", "2024-01-01") | {"id": None},
        5,
        6,
    ]
    many = write(tmp_path / "many.json", {"type": "FeatureCollection", "features": features})
    assert count_repeated_ids(walk_items(many)) == 2
    assert count_repeated_ids(walk_items(write(tmp_path / "one.json", item("a", "2024-01-01")))) == 0


def test_the_document_comes_out_as_it_was_found(tmp_path: Path) -> None:
    document = item("a", "2024-01-01") | {"odd:field": [1, None, "x"]}
    (found,) = walk_items(write(tmp_path / "a.json", document))
    assert found.document == document


def test_the_real_catalogues_are_walked(shared_data: Path) -> None:
    assert len(list(walk_items(shared_data / "scenes/catalog.json"))) == 8
    assert len(list(walk_items(shared_data / "scenes/bad-input/catalog.json"))) == 4
    pairs = list(walk_items(shared_data / "amazon-pairs/catalog.json"))
    assert len(pairs) == 746
    assert all(pair.refused is None for pair in pairs)
    assert [pair.sort_key for pair in pairs] == sorted(pair.sort_key for pair in pairs)
