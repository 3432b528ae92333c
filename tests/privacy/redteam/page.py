"""The page of the report: one file of HTML with plots as inline SVG, no script and nothing from elsewhere. Figures only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, LABEL, ROW = 860, 300, 34
RHO_AXIS = 1.4
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { border-bottom: 1px solid #ccc; padding: .2em .7em; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } .missed { color: #a01010; font-weight: bold; }
svg { max-width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; } h2 { margin-top: 2em; }
"""
EXPLAINED = (
    (
        "rho",
        "The median distance between where an attacker guesses and where a site is, divided by the same distance for the"
        " same attacker who asked nothing and knows only the published block and which of its cells are plausible."
        " 1.00 means that asking was of no use. The interval covers 95 %: whole blocks are drawn again and again, because"
        " sites of one block share their fate. An attacker who finds nothing to go by keeps to the prior; then both"
        " distances are the same, rho is exactly 1 and the interval is a point. That says something only because"
        " the same attacker succeeds at a server that leaks: see its control.",
    ),
    (
        "top-1 lift",
        "How much more often the attacker's first cell is the true one than it is for prior-only.",
    ),
    (
        "rank",
        "Where the true cell stands in the attacker's list of cells: 0 first, 1 last, 0.5 where all are alike.",
    ),
    (
        "k_eff, largest prior",
        "Among how many equally plausible cells a block hides a site, and how plausible the most plausible one is.",
    ),
    (
        "few sites",
        "The same for sites in blocks that hide at most three: there a hint about the block is a hint about the site.",
    ),
    (
        "questions to halve",
        "After how many questions about a site the median distance is half of what it was; never is what it should be.",
    ),
    (
        "control",
        "The same attacker at a server that was broken on purpose: it must do clearly better than prior-only.",
    ),
)
LIMIT = (
    "What these figures do not say. Satellite images are free: somebody who is told that a block shows activity can look"
    " through the whole block by eye, and may find the place without us (P10). The promise is that the system adds nothing"
    " beyond the block. The country under attack is invented; figures for another country, other clouds and other numbers"
    " of sites will differ."
)


def write_page(report: Mapping[str, Any]) -> str:
    """The page of a report."""
    missed = [goal for goal in report["goals"] if goal["met"] is False]
    absent = [goal["goal"] for goal in report["goals"] if goal["met"] is None]
    verdict = f"{len(missed)} goals are missed." if missed else "All goals that were measured are met."
    verdict += f" Not measured in this run: {'; '.join(absent)}." if absent else ""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Penumbra: the red team's figure</title>",
        f"<style>{STYLE}</style><h1>The red team's figure</h1>",
        f"<p class='{'missed' if missed else ''}'>{escape(verdict)}</p>",
        _list_goals(missed),
        _tell_conditions(report["conditions"]),
        "<h2>By role: the best attacker</h2>",
        _table_roles(report["roles"]),
        "<h2>By channel: rho, with partners' accounts and at the control</h2>",
        _plot_rho(report["channels"]),
        _table_channels(report["channels"]),
        "<h2>Distance against questions</h2><p>Median distance to a site in km after so many questions about it:"
        " the API (dark), the leaky control (light, dashed; another country, other scale).</p>",
        *(
            _plot_curve(name, said)
            for name, said in report["channels"].items()
            if "api" in said and "control" in said
        ),
        "<h2>Released blocks, two worlds, leaky builds</h2>",
        _table_rest(report),
        "<h2>What the words mean</h2>",
        "".join(f"<p><b>{escape(word)}.</b> {escape(text)}</p>" for word, text in EXPLAINED),
        f"<h2>The limit</h2><p>{escape(LIMIT)}</p></html>",
    ]
    return "\n".join(parts) + "\n"


def _list_goals(missed: Sequence[Mapping[str, Any]]) -> str:
    items = "".join(f"<li>{escape(goal['goal'])}: {escape(goal['measured'])}</li>" for goal in missed)
    return f"<ul class='missed'>{items}</ul>" if missed else ""


def _tell_conditions(conditions: Mapping[str, Any]) -> str:
    return f"<p>{'; '.join(f'{escape(str(k))}: {escape(str(v))}' for k, v in conditions.items())}.</p>"


def _say(value: Any, digits: int = 3) -> str:
    if value is None:
        return "never"
    return f"{value:.{digits}f}" if isinstance(value, float) else escape(str(value))


def _interval(score: Mapping[str, Any]) -> str:
    return f"{_say(score['rho_interval'][0])} to {_say(score['rho_interval'][1])}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td{' class=n' if k else ''}>{cell}</td>" for k, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _table_roles(roles: Mapping[str, Any]) -> str:
    rows = [
        [
            escape(role),
            str(said["sites"]),
            escape(said["best_attacker"]),
            _say(said["rho"]),
            _interval(said),
            _say(said["top1_lift"], 2),
            f"{_say(said['rank'])} ± {_say(said['rank_se'])}",
            _tell_sparse(said["blocks_with_few_sites"]),
        ]
        for role, said in roles.items()
    ]
    return _table(
        ["role", "sites", "best attacker", "rho", "95 % interval", "top-1 lift", "rank ± SE", "few sites"],
        rows,
    )


