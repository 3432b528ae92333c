"""The report: var/reports/privacy.json, its goals, and a way to join what other runs measured (two worlds, leaky builds).

    python -m tests.privacy.redteam.report --two-worlds FILE --leaky-builds FILE

joins two parts into an existing report and writes its page again. The parts are JSON objects:
two worlds {"pairs_compared": n, "pairs_differing": n}; leaky builds {"caught": n, "total": n}.
Figures only: no place, no site.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.privacy.pairs import ROLES
from tests.privacy.redteam.judging import Score, Sparse
from tests.privacy.redteam.page import write_page

REPORTS = Path(__file__).resolve().parents[3] / "var" / "reports"
RHO_LOW = 0.97
K_EFF = 40
P_MAX = 0.10
Report = dict[str, Any]


def describe_score(score: Score) -> Report:
    """A score as JSON; what never happens is null."""
    return {
        "sites": score.sites,
        "rho": _round(score.rho),
        "rho_interval": [_round(score.rho_low), _round(score.rho_high)],
        "median_error_km": _round(score.error),
        "median_error_prior_only_km": _round(score.error_prior),
        "top1_lift": _round(score.lift),
        "top1_lift_low": _round(score.lift_low),
        "rank": _round(score.rank, 4),
        "rank_prior_only": _round(score.rank_prior, 4),
        "rank_se": _round(score.rank_se, 4),
        "queries_median": score.queries_median,
        "queries_most": score.queries_most,
        "queries_to_halve": _round(score.queries_to_halve),
        "blocks_with_few_sites": _describe_sparse(score.sparse),
        "curve": [[queries, _round(error)] for queries, error in score.curve],
    }


def _describe_sparse(sparse: Sparse | None) -> Report | None:
    if sparse is None:
        return None
    return {
        "sites": sparse.sites,
        "rho": _round(sparse.rho),
        "rho_interval": [_round(sparse.rho_low), _round(sparse.rho_high)],
        "rank": _round(sparse.rank, 4),
        "rank_se": _round(sparse.rank_se, 4),
    }


def _round(value: float, digits: int = 3) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def make_report(
    conditions: Mapping[str, Any],
    hiding: Mapping[str, Mapping[str, float]],
    trials: Mapping[str, Mapping[str, Score]],
    controls: Mapping[str, Score],
    channels: Mapping[str, tuple[str, str]],
) -> Report:
    """The report of one run of the attackers. trials: scores by role and attacker; controls: by attacker; channels: leak
    channel and leaky server by attacker; hiding: figures of released blocks by role. Its goals are judged."""
    report: Report = {
        "conditions": dict(conditions),
        "released_blocks": {role: dict(each) for role, each in hiding.items()},
        "roles": {},
        "channels": {},
    }
    for role, scores in trials.items():
        # who is told no block is given that of a partner
        own = hiding.get(role) or next(iter(hiding.values()))
        best = min(scores, key=lambda name: (scores[name].rho_low, scores[name].rank))
        report["roles"][role] = {
            "best_attacker": best,
            **describe_score(scores[best]),
            "k_eff_p5": own["k_eff_p5"],
            "p_max": own["p_max"],
            "attackers": {name: describe_score(score) for name, score in scores.items()},
        }
    first = next(iter(trials.values()), {})
    for name, (channel, variant) in channels.items():
        report["channels"][name] = {
            "channel": channel,
            **({"api": describe_score(first[name])} if name in first else {}),
            **(
                {"control": {"server": variant, **describe_score(controls[name])}} if name in controls else {}
            ),
        }
    report |= {"two_worlds": None, "leaky_builds": None}
    return judge_goals(report)


def join_parts(
    report: Report, two_worlds: Mapping[str, Any] | None = None, leaky_builds: Mapping[str, int] | None = None
) -> Report:
    """The report with what other runs measured; a part that is not given stays as it was."""
    joined = dict(report)
    if two_worlds is not None:
        joined["two_worlds"] = {
            **{key: int(two_worlds[key]) for key in ("pairs_compared", "pairs_differing")},
            "by_role": sum_by_role(two_worlds["by_viewer"]),
        }
    if leaky_builds is not None:
        joined["leaky_builds"] = {key: int(leaky_builds[key]) for key in ("caught", "total")}
    return judge_goals(joined)


def sum_by_role(by_viewer: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Pairs compared and differing of all people of a role, whatever became of them ("ivo later" is Ivo); nobody is the one
    without an account."""
    sums: dict[str, dict[str, int]] = {}
    for name, counts in by_viewer.items():
        role = "nobody" if name == "anonymous" else ROLES[name.split()[0]].value
        own = sums.setdefault(role, {"compared": 0, "differing": 0})
        sums[role] = {word: own[word] + counts[word] for word in own}
    return sums


