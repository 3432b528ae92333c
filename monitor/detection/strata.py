"""Strata: groups of cells whose figures are told apart, where the labels say enough.

Room `detection`, pure. Imports `grid` and `labels` alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.detection.labels import CLASSES, CellLabel
from monitor.grid import CELLS_PER_DEG

KM_PER_CELL = 111.32 / CELLS_PER_DEG
"""Along a meridian."""
NEAR_KM, FAR_KM = 1.0, 5.0
INDUSTRIAL = CLASSES.index("industrial")


def list_strata(
    labels: Sequence[CellLabel],
    sensors: Sequence[str],
    has_reference: Sequence[bool],
    industrial_km: Sequence[float] | None = None,
) -> dict[str, Sequence[str]]:
    """The group of each cell, by what the groups are made of; only where there are two groups or more.

    industrial_km: distance of each cell to the polygons of industrial mines, where these are known; else to the nearest cell
    with such a label.
    """
    strata: dict[str, Sequence[str]] = {
        "region": [label.region for label in labels],
        "mineral": [label.mineral for label in labels],
        "formalisation": [label.formalisation for label in labels],
        "sensor": sensors,
        "reference": ["with" if has else "without" for has in has_reference],
        "industrial mine": _name_distances(
            labels, _measure_to_labels(labels) if industrial_km is None else industrial_km
        ),
    }
    return {name: values for name, values in strata.items() if len(set(values)) > 1}


def _name_distances(labels: Sequence[CellLabel], distances: Sequence[float]) -> list[str]:
    """How far the nearest industrial mine is: do small mines vanish in the shadow of a large one's fence?"""
    if not len(distances):
        return [""] * len(labels)
    return [
        "is one"
        if label.label == INDUSTRIAL
        else "within 1 km"
        if km <= NEAR_KM
        else "1 to 5 km"
        if km <= FAR_KM
        else "over 5 km"
        for label, km in zip(labels, distances, strict=True)
    ]


def _measure_to_labels(labels: Sequence[CellLabel]) -> list[float]:
    """Kilometres from the middle of each cell to that of the nearest one labelled industrial; empty where there is none."""
    place = np.array([(label.row, label.col) for label in labels], np.float64)
    large = place[[label.label == INDUSTRIAL for label in labels]]
    if not len(large):
        return []
    distances = []
    for own in place:
        north, east = (large - own).T * KM_PER_CELL
        east = east * np.cos(np.radians(own[0] / CELLS_PER_DEG - 90))
        distances.append(float(np.hypot(north, east).min()))
    return distances
