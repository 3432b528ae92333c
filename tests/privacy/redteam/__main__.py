"""`python -m tests.privacy.redteam`: run the red team, write var/reports/privacy.json and privacy.html, print a table.

First the attackers over HTTP, then two worlds (100,000 pairs, with --quick 2,000) and every leaky build of answers.

Exit code 0: every goal is met; 1: at least one is missed (it is named); 2: the command line is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys

import django


def main(words: list[str]) -> int:
    """Carry out the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.privacy.redteam")
    parser.add_argument("--quick", action="store_true", help="a small country and few batches: some minutes")
    asked = parser.parse_args(words)
    # an ended run ends its servers and drops its databases
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    django.setup()
    from monitor.privacy.policy import POLICY_VERSION
    from tests.privacy import two_worlds
    from tests.privacy.redteam.operation import FULL, QUICK, run_operation
    from tests.privacy.redteam.report import REPORTS, join_parts, make_report, write_report
    from tests.privacy.redteam.serving import UNTHROTTLED

    found = run_operation(QUICK if asked.quick else FULL, lambda line: print(line, flush=True))
    conditions = {
        "run": found.scale.name,
        "policy version": POLICY_VERSION,
        "hidden sites": found.sites,
        "sites outside released blocks": found.outside,
        "weekly batches": found.batches,
        "questions allowed for a site": 2000,
        "requests sent": found.requests,
        "seconds": round(found.seconds),
        "processors": os.cpu_count(),
        "requests a minute allowed to an account": f"{UNTHROTTLED} (raised for the run)",
    }
    report = make_report(conditions, found.hiding, found.trials, found.controls, found.channels)
    write_report(report)  # what is cut short later has this at least
    beside = REPORTS / "two-worlds.json"
    two_worlds.main(["--pairs", "2000" if asked.quick else "100000", "--builds", "--json", str(beside)])
    compared = json.loads(beside.read_text(encoding="utf-8"))
    report = join_parts(report, compared, compared["leaky_builds"])
    write_report(report)
    for role, said in report["roles"].items():
        print(f"{role:<35} rho {said['rho']:.3f} {said['rho_interval']}  best: {said['best_attacker']}")
    for goal in report["goals"]:
        if goal["met"] is False:
            print(f"MISSED: {goal['goal']}: {goal['measured']}")
    print(
        f"{found.requests} requests in {found.seconds:.0f} s; var/reports/privacy.json and privacy.html are written"
    )
    return 0 if report["met"] and compared["is_clean"] else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
