"""Labelled cells: labels brought together with the features of their cells, now and before.

Room `detection`, pure. The rows that models are fitted to and judged on. Dates serve to group the figures and are
never among the features. May import `agreement`, `change`, `featurizer`, `labels`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.detection.agreement import settle_labels
from monitor.detection.change import SceneFeatures, pair_features
from monitor.detection.featurizer import Int64
from monitor.detection.labels import CellLabel, choose_scene, digest_labels, list_scenes, number_labels
from monitor.detection.partmaps import NO_MAP, Layout
from monitor.detection.rcf import Float32

Bool = npt.NDArray[np.bool_]

LEAST_SHARE, MOST_SHARE = 0.05, 0.5
"""Bounds of the share of a cell that must be seen to say anything of it."""
NOT_SHOWN = "no scene of the label's item and dates shows the cell"
SEEN_TOO_LITTLE = "too little of the cell is seen"
"""Why a label is not used."""
TABLE_DIGEST = "table:"
"""What the digest of features begins with that were read from a table and not made from a scene."""


class NoLabelledCells(ValueError):
    """None of the labels meets a scene that shows its cell."""


@dataclass(frozen=True, slots=True)
class LabelledCells:
    """n labelled cells with features.

    Parameters
    ----------
    labels : tuple of CellLabel
        Of each cell.
    now, reference : float32 (n, F)
        Features; `now` is finite, `reference` is NaN where there is none.
    periods : tuple of str
        Of the label (or of its scene) and of the reference, as text.
    sensors : tuple of str
        Of the scenes.
    valid_share : float32 (n,)
    digest : str
        Of the featurizer, or of a table.
    min_valid_share : float
        What a scene had to show of a cell.
    unused : mapping of str to int
        How many labels fell away, by reason.
    labels_digest : str
        Of all labels that were handed in, used or not.
    layout : Layout
        Of a row of features.
    scene_periods : tuple of str
        Of the scenes, as text, where labels state periods of their own; empty where they are unknown.

    Examples
    --------
    See `gather_cells` for scenes, `gather_table` for features computed elsewhere.
    """

    labels: tuple[CellLabel, ...]
    now: Float32
    reference: Float32
    periods: tuple[str, ...]
    sensors: tuple[str, ...]
    valid_share: Float32
    digest: str
    min_valid_share: float
    unused: Mapping[str, int]
    labels_digest: str
    layout: Layout = NO_MAP
    scene_periods: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def rows(self) -> Int64:
        """int64 (n,), L0."""
        return np.array([label.row for label in self.labels], np.int64)

    @property
    def cols(self) -> Int64:
        """int64 (n,), L0."""
        return np.array([label.col for label in self.labels], np.int64)

    @property
    def classes(self) -> Int64:
        """int64 (n,), positions in CLASSES."""
        return np.array([label.label for label in self.labels], np.int64)

    @property
    def mining(self) -> Bool:
        """bool (n,), whether the label is any kind of mine."""
        return np.asarray(self.classes != 0, np.bool_)

    @property
    def has_reference(self) -> Bool:
        """bool (n,), whether the cell was seen before."""
        return np.asarray(np.isfinite(self.reference).all(axis=1), np.bool_)

    def select(self, index: Int64 | Bool) -> LabelledCells:
        """Some of the cells, by positions or by a mask."""
        positions = np.arange(len(self))[index]
        return replace(
            self,
            labels=tuple(self.labels[position] for position in positions),
            now=self.now[positions],
            reference=self.reference[positions],
            periods=tuple(self.periods[position] for position in positions),
            sensors=tuple(self.sensors[position] for position in positions),
            valid_share=self.valid_share[positions],
            scene_periods=tuple(self.scene_periods[position] for position in positions)
            if self.scene_periods
            else (),
        )


def gather_cells(
    labels: Sequence[CellLabel],
    scenes: Iterable[SceneFeatures],
    min_valid_share: float | None = None,
    *,
    layout: Layout = NO_MAP,
    normalise: bool = False,
) -> LabelledCells:
    """Bring labels and scenes together; only the labelled cells of each scene are kept while they pass.

    Parameters
    ----------
    labels : sequence of CellLabel
        Of labels that say the same one counts, and of those that contradict each other none (`find_agreement`). One that
        names no scene speaks of the latest of its period that shows enough of its cell.
    scenes : iterable of SceneFeatures
        In any order. What the labels say of an earlier scene is not asked.
    min_valid_share : float, optional
        What a scene must show of a cell; by default what most labelled cells show in the clearest scene that their label
        may speak of (`choose_min_valid_share`).
    layout : Layout
        Of the features, as their featurizer has it; without it they are taken to hold no maps.
    normalise : bool
        As in `pair_features`.

    Returns
    -------
    LabelledCells
        The reference of a cell follows `pair_features`, as it does when scenes are scored.

    Raises
    ------
    NoLabelledCells

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from monitor.detection.featurizer import CellFeatures
    >>> place = np.array([9000], np.int32)
    >>> early, late = (
    ...     SceneFeatures(
    ...         f"scene-{year}", "sentinel-2", datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC), True,
    ...         CellFeatures(place, place, np.ones(1, np.float32), np.full((1, 2), year, np.float32), "digest"),
    ...     )
    ...     for year in (2019, 2021)
    ... )
    >>> cells = gather_cells([CellLabel(9000, 9000, 1)], [late, early])
    >>> cells.now.tolist(), cells.reference.tolist(), cells.mining.tolist()
    ([[2021.0, 2021.0]], [[2019.0, 2019.0]], [True])
    """
    all_labels = labels
    labels, left_out = settle_labels(all_labels)
    numbers = number_labels(labels)
    kept = [_keep_cells(scene, numbers) for scene in scenes]
    listed = _list_shares(labels, numbers, kept)
    if min_valid_share is None:
        clearest = np.array([max((share for _, share in shown.values()), default=0.0) for shown in listed])
        min_valid_share = choose_min_valid_share(clearest[clearest > 0])
    chosen = _choose_scenes(listed, min_valid_share)
    unused = Counter(_say_why(at, min_valid_share) for at in chosen)
    used = [
        (position, *at[:2])
        for position, at in enumerate(chosen)
        if at is not None and at[2] >= min_valid_share
    ]
    if not used:
        raise NoLabelledCells(
            "No label meets a scene that shows its cell; check item_t1, the dates and the cells."
        )
    cells = _assemble(labels, kept, used, min_valid_share, layout, normalise)
    reasons = {reason: count for reason, count in unused.items() if reason != "used"}
    return replace(cells, unused=reasons | left_out, labels_digest=digest_labels(all_labels))


def choose_min_valid_share(shares: npt.ArrayLike) -> float:
    """The share below which a cell counts as not observed: what 95 % of the labelled cells show, less a tenth, but
    never more than a half nor less than a twentieth."""
    seen = np.asarray(shares, np.float64)
    if not len(seen):
        return MOST_SHARE
    return float(np.clip(np.percentile(seen, 5) * 0.9, LEAST_SHARE, MOST_SHARE))


def _keep_cells(scene: SceneFeatures, numbers: Int64) -> SceneFeatures:
    return replace(scene, features=scene.features.select(np.isin(scene.features.numbers, numbers)))


def _list_shares(
    labels: Sequence[CellLabel], numbers: Int64, scenes: Sequence[SceneFeatures]
) -> list[dict[int, tuple[int, float]]]:
    """For each label the scenes it may speak of, the latest first: the place of its cell there and the share seen."""
    places: dict[int, dict[int, tuple[int, float]]] = {}
    for position, scene in enumerate(scenes):
        shares = scene.features.valid_share.tolist()
        for place, number in enumerate(scene.features.numbers.tolist()):
            places.setdefault(number, {})[position] = (place, shares[place])
    listed = []
    for label, number in zip(labels, numbers.tolist(), strict=True):
        shown = places.get(number, {})
        spoken_of = list_scenes(label, ((position, *scenes[position].when) for position in shown))
        listed.append({position: shown[position] for position in spoken_of})
    return listed


def _choose_scenes(
    listed: Sequence[Mapping[int, tuple[int, float]]], least: float
) -> list[tuple[int, int, float] | None]:
    """For each label the scene it is compared with, the place of its cell there and the share seen, or None."""
    chosen: list[tuple[int, int, float] | None] = []
    for shown in listed:
        seen = {scene for scene, (_, share) in shown.items() if share >= least and share > 0}
        at = choose_scene(tuple(shown), seen)
        chosen.append(None if at is None else (at, *shown[at]))
    return chosen


def _say_why(at: tuple[int, int, float] | None, least: float) -> str:
    if at is None:
        return NOT_SHOWN
    return "used" if at[2] >= least else SEEN_TOO_LITTLE


def _assemble(
    labels: Sequence[CellLabel],
    scenes: Sequence[SceneFeatures],
    used: Sequence[tuple[int, int, int]],
    min_valid_share: float,
    layout: Layout,
    normalise: bool,
) -> LabelledCells:
    """used: label, scene and place of the cell in it, of each label that counts."""
    pairs = {
        scene: pair_features(scenes[scene], scenes, min_valid_share, layout, normalise=normalise)
        for scene in {scene for _, scene, _ in used}
    }
    own = [labels[label] for label, _, _ in used]
    source = [int(pairs[scene].source[place]) for _, scene, place in used]
    before = [scenes[at].period if at >= 0 else "nothing" for at in source]
    now = [own[at].period or scenes[scene].period for at, (_, scene, _) in enumerate(used)]
    return LabelledCells(
        labels=tuple(own),
        now=np.stack([scenes[scene].features.values[place] for _, scene, place in used]),
        reference=np.stack([pairs[scene].values[place] for _, scene, place in used]),
        periods=tuple(f"{late} after {early}" for late, early in zip(now, before, strict=True)),
        sensors=tuple(scenes[scene].sensor for _, scene, _ in used),
        valid_share=np.array(
            [scenes[scene].features.valid_share[place] for _, scene, place in used], np.float32
        ),
        digest=scenes[used[0][1]].features.digest,
        min_valid_share=min_valid_share,
        unused={},
        labels_digest="",
        layout=layout,
        scene_periods=tuple(scenes[scene].period for _, scene, _ in used),
    )
