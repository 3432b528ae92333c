"""`make bench`: print the figures and write them to var/reports/bench.json: name, ours, peer, ratio, unit, conditions.

`python -m tests.bench ledger` measures one module only.

Runs on a database of its own on the test servers, with rows made from a seed. ratio: how many times the peer's time is
ours; above 1 we are faster. Each pair is measured in turns, and the median is told.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import django

from tests.bench.measuring import Figure, free_blas

REPORT = Path(__file__).resolve().parents[2] / "var/reports/bench.json"


def main(wanted: Sequence[str]) -> None:
    """All benchmarks, or those of the modules that are named; each goes into the report as soon as it is measured."""
    os.environ["PENUMBRA_REQUESTS_PER_MINUTE"] = "100000000"
    django.setup()
    from django.conf import settings

    # the peer's own way of finding fields
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "rest_framework_gis"]
    from tests.bench import features, ledger, ledger_cost, serialising, serving, tile, tiling
    from tests.bench.country import make_country

    figures: list[Figure] = []
    with make_country() as country:
        benchmarks: list[tuple[str, Callable[[], list[Figure]]]] = [
            ("features", features.measure_features),
            ("serialising", lambda: serialising.compare_cells(country, 1_000)),
            ("serialising", lambda: serialising.compare_cells(country, 10_000)),
            ("serialising", lambda: serialising.compare_blocks(country, 1_000)),
            ("serialising", lambda: serialising.compare_pages(country, 1_000)),
            ("tiling", lambda: tiling.compare_tiles(country)),
            ("serving", lambda: serving.compare_served(country)),
            ("ledger", ledger.measure_ledger),
            ("ledger_cost", lambda: ledger_cost.measure_cost(country)),
            ("tile", tile.measure_tile),
        ]
        for module, benchmark in benchmarks:
            if wanted and module not in wanted:
                continue
            for figure in benchmark():
                print(figure, flush=True)
                figures.append(figure)
            _write_report(figures, REPORT.exists())
    if not wanted:  # figures that are measured no longer go
        _write_report(figures, keep_others=False)
    print(f"written to {REPORT.name}")


def _write_report(figures: Sequence[Figure], keep_others: bool) -> None:
    told = [asdict(figure) for figure in figures]
    if keep_others:
        names = {figure.name for figure in figures}
        told = [each for each in json.loads(REPORT.read_text()) if each["name"] not in names] + told
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    free_blas("tests.bench")
    main(sys.argv[1:])
