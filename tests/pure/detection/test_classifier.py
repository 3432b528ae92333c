"""The classifier on plain arrays, and what the room can be asked for by name."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score

import monitor.detection as detection
from monitor.detection.classifier import MineClassifier
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import MODELS, TrainingRefused
from monitor.detection.metrics import area_under_roc
from tests.pure.detection.invented import make_cells

MODULES = sorted(path.stem for path in Path(detection.__path__[0]).glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_docstrings_are_true(module: str) -> None:
    assert doctest.testmod(import_module(f"monitor.detection.{module}")).failed == 0


def test_the_example_of_the_room_is_true() -> None:
    assert doctest.testmod(detection) == (0, 2)


def test_every_name_of_the_room_says_what_it_takes_what_it_gives_and_how_it_is_used() -> None:
    """The sections of scikit-learn's docstrings."""
    for name in detection.__all__:
        if name.isupper():
            continue
        each = getattr(detection, name)
        told = inspect.getdoc(each) or ""
        needed = (
            ["Parameters", "Examples"]
            if isinstance(each, type)
            else ["Parameters", "Examples", "Returns|Yields"]
        )
        for section in needed:
            assert re.search(rf"^({section})\n-+$", told, re.MULTILINE), f"{name}: {section}"
        stated = [line for line in told.splitlines() if re.match(r"\S.* : |[\w, ]+$", line)]
        for parameter in inspect.signature(each).parameters:
            assert any(re.match(rf"(.*, )?{parameter}\b", line) for line in stated), f"{name}: {parameter}"


