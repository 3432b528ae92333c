"""A classifier of mines on plain arrays, for a notebook: the heads of the project without scenes, labels or database.

Room `detection`, pure. Follows the conventions of scikit-learn. May import `heads`, `labels`, `model`, `pairs`,
`tables`, `views`.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted, validate_data

from monitor.detection.heads import MODELS, Recipe, check_classes, fit_head
from monitor.detection.labels import CLASSES
from monitor.detection.learnable import choose_learnable
from monitor.detection.model import Bool, Float64
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import NO_MAP, Layout
from monitor.detection.tables import read_blocks, read_table
from monitor.detection.views import Sight

Int64 = npt.NDArray[np.int64]


class MineClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrated probabilities of none, artisanal and industrial, with intervals and a flag for unfamiliar cells.

    Parameters
    ----------
    estimator : {"ensemble", "ridge", "logistic", "forest", "boosting", "stacked"}
        What gives the scores. "ensemble" is the mean of three ridges, each on patches of pairs of its own, and one ridge
        where the layout holds no maps. "stacked" weighs ridge, forest and boosting by how they did on blocks held back.
    folds : int
        Folds of blocks within the training cells, two at least: for the penalty of ridge, the weights of a stack, the
        calibration.
    draws : int
        Bootstrap draws of whole blocks behind the intervals; 0 for none, and then there are no intervals.
    layout : Layout
        What stands where in a row of features; `Featurizer.layout`. Without it a row is taken to be plain numbers.
    seed : int
        Deals the folds, draws patches of pairs, grows the trees.

    Attributes
    ----------
    classes_ : int64 (k,)
        Those that `y` held, as positions in `CLASSES`: 0 none, 1 artisanal, 2 industrial.
    n_features_in_ : int
    feature_names_in_ : object (F,)
        Names of the columns, where `X` is a data frame; other names, or another order, are refused later.

    Notes
    -----
    Calibration is learnt on scores of cells whose block was held back, so it needs `groups`. Judge a classifier on blocks
    that it was not fitted to: near neighbours show the same mine, and a split at random flatters.

    References
    ----------
    Rolf et al. 2021, A generalizable and accessible approach to machine learning with global satellite imagery.
    Platt 1999, Probabilistic outputs for support vector machines. Breiman 1996, Stacked regressions.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, blocks = rng.normal(size=(300, 6)).astype("float32"), np.arange(300) // 20
    >>> y = (X[:, 0] + 0.3 * rng.normal(size=300) > 0).astype(int)
    >>> model = MineClassifier(draws=20).fit(X[:200], y[:200], groups=blocks[:200])
    >>> model.predict_proba(X[200:]).shape
    (100, 2)
    >>> bool(model.score(X[200:], y[200:]) > 0.8)
    True
    >>> low, high = model.predict_interval(X[200:])
    >>> bool((low <= high).all())
    True
    >>> model.is_familiar(X[200:201] + 50).tolist()
    [False]
    """

    def __init__(
        self,
        estimator: str = MODELS[0],
        *,
        folds: int = 5,
        draws: int = 200,
        layout: Layout = NO_MAP,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.folds = folds
        self.draws = draws
        self.layout = layout
        self.seed = seed

    def fit(
        self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        groups: npt.ArrayLike,
        *,
        reference: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from labelled cells.

        Parameters
        ----------
        X : array (n, F)
            Features now, finite; kept as float32.
        y : array (n,) of int
            Positions in `CLASSES`; `none` and at least one kind of mine occur.
        groups : array (n,) of int
            Blocks that are held back together, such as `assign_blocks` gives; at least two.
        reference : array (n, F), optional
            The same features before. Then change is learnt, and every prediction needs a reference too.

        Raises
        ------
        ValueError
            For shapes that do not match, numbers that are masked, not finite or none at all, groups that are no whole
            numbers, unknown classes or an unknown estimator; and for folds, draws, a layout or a seed that cannot be.
        TrainingRefused
            If `y` says mines only, or none only.
        FoldsNotPossible
            If all cells lie in one block, or all of a class; but industrial ones that lie in one block are left out where
            there are artisanal ones: their probability is 0.
        """
        self._check_parameters()
        now = read_table(X, "X", np.float32)
        before = None if reference is None else read_table(reference, "reference", np.float32)
        told, blocks = np.asarray(y), read_blocks(groups)
        if told.shape != (len(now),) or blocks.shape != (len(now),):
            raise ValueError("y and groups must have one number for each row of X.")
        if before is not None and before.shape != now.shape:
            raise ValueError("reference must have the shape of X.")
        validate_data(self, X, skip_check_array=True)  # keeps the names of the columns of a data frame
        if reference is not None:
            validate_data(self, reference, reset=False, skip_check_array=True)
        if not np.isin(told, np.arange(len(CLASSES))).all():
            raise ValueError(f"y must be positions in {', '.join(CLASSES)}, so whole numbers from 0.")
        classes = told.astype(np.int64)
        check_classes(classes)
        recipe = Recipe(folds=self.folds, draws=self.draws, seed=self.seed, model=self.estimator)
        pairs = None
        if before is not None:
            pairs = PairFeaturizer.fit(
                now, before, self.layout, n_patches=recipe.all_pair_patches, seed=self.seed
            )
        every = np.ones(len(classes), np.bool_)
        teaches = choose_learnable(
            classes, blocks, every, folds=recipe.folds, deals=recipe.deals, seed=recipe.seed
        )
        fitted = fit_head(Sight(self.layout, now, before, pairs), classes, blocks, recipe, teaches=teaches)
        self.head_, self.penalties_ = fitted.head, fitted.penalties
        self.classes_ = np.unique(classes)
        self.n_features_in_ = now.shape[1]
        self.with_reference_ = before is not None
        return self

    def predict_proba(self, X: npt.ArrayLike, reference: npt.ArrayLike | None = None) -> Float64:  # noqa: N803
        """Calibrated probabilities, float64 (n, k), columns as `classes_`; rows sum to 1."""
        stated = self._look(X, reference)[0]
        return np.asarray(stated[:, self.classes_])

    def predict(self, X: npt.ArrayLike, reference: npt.ArrayLike | None = None) -> Int64:  # noqa: N803
        """The most probable class, int64 (n,)."""
        stated = self.predict_proba(X, reference)
        return np.asarray(self.classes_[stated.argmax(axis=1)])

    def score(
        self,
        X: npt.ArrayLike,  # noqa: N803
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        reference: npt.ArrayLike | None = None,
    ) -> float:
        """Share of rows whose most probable class is `y` (n,), by the weights (n,). Where mines are rare, it says little."""
        return float(accuracy_score(y, self.predict(X, reference), sample_weight=sample_weight))

    def predict_interval(
        self,
        X: npt.ArrayLike,  # noqa: N803
        reference: npt.ArrayLike | None = None,
    ) -> tuple[Float64, Float64]:
        """Low and high end (n,) of the middle 95 % for the probability of the most probable kind of mine.

        They say how far the calibration can be trusted, not how far the scores can. Raises ValueError where no draws were
        asked for.
        """
        check_is_fitted(self, "head_")
        if len(self.head_.calibrator.slopes) == 1:
            raise ValueError("Without draws there is no interval; fit with draws, such as 200.")
        _, low, high, _ = self._look(X, reference)
        return low, high

    def is_familiar(self, X: npt.ArrayLike, reference: npt.ArrayLike | None = None) -> Bool:  # noqa: N803
        """bool (n,): whether the features lie within what was learnt from; elsewhere a prediction counts for less."""
        return self._look(X, reference)[3]

    def _check_parameters(self) -> None:
        for name, least, most in (("folds", 2, np.inf), ("draws", 0, np.inf), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or not least <= value <= most:
                upper = "" if most == np.inf else f" and at most {most}"
                raise ValueError(f"{name} must be a whole number, at least {least}{upper}.")
        if not isinstance(self.layout, Layout):
            raise ValueError("layout must be a Layout, such as the layout of a Featurizer.")

    def _look(
        self,
        X: npt.ArrayLike,  # noqa: N803
        reference: npt.ArrayLike | None,
    ) -> tuple[Float64, Float64, Float64, Bool]:
        check_is_fitted(self, "head_")
        now = read_table(X, "X", np.float32)
        before = None if reference is None else read_table(reference, "reference", np.float32)
        if now.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {now.shape[1]} features, fitted were {self.n_features_in_}.")
        for given in (X, X if reference is None else reference):
            validate_data(self, given, reset=False, skip_check_array=True)
        if (before is not None) != self.with_reference_ or (before is not None and before.shape != now.shape):
            raise ValueError("Give a reference of the shape of X exactly where one was given to fit.")
        return self.head_.predict(now, before)
