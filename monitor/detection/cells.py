"""Labelled cells: labels brought together with the features of their cells, now and before.

Room `detection`, pure. The rows that models are fitted to and judged on. Dates serve to group the figures and are
never among the features. May import `change`, `featurizer`, `labels`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.detection.change import SceneFeatures, pair_features
from monitor.detection.featurizer import Int64
from monitor.detection.labels import CellLabel, choose_scene, digest_labels, number_labels
from monitor.detection.rcf import Float32

Bool = npt.NDArray[np.bool_]

LEAST_SHARE, MOST_SHARE = 0.05, 0.5
"""Bounds of the share of a cell that must be seen to say anything of it."""


class NoLabelledCells(ValueError):
    """None of the labels meets a scene that shows its cell."""


@dataclass(frozen=True, slots=True)
class LabelledCells:
    """n labelled cells with features.

    labels: of each cell. now, reference: float32 (n, F), reference NaN where there is none. periods: of the label (or
    of its scene) and of the reference, as text. sensors: of the scene. valid_share: float32 (n,). digest: of the
    featurizer. min_valid_share: what a scene had to show of a cell. unused: how many labels fell away, by reason.
    labels_digest: of all labels that were handed in, used or not.
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
        return LabelledCells(
            tuple(self.labels[position] for position in positions),
            self.now[positions],
            self.reference[positions],
            tuple(self.periods[position] for position in positions),
            tuple(self.sensors[position] for position in positions),
            self.valid_share[positions],
            self.digest,
            self.min_valid_share,
            self.unused,
            self.labels_digest,
        )


def gather_cells(
    labels: Sequence[CellLabel], scenes: Iterable[SceneFeatures], min_valid_share: float | None = None
) -> LabelledCells:
    """Bring labels and scenes together; only the labelled cells of each scene are kept while they pass.

    scenes: in any order. min_valid_share: what a scene must show of a cell; by default what most labelled cells show
    (`choose_min_valid_share`). The reference of a cell follows `pair_features`, as it does when scenes are scored; what
    the labels say of an earlier scene is not asked. Raises NoLabelledCells.
    """
    numbers = number_labels(labels)
    kept = [_keep_cells(scene, numbers) for scene in scenes]
    chosen = _choose_scenes(labels, numbers, kept)
    shares = np.array([0.0 if at is None else kept[at[0]].features.valid_share[at[1]] for at in chosen])
    if min_valid_share is None:
        min_valid_share = choose_min_valid_share(shares[shares > 0])
    unused = Counter(_say_why(at, share, min_valid_share) for at, share in zip(chosen, shares, strict=True))
    used = [
        (position, *at)
        for position, (at, share) in enumerate(zip(chosen, shares, strict=True))
        if at is not None and share >= min_valid_share
    ]
    if not used:
        raise NoLabelledCells(
            "No label meets a scene that shows its cell; check item_t1, the dates and the cells."
        )
    return _assemble(labels, kept, used, min_valid_share, unused)


def choose_min_valid_share(shares: npt.ArrayLike) -> float:
    """The share below which a cell counts as not observed: what 95 % of the labelled cells show, less a tenth, but
    never more than a half nor less than a twentieth."""
    seen = np.asarray(shares, np.float64)
    if not len(seen):
        return MOST_SHARE
    return float(np.clip(np.percentile(seen, 5) * 0.9, LEAST_SHARE, MOST_SHARE))


def _keep_cells(scene: SceneFeatures, numbers: Int64) -> SceneFeatures:
    return replace(scene, features=scene.features.select(np.isin(scene.features.numbers, numbers)))


def _choose_scenes(
    labels: Sequence[CellLabel], numbers: Int64, scenes: Sequence[SceneFeatures]
) -> list[tuple[int, int] | None]:
    """For each label the scene it speaks of and the place of its cell there, or None."""
    places: dict[int, dict[int, int]] = {}
    for position, scene in enumerate(scenes):
        for place, number in enumerate(scene.features.numbers.tolist()):
            places.setdefault(number, {})[position] = place
    chosen: list[tuple[int, int] | None] = []
    for label, number in zip(labels, numbers.tolist(), strict=True):
        shown = places.get(number, {})
        at = choose_scene(label, ((position, *scenes[position].when) for position in shown))
        chosen.append(None if at is None else (at, shown[at]))
    return chosen


def _say_why(at: tuple[int, int] | None, share: float, least: float) -> str:
    if at is None:
        return "no scene shows the cell"
    return "used" if share >= least else "too little of the cell is seen"


def _assemble(
    labels: Sequence[CellLabel],
    scenes: Sequence[SceneFeatures],
    used: Sequence[tuple[int, int, int]],
    min_valid_share: float,
    reasons: Mapping[str, int],
) -> LabelledCells:
    """used: label, scene and place of the cell in it, of each label that counts."""
    pairs = {
        scene: pair_features(scenes[scene], scenes, min_valid_share)
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
        unused={reason: count for reason, count in reasons.items() if reason != "used"},
        labels_digest=digest_labels(labels),
    )
