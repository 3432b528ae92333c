"""Trees of a model file: whether every number that points somewhere points into its own table.

Room `detection`, pure. scikit-learn follows the numbers of a tree without looking, so a forged tree could make it read
memory that is not its own. Children must come after their parent, so that following them always ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline


class TreesBroken(ValueError):
    """A tree points outside itself, or at features that there are none of."""


def check_trees(pipeline: Pipeline) -> None:
    """Check the trees of the last step of a pipeline, if it has any. Raises TreesBroken."""
    estimator = pipeline[-1]
    if isinstance(estimator, RandomForestClassifier):
        for each in estimator.estimators_:
            tree = each.tree_
            _check_nodes(
                tree.children_left, tree.children_right, tree.feature, tree.children_left < 0, tree.n_features
            )
            if tree.n_features != estimator.n_features_in_ or tree.value.shape[0] != tree.node_count:
                raise TreesBroken("A tree was made for other features.")
    elif isinstance(estimator, HistGradientBoostingClassifier):
        for predictor in (each for stage in estimator._predictors for each in stage):
            _check_predictor(predictor, estimator.n_features_in_)


def _check_predictor(predictor: Any, features: int) -> None:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    if (nodes["is_categorical"] != 0).any():
        raise TreesBroken("A tree splits by categories, which no feature of a model has.")
    _check_nodes(nodes["left"], nodes["right"], nodes["feature_idx"], leaf, features)


def _check_nodes(
    left: npt.NDArray[Any],
    right: npt.NDArray[Any],
    feature: npt.NDArray[Any],
    leaf: npt.NDArray[np.bool_],
    features: int,
) -> None:
    count = len(leaf)
    own = np.arange(count)[~leaf]
    if not count:
        raise TreesBroken("A tree has no root.")
    for child in (left[~leaf].astype(np.int64), right[~leaf].astype(np.int64)):
        if (child <= own).any() or (child >= count).any():
            raise TreesBroken("A tree points outside itself.")
    split_by = feature[~leaf].astype(np.int64)
    if (split_by < 0).any() or (split_by >= features).any():
        raise TreesBroken("A tree asks for a feature that there is none of.")
