"""Data frames that a notebook hands to the estimators: columns are told apart by their names, as scikit-learn does."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pytest

from monitor.detection.classifier import MineClassifier
from monitor.detection.gram import GramRidge

X = np.random.default_rng(0).normal(size=(120, 3))
Y, BLOCKS = (X[:, 0] > 0).astype(int), np.arange(120) // 10


class Frame:
    """The least that scikit-learn takes for a data frame, by the protocol of narwhals; pandas is no dependency."""

    def __init__(self, values: npt.NDArray[np.float64], columns: str) -> None:
        self._values, self.columns, self.shape = values, list(columns), values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self._values, dtype)

    def __narwhals_dataframe__(self) -> Self:
        return self

    def __narwhals_namespace__(self) -> Self:
        return self

    def _with_version(self, version: Any) -> Self:
        self._version = version
        return self


@pytest.mark.parametrize(
    "model", [MineClassifier("ridge", draws=0), GramRidge()], ids=lambda each: type(each).__name__
)
def test_columns_in_another_order_are_refused(model: Any) -> None:
    """Before, they were taken one for the other, and cells were called mines by features that were not looked at."""
    model.fit(Frame(X, "abc"), Y, BLOCKS)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert (model.predict(Frame(X, "abc")) == Y).mean() > 0.9
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(Frame(X[:, ::-1], "cba"))
    assert not hasattr(model.fit(X, Y, BLOCKS), "feature_names_in_")


def test_a_reference_and_a_later_tile_have_the_columns_of_the_first() -> None:
    exchanged = Frame(X, "acb")
    with pytest.raises(ValueError, match="same order"):
        MineClassifier("ridge", draws=0).fit(Frame(X, "abc"), Y, BLOCKS, reference=exchanged)
    with pytest.raises(ValueError, match="same order"):
        GramRidge().fit(Frame(X, "abc"), Y, BLOCKS).partial_fit(exchanged, Y, BLOCKS)
