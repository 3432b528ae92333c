"""Gram sums: a ridge from sums over rows, so that a country trains in one pass, tile by tile, in bounded memory.

Room `detection`, pure. Sums of tiles add up to the sums of all, in any order; no row is kept. The penalty is chosen by
the sums of each fold, solved for those of the others. May import `folds`, `heads`, `labels`, `ridge`, `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import check_classes
from monitor.detection.labels import CLASSES
from monitor.detection.ridge import PENALTIES
from monitor.detection.tables import read_blocks, read_table

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

LEAST_SPREAD = 1e-9
"""Of the mean: a feature that deviates by no more does not vary, it was rounded."""


@dataclass(frozen=True, slots=True)
class GramSums:
    """Sums over n rows of features x (F,) and targets t (m,).

    Parameters
    ----------
    count : float
        n.
    x, t : float64
        Means (F,) and (m,).
    xx, xt, tt : float64
        Sums of products of what differs from the means: (F, F), (F, m) and, of squares, (m,).

    Notes
    -----
    Products are summed about the mean of each tile, and brought to a common mean where sums are added (Chan, Golub and
    LeVeque 1983, Algorithms for computing the sample variance). Sums of the numbers themselves would take a feature that
    does not vary for one that does, and lose the digits of one whose mean is great beside its spread.

    Examples
    --------
    >>> values, targets = np.arange(12.0).reshape(6, 2), np.ones((6, 1))
    >>> both = GramSums.of(values[:4], targets[:4]) + GramSums.of(values[4:], targets[4:])
    >>> bool((both.xx == GramSums.of(values, targets).xx).all())
    True
    """

    count: float
    x: Float64
    xx: Float64
    t: Float64
    xt: Float64
    tt: Float64

    @classmethod
    def of(cls, values: npt.ArrayLike, targets: npt.ArrayLike) -> GramSums:
        """Sums of features (n, F) and targets (n, m)."""
        x, t = np.asarray(values, np.float64), np.asarray(targets, np.float64)
        mean, level = x.sum(axis=0) / max(len(x), 1), t.sum(axis=0) / max(len(t), 1)
        x, t = x - mean, t - level
        return cls(float(len(x)), mean, x.T @ x, level, x.T @ t, (t**2).sum(axis=0))

    def __add__(self, other: GramSums) -> GramSums:
        count = self.count + other.count
        share = other.count / max(count, 1)
        apart, apart_t, weight = other.x - self.x, other.t - self.t, self.count * share
        return GramSums(
            count,
            self.x + share * apart,
            self.xx + other.xx + weight * np.outer(apart, apart),
            self.t + share * apart_t,
            self.xt + other.xt + weight * np.outer(apart, apart_t),
            self.tt + other.tt + weight * apart_t**2,
        )

    def find_spread(self) -> Float64:
        """Standard deviation of each feature, float64 (F,); 1 for a feature that does not vary."""
        spread = np.sqrt(np.maximum(np.diag(self.xx) / self.count, 0))
        return np.where(spread <= LEAST_SPREAD * np.abs(self.x), 1.0, spread)


def solve_path(sums: GramSums, penalties: Sequence[float]) -> tuple[Float64, Float64]:
    """Slopes (penalties, F, m) and intercepts (penalties, m) on raw features, of ridge on standardised ones.

    The same as scikit-learn's `Ridge` after `StandardScaler`, for all penalties from one eigendecomposition.
    """
    spread = sums.find_spread()
    values, vectors = np.linalg.eigh(sums.xx / np.outer(spread, spread))
    turned = vectors.T @ (sums.xt / spread[:, None])
    slopes = np.stack(
        [
            vectors @ (turned / (np.maximum(values, 0)[:, None] + penalty)) / spread[:, None]
            for penalty in penalties
        ]
    )
    return slopes, sums.t - sums.x @ slopes


def squared_error(sums: GramSums, slopes: Float64, intercepts: Float64) -> Float64:
    """Mean squared error (m,) of slopes (F, m) and intercepts (m,) on the rows that were summed."""
    around = np.einsum("fm,fm->m", slopes, sums.xx @ slopes - 2 * sums.xt) + sums.tt
    return np.asarray(around / sums.count + (sums.x @ slopes + intercepts - sums.t) ** 2)


class GramRidge(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge on 0 and 1 per class that learns from tiles, one after the other.

    Parameters
    ----------
    penalties : sequence of float
        Among which to choose, for standardised features.
    folds : int
        How many sums are kept apart, to choose the penalty by blocks held back.

    Attributes
    ----------
    classes_ : int64 (3,)
        Positions in `CLASSES`: none, artisanal, industrial. A class that never occurs scores 0.
    n_features_in_ : int
    feature_names_in_ : object (F,)
        Names of the columns, where the first tile was a data frame; other names, or another order, are refused later.
    penalty_ : float
        The one with the least squared error of `none` in folds held back.
    coef_, intercept_ : float64 (F, 3), (3,)
        On raw features. They and the penalty are worked out when they are first asked for after a tile.

    Notes
    -----
    Memory is (folds + 1) F^2 numbers of 8 bytes, whatever the number of rows. Order and size of the tiles do not matter.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, blocks = rng.normal(size=(200, 5)), np.arange(200) // 10
    >>> y = (X[:, 0] > 0).astype(int)
    >>> model = GramRidge(folds=4)
    >>> for tile in np.split(np.arange(200), 4):
    ...     model = model.partial_fit(X[tile], y[tile], blocks[tile])
    >>> bool((model.predict(X) == y).mean() > 0.9)
    True
    """

    def __init__(self, penalties: Sequence[float] = PENALTIES, folds: int = 5) -> None:
        self.penalties = penalties
        self.folds = folds

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike) -> Self:  # noqa: N803
        """Forget what was learnt, then `partial_fit`."""
        self.__dict__.pop("sums_", None)
        return self.partial_fit(X, y, groups)

    def partial_fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike) -> Self:  # noqa: N803
        """Add a tile.

        X: (n, F), finite; a tile may have no row. y: (n,), positions in `CLASSES`. groups: (n,), whole numbers of the blocks
        that are held back together, counted from 0 as `assign_blocks` does; a block that is cut by tiles must have the same
        number in each. Raises ValueError for other shapes, numbers that are masked, not real or not finite, groups that are
        no whole numbers, classes that there are none of, folds or penalties that cannot be, and tiles of other features or
        folds than those before.
        """
        self._check_parameters()
        values = read_table(X, "X", np.float64, least_rows=0)
        fold = read_blocks(groups) % self.folds
        told = np.asarray(y)
        if told.shape != (len(values),) or fold.shape != (len(values),):
            raise ValueError("X must be a table, y and groups one number a row.")
        if not np.isin(told, np.arange(len(CLASSES))).all():
            raise ValueError(f"y must be positions in {', '.join(CLASSES)}, so whole numbers from 0.")
        targets = (told.astype(np.int64)[:, None] == np.arange(len(CLASSES))).astype(np.float64)
        known = getattr(self, "sums_", None)
        if known is not None and (len(known), len(known[0].x)) != (self.folds, values.shape[1]):
            raise ValueError(
                f"The tiles before had {len(known[0].x)} features and {len(known)} folds, this one has {values.shape[1]} "
                f"and {self.folds}; forget them with fit."
            )
        validate_data(
            self, X, reset=known is None, skip_check_array=True
        )  # names of the columns of a data frame
        added = [GramSums.of(values[fold == each], targets[fold == each]) for each in range(self.folds)]
        self.sums_ = added if known is None else [a + b for a, b in zip(known, added, strict=True)]
        self.n_features_in_, self.classes_ = values.shape[1], np.arange(len(CLASSES))
        self.__dict__.pop("_solved", None)
        return self

    @property
    def penalty_(self) -> float:
        """The penalty that was chosen. Raises what `decision_function` does."""
        return self._solve()[0]

    @property
    def coef_(self) -> Float64:
        """Slopes, float64 (F, 3). Raises what `decision_function` does."""
        return self._solve()[1]

    @property
    def intercept_(self) -> Float64:
        """Intercepts, float64 (3,). Raises what `decision_function` does."""
        return self._solve()[2]

    def decision_function(self, X: npt.ArrayLike) -> Float64:  # noqa: N803
        """Scores (n, 3) of features (n, F), finite.

        Raises ValueError for other features than those of the tiles, TrainingRefused if these say mines only, or none only,
        and FoldsNotPossible if all of them are of one fold, so that no penalty can be chosen.
        """
        _, slopes, intercepts = self._solve()
        values = read_table(X, "X", np.float64, least_rows=0)
        if values.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {values.shape[1]} features, fitted were {self.n_features_in_}.")
        validate_data(self, X, reset=False, skip_check_array=True)
        return np.asarray(values @ slopes + intercepts)

    def predict(self, X: npt.ArrayLike) -> Int64:  # noqa: N803
        """The class with the highest score, int64 (n,). Raises what `decision_function` does."""
        return np.asarray(self.decision_function(X).argmax(axis=1), np.int64)

    def _check_parameters(self) -> None:
        folds = np.asarray(self.folds)
        if folds.ndim or folds.dtype.kind not in "iu" or folds < 2:
            raise ValueError("folds must be a whole number, at least 2.")
        penalties = np.asarray(self.penalties)
        if penalties.ndim != 1 or not len(penalties) or not (np.isfinite(penalties) & (penalties > 0)).all():
            raise ValueError("penalties must be one or more numbers above 0.")

    def _solve(self) -> tuple[float, Float64, Float64]:
        """The penalty, slopes (F, 3) and intercepts (3,), worked out once for the tiles so far."""
        check_is_fitted(self, "sums_")
        if not hasattr(self, "_solved"):
            total = reduce(add, self.sums_)
            check_classes(np.flatnonzero(total.t))
            penalty = self._choose_penalty()
            slopes, intercepts = solve_path(total, [penalty])
            self._solved = penalty, slopes[0], intercepts[0]
        return self._solved

    def _choose_penalty(self) -> float:
        if len(self.penalties) == 1:
            return self.penalties[0]
        held = [at for at, sums in enumerate(self.sums_) if sums.count]
        if len(held) < 2:
            raise FoldsNotPossible(
                "All rows are of one fold, so nothing can be held back to choose a penalty: number blocks from 0 (the fold "
                f"is the rest of that number by {self.folds}), add labels from elsewhere, or give one penalty."
            )
        error = np.zeros(len(self.penalties))
        for out in held:
            own, others = self.sums_[out], [self.sums_[at] for at in held if at != out]
            slopes, intercepts = solve_path(reduce(add, others), self.penalties)
            error += [
                own.count * squared_error(own, slopes[at], intercepts[at])[0] for at in range(len(error))
            ]
        return self.penalties[len(error) - 1 - int(np.argmin(error[::-1]))]
