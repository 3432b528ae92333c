"""`make bench`: print the figures and write them to var/reports/bench.json: name, ours, peer, ratio, unit, conditions.

Runs on a database of its own on the test servers, with rows made from a seed. ratio: how many times the peer's time is
ours; above 1 we are faster. Each pair is measured in turns, and the median is told.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import django

REPORT = Path(__file__).resolve().parents[2] / "var/reports/bench.json"


def main() -> None:
    """All benchmarks."""
    os.environ["PENUMBRA_REQUESTS_PER_MINUTE"] = "100000000"
    django.setup()
    from django.conf import settings

    # the peer's own way of finding fields
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "rest_framework_gis"]
    from tests.bench import serialising, serving, tiling
    from tests.bench.country import make_country
    from tests.bench.measuring import Figure

    figures: list[Figure] = []
    with make_country() as country:
        benchmarks: list[Callable[[], list[Figure]]] = [
            lambda: serialising.compare_cells(country, 1_000),
            lambda: serialising.compare_cells(country, 10_000),
            lambda: serialising.compare_blocks(country, 1_000),
            lambda: serialising.compare_pages(country, 1_000),
            lambda: tiling.compare_tiles(country),
            lambda: serving.compare_served(country),
        ]
        for benchmark in benchmarks:
            for figure in benchmark():
                print(figure, flush=True)
                figures.append(figure)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    print(f"written to {REPORT.name}")


if __name__ == "__main__":
    main()
