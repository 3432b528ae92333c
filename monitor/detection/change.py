"""Change: what a cell looked like before, what it looks like now, and the difference.

Room `detection`, pure. Chooses the reference of each cell by one rule, for training as for scoring. Dates decide which
scene comes first and are never features. May import `dated`, `featurizer`, `likeness`, `misplaced`, `partmaps` and
`radiometry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.dated import DatedScene
from monitor.detection.featurizer import CellFeatures, Int64
from monitor.detection.likeness import Fit, judge_fit
from monitor.detection.misplaced import choose_references
from monitor.detection.partmaps import NO_MAP, Layout
from monitor.detection.radiometry import normalise_reference
from monitor.detection.rcf import Float32
from monitor.field.states import REFERENCE_AGE

Bool = npt.NDArray[np.bool_]


class FeaturesDiffer(ValueError):
    """Two sets of features were made by different featurizers and cannot be compared."""


@dataclass(frozen=True, slots=True)
class SceneFeatures(DatedScene):
    """Features of the cells of one scene, with what decides the order of scenes.

    Parameters
    ----------
    item_id : str
        Of the STAC item, exact.
    sensor : str
    observed_from, observed_to : datetime
        UTC.
    is_composite : bool
        Made from many passes.
    features : CellFeatures

    Examples
    --------
    See `pair_features`.
    """

    features: CellFeatures


@dataclass(frozen=True, slots=True)
class PairedFeatures:
    """The features that each cell of a scene had before.

    values: float32 (n, F), NaN where there is no reference. source: int64 (n,), position of the reference among the
    earlier scenes, -1 for none. odd: why the scene can be compared with none of the earlier ones, None where it can, or
    there is none.
    """

    values: Float32
    source: Int64
    odd: Fit | None = None


def pair_features(
    now: SceneFeatures,
    earlier: Sequence[SceneFeatures],
    min_valid_share: float,
    layout: Layout = NO_MAP,
    *,
    normalise: bool = False,
) -> PairedFeatures:
    """For each cell of a scene the features of its reference.

    Parameters
    ----------
    now : SceneFeatures
    earlier : sequence of SceneFeatures
        Scenes that do not qualify may be among them.
    min_valid_share : float
        What a scene must show of a cell to be its reference.
    layout : Layout, optional
        Of a row of features; without it nothing can be told of whether scenes lie upon each other.
    normalise : bool
        Bring the maps of each reference to the light of `now` (`normalise_reference`).

    Returns
    -------
    PairedFeatures
        Of each cell the latest scene that had ended a year (`REFERENCE_AGE`) before `now` began; where there is none, the
        earliest that had ended on a day (UTC) before. Of the same sensor and of pixels of about the same size, each shows
        enough of the cell, and `now` can be compared with it as far as can be told (`judge_fit`). Granules of one
        pass overlap, seconds apart, so that none of the same day tells what was before.

    Raises
    ------
    FeaturesDiffer
        If a scene that qualifies was made by another featurizer.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> def see(year, value):
    ...     place, whole = np.array([9000, 9001], np.int32), np.array([1, value > 1], np.float32)
    ...     features = CellFeatures(place, place, whole, np.full((2, 1), value, np.float32), "digest")
    ...     day = datetime(year, 3, 1, tzinfo=UTC)
    ...     return SceneFeatures(f"scene-{year}", "landsat", day, day, False, features)
    >>> paired = pair_features(see(2024, 3), [see(2023, 1), see(2025, 4), see(2022, 2)], 0.5)
    >>> paired.values.ravel().tolist(), paired.source.tolist()
    ([1.0, 2.0], [0, 2])
    """
    numbers = now.features.numbers
    places = _rank_past(now, earlier)

    def find(without: frozenset[int]) -> dict[int, Int64]:
        chosen = np.full(len(numbers), -1, np.int64)
        for position in places:  # each overwrites those before it
            if position not in without:
                here, _ = match_cells(numbers, earlier[position].features, min_valid_share)
                chosen[here] = position
        return {int(position): np.flatnonzero(chosen == position) for position in set(chosen.tolist()) - {-1}}

    references, odd = choose_references(
        find,
        lambda position: judge_fit(
            now.features, _same_kind(now.features, earlier[position].features), layout, min_valid_share
        ),
    )
    values = np.full(now.features.values.shape, np.nan, np.float32)
    source = np.full(len(numbers), -1, np.int64)
    for position, cells in references.items():
        source[cells] = position
        here, there = match_cells(numbers, earlier[position].features, min_valid_share)
        own = source[here] == position
        before = earlier[position].features.values[there[own]]
        if normalise:
            before = normalise_reference(now.features.values[here[own]], before, layout)
        values[here[own]] = before
    return PairedFeatures(values, source, odd)


def _rank_past(now: SceneFeatures, earlier: Sequence[SceneFeatures]) -> list[int]:
    """Positions of the scenes that a scene can be compared with, the one that is most to be preferred last."""
    past = sorted(
        (scene.observed_to, scene.item_id, position)
        for position, scene in enumerate(earlier)
        if scene.sensor == now.sensor
        and scene.observed_to.date() < now.observed_from.date()
        and now.features.is_like(scene.features.pixel_m)
        and _may_share_cells(now.features, scene.features)
    )
    old_until = now.observed_from.date() - REFERENCE_AGE
    old = [position for ended, _, position in past if ended.date() <= old_until]
    young = [position for ended, _, position in past if ended.date() > old_until]
    return [*reversed(young), *old]


def match_cells(
    numbers: Int64, before: CellFeatures, min_valid_share: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions in `numbers`, and in `before`, of the cells that both have and that `before` shows well enough."""
    _, here, there = np.intersect1d(numbers, before.numbers, assume_unique=True, return_indices=True)
    shown = before.valid_share[there] >= min_valid_share
    return here[shown], there[shown]


def find_reference(now: CellFeatures, before: CellFeatures | None, min_valid_share: float) -> Float32:
    """float32 (n, F): features at the reference for each cell of `now`, NaN where `before` does not show it, and
    everywhere where its pixels are of another size."""
    values = np.full(now.values.shape, np.nan, np.float32)
    if before is not None and now.is_like(before.pixel_m):
        here, there = match_cells(now.numbers, _same_kind(now, before), min_valid_share)
        values[here] = before.values[there]
    return values


def stack_change(now: Float32, reference: Float32) -> Float32:
    """Features of change, float32 (n, 3 F): at the reference, now, and now less reference. Both inputs (n, F)."""
    return np.concatenate([reference, now, now - reference], axis=1)


def _may_share_cells(one: CellFeatures, other: CellFeatures) -> bool:
    """Whether the boxes of two sets of cells touch: a catalogue of many small scenes is mostly elsewhere."""
    if not len(one.rows) or not len(other.rows):
        return False
    return bool(
        max(one.rows.min(), other.rows.min()) <= min(one.rows.max(), other.rows.max())
        and max(one.cols.min(), other.cols.min()) <= min(one.cols.max(), other.cols.max())
    )


def _same_kind(now: CellFeatures, before: CellFeatures) -> CellFeatures:
    if now.digest != before.digest:
        raise FeaturesDiffer(
            "The features of the two dates come from different featurizers; extract them anew."
        )
    return before
