"""Benchmarks are not tests, but what they work on is still taken by the product."""

from __future__ import annotations

from pathlib import Path

from tests.bench.tile import extract_tile, write_tile


def test_generated_tile_is_read_and_not_refused(tmp_path: Path) -> None:
    seconds, cells, peak_mb = extract_tile(str(tmp_path), write_tile(tmp_path, 200), 1)

    assert cells > 0
    assert seconds > 0
    assert peak_mb > 0
