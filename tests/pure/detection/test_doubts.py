"""Labels in doubt: those that were turned round are among the first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.detection.doubts import find_doubts, rank_doubts
from tests.pure.detection.invented import QUICK, make_cells


def test_labels_that_were_turned_round_are_listed_first() -> None:
    cells = make_cells()
    rng = np.random.default_rng(3)
    wrong = set(rng.choice(len(cells), len(cells) // 12, replace=False).tolist())
    labels = tuple(
        replace(label, label=1 - label.label) if place in wrong else label
        for place, label in enumerate(cells.labels)
    )
    doubts = find_doubts(replace(cells, labels=labels), QUICK, deals=1)
    first = {doubt.place for doubt in doubts[: len(wrong)]}
    by_chance = len(wrong) / len(cells)
    assert len(wrong & first) / len(first) > 5 * by_chance


def test_a_label_is_in_doubt_where_another_class_is_as_likely_as_among_its_own_cells() -> None:
    classes = np.array([0, 0, 0, 1, 1, 1])
    mining = np.array([0.1, 0.2, 0.9, 0.8, 0.7, 0.1])
    probabilities = np.stack([1 - mining, mining, np.zeros(6)], axis=1)
    doubts = rank_doubts(classes, probabilities)
    assert [(doubt.place, doubt.label, doubt.likely) for doubt in doubts] == [(2, 0, 1), (5, 1, 0)]
    assert [round(doubt.own, 3) for doubt in doubts] == [0.1, 0.1]


def test_a_cautious_model_doubts_nothing_that_it_ranks_rightly() -> None:
    classes = np.array([0] * 50 + [1] * 5)
    mining = np.concatenate([np.linspace(0.01, 0.05, 50), np.linspace(0.1, 0.3, 5)])
    probabilities = np.stack([1 - mining, mining, np.zeros(55)], axis=1)
    assert [doubt.label for doubt in rank_doubts(classes, probabilities) if doubt.label == 0] == []


def test_a_sure_model_doubts_only_where_it_is_as_sure_as_usual() -> None:
    classes = np.array([0] * 5 + [1] * 5)
    mining = np.array([0.02, 0.02, 0.02, 0.02, 0.6, 0.95, 0.95, 0.95, 0.95, 0.95])
    probabilities = np.stack([1 - mining, mining, np.zeros(10)], axis=1)
    assert rank_doubts(classes, probabilities) == ()


def test_a_class_that_nobody_labelled_is_never_likely() -> None:
    probabilities = np.full((4, 3), 1 / 3)
    assert all(doubt.likely != 2 for doubt in rank_doubts(np.array([0, 0, 1, 1]), probabilities))
