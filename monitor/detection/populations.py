"""Populations: the cells whose calibration a report judges together, and the error once their own kind calibrates.

Room `detection`, pure. May import `cells`, `curves`, `figures`, `metrics`.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from monitor.detection.cells import LabelledCells
from monitor.detection.curves import chance_error
from monitor.detection.figures import JudgedCells, Report, find_periods, write_figure
from monitor.detection.metrics import Figure, calibration_error, draw_samples, with_interval

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

EVERY = "all cells"
"""Name of the population of all labelled cells; others have that of their period."""


def list_populations(cells: LabelledCells) -> dict[str, Bool]:
    """The populations that a report judges, bool (n,) each.

    All cells as `EVERY`, then by its name each period with figures of its own, the largest first.
    """
    periods = np.asarray(cells.periods)
    return {EVERY: np.ones(len(cells), np.bool_)} | {
        period: np.asarray(periods == period, np.bool_)
        for period in find_periods(cells.periods, cells.mining)
    }


def measure_calibrated_here(judged: JudgedCells, calibrated: Float64, draws: int, seed: int) -> Report:
    """The calibration error of cells once others of their kind calibrate, and what chance would show.

    calibrated: float64 (n,), probability of any kind of mine (`crossvalidation.HeldBack`). Unless it is known of every cell
    neither figure is.
    """
    error = by_chance = Figure(np.nan, np.nan, np.nan)
    if np.isfinite(calibrated).all():
        samples = draw_samples(judged.blocks, draws, seed)
        error = with_interval(partial(calibration_error, judged.mining, calibrated), samples)
        by_chance = chance_error(calibrated, seed=seed)
    return {
        "ece_calibrated_here": write_figure(error),
        "ece_calibrated_here_by_chance": write_figure(by_chance),
    }
