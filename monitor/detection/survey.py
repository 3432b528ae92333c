"""Survey: all scenes of a catalogue, in the order of their dates, and what a model says of their cells.

Room `detection`, pure. One scene is open at a time; features are kept for change, pixels are not. A scene that is
refused is written down with its cause and the rest goes on. May import `imagery`, `field`, `detect`, `change`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detection.change import SceneFeatures, pair_features
from monitor.detection.dated import DatedScene
from monitor.detection.detect import CHANGE, CellScores, score_cells, withhold_scores
from monitor.detection.featurizer import Featurizer, Int64, Progress
from monitor.detection.labels import CLASSES
from monitor.detection.misplaced import refuse_odd
from monitor.detection.model import MineModel
from monitor.detection.windows import SceneStrips
from monitor.field.states import CellState, Observation
from monitor.imagery.access import AssetAccess
from monitor.imagery.catalog import CatalogItem
from monitor.imagery.item import SceneItem
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import Cause, SceneRefused

DecideState = Callable[[Sequence[Observation]], CellState]
"""What is believed of a cell after its observations; `field.states.decide_state`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scene that was not scored. item_id: "" where the document has none; exact, as is all that follows from it.
    cause, detail: fit to be shown outside the vault."""

    item_id: str
    cause: Cause
    detail: str


@dataclass(frozen=True, slots=True)
class SurveyedScene(DatedScene):
    """One scene with its scores.

    references: int64 (n,), position in the survey of the scene that each cell was compared with, -1 for none.
    """

    scores: CellScores
    references: Int64


@dataclass(frozen=True, slots=True)
class Survey:
    """What came of a catalogue: scenes in the order of their dates, and those refused.

    A scene that can be compared with none before it is among both: none of its cells is observed.
    """

    scenes: tuple[SurveyedScene, ...]
    refused: tuple[Refusal, ...]

    def reference_period(self, scene: int, cell: int) -> str:
        """Period of the scene that a cell of a scene was compared with (positions), as text."""
        at = int(self.scenes[scene].references[cell])
        return self.scenes[at].period if at >= 0 else "nothing"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of a table of scores. An exact thing. Probabilities are None where the cell was not observed.
    state: what is believed of the cell after this scene. familiar: whether its features lie within what the model was
    fitted to."""

    cell_row: int
    cell_col: int
    item: str
    valid_share: float
    state: CellState
    probability_none: float | None
    probability_artisanal: float | None
    probability_industrial: float | None
    familiar: bool | None


def sort_items(
    items: Iterable[CatalogItem], sensor: str | None = None
) -> tuple[list[SceneItem], list[Refusal]]:
    """Parse the items of a catalogue: those of one sensor (or of all) by date, and those that are refused."""
    parsed, refused = [], []
    for entry in items:
        try:
            item = entry.parse()
        except SceneRefused as error:
            item_id = (entry.document or {}).get("id")
            refused.append(Refusal(item_id if isinstance(item_id, str) else "", error.cause, error.detail))
            continue
        if sensor is not None and item.sensor != sensor:
            detail = f"The scene is not of the sensor that the model was trained for ({sensor})."
            refused.append(Refusal(item.item_id, Cause.UNKNOWN_SENSOR, detail))
        else:
            parsed.append(item)
    return sorted(parsed, key=lambda item: (item.observed_from, item.observed_to, item.item_id)), refused


def open_each(
    items: Iterable[SceneItem], bands: Sequence[str], access: AssetAccess | None = None
) -> Iterator[SceneStrips]:
    """Open scenes one after the other, each closed before the next; those that are refused are passed over.

    For `Featurizer.fit`, to which a scene more or less is no matter.
    """
    for item in items:
        try:
            opened = open_scene(item, bands, access=access)
        except SceneRefused:
            continue
        with opened as scene:
            yield scene


def extract_scenes(
    items: Sequence[SceneItem],
    featurizer: Featurizer,
    refused: list[Refusal],
    *,
    wanted: Int64 | None = None,
    access: AssetAccess | None = None,
    progress: Progress | None = None,
) -> Iterator[SceneFeatures]:
    """Features of scenes, one after the other; what is refused is added to `refused`.

    wanted: numbers of the cells to look at, None for all; scenes that show none of them give no features.
    progress: called with scenes done and scenes in all.
    """
    for done, item in enumerate(items, start=1):
        try:
            with open_scene(item, featurizer.bands, access=access) as scene:
                features = featurizer.extract(scene, wanted=wanted)
        except SceneRefused as error:
            refused.append(Refusal(item.item_id, error.cause, error.detail))
        else:
            if len(features.rows):
                yield SceneFeatures(
                    item.item_id,
                    featurizer.sensor,
                    item.observed_from,
                    item.observed_to,
                    item.is_composite,
                    features,
                )
        if progress is not None:
            progress(done, len(items))


def survey_catalog(
    items: Iterable[CatalogItem],
    model: MineModel,
    *,
    access: AssetAccess | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Score every cell of every scene of the model's sensor, each against its reference (`pair_features`).

    items: of `imagery.catalog.walk_items`. access: where files may be read; by default beside their items. Nothing is
    fitted.
    """
    parsed, refused = sort_items(items, model.featurizer.sensor)
    scenes: list[SurveyedScene] = []
    seen: list[SceneFeatures] = []
    for now in extract_scenes(parsed, model.featurizer, refused, access=access, progress=progress):
        before = pair_features(now, seen, model.min_valid_share, model.featurizer.layout)
        scores = score_cells(now.features, before.values, model)
        if before.odd is not None:
            refusal = refuse_odd(before.odd)
            refused.append(Refusal(now.item_id, refusal.cause, refusal.detail))
            scores = withhold_scores(scores)
        scenes.append(
            SurveyedScene(
                now.item_id,
                now.sensor,
                now.observed_from,
                now.observed_to,
                now.is_composite,
                scores,
                before.source,
            )
        )
        seen.append(now)
    return Survey(tuple(scenes), tuple(refused))


def list_scores(survey: Survey, decide_state: DecideState) -> Iterator[ScoreRow]:
    """One row per scene and cell, in the order of dates, with the state of the cell after that scene."""
    history: dict[int, list[Observation]] = {}
    for scene in survey.scenes:
        scores = scene.scores
        for at, number in enumerate(scores.numbers.tolist()):
            observed = bool(scores.observed[at])
            own = history.setdefault(number, [])
            own.append(
                Observation(
                    observed_on=scene.observed_to.date(),
                    mining=float(scores.mining[at]) if observed else 0.0,
                    has_reference=scores.basis[at] == CHANGE,
                    is_composite=scene.is_composite,
                    observed=observed,
                    is_familiar=bool(scores.familiar[at]),
                    sensor=scene.sensor,
                    observed_from=scene.observed_from.date(),
                    valid_share=float(scores.valid_share[at]),
                    alone=None if np.isnan(scores.alone[at]) else float(scores.alone[at]),
                )
            )
            none, artisanal, industrial = (float(p) if observed else None for p in scores.probabilities[at])
            yield ScoreRow(
                int(scores.rows[at]),
                int(scores.cols[at]),
                scene.item_id,
                float(scores.valid_share[at]),
                decide_state(own),
                none,
                artisanal,
                industrial,
                bool(scores.familiar[at]) if observed else None,
            )


SCORE_COLUMNS = (
    "cell_row",
    "cell_col",
    "item",
    "valid_share",
    "state",
    *(f"probability_{c}" for c in CLASSES),
    "familiar",
)
"""Columns of a table of scores, in the order of the fields of `ScoreRow`."""
