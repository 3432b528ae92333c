"""Change: what a cell looked like before, what it looks like now, and the difference.

Room `detection`, pure. Chooses the reference of each cell by one rule, for training as for scoring. Dates decide which
scene comes first and are never features. May import `featurizer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from monitor.detection.featurizer import CellFeatures, Int64
from monitor.detection.rcf import Float32

Bool = npt.NDArray[np.bool_]


class FeaturesDiffer(ValueError):
    """Two sets of features were made by different featurizers and cannot be compared."""


@dataclass(frozen=True, slots=True)
class SceneFeatures:
    """Features of the cells of one scene, with what decides the order of scenes.

    item_id: of the STAC item, exact. observed_from, observed_to: UTC. is_composite: made from many passes.
    """

    item_id: str
    sensor: str
    observed_from: datetime
    observed_to: datetime
    is_composite: bool
    features: CellFeatures

    @property
    def when(self) -> tuple[str, datetime, datetime]:
        """Id, begin and end: what `labels.choose_scene` asks of a scene."""
        return self.item_id, self.observed_from, self.observed_to

    @property
    def period(self) -> str:
        """Begin and end as text."""
        return name_period(self.observed_from, self.observed_to)


@dataclass(frozen=True, slots=True)
class PairedFeatures:
    """The features that each cell of a scene had before.

    values: float32 (n, F), NaN where there is no reference. source: int64 (n,), position of the reference among the
    earlier scenes, -1 for none.
    """

    values: Float32
    source: Int64


def pair_features(
    now: SceneFeatures, earlier: Sequence[SceneFeatures], min_valid_share: float
) -> PairedFeatures:
    """For each cell of `now` the features of its reference.

    The reference is the latest scene of the same sensor that had ended when `now` began and that shows at least
    `min_valid_share` of the cell. Scenes that do not qualify may be among `earlier`. Raises FeaturesDiffer.
    """
    numbers = now.features.numbers
    values = np.full(now.features.values.shape, np.nan, np.float32)
    source = np.full(len(numbers), -1, np.int64)
    past = [
        (scene.observed_to, scene.item_id, position)
        for position, scene in enumerate(earlier)
        if scene.sensor == now.sensor and scene.observed_to < now.observed_from
    ]
    for _, _, position in sorted(past):  # later scenes overwrite earlier ones
        before = earlier[position].features
        if not _may_share_cells(now.features, before):
            continue
        here, there = match_cells(numbers, before, min_valid_share)
        values[here] = _same_kind(now.features, before).values[there]
        source[here] = position
    return PairedFeatures(values, source)


def match_cells(
    numbers: Int64, before: CellFeatures, min_valid_share: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions in `numbers`, and in `before`, of the cells that both have and that `before` shows well enough."""
    _, here, there = np.intersect1d(numbers, before.numbers, assume_unique=True, return_indices=True)
    shown = before.valid_share[there] >= min_valid_share
    return here[shown], there[shown]


def find_reference(now: CellFeatures, before: CellFeatures | None, min_valid_share: float) -> Float32:
    """float32 (n, F): features at the reference for each cell of `now`, NaN where `before` does not show it."""
    values = np.full(now.values.shape, np.nan, np.float32)
    if before is not None:
        here, there = match_cells(now.numbers, _same_kind(now, before), min_valid_share)
        values[here] = before.values[there]
    return values


def stack_change(now: Float32, reference: Float32) -> Float32:
    """Features of change, float32 (n, 3 F): at the reference, now, and now less reference. Both inputs (n, F)."""
    return np.concatenate([reference, now, now - reference], axis=1)


def name_change(names: Sequence[str]) -> list[str]:
    """Names of the columns of `stack_change`."""
    return [f"{name}@{when}" for when in ("reference", "now", "difference") for name in names]


def name_period(observed_from: datetime, observed_to: datetime) -> str:
    """A period as text, to the day: `2021-01-01/2021-12-31`."""
    return f"{observed_from.date().isoformat()}/{observed_to.date().isoformat()}"


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