def _tell_sparse(sparse: Mapping[str, Any] | None) -> str:
    if sparse is None:
        return ""
    return f"{_say(sparse['rho'])} ({_interval(sparse)}), rank {_say(sparse['rank'])} ± {_say(sparse['rank_se'])}"


def _table_channels(channels: Mapping[str, Any]) -> str:
    rows = []
    for name, said in channels.items():
        api, control = said.get("api"), said.get("control")
        rows.append(
            [
                escape(f"{name} ({said['channel']})"),
                *((_say(api["rho"]), _interval(api), _say(api["queries_to_halve"], 0)) if api else ("",) * 3),
                *(
                    (
                        escape(control["server"]),
                        _say(control["rho"]),
                        _interval(control),
                        _say(control["queries_to_halve"], 0),
                    )
                    if control
                    else ("",) * 4
                ),
            ]
        )
    head = [
        "attacker",
        "rho",
        "interval",
        "to halve",
        "leaky server",
        "rho there",
        "interval",
        "to halve there",
    ]
    return _table(head, rows)


def _table_rest(report: Mapping[str, Any]) -> str:
    pairs, builds = report["two_worlds"], report["leaky_builds"]
    absent = "not in this run"
    blocks = [
        [
            escape(role),
            str(hiding["blocks"]),
            _say(hiding["k_eff_p5"], 1),
            _say(hiding["k_eff_min"], 1),
            _say(hiding["p_max"]),
        ]
        for role, hiding in report["released_blocks"].items()
    ]
    others = [
        ["pairs of two worlds compared", str(pairs["pairs_compared"]) if pairs else absent],
        ["pairs that differ", str(pairs["pairs_differing"]) if pairs else absent],
        *(
            [f"pairs of {escape(role)}: compared, differing", f"{said['compared']}, {said['differing']}"]
            for role, said in (pairs["by_role"] if pairs else {}).items()
        ),
        ["leaky builds caught", f"{builds['caught']} of {builds['total']}" if builds else absent],
    ]
    head = ["blocks that hide a site, of", "blocks", "k_eff, 5th percentile", "k_eff, least", "largest prior"]
    return _table(head, blocks) + _table(["what", "measured"], others)


def _plot_rho(channels: Mapping[str, Any]) -> str:
    height = ROW * len(channels) + 40

    def at(rho: float | None) -> float:
        return LABEL + (WIDTH - LABEL - 20) * min(RHO_AXIS if rho is None else rho, RHO_AXIS) / RHO_AXIS

    marks = [
        f"<line x1='{at(x):.1f}' x2='{at(x):.1f}' y1='0' y2='{height - 25}' stroke='{'#222' if x == 1 else '#ddd'}'/>"
        f"<text x='{at(x):.1f}' y='{height - 8}' text-anchor='middle'>{x}</text>"
        for x in (0, 0.25, 0.5, 0.75, 1, 1.25)
    ]
    for k, (name, said) in enumerate(channels.items()):
        y = ROW * k + 18
        marks.append(f"<text x='{LABEL - 12}' y='{y + 4}' text-anchor='end'>{escape(name)}</text>")
        for key, colour, shift in (("api", "#1b4f72", -5), ("control", "#d68910", 5)):
            if key not in said:
                continue
            low, high = said[key]["rho_interval"]
            marks.append(
                f"<line x1='{at(low):.1f}' x2='{at(high):.1f}' y1='{y + shift}' y2='{y + shift}'"
                f" stroke='{colour}' stroke-width='3'/>"
                f"<circle cx='{at(said[key]['rho']):.1f}' cy='{y + shift}' r='5' fill='{colour}'/>"
            )
    legend = "<p>Dark: the API as it is. Orange: the control, a server that leaks. The line at 1 is prior-only.</p>"
    return f"<svg viewBox='0 0 {WIDTH} {height}' role='img'>{''.join(marks)}</svg>{legend}"


def _plot_curve(name: str, said: Mapping[str, Any]) -> str:
    curves = [
        (said["api"]["curve"], "#1b4f72", ""),
        (said["control"]["curve"], "#d68910", "stroke-dasharray='5 4'"),
    ]
    most = max([queries for curve, _, _ in curves for queries, _ in curve] + [1])
    top = max([error for curve, _, _ in curves for _, error in curve if error is not None] + [1])
    width, height = 420, 150
    lines = []
    for curve, colour, style in curves:
        points = [
            (40 + (width - 60) * q / most, height - 25 - (height - 45) * e / top)
            for q, e in curve
            if e is not None
        ]
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f"<polyline points='{steps}' fill='none' stroke='{colour}' stroke-width='2' {style}/>")
    axes = (
        f"<line x1='40' x2='{width - 20}' y1='{height - 25}' y2='{height - 25}' stroke='#888'/>"
        f"<text x='36' y='24' text-anchor='end'>{top:.1f}</text><text x='36' y='{height - 22}' text-anchor='end'>0</text>"
        f"<text x='{width - 20}' y='{height - 8}' text-anchor='end'>{most:.0f} questions</text>"
        f"<text x='46' y='14'>{escape(name)}</text>"
    )
    return f"<svg viewBox='0 0 {width} {height}' width='{width}' role='img'>{axes}{''.join(lines)}</svg>"
