"""Pairs: patches that look at the same ground on two dates see what means over a cell do not."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detection.metrics import area_under_roc
from monitor.detection.pairs import BIAS, CELLS_AT_A_TIME, PATCH_SIZES, PairFeaturizer
from monitor.detection.partmaps import UNSEEN, Layout
from monitor.detection.ridge import fit_ridge
from monitor.detection.views import CELLS, NOW, PAIR, PARTS, SUMMARIES, Sight, list_draws

BANDS = ("red", "nir")
LAYOUT = Layout(2, BANDS, 6)
(PATCH_SIZE,) = PATCH_SIZES


def make_pairs(count: int = 60, seed: int = 0, unseen: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 2 answers, 3 summaries and a map, of two dates."""
    rng = np.random.default_rng(seed)
    rows = rng.random((2, count, 5 + LAYOUT.map_size)).astype(np.float32)
    for values in rows:
        values[:, 5:].reshape(count, 2, -1).transpose(0, 2, 1)[rng.random((count, 36)) < unseen] = UNSEEN
    return rows[0], rows[1]


def fit(now: np.ndarray, reference: np.ndarray, patches: int = 4) -> PairFeaturizer:
    pairs = PairFeaturizer.fit(now, reference, LAYOUT, n_patches=patches)
    assert pairs is not None
    return pairs


def test_features_are_the_mean_answers_over_windows_seen_on_both_dates() -> None:
    now, reference = make_pairs()
    pairs = fit(now, reference)
    both = np.concatenate([LAYOUT.maps(reference), LAYOUT.maps(now)], axis=1)
    centre, spread = (each[:, None, None] for each in (pairs.patch_set.centre, pairs.patch_set.spread))
    signed = np.concatenate([pairs.patch_set.patches[0], -pairs.patch_set.patches[0]])
    expected = []
    for cell in both[:5]:
        answers = []
        for row in range(6 - PATCH_SIZE + 1):
            for col in range(6 - PATCH_SIZE + 1):
                window = cell[:, row : row + PATCH_SIZE, col : col + PATCH_SIZE]
                if (window != UNSEEN).all():
                    answer = (signed * (window - centre) / spread).sum(axis=(1, 2, 3)) + BIAS
                    answers.append(np.maximum(answer, 0))
        expected.append(np.mean(answers, axis=0) if answers else np.zeros(len(signed)))
    np.testing.assert_allclose(pairs.transform(now[:5], reference[:5]), expected, rtol=1e-4, atol=1e-5)


def test_a_cell_has_the_same_features_whatever_cells_are_beside_it() -> None:
    now, reference = make_pairs(CELLS_AT_A_TIME + 3)
    pairs = fit(now, reference)
    together = pairs.transform(now, reference)
    for cell in (0, 1, CELLS_AT_A_TIME, CELLS_AT_A_TIME + 2):
        alone = pairs.transform(now[cell : cell + 1], reference[cell : cell + 1])
        np.testing.assert_allclose(alone[0], together[cell], rtol=1e-5, atol=1e-6)


def test_the_same_seed_draws_the_same_patches_and_another_seed_others() -> None:
    now, reference = make_pairs()
    first, again = fit(now, reference), fit(now, reference)
    np.testing.assert_array_equal(first.patch_set.patches[0], again.patch_set.patches[0])
    other = PairFeaturizer.fit(now, reference, LAYOUT, n_patches=4, seed=1)
    assert other is not None
    assert not np.array_equal(other.patch_set.patches[0], first.patch_set.patches[0])


def test_without_maps_or_without_windows_there_are_no_features_of_pairs() -> None:
    now, reference = make_pairs()
    assert PairFeaturizer.fit(now, reference, Layout(2, BANDS, 0)) is None
    assert PairFeaturizer.fit(now[:1], reference[:1], LAYOUT) is None


def test_a_pair_without_a_common_window_answers_nothing() -> None:
    now, reference = make_pairs()
    pairs = fit(now, reference)
    LAYOUT.maps(reference)[0] = UNSEEN
    assert (pairs.transform(now[:1], reference[:1]) == 0).all()
    assert np.isfinite(Sight(LAYOUT, now, reference, pairs).view(PARTS)).all()


def test_change_inside_a_cell_is_seen_where_its_mean_stays_the_same() -> None:
    """Half of the cells swap the ground of their parts between the dates: every statistic of the cell stays."""
    rng = np.random.default_rng(3)
    reference = rng.random((300, 5 + LAYOUT.map_size)).astype(np.float32)
    now, swapped = reference.copy(), rng.random(300) < 0.5
    maps = LAYOUT.maps(now)
    maps[swapped] = maps[swapped][:, :, ::-1, ::-1]
    now += 0.1 * rng.standard_normal(now.shape).astype(np.float32)
    sight = Sight(LAYOUT, now, reference, fit(now, reference, 32))
    blocks = np.arange(300) % 20
    auc = {
        view: area_under_roc(
            swapped,
            fit_ridge(sight.view(view), swapped.astype(np.int64), blocks, repeats=1).out_of_fold[0, :, 1],
        )
        for view in (CELLS, PAIR, PARTS)
    }
    assert min(auc[PAIR], auc[PARTS]) > 0.9
    assert auc[CELLS] < 0.65


def test_a_view_that_the_cells_do_not_have_is_named() -> None:
    now, reference = make_pairs()
    alone = Sight(LAYOUT, now)
    assert alone.view(NOW).shape[1] == 5
    assert alone.view(SUMMARIES).shape[1] == 3
    for view in (CELLS, PAIR, PARTS, "dates"):
        with pytest.raises(KeyError, match=view):
            alone.view(view)
    assert Sight(LAYOUT, now, reference).view(CELLS).shape[1] == 15


def test_draws_share_the_patches_and_each_patch_keeps_its_negative() -> None:
    now, reference = make_pairs()
    pairs = fit(now, reference, patches=6)
    sight = Sight(LAYOUT, now, reference, pairs)
    signed = np.concatenate([pairs.patch_set.patches[0], -pairs.patch_set.patches[0]])
    for place, name in enumerate(list_draws(3)):
        np.testing.assert_array_equal(sight.view(name), sight.view(PAIR)[:, place::3])
        own = signed[place::3]
        np.testing.assert_array_equal(own[:2], -own[2:])


@pytest.mark.parametrize("name", ["pair/0/0", "pair/x/3", "pair/0/3/1", "pairs"])
def test_a_draw_that_cannot_be_is_no_view(name: str) -> None:
    now, reference = make_pairs()
    with pytest.raises(KeyError, match="no view called"):
        Sight(LAYOUT, now, reference, fit(now, reference)).view(name)
