"""Store what a scene says: scores, states, sites and alerts in one transaction, or none of them."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from django.db import transaction

from monitor.detection.detect import CellScores, detect_cells
from monitor.detection.featurizer import CellFeatures
from monitor.detection.model import MineModel
from monitor.services.alerts import raise_alerts
from monitor.services.claims import Claim, finish_scene, keep_claim
from monitor.vault.features import load_features
from monitor.vault.scores import (
    find_dependents,
    find_references,
    lock_scoring,
    read_scene_dates,
    renew_states,
    upsert_scores,
)


def store_scores(claim: Claim, model_id: UUID, model: MineModel) -> int:
    """Score a scene whose features are kept, and whatever must be compared with it, then raise alerts; how many cells.

    A scene that arrives late becomes the reference of later ones that are scored already: those are scored again, so
    the order of arrival does not matter. Raises ClaimLost where another worker has the scene; then nothing is written.
    """
    with transaction.atomic():
        lock_scoring()
        # from here to the commit the row is locked: nobody can take the scene over while its scores are written
        keep_claim(claim, 1.0)
        cells = _score_scene(claim.scene_id, model_id, model)
        touched = [claim.scene_id]
        for later in find_dependents(claim.scene_id, model_id):
            _score_scene(later, model_id, model)
            touched.append(later)
        renew_states(touched, model_id)
        raise_alerts(touched)
        finish_scene(claim, cells, model_id)
    return cells


def _score_scene(scene_id: UUID, model_id: UUID, model: MineModel) -> int:
    dates = read_scene_dates(scene_id)
    now = load_features(scene_id, model.featurizer.digest)
    positions = find_references(scene_id, model_id, dates, now.rows, now.cols)
    reference = _gather_reference(now, positions, model.featurizer.digest)
    scores: CellScores = detect_cells(now, reference, model)
    return upsert_scores(scene_id, model_id, dates, scores)


def _gather_reference(
    now: CellFeatures, positions: dict[UUID, np.ndarray], featurizer: str
) -> CellFeatures | None:
    """The reference features of a scene's cells, gathered from the scenes that each cell is compared with."""
    parts = []
    for scene_id, places in positions.items():
        kept = load_features(scene_id, featurizer)
        parts.append(kept.select(np.isin(kept.numbers, now.numbers[places])))
    if not parts:
        return None
    return CellFeatures(
        rows=np.concatenate([part.rows for part in parts]),
        cols=np.concatenate([part.cols for part in parts]),
        valid_share=np.concatenate([part.valid_share for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        digest=featurizer,
    )
