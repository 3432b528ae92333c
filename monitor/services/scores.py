"""Store what a scene says: scores, states, sites and alerts in one transaction, or none of them."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from monitor.detection.detect import CellScores, detect_cells, join_scores, withhold_scores
from monitor.detection.featurizer import CellFeatures
from monitor.detection.likeness import Fit, judge_fit
from monitor.detection.misplaced import choose_references, refuse_odd
from monitor.detection.model import MineModel
from monitor.services.alerts import raise_alerts
from monitor.services.claims import Claim, finish_scene, keep_claim, refuse_scored_scene, revise_scene
from monitor.vault.features import has_features, load_features, read_pixel_size
from monitor.vault.scores import (
    ScoringBusy,
    find_dependents,
    find_references,
    list_earlier,
    lock_scoring,
    read_scene_dates,
    upsert_scores,
)
from monitor.vault.states import renew_states

PORTION_CELLS = 2048
"""So many cells of a scene are scored at a time."""


def store_scores(claim: Claim, model_id: UUID, model: MineModel) -> int:
    """Score a scene whose features are kept, and whatever must be compared with it, then raise alerts; how many cells.

    A scene that arrives late becomes the reference of later ones that are scored already: those are scored again, so
    the order of arrival does not matter. A scene that can be compared with none before it is refused: its cells are kept
    as not observed. Raises ClaimLost where another worker has the scene, FeaturesLost; then nothing is written.
    """
    while True:
        try:
            with transaction.atomic():
                lock_scoring(settings.SCENE_LEASE_S / 2)
                return _store_locked(claim, model_id, model)
        except ScoringBusy:
            # by itself, so that the row is not locked while it waits: where it dies, another one takes the scene over
            keep_claim(claim, 1.0)


def _store_locked(claim: Claim, model_id: UUID, model: MineModel) -> int:
    # from here to the commit the row is locked: nobody can take the scene over while its scores are written
    keep_claim(claim, 1.0)
    cells, odd = _score_scene(claim.scene_id, model_id, model)
    touched = [claim.scene_id]
    for later in find_dependents(claim.scene_id, model_id, model.min_valid_share):
        if not has_features(later, model.featurizer.digest):
            continue  # it is read anew, and compared with this one then
        more, fault = _score_scene(later, model_id, model)
        revise_scene(later, model_id, more, None if fault is None else refuse_odd(fault))
        touched.append(later)
    renew_states(touched, model_id, timezone.now().date())
    raise_alerts(touched)
    if odd is not None:
        refuse_scored_scene(claim, refuse_odd(odd), model_id)
    else:
        finish_scene(claim, cells, model_id)
    return cells


def _score_scene(scene_id: UUID, model_id: UUID, model: MineModel) -> tuple[int, Fit | None]:
    """How many cells were scored, and what is odd about a scene that can be compared with none before it."""
    dates = read_scene_dates(scene_id)
    featurizer, least = model.featurizer, model.min_valid_share
    now = load_features(scene_id, featurizer.digest)
    others = [
        earlier
        for earlier in list_earlier(scene_id, model_id, dates, now, least)
        if not _is_comparable(now, earlier)
    ]
    positions, odd = choose_references(
        lambda apart: find_references(scene_id, model_id, dates, now, least, {*others, *apart}),
        lambda earlier: judge_fit(now, load_features(earlier, featurizer.digest), featurizer.layout, least),
    )
    scores = join_scores(
        [
            _score_portion(now, slice(first, first + PORTION_CELLS), positions, model)
            for first in range(0, max(len(now.rows), 1), PORTION_CELLS)
        ]
    )
    if odd is not None:
        scores = withhold_scores(scores)
    return upsert_scores(scene_id, model_id, dates, scores), odd


def _is_comparable(now: CellFeatures, earlier: UUID) -> bool:
    """Whether the features of an earlier scene are kept, of pixels as wide. They are gone while a scene that was handed in
    again is read anew, and stay so where it is refused then; once it is scored, what comes after it is scored again."""
    return has_features(earlier, now.digest) and now.is_like(read_pixel_size(earlier, now.digest))


def _score_portion(
    now: CellFeatures, portion: slice, positions: dict[UUID, np.ndarray], model: MineModel
) -> CellScores:
    """Scores of some cells of a scene. Their references alone are in memory: all of a large scene would be as much again."""
    here = np.arange(len(now.rows))[portion]
    own = {scene_id: places[np.isin(places, here)] for scene_id, places in positions.items()}
    reference = _gather_reference(now, own, now.digest)
    return detect_cells(now.select(here), reference, model)


def _gather_reference(
    now: CellFeatures, positions: dict[UUID, np.ndarray], featurizer: str
) -> CellFeatures | None:
    """The reference features of a scene's cells, gathered from the scenes that each cell is compared with."""
    parts = [
        load_features(scene_id, featurizer, now.numbers[places])
        for scene_id, places in positions.items()
        if len(places)
    ]
    if not parts:
        return None
    return CellFeatures(
        rows=np.concatenate([part.rows for part in parts]),
        cols=np.concatenate([part.cols for part in parts]),
        valid_share=np.concatenate([part.valid_share for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        digest=featurizer,
    )
