"""Training: from labelled cells to a model with the figures it was judged by.

Room `detection`, pure. The figures come from cross-validation of the same recipe; the model that is kept is then
fitted to all cells. May import `caveats`, `evaluate`, `heads`, `model`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from monitor.detection.caveats import warn_of_unordered
from monitor.detection.cells import TABLE_DIGEST, LabelledCells
from monitor.detection.change import FeaturesDiffer
from monitor.detection.crossvalidation import settle_block_deg
from monitor.detection.evaluate import Watch, evaluate_recipe
from monitor.detection.featurizer import Featurizer
from monitor.detection.figures import Report
from monitor.detection.heads import Recipe, fit_heads, list_unordered
from monitor.detection.labels import CLASSES, name_source
from monitor.detection.metrics import DRAWS
from monitor.detection.model import MineModel


def train_model(
    cells: LabelledCells,
    featurizer: Featurizer,
    recipe: Recipe | None = None,
    *,
    draws: int = DRAWS,
    watch: Watch | None = None,
) -> tuple[MineModel, Report]:
    """Fit a model to labelled cells and judge its recipe.

    Parameters
    ----------
    cells : LabelledCells
        Whose features `featurizer` made.
    featurizer : Featurizer
    recipe : Recipe, optional
    draws : int
        Of the bootstrap of the report.
    watch : callable, optional
        Called with the cells judged by cross-validation.

    Returns
    -------
    model : MineModel
    report : dict
        Of `evaluate_recipe`, with what must be known of the model itself among the warnings.

    Raises
    ------
    TrainingRefused, FoldsNotPossible, FeaturesDiffer

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import numpy as np
    >>> from monitor.detection import ArrayScene, CellLabel, SceneFeatures, gather_cells
    >>> pixels = np.random.default_rng(0).random((2, 120, 160))
    >>> pixels[:, 40:80, 40:80] += 2  # bare ground
    >>> scene = ArrayScene(pixels, ("red", "nir"), cell_pixels=10)
    >>> made = Featurizer.fit([scene], sensor="sentinel-2", bands=scene.bands, n_patches=8, across=0)
    >>> day = datetime(2025, 1, 1, tzinfo=UTC)
    >>> seen = SceneFeatures("scene", "sentinel-2", day, day, False, made.extract(scene))
    >>> labels = [
    ...     CellLabel(int(row), int(col), int(4 <= 9000 - row < 8 and 4 <= col - 18000 < 8))
    ...     for row, col in zip(scene.rows, scene.cols)
    ... ]
    >>> cells = gather_cells(labels, [seen], layout=made.layout)
    >>> model, report = train_model(cells, made, Recipe(block_deg=0.02, repeats=1), draws=10)
    >>> report["all"]["auc"]["value"] > 0.9
    True
    >>> model.predict(seen.features.values[:1]).probabilities.shape
    (1, 3)
    """
    model = fit_model(cells, featurizer, recipe)
    report = evaluate_recipe(cells, recipe, draws=draws, watch=watch)
    report["unordered_heads"] = model.facts["unordered"]
    report["warnings"] = (
        warn_of_unordered(model.facts["unordered"], model.facts["share"]) + report["warnings"]
    )
    return model, report


def fit_model(cells: LabelledCells, featurizer: Featurizer, recipe: Recipe | None = None) -> MineModel:
    """The model alone, without judging the recipe. Raises TrainingRefused, FoldsNotPossible, FeaturesDiffer."""
    if cells.digest.startswith(TABLE_DIGEST):
        raise FeaturesDiffer(
            "The features of the labelled cells come from a table: a model of them cannot score scenes. Judge them with "
            "evaluate_table, or train on scenes."
        )
    if cells.digest != featurizer.digest or cells.layout.map_size != featurizer.layout.map_size:
        raise FeaturesDiffer(
            "The features of the labelled cells come from another featurizer; extract them anew."
        )
    recipe = recipe or Recipe()
    block_deg = settle_block_deg(cells, recipe)
    heads = fit_heads(cells, recipe, block_deg)
    facts: dict[str, Any] = {
        "labels": {
            "digest": cells.labels_digest,
            "n": len(cells),
            "with_reference": int(cells.has_reference.sum()),
            "by_class": {name: int((cells.classes == place).sum()) for place, name in enumerate(CLASSES)},
            "unused": dict(cells.unused),
            "sources": dict(Counter(name_source(label) for label in cells.labels)),
        },
        "recipe": asdict(recipe)
        | {"penalties": list(recipe.penalties), "pair_sizes": list(recipe.pair_sizes)},
        "block_deg": block_deg,
        "penalties": heads.penalties,
        "taught": heads.taught,
        "share": heads.share,
        "unordered": list_unordered(heads),
    }
    return MineModel(featurizer, heads.change, heads.single, cells.min_valid_share, facts)
