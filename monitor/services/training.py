"""Train a model on the scenes of the vault and keep its file there. Runs as the worker; it may take minutes.

The model only acts after a person has activated it. The same labels, scenes and recipe give the same model, so
training twice is training once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from monitor.detection.cells import gather_cells
from monitor.detection.evaluate import Watch
from monitor.detection.featurizer import FEATURES_VERSION, PATCH_SIZES, Featurizer
from monitor.detection.heads import Recipe
from monitor.detection.labels import CellLabel, number_labels
from monitor.detection.model import MineModel
from monitor.detection.modelfile import save_model
from monitor.detection.patches import EMPIRICAL
from monitor.detection.refusals import count_causes, read_refusals
from monitor.detection.survey import Refusal, extract_scenes, open_each
from monitor.detection.train import train_model
from monitor.detection.windows import PatchesNotDrawn
from monitor.grid import CELLS_PER_DEG
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import SceneItem, parse_item
from monitor.imagery.sensors import REQUIRED_BANDS
from monitor.models import TrainedModel
from monitor.services.detections import imagery_access, model_path
from monitor.services.labels import remember_batch
from monitor.services.trained_models import find_model, record_model
from monitor.vault.items import count_refused_items, list_readable_items

Report = dict[str, Any]
Progress = Callable[[str, int, int], None]
"""Called with the stage, how much is done and how much there is."""


class NothingToTrainOn(LookupError):
    """No scene of the vault shows a labelled cell."""


class ModelNotKept(RuntimeError):
    """The vault's disk is full, or takes no writes: the model is lost."""


