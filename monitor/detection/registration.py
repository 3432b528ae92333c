"""Registration: how far two scenes lie apart on the ground, told by the part maps of the cells that both show.

Room `detection`, pure. One cell tells little: its own noise, a cloud remnant or a new clearing can put it anywhere. The
correlations of many cells are added up before a peak is looked for, each cell with the same weight, and parts of the
scene must agree. What cannot be told is not guessed. May import `featurizer` and `partmaps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import fft

from monitor.detection.featurizer import CellFeatures
from monitor.detection.partmaps import Layout, find_seen
from monitor.detection.rcf import Float32
from monitor.grid import CELLS_PER_DEG

Float64 = npt.NDArray[np.float64]

APART_M = 20.0
"""Two scenes whose offset is surely greater do not lie upon each other (decision 0034)."""
REACH = 10
"""Offsets of up to so many parts, half a cell, are looked for: beyond, too little of a cell meets itself."""
FAR_STEPS = sorted(
    ((north, east) for north in range(-2, 3) for east in range(-2, 3) if north or east),
    key=lambda step: (np.hypot(*step), step),
)
"""Whole cells by which a scene is moved where nothing is found without, the nearest first."""
MIN_PARTS = 60
"""Parts of a cell that both scenes must have seen."""
MIN_CELLS = 8
"""One a group at least."""
MAX_CELLS = 4000
"""Of more cells every so-many-th is looked at: the answer does not get better."""
FAR_CELLS = 400
"""So many for each of the steps."""
GROUPS = 8
"""The cells are cut into so many groups; how the offset changes when one is left out says how sure it is."""
MIN_PEAK = 6.0
"""Height of the peak over the root mean square of the rest, below which nothing is told."""
LEAST_AROUND = 12
"""Parts of the 5 x 5 around a part that must be seen for it to count."""
MAX_ERROR_M = 8.0
"""Standard error above which nothing is told."""
LEAST_MET = 0.25
"""Share of the cells that must still meet itself at an offset that is looked for."""
CERTAIN = 3.0
"""Standard errors by which an offset must exceed the bound."""
_METRES_PER_DEG = 111_195.0
_CHUNK = 128


@dataclass(frozen=True, slots=True)
class Offset:
    """How far the ground of a scene lies from where an earlier one has it.

    Parameters
    ----------
    north_m, east_m : float
        Metres.
    error_m : float
        Standard error of the distance.
    peak : float
        Height of the correlation's peak over the root mean square of what lies around.
    cells : int
        How many told it.

    Examples
    --------
    >>> offset = Offset(north_m=30.0, east_m=-40.0, error_m=2.0, peak=12.0, cells=400)
    >>> offset.distance_m, offset.is_apart
    (50.0, True)
    """

    north_m: float
    east_m: float
    error_m: float
    peak: float
    cells: int

    @property
    def distance_m(self) -> float:
        """Length of the offset, metres."""
        return float(np.hypot(self.north_m, self.east_m))

    @property
    def is_apart(self) -> bool:
        """Whether the offset is surely greater than APART_M."""
        return self.distance_m - CERTAIN * self.error_m > APART_M


def measure_offset(
    now: CellFeatures, before: CellFeatures, layout: Layout, min_valid_share: float = 0.0
) -> Offset | None:
    """The offset of a scene from an earlier one of the same sensor.

    Parameters
    ----------
    now, before : CellFeatures
        Of one featurizer.
    layout : Layout
        Of both rows of features.
    min_valid_share : float
        What both must show of a cell.

    Returns
    -------
    Offset or None
        None where the cells do not tell: fewer than 8, or ground without detail, or farther apart than two cells and
        a half.

    References
    ----------
    Padfield 2012, Masked object registration in the Fourier domain: normalised cross-correlation of high-passed part maps
    with masks, summed over cells and bands.

    Examples
    --------
    >>> from monitor.detection.partmaps import NO_MAP
    >>> place = np.arange(9000, 9030, dtype=np.int32)
    >>> cells = CellFeatures(place, place, np.ones(30, np.float32), np.zeros((30, 4), np.float32), "digest")
    >>> measure_offset(cells, cells, NO_MAP) is None  # these features hold no part maps
    True
    """
    if not layout.across:
        return None
    found = _measure_by(now, before, layout, min_valid_share, (0, 0), MAX_CELLS)
    steps = iter(FAR_STEPS)
    while found is None and (step := next(steps, None)) is not None:
        found = _measure_by(now, before, layout, min_valid_share, step, FAR_CELLS)
    return found


def _measure_by(
    now: CellFeatures,
    before: CellFeatures,
    layout: Layout,
    min_valid_share: float,
    step: tuple[int, int],
    most_cells: int,
) -> Offset | None:
    """The offset, if it lies about so many whole cells northwards and eastwards: each cell meets one so far away."""
    moved = replace(before, rows=before.rows + np.int32(step[0]), cols=before.cols + np.int32(step[1]))
    _, here, there = np.intersect1d(now.numbers, moved.numbers, assume_unique=True, return_indices=True)
    shown = (now.valid_share[here] >= min_valid_share) & (before.valid_share[there] >= min_valid_share)
    shown &= (now.valid_share[here] > 0) & (before.valid_share[there] > 0)
    here, there = here[shown], there[shown]
    new, old = layout.maps(now.values), layout.maps(before.values)
    both = find_seen(new)[here] & find_seen(old)[there]
    enough = np.flatnonzero(both.sum(axis=(1, 2)) >= MIN_PARTS)
    if len(enough) < MIN_CELLS:
        return None
    enough = enough[:: -(-len(enough) // most_cells)]
    here, there = here[enough], there[enough]
    sums = []
    # in the order of the lattice: each group is a strip of ground
    for group in np.array_split(np.arange(len(here)), GROUPS):
        own = _Sums.empty(layout.across)
        for first in range(0, len(group), _CHUNK):
            part = group[first : first + _CHUNK]
            own.add(old[there[part]], new[here[part]])
        sums.append(own)
    latitude = (float(np.median(now.rows[here])) + 0.5) / CELLS_PER_DEG - 90
    return _place_offset(sums, layout.across, latitude, len(here), step)


@dataclass
class _Sums:
    """Cross-correlations, as spectra, summed over cells: of the maps, and of their energies with each other's masks."""

    product: npt.NDArray[np.complex128]
    old_energy: npt.NDArray[np.complex128]
    new_energy: npt.NDArray[np.complex128]

    @classmethod
    def empty(cls, across: int) -> _Sums:
        """Of no cells yet. across: parts along one side of a map."""
        shape = (2 * across, across + 1)
        return cls(*(np.zeros(shape, np.complex128) for _ in range(3)))

    def add(self, old: Float32, new: Float32) -> None:
        """Take cells: maps (n, bands, across, across)."""
        if not len(old):
            return
        a, a_mask = find_detail(old)
        b, b_mask = find_detail(new)
        fa, fb, fa_mask, fb_mask = (_transform(values) for values in (a, b, a_mask, b_mask))
        self.product += (np.conj(fa) * fb).sum(axis=(0, 1))
        self.old_energy += (np.conj(_transform(a * a)) * fb_mask).sum(axis=(0, 1))
        self.new_energy += (np.conj(fa_mask) * _transform(b * b)).sum(axis=(0, 1))

    def surface(self) -> tuple[Float64, Float64]:
        """Normalised correlation by offset, (2 REACH + 1, 2 REACH + 1), no offset in the middle, and the share of the
        cells that meets itself there. Where that is less than LEAST_MET both are 0."""
        old, new = _window(self.old_energy), _window(self.new_energy)
        energy = np.sqrt(np.maximum(old, 0) * np.maximum(new, 0))
        met = energy / max(float(energy.max()), 1e-12)
        enough = met >= LEAST_MET
        correlation = np.where(enough, _window(self.product) / np.where(enough, energy, 1), 0)
        return correlation, np.where(enough, met, 0)


