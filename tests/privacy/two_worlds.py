"""Two worlds that look the same to a viewer must answer with the same bytes: the command of the full run.

    python -m tests.privacy.two_worlds --pairs 100000 --seed 1 --processes 2 --builds --json var/reports/two-worlds.json

Needs the environment of the test servers (`python3 -m config.local run -- ...`); makes test databases of its own.
Exit code 0: nothing differs, no reading opened the vault, nothing failed, every control saw the difference, every leaky
build was caught, and as many pairs were compared as were asked for. 1: something of that is not so; it is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.privacy.pairs import KINDS

if TYPE_CHECKING:  # Django must be set up before it can be loaded
    from tests.privacy.comparing import Tally

PAIRS_A_SEED = 2000
SEEDS_A_BUILD = 8
"""A leak of a bit or two does not show between any two worlds: so many pairs are tried."""
SHOWN = 5
SUMS = (
    "pairs_compared",
    "pairs_differing",
    "answered",
    "vault_opened",
    "faults",
    "controls",
    "controls_blind",
)


def main(words: list[str]) -> int:
    """Compare, report, say whether nothing differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.privacy.two_worlds", description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000, help="requests to compare, at least")
    parser.add_argument(
        "--seed", type=int, default=1, help="first seed; each seed draws new worlds and questions"
    )
    parser.add_argument("--processes", type=int, default=2, help="processes, each with a database of its own")
    parser.add_argument("--builds", action="store_true", help="also try every leaky build of answers")
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=KINDS,
        default=list(KINDS),
        help="only the share of these kinds of worlds",
    )
    parser.add_argument("--json", type=Path, help="where to write the report")
    asked = parser.parse_args(words)
    began = time.monotonic()
    seeds = list(range(asked.seed, asked.seed - (-asked.pairs // PAIRS_A_SEED)))
    parts = [seeds[number :: asked.processes] for number in range(asked.processes)]
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        tried = pool.submit(try_every_build, asked.seed) if asked.builds else None
        report = merge_reports(
            list(pool.map(partial(compare_seeds, kinds=asked.kinds), [part for part in parts if part]))
        )
        if tried is not None:
            report["leaky_builds"] = tried.result()
            report["is_clean"] &= not report["leaky_builds"]["missed"]
    report["is_clean"] &= report["pairs_compared"] >= asked.pairs or len(asked.kinds) < len(KINDS)
    report |= {"seed": asked.seed, "seeds": len(seeds), "seconds": round(time.monotonic() - began, 1)}
    if asked.json is not None:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print("\n".join(report["first_differences"]))
    print({name: report[name] for name in (*SUMS, "seconds")}, report.get("leaky_builds", ""))
    return 0 if report["is_clean"] else 1


def merge_reports(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """One report of several."""
    merged: dict[str, Any] = {name: sum(report[name] for report in reports) for name in SUMS}
    merged["is_clean"] = all(report["is_clean"] for report in reports)
    for name in ("by_viewer", "by_kind"):
        merged[name] = {}
        for report in reports:
            for key, value in report[name].items():
                sums = merged[name].setdefault(key, {"compared": 0, "differing": 0})
                merged[name][key] = {count: sums[count] + value[count] for count in sums}
    merged["first_differences"] = [line for report in reports for line in report["first_differences"]][:SHOWN]
    return merged


def compare_seeds(seeds: list[int], kinds: Sequence[str]) -> dict[str, Any]:
    """The report of some seeds and kinds, in a database made for it. Runs in a process of its own."""
    import django

    django.setup()
    from tests.privacy.comparing import Tally, compare_seed, find_blind_controls

    tally, controls, blind = Tally(), 0, list[str]()
    with own_database(f"worlds_{os.getpid()}"):
        for seed in seeds:
            tally += compare_seed(seed, PAIRS_A_SEED, kinds)
            checked, failed = find_blind_controls(seed, kinds)
            controls, blind = controls + checked, [*blind, *failed]
            clean_up()
    report = report_tally(tally)
    return report | {
        "controls": controls,
        "controls_blind": len(blind),
        "is_clean": report["is_clean"] and not blind,
        "first_differences": [*report["first_differences"], *blind][:SHOWN],
    }


def try_every_build(seed: int) -> dict[str, Any]:
    """How many leaky builds of answers there are, and which were not caught. Those of side doors are tried by tests."""
    import django

    django.setup()
    from tests.privacy.comparing import find_missed_builds

    with own_database(f"builds_{os.getpid()}"):
        total, missed = find_missed_builds(range(seed, seed + SEEDS_A_BUILD))
    return {"total": total, "caught": total - len(missed), "missed": missed}


def clean_up() -> None:
    """Take away the rows that were rolled back: tables of dead rows make every statement slower."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relkind = 'r'"
            " AND (relnamespace::regnamespace::text IN ('vault', 'release', 'access')"
            " OR relname ~ '^(monitor|accounts)_')"
        )
        cursor.execute(f"VACUUM {cursor.fetchone()[0]}")


def report_tally(tally: Tally) -> dict[str, Any]:
    """What a tally says, as JSON values."""

    def sum_by(part: int) -> dict[str, dict[str, int]]:
        sums: dict[str, Counter[str]] = {}
        for word, counter in (("compared", tally.compared), ("differing", tally.differing)):
            for key, count in counter.items():
                sums.setdefault(key[part], Counter(compared=0, differing=0))[word] += count
        return {name: dict(counts) for name, counts in sorted(sums.items())}

    return {
        "pairs_compared": tally.compared.total(),
        "pairs_differing": tally.differing.total(),
        "answered": tally.answered.total(),
        "vault_opened": tally.openings,
        "faults": tally.faults,
        "is_clean": tally.is_clean,
        "by_viewer": sum_by(0),
        "by_kind": sum_by(1),
        "first_differences": tally.told[:SHOWN],
    }


@contextmanager
def own_database(name: str) -> Iterator[None]:
    """A migrated database of this process, dropped at the end."""
    from django.db import connection

    from accounts.ledger.completions import write_waiting
    from accounts.ledger.connection import close_ledger_connections

    before = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"test_{name}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        write_waiting()
        close_ledger_connections()
        connection.creation.destroy_test_db(before, verbosity=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