def test_every_name_of_the_room_is_there_and_none_is_loaded_before_it_is_asked_for() -> None:
    for name in detection.__all__:
        assert getattr(detection, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        detection.nothing  # noqa: B018
    code = "import sys, monitor.detection as d; d.CLASSES; print('sklearn' in sys.modules, 'django' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("estimator", MODELS)
def test_every_estimator_tells_mines_and_gives_an_interval(estimator: str) -> None:
    cells, fresh = make_cells(industrial=True), make_cells(seed=1, industrial=True)
    model = clone(MineClassifier(estimator, draws=10)).fit(cells.now, cells.classes, np.arange(240) % 24)
    stated = model.predict_proba(fresh.now)
    assert area_under_roc(fresh.mining, 1 - stated[:, 0]) > 0.65
    np.testing.assert_allclose(stated.sum(axis=1), 1)
    low, high = model.predict_interval(fresh.now)
    most = stated[:, 1:].max(axis=1)
    assert ((low <= most) & (most <= high)).all()
    assert model.is_familiar(fresh.now).mean() > 0.9
    assert not model.is_familiar(fresh.now + 50).any()


@pytest.mark.parametrize("industrial", [False, True])
def test_columns_are_those_of_the_classes_that_were_told(industrial: bool) -> None:
    """As scikit-learn has it: its scorers take a third column for a third class, and said nothing but NaN."""
    cells = make_cells(industrial=industrial)
    told = np.where(cells.classes == 1, 0, cells.classes) if industrial else cells.classes
    with config_context(enable_metadata_routing=True):
        model = MineClassifier("ridge", draws=0).set_fit_request(groups=True)
        blocks = np.arange(240) % 24
        areas = cross_val_score(
            model, cells.now, told, scoring="roc_auc", cv=GroupKFold(3), params={"groups": blocks}
        )
    assert (areas > 0.6).all()
    fitted = MineClassifier("ridge", draws=0).fit(cells.now, told, blocks)
    assert fitted.classes_.tolist() == [0, 2] if industrial else [0, 1]
    assert fitted.predict_proba(cells.now).shape == (240, 2)
    assert set(fitted.predict(cells.now)) == set(fitted.classes_)


def test_change_is_learnt_where_a_reference_is_given() -> None:
    cells, fresh = make_cells(), make_cells(600, seed=1)
    own, new = cells.select(cells.has_reference), fresh.select(fresh.has_reference)
    blocks = np.arange(len(own)) % 24
    changed = MineClassifier(draws=5).fit(own.now, own.classes, blocks, reference=own.reference)
    alone = MineClassifier(draws=5).fit(own.now, own.classes, blocks)
    by_change = area_under_roc(new.mining, -changed.predict_proba(new.now, new.reference)[:, 0])
    assert by_change > area_under_roc(new.mining, -alone.predict_proba(new.now)[:, 0])
    with pytest.raises(ValueError, match="Give a reference"):
        changed.predict(new.now)
    right = changed.predict(new.now, new.reference) == new.classes
    assert changed.score(new.now, new.classes, reference=new.reference) == right.mean()
    assert changed.score(new.now, new.classes, right, reference=new.reference) == 1


def test_what_cannot_be_learnt_from_is_refused_with_its_cause() -> None:
    cells, blocks = make_cells(), np.arange(240) % 24
    model = MineClassifier(draws=5)
    with pytest.raises(NotFittedError):
        model.predict(cells.now)
    with pytest.raises(ValueError, match="not finite"):
        model.fit(cells.reference, cells.classes, blocks)
    with pytest.raises(ValueError, match="one number for each row"):
        model.fit(cells.now, cells.classes[1:], blocks)
    with pytest.raises(ValueError, match="positions in none"):
        model.fit(cells.now, cells.classes + 5, blocks)
    for classes in (
        cells.classes * 0.9,
        np.where(cells.mining, np.nan, 0.0),
    ):  # before, 0.9 was taken for none
        with pytest.raises(ValueError, match="whole numbers from 0"):
            model.fit(cells.now, classes, blocks)
    with pytest.raises(ValueError, match="no model called 'net'"):
        MineClassifier("net").fit(cells.now, cells.classes, blocks)
    with pytest.raises(TrainingRefused, match="say none only"):
        model.fit(cells.now, np.zeros(240), blocks)
    with pytest.raises(FoldsNotPossible):
        model.fit(cells.now, cells.classes, np.zeros(240))
    with pytest.raises(ValueError, match="3 features, fitted were 12"):
        model.fit(cells.now, cells.classes, blocks).predict(cells.now[:, :3])


def test_groups_masks_and_parameters_that_say_nothing_are_refused_with_their_cause() -> None:
    """Before, blocks of 0.1 and 0.9 became one, a mask was passed over, and intervals without draws told of no doubt."""
    cells = make_cells()
    X, y, blocks = cells.now, cells.classes, cells.rows // 10  # noqa: N806
    odd = [blocks / 4, np.where(blocks == blocks[0], np.nan, blocks), [f"b{each}" for each in blocks], None]
    for groups in odd:
        with pytest.raises(ValueError, match="groups must be whole numbers"):
            MineClassifier("ridge").fit(X, y, groups)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="X holds numbers that are masked"):
        MineClassifier("ridge").fit(np.ma.masked_greater(X, 1.0), y, blocks)
    for values in (X + 1j, X.astype("datetime64[s]")):
        with pytest.raises(ValueError, match="X must hold real numbers"):
            MineClassifier("ridge").fit(values, y, blocks)
    with pytest.raises(ValueError, match="a column for each feature"):
        MineClassifier("ridge").fit(X[:, :0], y, blocks)
    for name, value in (("folds", 1), ("folds", 2.5), ("draws", -1), ("seed", None), ("seed", 2**32)):
        with pytest.raises(ValueError, match=f"{name} must be a whole number, at least"):
            MineClassifier("ridge").set_params(**{name: value}).fit(X, y, blocks)
    with pytest.raises(ValueError, match="layout must be a Layout"):
        MineClassifier("ridge", layout=None).fit(X, y, blocks)  # type: ignore[arg-type]
    fitted = MineClassifier("ridge", draws=0).fit(X, y, blocks.astype(float))
    with pytest.raises(ValueError, match="Without draws there is no interval"):
        fitted.predict_interval(X)
