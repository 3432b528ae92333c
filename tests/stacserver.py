"""A real STAC API server (`rustac serve`) on this machine, over items that a test gives it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.oddserver import free_port
from tests.patience import PATIENCE_S

PROGRAM = Path(sys.executable).with_name("rustac")
STEP_S = 0.05


@contextmanager
def serve_items(folder: Path, items: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The host (name and port) of a server of these items, for the length of a block. Each names its collection."""
    file = folder / "items.json"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    host = f"127.0.0.1:{free_port()}"
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [str(PROGRAM), "serve", "--addr", host, str(file)], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(server, host)
            yield host
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _wait(server: subprocess.Popen[bytes], host: str) -> None:
    """Until it answers. Raises where it ends, or stays silent for PATIENCE_S."""
    for _ in range(int(PATIENCE_S / STEP_S)):
        try:
            if requests.get(f"http://{host}/", timeout=5).ok:
                return
        except requests.ConnectionError:
            try:
                raise RuntimeError(f"the STAC server ended with {server.wait(STEP_S)}")
            except subprocess.TimeoutExpired:
                continue
    raise TimeoutError("the STAC server does not answer")