def _add_up(sums: list[_Sums]) -> _Sums:
    return _Sums(
        np.sum([each.product for each in sums], axis=0),
        np.sum([each.old_energy for each in sums], axis=0),
        np.sum([each.new_energy for each in sums], axis=0),
    )


def find_detail(maps: Float32) -> tuple[Float32, Float32]:
    """Maps less the mean of the 5 x 5 parts around, each cell and band brought to the same energy, and the mask, as
    float32 (n, bands, across, across) and (n, 1, across, across). Light, haze and season change the means, not these.
    """
    mask = find_seen(maps)[:, None].astype(np.float32)
    filled = np.where(mask > 0, maps, 0).astype(np.float32)
    count = _add_around(mask)
    whole = mask * (count >= LEAST_AROUND)
    detail = np.where(whole > 0, filled - _add_around(filled) / np.maximum(count, 1), 0)
    seen = np.maximum(whole.sum(axis=(2, 3), keepdims=True), 1)
    energy = (detail**2).sum(axis=(2, 3), keepdims=True) / seen
    return (detail / np.sqrt(np.maximum(energy, 1e-12))).astype(np.float32), whole


def _add_around(values: Float32) -> Float32:
    """Sum of the 5 x 5 parts around each, nothing beyond the edge."""
    wide = np.pad(values, ((0, 0), (0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, 5, axis=2).sum(axis=-1)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(windows, 5, axis=3).sum(axis=-1), np.float32)


def _transform(values: Float32) -> npt.NDArray[np.complex64]:
    size = 2 * values.shape[-1]
    return np.asarray(fft.rfft2(values, s=(size, size)))


def _window(spectrum: npt.NDArray[np.complex128]) -> Float64:
    """The correlation of a spectrum, for offsets of up to REACH."""
    whole = np.fft.fftshift(fft.irfft2(spectrum, s=(spectrum.shape[0], spectrum.shape[0])))
    middle = spectrum.shape[0] // 2
    part = slice(middle - REACH, middle + REACH + 1)
    return np.asarray(whole[part, part])


def _place_offset(
    sums: list[_Sums], across: int, latitude: float, cells: int, step: tuple[int, int]
) -> Offset | None:
    surface, met = _add_up(sums).surface()
    peak = _judge_peak(surface, met)
    if peak < MIN_PEAK:
        return None
    per_part = np.array([1.0, np.cos(np.radians(latitude))]) * _METRES_PER_DEG / CELLS_PER_DEG / across
    whole = (_place_peak(surface, met) + np.array(step) * across) * per_part
    without = per_part * np.array(
        [_place_peak(*_add_up(sums[:out] + sums[out + 1 :]).surface()) for out in range(len(sums))]
    )
    error = float(np.sqrt(((without - without.mean(axis=0)) ** 2).sum() * (GROUPS - 1) / GROUPS))
    return Offset(float(whole[0]), float(whole[1]), error, peak, cells) if error <= MAX_ERROR_M else None


def _find_peak(surface: Float64, met: Float64) -> tuple[int, int]:
    """Where it is greatest; where less is met, chance is greater, and a value counts for less."""
    row, col = np.unravel_index(int((surface * np.sqrt(met)).argmax()), surface.shape)
    return int(row), int(col)


def _judge_peak(surface: Float64, met: Float64) -> float:
    """Height of the greatest value over the root mean square of all that lies more than two parts from it."""
    weighed = surface * np.sqrt(met)
    top = _find_peak(surface, met)
    row, col = np.ogrid[: surface.shape[0], : surface.shape[1]]
    beside = (np.maximum(abs(row - top[0]), abs(col - top[1])) > 2) & (met > 0)
    return (
        float(weighed[top] / max(float(np.sqrt((weighed[beside] ** 2).mean())), 1e-9))
        if beside.any()
        else 0.0
    )


def _place_peak(surface: Float64, met: Float64) -> Float64:
    """Where the greatest value is, (northwards, eastwards) in parts, from it and its two neighbours along each line.

    Detail met by itself gives a peak with straight flanks, since a part is a mean over a square: a tent is laid over it. A
    parabola draws such a peak towards whole parts.
    """
    row, col = _find_peak(surface, met)
    place = []
    for at, line in ((row, surface[:, col]), (col, surface[row])):
        whole = float(at - REACH)
        if 0 < at < len(line) - 1:
            low, middle, high = (float(value) for value in line[at - 1 : at + 2])
            whole += 0.5 * (high - low) / max(middle - min(low, high), 1e-12)
        place.append(whole)
    return np.array(place, np.float64)
