"""Training: from labelled cells to a model with the figures it was judged by.

Room `detection`, pure. The figures come from cross-validation of the same recipe; the model that is kept is then
fitted to all cells. May import `evaluate`, `heads`, `model`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from monitor.detection.cells import LabelledCells
from monitor.detection.change import FeaturesDiffer
from monitor.detection.crossvalidation import settle_block_deg
from monitor.detection.evaluate import evaluate_recipe
from monitor.detection.featurizer import Featurizer
from monitor.detection.figures import Report
from monitor.detection.heads import Recipe, fit_heads
from monitor.detection.labels import CLASSES
from monitor.detection.metrics import DRAWS
from monitor.detection.model import MineModel


def train_model(
    cells: LabelledCells, featurizer: Featurizer, recipe: Recipe | None = None, *, draws: int = DRAWS
) -> tuple[MineModel, Report]:
    """Fit a model to labelled cells; returns it with the report of `evaluate_recipe`.

    cells: whose features `featurizer` made. draws: of the bootstrap of the report. Raises TrainingRefused,
    FoldsNotPossible, FeaturesDiffer.
    """
    model = fit_model(cells, featurizer, recipe)
    return model, evaluate_recipe(cells, recipe, draws=draws)


def fit_model(cells: LabelledCells, featurizer: Featurizer, recipe: Recipe | None = None) -> MineModel:
    """The model alone, without judging the recipe."""
    if cells.digest != featurizer.digest:
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
        },
        "recipe": asdict(recipe) | {"penalties": list(recipe.penalties)},
        "block_deg": block_deg,
        "penalties": heads.penalties,
    }
    return MineModel(featurizer, heads.change, heads.single, cells.min_valid_share, facts)
