"""Gram sums: a ridge from sums over rows, so that a country trains in one pass, tile by tile, in bounded memory.

Room `detection`, pure. Sums of tiles add up to the sums of all, in any order; no row is kept. The penalty is chosen by
taking the sums of one fold away from those of all. Imports `labels` and `ridge` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from monitor.detection.labels import CLASSES
from monitor.detection.ridge import PENALTIES

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

LEAST_SPREAD = 1e-9


@dataclass(frozen=True, slots=True)
class GramSums:
    """Sums over n rows of features x (F,) and targets t (m,).

    Parameters
    ----------
    count : float
        n.
    x, xx, t, xt, tt : float64
        (F,), (F, F), (m,), (F, m) and, of squares, (m,).

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
        return cls(float(len(x)), x.sum(axis=0), x.T @ x, t.sum(axis=0), x.T @ t, (t**2).sum(axis=0))

    def __add__(self, other: GramSums) -> GramSums:
        return GramSums(
            self.count + other.count,
            self.x + other.x,
            self.xx + other.xx,
            self.t + other.t,
            self.xt + other.xt,
            self.tt + other.tt,
        )

    def __sub__(self, other: GramSums) -> GramSums:
        return GramSums(
            self.count - other.count,
            self.x - other.x,
            self.xx - other.xx,
            self.t - other.t,
            self.xt - other.xt,
            self.tt - other.tt,
        )

    def standardise(self) -> tuple[Float64, Float64]:
        """Mean and standard deviation of each feature, float64 (F,); a feature that does not vary has deviation 1."""
        mean = self.x / self.count
        spread = np.sqrt(np.maximum(np.diag(self.xx) / self.count - mean**2, 0))
        return mean, np.where(spread < LEAST_SPREAD, 1.0, spread)


def solve_path(sums: GramSums, penalties: Sequence[float]) -> tuple[Float64, Float64]:
    """Slopes (penalties, F, m) and intercepts (penalties, m) on raw features, of ridge on standardised ones.

    The same as scikit-learn's `Ridge` after `StandardScaler`, for all penalties from one eigendecomposition.
    """
    mean, spread = sums.standardise()
    level = sums.t / sums.count
    gram = (sums.xx - sums.count * np.outer(mean, mean)) / np.outer(spread, spread)
    right = (sums.xt - sums.count * np.outer(mean, level)) / spread[:, None]
    values, vectors = np.linalg.eigh(gram)
    turned = vectors.T @ right
    slopes = np.stack(
        [
            vectors @ (turned / (np.maximum(values, 0)[:, None] + penalty)) / spread[:, None]
            for penalty in penalties
        ]
    )
    return slopes, level - mean @ slopes


def squared_error(sums: GramSums, slopes: Float64, intercepts: Float64) -> Float64:
    """Mean squared error (m,) of slopes (F, m) and intercepts (m,) on the rows that were summed."""
    linear = np.einsum("fm,fm->m", slopes, sums.xx @ slopes) + 2 * intercepts * (sums.x @ slopes)
    linear += sums.count * intercepts**2
    cross = np.einsum("fm,fm->m", slopes, sums.xt) + intercepts * sums.t
    return np.asarray((linear - 2 * cross + sums.tt) / sums.count)


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
    penalty_ : float
        The one with the least squared error of `none` in folds held back.
    coef_, intercept_ : float64 (F, 3), (3,)
        On raw features.

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

        X: (n, F), finite. y: (n,), positions in `CLASSES`. groups: (n,), whole numbers of the blocks that are held back
        together; a block that is cut by tiles must have the same number in each. Raises ValueError for other shapes,
        numbers that are not finite, and classes that there are none of.
        """
        values, classes = np.asarray(X, np.float64), np.asarray(y, np.int64)
        fold = np.asarray(groups, np.int64) % self.folds
        if values.ndim != 2 or classes.shape != (len(values),) or fold.shape != (len(values),):
            raise ValueError("X must be a table, y and groups one number a row.")
        if not np.isfinite(values).all():
            raise ValueError("X holds numbers that are not finite; leave out cells that were not observed.")
        if len(classes) and not 0 <= classes.min() <= classes.max() < len(CLASSES):
            raise ValueError(f"y must be positions in {', '.join(CLASSES)}.")
        targets = (classes[:, None] == np.arange(len(CLASSES))).astype(np.float64)
        added = [GramSums.of(values[fold == each], targets[fold == each]) for each in range(self.folds)]
        known = getattr(self, "sums_", None)
        self.sums_ = added if known is None else [a + b for a, b in zip(known, added, strict=True)]
        self.__dict__.pop("coef_", None)
        self.classes_ = np.arange(len(CLASSES))
        return self

    def decision_function(self, X: npt.ArrayLike) -> Float64:  # noqa: N803
        """Scores (n, 3) of features (n, F)."""
        self._solve()
        return np.asarray(np.asarray(X, np.float64) @ self.coef_ + self.intercept_)

    def predict(self, X: npt.ArrayLike) -> Int64:  # noqa: N803
        """The class with the highest score, int64 (n,)."""
        return np.asarray(self.decision_function(X).argmax(axis=1), np.int64)

    def _solve(self) -> None:
        check_is_fitted(self, "sums_")
        if hasattr(self, "coef_"):
            return
        total = self.sums_[0]
        for sums in self.sums_[1:]:
            total = total + sums
        held = [sums for sums in self.sums_ if 0 < sums.count < total.count]
        error = np.zeros(len(self.penalties))
        for sums in held:
            slopes, intercepts = solve_path(total - sums, self.penalties)
            error += [
                sums.count * squared_error(sums, slopes[at], intercepts[at])[0] for at in range(len(error))
            ]
        best = len(error) - 1 - int(np.argmin(error[::-1]))
        slopes, intercepts = solve_path(total, self.penalties[best : best + 1])
        self.penalty_, self.coef_, self.intercept_ = self.penalties[best], slopes[0], intercepts[0]
