"""Reports as text: the figures of an evaluation as a plain table for a terminal or a log kept in the vault.

Room `detection`, pure: a dict of `evaluate` in, text out. Imports nothing of this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COLUMNS = (
    ("AUC", "auc"),
    ("AP", "average_precision"),
    ("recall@spec .99", "recall_at_specificity_0.99"),
    ("Brier", "brier"),
    ("ECE", "ece"),
    ("ECE by chance", "ece_by_chance"),
)
_NAME, _CELL = 40, 21


def write_report(report: Mapping[str, Any]) -> str:
    """A report as plain text.

    Parameters
    ----------
    report : dict
        Of `evaluate_recipe`, `evaluate_survey` or `evaluate_table`.

    Returns
    -------
    str

    Examples
    --------
    `print(write_report(evaluate_recipe(cells)))`; see `evaluate_table` for a report made from arrays.
    """
    lines = [f"Evaluation: {report['method']}."]
    counts = ", ".join(f"{count} {name}" for name, count in report["by_class"].items())
    lines.append(
        f"{report['cells']} labelled cells ({counts}) in {report['blocks']} blocks of {report['block_deg']:g} degree."
    )
    for reason, count in report["unused_labels"].items():
        lines.append(f"{count} labels not used: {reason}.")
    if "judged_cells_in_training" in report:
        lines.append(_write_overlap(report["judged_cells_in_training"], report["cells"]))
    for warning in report["warnings"]:
        lines.append(f"WARNING: {warning}")
    heading = "".join(title.rjust(_CELL) for title in ("n / mines", *(title for title, _ in _COLUMNS)))
    lines += ["", "".ljust(_NAME) + heading, _write_row("all cells", report["all"])]
    for group in report["same_period"]:
        lines.append(f"period {group['period']}:")
        lines.append(
            _write_row(
                "  fitted on all" if "fitted_there" in group else "  this period", group["fitted_on_all"]
            )
        )
        if "fitted_there" in group:
            lines.append(_write_row("  fitted there", group["fitted_there"]))
    lines += [_write_row(f"{name} against the rest", row) for name, row in report["classes"].items()]
    for field, rows in report["groups"].items():
        lines += [_write_row(f"{field}: {value}", row) for value, row in rows.items()]
    lines += ["", *_write_kinds(report), "", *_write_reliability(report), ""]
    lines += _write_remarks(report)
    return "\n".join(lines) + "\n"


def _write_overlap(overlap: int | None, cells: int) -> str:
    if overlap is None:
        return (
            "Whether these cells were among those that the model was trained on was not looked for: its labels are not "
            "known here."
        )
    return f"{overlap} of {cells} cells were among those that the model was trained on."


def _write_remarks(report: Mapping[str, Any]) -> list[str]:
    """What is said below the tables: how to take the figures."""
    lines = []
    if report.get("random_split"):
        lines.append(
            f"A split at random, neighbours on both sides, would have shown AUC {_write(report['random_split']['auc'])}."
        )
    if report["share_learnt"]:
        told_of = " and ".join(
            f"{100 * share:.3g} % ({name})" for name, share in sorted(report["share_learnt"].items())
        )
        lines.append(f"The probabilities hold where so many of the cells are mines: {told_of}.")
    told = report["period_in_scores"]
    if told is not None:
        lines.append(f"Among mines, the scores tell the period with AUC {_write_figure(told['auc'])}.")
        if told["at_equal_change"] is not None:
            lines.append(
                f"How strongly their ground changed, without a model, tells it with {_write_figure(told['change_alone'])}; "
                f"among mines that changed alike the scores tell it with {_write_figure(told['at_equal_change'])}."
            )
    lines.append(
        "ECE by chance: what right probabilities would show on so few cells, mean and 95 % of draws of the labels. Once "
        f"moved to the share of mines found, the ECE of all cells is {_write(report['all']['ece_at_its_share'])}."
    )
    calibrated = [("all cells", report["all"])]
    for group in report["same_period"]:
        calibrated += [
            (f"{group['period']}, {way.replace('_', ' ')}", group[way])
            for way in ("fitted_on_all", "fitted_there")
            if way in group
        ]
    lines += [
        f"Calibrated by such cells of other blocks, the ECE of {name} is {_write_figure(own['ece_calibrated_here'])}, by "
        f"chance {_write_figure(own['ece_calibrated_here_by_chance'])}."
        for name, own in calibrated
        if "ece_calibrated_here" in own
    ]
    lines += [_write_alone(each) for each in report["confounders"]]
    lines.append(
        f"Brackets: 95 % of {report['bootstrap_draws']} draws of whole blocks; refitting and the choice of a model are "
        "not in them, so the true uncertainty is wider. * few mines, few others or few blocks."
    )
    return lines


def _write_alone(confounder: Mapping[str, Any]) -> str:
    told = f"{confounder['field']} alone: AUC {_write(confounder['auc'])}"
    if not confounder.get("tells_nothing"):
        return told
    return f"{told}, which tells nothing: most cells have a value that no cell of the other blocks has"


def _write_row(name: str, row: Mapping[str, Any]) -> str:
    count = f"{row['n']} / {row['positives']}{'*' if row['small'] else ''}"
    cells = [_write_figure(row[key]) if key in row else "-" for _, key in _COLUMNS]
    return name.ljust(_NAME) + "".join(cell.rjust(_CELL) for cell in (count, *cells))


def _write_kinds(report: Mapping[str, Any]) -> list[str]:
    heading = "kind".ljust(_NAME) + "".join(
        title.rjust(_CELL) for title in ("n", "called a mine", "mean probability", "AUC of mines")
    )
    lines = [heading]
    for row in report["kinds"]:
        cells = (
            f"{row['n']}{'*' if row['small'] else ''}",
            f"{100 * row['share_called_mine']:.0f} %",
            f"{row['mean_probability']:.2f}",
            _write_figure(row["auc"]) if "auc" in row else "-",
        )
        lines.append(
            f"{row['label']}: {row['kind']}".ljust(_NAME) + "".join(cell.rjust(_CELL) for cell in cells)
        )
    return lines


def _write_reliability(report: Mapping[str, Any]) -> list[str]:
    titles = ("n", "mean probability", "share of mines")
    lines = [
        "probability of mining, all cells".ljust(_NAME) + "".join(title.rjust(_CELL) for title in titles)
    ]
    for row in report["all"]["reliability"]:
        cells = (str(row["n"]), f"{row['mean_probability']:.2f}", f"{row['share_mining']:.2f}")
        span = f"  {row['from']:.1f} to {row['to']:.1f}"
        lines.append(span.ljust(_NAME) + "".join(cell.rjust(_CELL) for cell in cells))
    return lines


def _write_figure(figure: Mapping[str, float | None]) -> str:
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return _write(figure["value"])
    return f"{_write(figure['value'])} ({_write(figure['low'])}-{_write(figure['high'])})"


def _write(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