def judge_goals(report: Report) -> Report:
    """The report with its goals: each with what was measured and whether it is met (null: not measured in this run)."""
    goals: list[Report] = []

    def set_goal(goal: str, measured: str, is_met: bool | None) -> None:
        goals.append({"goal": goal, "measured": measured, "met": is_met})

    for role, said in report["roles"].items():
        for name, score in said["attackers"].items():
            _judge_score(f"{role}, {name}", score, set_goal)
    for name, said in report["channels"].items():
        if "control" in said:
            high = said["control"]["rho_interval"][1]
            set_goal(
                f"control of {name}: rho surely below 1 at a leaky server",
                f"upper bound {high}",
                high is not None and high < 1,
            )
    for role, hiding in report["released_blocks"].items():
        least, largest = hiding["k_eff_min"], hiding["p_max"]
        set_goal(f"{role}: k_eff at least {K_EFF}", f"least {least:.1f}", least >= K_EFF - 1e-6)
        set_goal(f"{role}: largest prior at most {P_MAX}", f"{largest:.3f}", largest <= P_MAX)
    pairs, builds = report["two_worlds"], report["leaky_builds"]
    set_goal(
        "two worlds: no pair differs",
        f"{pairs['pairs_differing']} of {pairs['pairs_compared']}" if pairs else "not in this run",
        pairs["pairs_differing"] == 0 if pairs else None,
    )
    set_goal(
        "leaky builds: all are caught",
        f"{builds['caught']} of {builds['total']}" if builds else "not in this run",
        builds["caught"] == builds["total"] if builds else None,
    )
    return {**report, "goals": goals, "met": all(goal["met"] is not False for goal in goals)}


def _judge_score(who: str, score: Mapping[str, Any], set_goal: Any) -> None:
    low = score["rho_interval"][0]
    set_goal(
        f"{who}: lower bound of rho at least {RHO_LOW}", f"rho {score['rho']}, from {low}", low >= RHO_LOW
    )
    set_goal(
        f"{who}: top-1 lift not above 1 (its lower bound)",
        f"lift {score['top1_lift']}, from {score['top1_lift_low']}",
        score["top1_lift_low"] <= 1,
    )
    off = score["rank"] - score["rank_prior_only"]
    set_goal(
        f"{who}: rank of the true cell as prior-only within 2 SE",
        f"{score['rank']}, off by {off:+.4f}, SE {score['rank_se']}",
        abs(off) <= 2 * score["rank_se"] + 1e-9,
    )


def write_report(report: Report, folder: Path = REPORTS) -> None:
    """privacy.json and privacy.html."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "privacy.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "privacy.html").write_text(write_page(report), encoding="utf-8")


def main(words: list[str]) -> int:
    """Join parts into the report; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.privacy.redteam.report")
    parser.add_argument("--two-worlds", type=Path)
    parser.add_argument("--leaky-builds", type=Path)
    parser.add_argument("--folder", type=Path, default=REPORTS)
    asked = parser.parse_args(words)
    parts = [
        json.loads(path.read_text()) if path else None for path in (asked.two_worlds, asked.leaky_builds)
    ]
    report = join_parts(json.loads((asked.folder / "privacy.json").read_text()), *parts)
    write_report(report, asked.folder)
    return 0 if report["met"] else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
