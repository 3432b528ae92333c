"""Detect: from a received scene to its scores. Runs in a worker only; this is the middle of the scene's route.

1. Claim the scene with a lease.  2. Open it and read its cells' features, or refuse it with a cause.
3. Keep the features.  4. Store the scores, states, sites and alerts in one transaction; where features of a scene that
they need are lost, let that one be read again and go on without.
A crash at any point leaves a lease that lapses, and nothing half-written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from django.conf import settings

from monitor.detection.featurizer import Featurizer
from monitor.detection.model import MineModel
from monitor.detection.modelfile import ModelRefused, load_model
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.pixels import OpenScene, open_scene
from monitor.imagery.refusal import SceneRefused
from monitor.imagery.sensors import OPTICAL_BANDS, PROFILES
from monitor.models import TrainedModel
from monitor.services.claims import (
    Claim,
    ClaimLost,
    claim_scene,
    give_back_scene,
    is_handed_in_again,
    keep_claim,
    make_scene_due,
    park_scene,
    refuse_scene,
)
from monitor.services.scores import store_scores
from monitor.vault.features import FeaturesLost, discard_features, has_features, save_features
from monitor.vault.items import load_item

log = logging.getLogger(__name__)


def detect_scene(scene_id: UUID) -> None:
    """Take a received scene to its scores, or refuse it. Does nothing where it is done or held by another worker."""
    claim = claim_scene(scene_id)
    if claim is None:
        return
    try:
        _detect(claim)
    except SceneRefused as refusal:
        refuse_scene(claim, refusal.cause.value, refusal.detail)
    except ClaimLost:
        log.warning("scene %s was taken over by another worker", scene_id)


def _detect(claim: Claim) -> None:
    stored = load_item(claim.scene_id)
    item = parse_item(stored.document, stored.base_href)
    record = TrainedModel.objects.filter(state="active", sensor=item.sensor or "").first()
    with _blaming_ourselves(claim):
        model = load_active_model(record.sha256) if record else None
    if record is None or model is None or not item.bands.keys() >= set(model.featurizer.bands):
        _read_through(claim, item, stored.folder)
        park_scene(claim, record.id if record else None)
        return
    if is_handed_in_again(claim.scene_id, record.id):
        with _blaming_ourselves(claim):
            discard_features(claim.scene_id, model.featurizer.digest)
    if not has_features(claim.scene_id, model.featurizer.digest):
        _extract(claim, item, stored.folder, model.featurizer)
    with _blaming_ourselves(claim):
        _score(claim, record.id, model)


def _score(claim: Claim, model_id: UUID, model: MineModel) -> None:
    """Store the scores. Scenes whose features are lost are made due and compared with nothing until they were read again;
    then what comes after them is scored again. Where it is this one, or one is met twice, this one is given back."""
    met = {claim.scene_id}
    while True:
        try:
            store_scores(claim, model_id, model)
            return
        except FeaturesLost as lost:
            log.warning("the features of scene %s are lost: it is read again", lost.scene_id)
            # in this order: a crash between the two leaves a scene that is read again, not one that is passed over for ever
            make_scene_due(lost.scene_id)
            discard_features(lost.scene_id, lost.featurizer)
            if lost.scene_id in met:
                give_back_scene(claim)
                return
            met.add(lost.scene_id)


def _extract(claim: Claim, item: SceneItem, folder: str | None, featurizer: Featurizer) -> None:
    with _open(item, folder, featurizer.bands) as scene:
        cells = featurizer.extract(scene, progress=lambda done, rows: keep_claim(claim, done / rows))
    with _blaming_ourselves(claim):
        save_features(claim.scene_id, cells)


@contextmanager
def _blaming_ourselves(claim: Claim) -> Iterator[None]:
    """Around the vault's files: for a damaged one, or a disk that is full or takes no writes, no scene may be refused."""
    try:
        yield
    except (ModelRefused, OSError):
        give_back_scene(claim)
        raise


def _read_through(claim: Claim, item: SceneItem, folder: str | None) -> None:
    """Read every strip once, so that a scene that can never be scored is refused now and not when a model comes."""
    bands = choose_bands(item)
    rows = 0
    with _open(item, folder, bands) as scene:
        for strip in scene.strips():
            rows += strip.valid.shape[0]
            keep_claim(claim, rows / scene.height)


def choose_bands(item: SceneItem) -> tuple[str, ...]:
    """The bands to read where no model says which: those that the item has of its sensor's, and at least the least."""
    profile = PROFILES.get(item.sensor or "")
    if profile is None:
        return OPTICAL_BANDS
    return tuple(band for band in profile.required_bands if band in item.bands or band in profile.least_bands)


def _open(item: SceneItem, folder: str | None, bands: Sequence[str]) -> OpenScene:
    return open_scene(item, bands, access=imagery_access([folder]), max_cloud_share=settings.MAX_CLOUD_SHARE)


def imagery_access(folders: Iterable[str | None]) -> AssetAccess:
    """What may be read for items: the configured folders and hosts, and the folders that an operator ingested from."""
    ingested = {Path(folder) for folder in folders if folder is not None}
    return AssetAccess(
        roots=(*settings.IMAGERY_ROOTS, *sorted(ingested)), hosts=frozenset(settings.IMAGERY_HOSTS)
    )


def model_path(sha256: str) -> Path:
    """Where the vault keeps a model file."""
    return Path(settings.VAULT_DIR) / "models" / f"{sha256}.penumbra"


@lru_cache(maxsize=2)
def load_active_model(sha256: str) -> MineModel:
    """A model from the vault, kept in this process. Raises ModelRefused where the file is not what was recorded."""
    return load_model(model_path(sha256), sha256=sha256)
