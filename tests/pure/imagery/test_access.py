"""An item cannot make the service open what it should not: other files, other hosts, GDAL's virtual ones."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from pathlib import Path

import pytest

from monitor.imagery.access import AssetAccess, locate_asset, verify_checksum
from monitor.imagery.item import parse_item
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import Cause, SceneRefused
from tests.data.make_scenes import SIX, write_scene


def cause_of(href: str, base_href: str, access: AssetAccess) -> Cause:
    with pytest.raises(SceneRefused) as caught:
        locate_asset(href, base_href, access)
    assert "secret" not in str(caught.value)
    return caught.value.cause


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A folder with a file in it, and a secret beside the folder."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "a.tif").write_bytes(b"II*\x00")
    (tmp_path / "secret.tif").write_bytes(b"II*\x00")
    return folder


def test_a_file_below_a_root_is_found_by_path_and_by_address(scenes: Path) -> None:
    access = AssetAccess(roots=(scenes,))
    for href in (f"{scenes}/a.tif", f"file://{scenes}/a.tif", f"file://localhost{scenes}/%61.tif"):
        assert locate_asset(href, "", access).local == scenes / "a.tif"


def test_without_roots_only_the_items_own_folder_is_open(scenes: Path) -> None:
    base = str(scenes / "item.json")
    assert locate_asset(f"{scenes}/a.tif", base, AssetAccess()).local == scenes / "a.tif"
    assert cause_of(f"{scenes}/../secret.tif", base, AssetAccess()) is Cause.ASSET_FORBIDDEN
    assert cause_of(f"{scenes}/a.tif", "", AssetAccess()) is Cause.ASSET_FORBIDDEN
    assert (
        cause_of(f"{scenes}/a.tif", "https://example.org/item.json", AssetAccess()) is Cause.ASSET_FORBIDDEN
    )


@pytest.mark.parametrize(
    "href",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "../secret.tif",
        "{scenes}/../secret.tif",
        "file://{scenes}/%2e%2e/secret.tif",
        "{scenes}/link.tif",
        "/vsicurl/https://example.org/a.tif",
        "/VSIZIP/{scenes}/a.zip/a.tif",
        "/vsis3/bucket/a.tif",
        "{scenes}/../../vsimem/a",
        "file:///vsicurl/https://example.org/a.tif",
        "zip://{scenes}/a.zip!a.tif",
        "GTIFF_DIR:1:{scenes}/a.tif",
        "NETCDF:{scenes}/a.nc:x",
        "ftp://example.org/a.tif",
        "data:image/tiff;base64,AAAA",
        "https://example.org/a.tif",
        "http://169.254.169.254/latest/meta-data",
        "https://allowed.example@example.org/a.tif",
        "https://user:secret@allowed.example/a.tif",
        "https://allowed.example:8080/a.tif",
        "https://allowed.example.evil.example/a.tif",
        "s3://other/a.tif",
        "file://other.example/etc/passwd",
        "{scenes}/" + "a" * 300,
        "a\x00.tif",
        "http://[",
    ],
)
def test_what_an_item_may_not_name_is_forbidden(scenes: Path, href: str) -> None:
    (scenes / "link.tif").symlink_to(scenes.parent / "secret.tif")
    access = AssetAccess(roots=(scenes,), hosts=frozenset({"allowed.example"}), buckets=frozenset({"bucket"}))
    assert cause_of(href.format(scenes=scenes), str(scenes / "item.json"), access) is Cause.ASSET_FORBIDDEN


def test_allowed_hosts_and_buckets_are_handed_to_gdal() -> None:
    access = AssetAccess(roots=(), hosts=frozenset({"allowed.example"}), buckets=frozenset({"bucket"}))
    web = locate_asset("https://allowed.example/a.tif?sig=x", "", access)
    assert (web.gdal_path, web.local) == ("/vsicurl/https://allowed.example/a.tif?sig=x", None)
    assert locate_asset("s3://bucket/x/a.tif", "", access).gdal_path == "/vsis3/bucket/x/a.tif"


def test_a_file_that_is_not_there_is_missing_only_where_it_might_be(scenes: Path) -> None:
    access = AssetAccess(roots=(scenes,))
    assert cause_of(f"{scenes}/b.tif", "", access) is Cause.ASSET_MISSING
    assert cause_of(f"{scenes}", "", access) is Cause.ASSET_MISSING
    assert cause_of(f"{scenes.parent}/b.tif", "", access) is Cause.ASSET_FORBIDDEN


def test_a_scene_handed_in_without_a_folder_needs_roots(tmp_path: Path) -> None:
    document, _ = write_scene(tmp_path)
    document["assets"]["image"]["href"] = str(tmp_path / "scene.tif")
    with pytest.raises(SceneRefused) as caught:
        open_scene(parse_item(document), SIX)
    assert caught.value.cause is Cause.ASSET_FORBIDDEN
    with open_scene(parse_item(document), SIX, access=AssetAccess(roots=(tmp_path,))) as scene:
        assert scene.bands == SIX


def test_a_checksum_is_verified_however_it_is_stated(tmp_path: Path) -> None:
    path = tmp_path / "band.tif"
    path.write_bytes(b"pixels")
    for prefix, bare, function in (
        ("1220", True, "sha256"),
        ("1114", True, "sha1"),
        ("d50110", True, "md5"),
        ("1340", True, "sha512"),
        ("1620", False, "sha3_256"),
    ):
        right, wrong = (hashlib.new(function, data).hexdigest() for data in (b"pixels", b"others"))
        for stated, is_right in (
            (prefix + right, True),
            ((prefix + right).upper(), True),
            (prefix + wrong, False),
            (right, bare),
            (wrong, False),
        ):
            with nullcontext() if is_right else pytest.raises(SceneRefused) as caught:
                verify_checksum(path, stated)
            assert caught is None or caught.value.cause is Cause.CHECKSUM_MISMATCH


@pytest.mark.parametrize("stated", ["sha256:abc", "b220" + "0" * 64, "1220abcd", "z" * 64])
def test_a_checksum_that_cannot_be_verified_is_not_passed_over(tmp_path: Path, stated: str) -> None:
    path = tmp_path / "band.tif"
    path.write_bytes(b"pixels")
    with pytest.raises(SceneRefused, match="cannot be verified"):
        verify_checksum(path, stated)
