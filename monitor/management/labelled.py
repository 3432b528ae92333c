"""Scenes of a catalogue with their labelled cells, read anew for a command that keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from monitor.detection.change import SceneFeatures
from monitor.detection.featurizer import PATCH_SIZES, Featurizer
from monitor.detection.labels import CellLabel, number_labels
from monitor.detection.partmaps import Layout
from monitor.detection.patches import EMPIRICAL
from monitor.detection.refusals import read_refusals
from monitor.detection.survey import Refusal, extract_scenes, open_each, sort_items
from monitor.detection.windows import PatchesNotDrawn
from monitor.imagery.access import AssetAccess
from monitor.imagery.catalog import walk_items
from monitor.imagery.sensors import REQUIRED_BANDS
from monitor.management.console import StageProgress


def read_labelled_scenes(
    catalog: Path,
    labels: Sequence[CellLabel],
    progress: StageProgress,
    refused: list[Refusal],
    *,
    sensor: str,
    patches: int,
    seed: int,
    patch_sizes: Sequence[int] = PATCH_SIZES,
    drawing: str = EMPIRICAL,
) -> tuple[list[SceneFeatures], Layout]:
    """Draw patches with a seed from the scenes of a sensor, and read the labelled cells of each scene: for `gather_cells`,
    with the layout of their features.

    refused: holds the scenes that cannot be read when this is done, whether by an answer or by PatchesNotDrawn.
    """
    access = AssetAccess(roots=(catalog.absolute().parent,))
    items, refused[:] = sort_items(walk_items(catalog.absolute()), sensor)
    bands = REQUIRED_BANDS[sensor]
    try:
        featurizer = Featurizer.fit(
            open_each(items, bands, access),
            sensor=sensor,
            bands=bands,
            n_patches=patches,
            patch_sizes=patch_sizes,
            drawing=drawing,
            seed=seed,
        )
    except PatchesNotDrawn:
        refused += read_refusals(items, bands, access)
        raise
    found = extract_scenes(
        items,
        featurizer,
        refused,
        wanted=number_labels(labels),
        access=access,
        progress=partial(progress, f"read scenes, seed {seed}"),
    )
    return list(found), featurizer.layout
