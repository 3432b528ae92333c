"""Labels of the invented country: what an honest interpreter would write of some of its cells.

Room `imagery`, pure. Arithmetic on covers; a cell is only said to be free of mines if not one pixel of it is mined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.imagery.invented.land import Cover, Land
from monitor.imagery.invented.mines import ARTISANAL_COVERS, INDUSTRIAL_COVERS, Dig
from monitor.imagery.labelmap import CellMap

LEAST_ARTISANAL_SHARE = 0.01
"""Of the cell's pixels: some thirty pixels, 1.2 hectares. Less is neither a mine nor none, and gets no label."""
LEAST_INDUSTRIAL_SHARE = 0.05
WANTED = {
    "new_mine": 110, "old_mine": 45, "open_pit": 40, "town": 20, "cloud_remnant": 14, "clearing": 60,
    "river_bank": 75, "road": 30, "field": 35, "forest": 60,
}  # fmt: skip
"""How many cells of each kind are labelled, at most."""

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Label:
    """One reviewed cell. label: artisanal, industrial or none; kind: what it is a case of."""

    row: int
    col: int
    label: str
    kind: str


def choose_labels(
    land: Land,
    digs: tuple[Dig, ...],
    cells: CellMap,
    haze: npt.NDArray[np.float32],
    whole: npt.NDArray[np.bool_],
    seed: int,
) -> list[Label]:
    """Some cells of every kind, drawn with the seed, in the order of the lattice.

    cells: of the country's grid; haze: of the second date, (height, width); whole: bool (n,), cells that may be
    labelled at all.
    """
    number = cells.labels(0, cells.height)
    kinds = _name_kinds(_measure_shares(land, digs, number, haze, len(cells.rows)))
    rng = np.random.default_rng([seed, 5])
    chosen: list[Label] = []
    for kind, wanted in WANTED.items():
        candidates = np.flatnonzero((kinds == kind) & whole)
        for cell in rng.permutation(candidates)[:wanted]:
            label = {"new_mine": "artisanal", "old_mine": "artisanal", "open_pit": "industrial"}.get(
                kind, "none"
            )
            chosen.append(Label(int(cells.rows[cell]), int(cells.cols[cell]), label, kind))
    return sorted(chosen, key=lambda label: (label.row, label.col))


def _measure_shares(
    land: Land,
    digs: tuple[Dig, ...],
    number: npt.NDArray[np.int32],
    haze: npt.NDArray[np.float32],
    count: int,
) -> Mapping[str, Shares]:
    """Share of each cell's pixels that is of some cover, by name, float64 (n,)."""
    flat = number.ravel()
    sizes = np.bincount(flat, minlength=count)

    def share(pixels: npt.NDArray[np.bool_]) -> Shares:
        return np.bincount(flat[pixels.ravel()], minlength=count) / sizes

    before, after = land.covers
    old = np.zeros(number.shape, bool)
    for dig in digs:
        if dig.since == 0:
            old[dig.pixels[:, 0], dig.pixels[:, 1]] = True
    return {
        "artisanal": share(np.isin(after, ARTISANAL_COVERS)),
        "old": share(old & np.isin(before, ARTISANAL_COVERS)),
        "industrial": share(np.isin(after, INDUSTRIAL_COVERS)),
        "mined": share(np.isin(after, (*ARTISANAL_COVERS, *INDUSTRIAL_COVERS))),
        "town": share(np.isin(after, (Cover.ROOFS, Cover.YARD))),
        "cloud_remnant": share(haze > 0.1),
        "clearing": share(after == Cover.CLEARING),
        "river_bank": share(np.isin(after, (Cover.WATER, Cover.TURBID, Cover.SAND))),
        "road": share(after == Cover.ROAD),
        "field": share(after == Cover.FIELD),
    }


def _name_kinds(shares: Mapping[str, Shares]) -> npt.NDArray[np.str_]:
    """The kind of every cell; "" where it is neither plainly a mine nor plainly none."""
    free = shares["mined"] == 0
    artisanal = (shares["artisanal"] >= LEAST_ARTISANAL_SHARE) & (shares["industrial"] == 0)
    rules = [
        ("open_pit", (shares["industrial"] >= LEAST_INDUSTRIAL_SHARE) & (shares["artisanal"] == 0)),
        ("old_mine", artisanal & (shares["old"] >= LEAST_ARTISANAL_SHARE / 2)),
        ("new_mine", artisanal & (shares["old"] == 0)),
        ("town", free & (shares["town"] > 0.06)),
        ("cloud_remnant", free & (shares["cloud_remnant"] > 0.3)),
        ("clearing", free & (shares["clearing"] > 0.015)),
        ("river_bank", free & (shares["river_bank"] > 0.015)),
        ("road", free & (shares["road"] > 0.008)),
        ("field", free & (shares["field"] > 0.2)),
        ("forest", free),
    ]
    names = [name for name, _ in rules]
    kinds: npt.NDArray[np.str_] = np.select([where for _, where in rules], names, default="")
    return kinds
