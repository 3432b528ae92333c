"""The page of a report: its warnings first, then plots and the table, in one file that loads nothing and runs nothing.

Room `detection`, pure. Holds no cell: the only places are blocks of one degree (`blockmap`). Every text of labels is
escaped. May import `blockmap`, `plots`, `report`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from monitor.detection.blockmap import BlockErrors
from monitor.detection.plots import draw_bars, draw_curves, draw_points, draw_squares
from monitor.detection.report import write_report

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #22313a; max-width: 74rem; margin: 2rem auto; padding: 0 1rem }
svg { font: 11px system-ui, sans-serif } .plots { display: flex; flex-wrap: wrap; gap: 1rem }
.warning { border-left: 4px solid #b5651d; padding: .3rem .8rem; background: #fbf3ea }
pre { overflow-x: auto; background: #f4f6f7; padding: 1rem; font-size: 12px }
"""
Report = Mapping[str, Any]


def render_page(
    report: Report, blocks: Sequence[BlockErrors] = (), title: str = "Evaluation of a model"
) -> str:
    """HTML of a report, with plots, in one file that loads nothing and runs nothing.

    Parameters
    ----------
    report : dict
        Of `evaluate_recipe` or `evaluate_survey`.
    blocks : sequence of BlockErrors
        Of `map_errors`, for the map.
    title : str

    Returns
    -------
    str
        Holds no cell.

    Examples
    --------
    See `write_report`: the same report makes both.
    """
    warnings = "".join(f'<p class="warning">{escape(text)}</p>' for text in report["warnings"])
    drawn = [*_draw_judged(report), *_draw_strata(report), _draw_map(blocks)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(report['method'])}. {report['cells']} cells in {report['blocks']} blocks of "
        f"{report['block_deg']:g} degree. {_tell_split(report)}</p>{warnings}"
        f'<div class="plots">{"".join(drawn)}</div>'
        "<p>* few mines, few others or few blocks. Intervals: 95 % of draws of whole blocks; refitting and the choice "
        "of a model are not in them.</p>"
        f"<h2>All figures</h2><pre>{escape(write_report(report))}</pre></body></html>\n"
    )


def _tell_split(report: Report) -> str:
    if not report.get("random_split"):
        return ""
    blocks, random = report["all"]["auc"]["value"], report["random_split"]["auc"]
    if blocks is None:
        return ""
    return f"AUC {blocks:.3f} by blocks; a split at random would have shown {random:.3f}."


def _draw_judged(report: Report) -> list[str]:
    judged = [("all cells", report["all"])]
    for group in report["same_period"][:1]:
        judged.append(("one period, fitted on all", group["fitted_on_all"]))
        if "fitted_there" in group:
            judged.append(("one period, fitted there", group["fitted_there"]))
    roc = [(_name(name, figures, "auc"), figures["curves"]["roc"]) for name, figures in judged]
    found = [
        (_name(name, figures, "average_precision"), figures["curves"]["precision_recall"])
        for name, figures in judged
    ]
    plots = [
        draw_curves("Mines found and false alarms", "false alarm rate", "recall", roc, diagonal=True),
        draw_curves("Precision and recall", "recall", "precision", found, diagonal=False),
    ]
    for name, figures in judged:
        bins = [(row["mean_probability"], row["share_mining"], row["n"]) for row in figures["reliability"]]
        plots.append(draw_points(f"Reliability: {name}", "probability stated", "share of mines", bins))
    told = [_tell_error(name, figures) for name, figures in judged]
    plots.append(f"<p>Calibration error, ten bins: {escape('; '.join(told))}.</p>")
    return plots


def _tell_error(name: str, figures: Mapping[str, Any]) -> str:
    error, chance = figures["ece"]["value"], figures["ece_by_chance"]
    if error is None:
        return f"{name}: not known"
    told = (
        f"{name} {error:.3f}, where right probabilities would show {chance['value']:.3f} "
        f"({chance['low']:.3f} to {chance['high']:.3f}) on so few cells"
    )
    here, by_chance = (figures.get(f"ece_calibrated_here{of}") for of in ("", "_by_chance"))
    if here is None or by_chance is None or here["value"] is None:
        return told
    return f"{told}, and {here['value']:.3f} (by chance {by_chance['value']:.3f}) once such cells of other blocks calibrate"


def _name(name: str, figures: Mapping[str, Any], what: str) -> str:
    value = figures[what]["value"]
    return name if value is None else f"{name}: {value:.3f}"


def _draw_strata(report: Report) -> list[str]:
    kinds = [
        (f"{row['label']}: {row['kind']} ({row['n']})", row["share_called_mine"], None, None, row["small"])
        for row in report["kinds"]
    ]
    plots = [draw_bars("Share called a mine, by kind", kinds)]
    for field, rows in report["groups"].items():
        bars = [
            (
                f"{value} ({row['n']})",
                row["auc"]["value"],
                row["auc"]["low"],
                row["auc"]["high"],
                row["small"],
            )
            for value, row in rows.items()
            if "auc" in row and row["auc"]["value"] is not None
        ]
        if bars:
            plots.append(draw_bars(f"AUC by {field}", bars))
    return plots


def _draw_map(blocks: Sequence[BlockErrors]) -> str:
    squares = [
        (
            block.south,
            block.west,
            block.wrong,
            "few cells" if block.wrong is None else f"{block.cells} cells, {100 * block.wrong:.0f} % wrong",
        )
        for block in blocks
    ]
    return draw_squares("Share of cells judged wrong, blocks of one degree (hollow: few cells)", squares)
