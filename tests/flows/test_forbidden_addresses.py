"""What an item may not name is never opened: files of this machine, other hosts, files that lead to others."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socket import SHUT_RDWR, create_server
from threading import Thread

import pytest
from pytest_django import Settings

from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.flows.conftest import Ringing
from tests.flows.handing_in import assert_discreet, hand_in
from tests.flows.mined_land import MinedLand


class Listener:
    """A port of this machine on which nobody may call. It hangs up on everybody and counts the calls."""

    def __init__(self) -> None:
        self.calls = 0
        self._listening = create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                self._listening.accept()[0].close()
                self.calls += 1

    def close(self) -> None:
        """Listen no more."""
        self._listening.shutdown(SHUT_RDWR)
        self._thread.join()
        self._listening.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody who should hear nothing."""
    listening = Listener()
    yield listening
    listening.close()


FORBIDDEN = [
    "/etc/passwd",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "{root}/../../../../../../etc/passwd",
    "{root}/%2e%2e/%2e%2e/etc/passwd",
    "../../etc/passwd",
    "t1.tif",
    "{outside}/t1.tif",
    "{root}/link-to-outside.tif",
    "/vsicurl/http://{server}/t1.tif",
    "/vsizip//vsicurl/http://{server}/t1.zip/t1.tif",
    "{root}/vsicurl/http://{server}/t1.tif",
    "http://{server}/t1.tif",
    "https://{server}/t1.tif",
    "http://user:word@{server}/t1.tif",
    "HTTP://{server}/t1.tif",
    "//{server}/t1.tif",
    "ftp://{server}/t1.tif",
    "s3://bucket/t1.tif",
    "gs://bucket/t1.tif",
    "http://169.254.169.254/latest/meta-data/",
    "GTIFF_DIR:1:{outside}/t1.tif",
    "WMS:http://{server}/wms",
    "JP2OpenJPEG:{outside}/t1.tif",
]


@pytest.mark.parametrize("href", FORBIDDEN)
@pytest.mark.parametrize("which", ["image", "mask"])
def test_an_address_outside_the_imagery_folders_is_never_opened(
    web: WebClient,
    cast: Cast,
    land: MinedLand,
    tmp_path: Path,
    settings: Settings,
    ringing: Ringing,
    listener: Listener,
    href: str,
    which: str,
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "t1.tif").write_bytes(Path(land.items["t1"]["assets"]["image"]["href"]).read_bytes())
    (root / "link-to-outside.tif").symlink_to(outside / "t1.tif")
    settings.IMAGERY_ROOTS = [root, land.folder]
    item = copy.deepcopy(land.items["t1"])
    address = href.format(root=root, outside=outside, server=listener.address)
    if which == "mask":
        item["assets"]["SCL"] = {"href": address, "bands": [{"name": "SCL"}], "roles": ["data"]}
    else:
        item["assets"]["image"]["href"] = address
    told = hand_in(web, cast, item, ringing)
    assert (told["state"], told["cause"]) in {("refused", "asset_forbidden"), ("refused", "asset_missing")}
    assert (told["cause"] == "asset_missing") == href.startswith("{root}/%2e")
    assert_discreet(told["detail"], item)
    assert listener.calls == 0


def test_a_file_that_would_make_the_reader_open_another_is_refused_as_no_raster(
    web: WebClient,
    cast: Cast,
    land: MinedLand,
    tmp_path: Path,
    settings: Settings,
    ringing: Ringing,
    listener: Listener,
) -> None:
    settings.IMAGERY_ROOTS = [tmp_path]
    for source in (
        land.items["t1"]["assets"]["image"]["href"],
        f"/vsicurl/http://{listener.address}/t1.tif",
    ):
        bands = "".join(
            f'<VRTRasterBand dataType="UInt16" band="{band}"><SimpleSource><SourceFilename>{source}</SourceFilename>'
            f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
            for band in range(1, 7)
        )
        for name in ("t1.vrt", "t1.tif"):
            (tmp_path / name).write_text(f'<VRTDataset rasterXSize="9" rasterYSize="9">{bands}</VRTDataset>')
            item = copy.deepcopy(land.items["t1"])
            item["id"] = f"{name} {source}"
            item["assets"]["image"]["href"] = str(tmp_path / name)
            told = hand_in(web, cast, item, ringing)
            assert (told["state"], told["cause"]) == ("refused", "wrong_format")
    assert listener.calls == 0
