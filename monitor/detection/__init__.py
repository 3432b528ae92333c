"""Detection: features of cells, models of mines, honest figures.

Pure room of `monitor`: no Django, DRF or Celery. May import `imagery`, `field` and `grid`; never the other way. What a
notebook needs can be imported from here; each name is loaded when it is asked for, so that who wants labels alone does
not load scikit-learn.

>>> from monitor.detection import CLASSES, MineClassifier
>>> CLASSES
('none', 'artisanal', 'industrial')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.detection.agreement import find_agreement
    from monitor.detection.arrayscene import ArrayScene
    from monitor.detection.cells import LabelledCells, gather_cells
    from monitor.detection.change import SceneFeatures, pair_features
    from monitor.detection.classifier import MineClassifier
    from monitor.detection.compare import compare_judged
    from monitor.detection.crossvalidation import cross_validate
    from monitor.detection.doubts import find_doubts, rank_doubts
    from monitor.detection.evaluate import evaluate_recipe, evaluate_survey
    from monitor.detection.familiarity import Familiarity, fit_familiarity
    from monitor.detection.featuretable import FeatureTable, read_feature_table, scan_feature_table
    from monitor.detection.featurizer import CellFeatures, Featurizer
    from monitor.detection.folds import assign_blocks, split_blocks
    from monitor.detection.gram import GramRidge, GramSums
    from monitor.detection.heads import MODELS, Recipe
    from monitor.detection.labels import CLASSES, CellLabel, read_labels
    from monitor.detection.likeness import judge_fit
    from monitor.detection.metrics import area_under_roc, measure
    from monitor.detection.model import MineModel
    from monitor.detection.modelfile import load_model, save_model
    from monitor.detection.page import render_page
    from monitor.detection.pairs import PairFeaturizer
    from monitor.detection.partmaps import Layout
    from monitor.detection.patches import PatchSet, make_patches
    from monitor.detection.registration import Offset, measure_offset
    from monitor.detection.report import write_report
    from monitor.detection.seeds import judge_deal, sum_up_deals
    from monitor.detection.tablecells import evaluate_table, fit_table, gather_table, score_table
    from monitor.detection.train import train_model
    from monitor.detection.windows import draw_windows

_WHERE = {
    "agreement": ("find_agreement",),
    "arrayscene": ("ArrayScene",),
    "cells": ("LabelledCells", "gather_cells"),
    "change": ("SceneFeatures", "pair_features"),
    "classifier": ("MineClassifier",),
    "compare": ("compare_judged",),
    "crossvalidation": ("cross_validate",),
    "doubts": ("find_doubts", "rank_doubts"),
    "evaluate": ("evaluate_recipe", "evaluate_survey"),
    "familiarity": ("Familiarity", "fit_familiarity"),
    "featuretable": ("FeatureTable", "read_feature_table", "scan_feature_table"),
    "featurizer": ("CellFeatures", "Featurizer"),
    "folds": ("assign_blocks", "split_blocks"),
    "gram": ("GramRidge", "GramSums"),
    "heads": ("MODELS", "Recipe"),
    "labels": ("CLASSES", "CellLabel", "read_labels"),
    "likeness": ("judge_fit",),
    "metrics": ("area_under_roc", "measure"),
    "model": ("MineModel",),
    "modelfile": ("load_model", "save_model"),
    "page": ("render_page",),
    "pairs": ("PairFeaturizer",),
    "partmaps": ("Layout",),
    "patches": ("PatchSet", "make_patches"),
    "registration": ("Offset", "measure_offset"),
    "report": ("write_report",),
    "seeds": ("judge_deal", "sum_up_deals"),
    "tablecells": ("evaluate_table", "fit_table", "gather_table", "score_table"),
    "train": ("train_model",),
    "windows": ("draw_windows",),
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "CLASSES",
    "MODELS",
    "ArrayScene",
    "CellFeatures",
    "CellLabel",
    "Familiarity",
    "FeatureTable",
    "Featurizer",
    "GramRidge",
    "GramSums",
    "LabelledCells",
    "Layout",
    "MineClassifier",
    "MineModel",
    "Offset",
    "PairFeaturizer",
    "PatchSet",
    "Recipe",
    "SceneFeatures",
    "area_under_roc",
    "assign_blocks",
    "compare_judged",
    "cross_validate",
    "draw_windows",
    "evaluate_recipe",
    "evaluate_survey",
    "evaluate_table",
    "find_agreement",
    "find_doubts",
    "fit_familiarity",
    "fit_table",
    "gather_cells",
    "gather_table",
    "judge_deal",
    "judge_fit",
    "load_model",
    "make_patches",
    "measure",
    "measure_offset",
    "pair_features",
    "rank_doubts",
    "read_feature_table",
    "read_labels",
    "render_page",
    "save_model",
    "scan_feature_table",
    "score_table",
    "split_blocks",
    "sum_up_deals",
    "train_model",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Load the module of a name when the name is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
