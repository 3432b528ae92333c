"""The figures of an evaluation report that fit on a screen: the honest ones first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_headline(report: Mapping[str, Any]) -> dict[str, Any]:
    """AUC and average precision over all cells and over the largest same-period group, calibration, warnings."""
    figures: dict[str, Any] = {"cells": report["cells"], "all_cells": _read_figures(report["all"])}
    for group in report["same_period"][:1]:
        figures["same_period"] = {
            "period": group["period"],
            "fitted_on_all": _read_figures(group["fitted_on_all"]),
        }
        if "fitted_there" in group:
            figures["same_period"]["fitted_there"] = _read_figures(group["fitted_there"])
    figures["warnings"] = list(report["warnings"])
    return figures


def _read_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"n": figures["n"]} | {
        name: _write(figures[name])
        for name in (
            "auc",
            "average_precision",
            "recall_at_specificity_0.99",
            "brier",
            "ece",
            "ece_by_chance",
            "ece_calibrated_here",
            "ece_calibrated_here_by_chance",
        )
        if name in figures
    }


def _write(figure: Mapping[str, float | None]) -> str:
    """`0.856 (0.75-0.92)`, or what is known of it."""
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None:
        return "not known"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.2f}-{high:.2f})"
