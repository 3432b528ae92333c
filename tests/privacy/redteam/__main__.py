"""`python -m tests.privacy.redteam`: run the red team, write var/reports/privacy.json and privacy.html, print a table.

Exit code 0: every goal is met; 1: at least one is missed (it is named); 2: the command line is wrong.
"""

from __future__ import annotations

import argparse
import sys

import django


def main(words: list[str]) -> int:
    """Carry out the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.privacy.redteam", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small country, ten batches, some minutes")
    asked = parser.parse_args(words)
    django.setup()
    from tests.privacy.redteam.operation import FULL, QUICK, run_operation

    findings = run_operation(QUICK if asked.quick else FULL, lambda line: print(line, flush=True))
    print(f"{findings.requests} requests, {findings.seconds:.0f} s", findings.hiding, findings.outside)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