class ModelDiffers(RuntimeError):
    """The file of a known model is gone, and the same training gives another model now."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a model is made.

    patches: drawn from the scenes with `seed`. min_valid_share: share of a cell (0..1) that must be seen, None for
    what most labelled cells show. recipe: how the heads are fitted. patch_sizes, drawing: as in `patches.make_patches`.
    """

    sensor: str
    patches: int
    seed: int
    min_valid_share: float | None
    recipe: Recipe
    patch_sizes: tuple[int, ...] = PATCH_SIZES
    drawing: str = EMPIRICAL


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training. reused: the same was trained before. refused: scenes that could not be read, by cause."""

    model_id: UUID
    sha256: str
    report: Report
    reused: bool
    refused: dict[str, int]


def train_on_vault(
    labels: Sequence[CellLabel],
    how: Preparation,
    now: datetime,
    progress: Progress,
    *,
    watch: Watch | None = None,
    causes: Counter[str] | None = None,
) -> Trained:
    """Train on the readable scenes that show labelled cells, keep the file, record the model.

    A known model whose file is gone gets it back, active or not: the new file stands under the known record, if it is judged
    as the old one was, number for number. Another would act, and explain old scores, under a name that it has not earned.

    watch: called with the cells as cross-validation judged them; not where the same was trained before. causes: counts the
    scenes that could not be read, by cause, also where this ends with an error; where no scene is left to read, those that
    stand refused.

    Raises NothingToTrainOn, PatchesNotDrawn, NoLabelledCells, TrainingRefused, FoldsNotPossible, ModelNotKept, ModelDiffers;
    LedgerUnavailable, as `recorded` does.
    """
    causes = Counter() if causes is None else causes
    readable = list_readable_items(how.sensor)
    access = imagery_access(item.folder for item in readable)
    stored = [parse_item(item.document, item.base_href) for item in readable]
    # an order of their own: patches depend on it, and ids of scenes differ from one installation to the next
    stored.sort(key=lambda item: (item.observed_from, item.observed_to, item.item_id))
    items = choose_items(stored, labels)
    if not items:
        causes.update(count_refused_items(how.sensor))
        raise NothingToTrainOn("No scene in the vault shows a labelled cell. Ingest the catalogue first.")
    made_from = digest_preparation(items, labels, how)
    known = find_model(made_from)
    if known is not None and model_path(known.sha256).exists():
        return Trained(known.id, known.sha256, known.metrics, True, {})
    refused: list[Refusal] = []
    try:
        model, report = train_on_items(items, labels, how, access, progress, refused, watch=watch)
    finally:
        causes.update(count_causes(refused))
    remember_batch(labels)
    known = find_model(made_from)  # again: somebody else may have trained the same in these minutes
    if known is not None:
        check_same_model(known, model, report)
    model_id = uuid4() if known is None else known.id
    with recorded(Entry(None, "model.train", "train_model", uuid4(), objects=[model_id])):
        sha256 = keep_model_file(model, report, now)
        record = record_model(model_id, sha256, how.sensor, model.featurizer.digest, made_from, report)
    return Trained(record.id, sha256, report, False, count_causes(refused))


def check_same_model(known: TrainedModel, model: MineModel, report: Report) -> None:
    """Raise ModelDiffers unless what was trained has the features and the report of the known record.

    Files of one model differ by the time in them, so their digests say nothing.
    """
    as_kept = json.loads(json.dumps(report))
    if (known.featurizer, known.metrics) != (model.featurizer.digest, as_kept):
        raise ModelDiffers(
            f"The file of the model {known.id} is gone, and the same training gives another model now (newer libraries?): "
            "put the file back from a backup, or train with another --seed and activate that one."
        )


def train_on_items(
    items: Sequence[SceneItem],
    labels: Sequence[CellLabel],
    how: Preparation,
    access: AssetAccess | None,
    progress: Progress,
    refused: list[Refusal],
    *,
    watch: Watch | None = None,
) -> tuple[MineModel, Report]:
    """Draw patches, read the labelled cells of every scene, fit, judge: the model and its report.

    refused: holds the scenes that cannot be read when this is done, whether by an answer or by an error.
    """
    progress("draw patches", 0, 1)
    bands = REQUIRED_BANDS[how.sensor]
    try:
        featurizer = Featurizer.fit(
            open_each(items, bands, access),
            sensor=how.sensor,
            bands=bands,
            n_patches=how.patches,
            patch_sizes=how.patch_sizes,
            drawing=how.drawing,
            seed=how.seed,
        )
    except PatchesNotDrawn:
        refused += read_refusals(items, bands, access)
        raise
    progress("draw patches", 1, 1)
    scenes = extract_scenes(
        items,
        featurizer,
        refused,
        wanted=number_labels(labels),
        access=access,
        progress=lambda done, total: progress("read scenes", done, total),
    )
    cells = gather_cells(labels, scenes, how.min_valid_share, layout=featurizer.layout)
    progress("fit and judge", 0, 1)
    model, report = train_model(cells, featurizer, how.recipe, watch=watch)
    progress("fit and judge", 1, 1)
    return model, report


def choose_items(items: Sequence[SceneItem], labels: Sequence[CellLabel]) -> list[SceneItem]:
    """The items whose footprint holds the centre of a labelled cell, or comes within a cell of one."""
    lat = (np.array([label.row for label in labels]) + 0.5) / CELLS_PER_DEG - 90
    lon = (np.array([label.col for label in labels]) + 0.5) / CELLS_PER_DEG - 180
    near = 1 / CELLS_PER_DEG
    chosen = []
    for item in items:
        west, south, east, north = item.bbox
        inside = (lon >= west - near) & (lon <= east + near) & (lat >= south - near) & (lat <= north + near)
        if inside.any():
            chosen.append(item)
    return chosen


def digest_preparation(items: Sequence[SceneItem], labels: Sequence[CellLabel], how: Preparation) -> str:
    """Hex sha256 over what a model is made from: scenes, labels, recipe and the version of the features.

    All that a label says is in it, whatever the order: its kind decides which labels count, and its source, region and
    the like stand in the report. `digest_labels`, the digest in the manifest, leaves them out.
    """
    facts = {
        "features": FEATURES_VERSION,
        "how": asdict(how),
        "labels": sorted(json.dumps(asdict(label), sort_keys=True, default=str) for label in labels),
        "items": sorted(item.document_sha256 for item in items),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def keep_model_file(model: MineModel, report: Report, now: datetime) -> str:
    """Write the file into the vault under its own sha256, whole or not at all; the sha256. Raises ModelNotKept."""
    folder = model_path("").parent
    partial = folder / f"{uuid4().hex}.partial"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sha256 = save_model(model, partial, created_at=now, metrics=report)
        os.replace(partial, model_path(sha256))
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ModelNotKept(
            f"The model was trained and could not be kept in the vault: {error.strerror}. Make room and train again."
        ) from error
    return sha256
