"""Training and the model that comes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detection.caveats import warn_of_unordered
from monitor.detection.change import FeaturesDiffer
from monitor.detection.crossvalidation import cross_validate
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import ENSEMBLE, MEMBERS, TrainingRefused, fit_head
from monitor.detection.labels import CLASSES
from monitor.detection.metrics import area_under_roc
from monitor.detection.model import MineModel, ShareUnknown, predict_heads
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import Layout
from monitor.detection.train import fit_model, train_model
from monitor.detection.views import Sight
from tests.pure.detection.invented import QUICK, make_cells, make_featurizer


def fit(industrial: bool = False, **options: float) -> MineModel:
    featurizer = make_featurizer()
    cells = replace(make_cells(industrial=industrial, **options), digest=featurizer.digest)  # type: ignore[arg-type]
    return fit_model(cells, featurizer, QUICK)


def test_a_model_tells_mines_it_has_not_seen() -> None:
    model, fresh = fit(), make_cells(seed=1)
    found = model.predict(fresh.now, fresh.reference)
    assert area_under_roc(fresh.mining, 1 - found.probabilities[:, 0]) > 0.85
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)


def test_cells_with_a_reference_are_judged_by_change_and_others_without() -> None:
    model, fresh = fit(), make_cells(seed=1)
    found = model.predict(fresh.now, fresh.reference)
    np.testing.assert_array_equal(found.used_reference, fresh.has_reference)
    alone = model.predict(fresh.now)
    assert not alone.used_reference.any()
    np.testing.assert_array_equal(
        found.probabilities[~fresh.has_reference], alone.probabilities[~fresh.has_reference]
    )
    assert model.change is not None
    assert [member.view for member in model.single.members] == ["now"]
    assert [member.view for member in model.change.members] == ["cells"]


def test_the_reference_helps_where_mines_are_a_change() -> None:
    model, fresh = fit(), make_cells(2000, seed=1)
    known = fresh.has_reference
    with_reference = model.predict(fresh.now, fresh.reference).probabilities[known, 0]
    without = model.predict(fresh.now).probabilities[known, 0]
    mining = fresh.mining[known]
    assert area_under_roc(mining, -with_reference) > area_under_roc(mining, -without) + 0.03


def test_the_interval_is_of_the_most_probable_mining_class() -> None:
    model, fresh = fit(industrial=True), make_cells(seed=1, industrial=True)
    found = model.predict(fresh.now, fresh.reference)
    most = found.probabilities[:, 1:].max(axis=1)
    assert ((found.low <= most + 1e-6) & (most - 1e-6 <= found.high)).all()
    assert (found.high > found.low).any()


def test_a_class_never_learnt_has_probability_zero() -> None:
    model = fit()
    assert model.classes_learnt == ("none", "artisanal")
    fresh = make_cells(seed=1)
    assert (model.predict(fresh.now, fresh.reference).probabilities[:, 2] == 0).all()


def test_industrial_mines_are_told_from_artisanal_ones_where_both_are_learnt() -> None:
    model, fresh = fit(industrial=True, count=600), make_cells(600, seed=1, industrial=True)
    assert model.classes_learnt == CLASSES
    found = model.predict(fresh.now, fresh.reference)
    mines = fresh.mining
    assert area_under_roc(fresh.classes[mines] == 2, found.probabilities[mines, 2]) > 0.8


def test_features_far_from_all_training_cells_are_called_unfamiliar() -> None:
    model, fresh = fit(), make_cells(seed=1)
    assert model.predict(fresh.now, fresh.reference).familiar.mean() > 0.95
    assert not model.predict(fresh.now + 50, None).familiar.any()


def test_scoring_many_cells_in_portions_gives_what_scoring_them_at_once_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, fresh = fit(), make_cells(seed=1)
    at_once = model.predict(fresh.now, fresh.reference)
    monkeypatch.setattr("monitor.detection.model.ROWS_AT_A_TIME", 7)
    in_portions = model.predict(fresh.now, fresh.reference)
    np.testing.assert_allclose(in_portions.probabilities, at_once.probabilities, atol=1e-6)


def test_training_twice_gives_the_same_model() -> None:
    one, other, fresh = fit(), fit(), make_cells(seed=1)
    first, second = (model.predict(fresh.now, fresh.reference) for model in (one, other))
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    np.testing.assert_array_equal(first.low, second.low)


def test_the_facts_of_a_model_say_what_it_was_trained_on() -> None:
    facts = fit(industrial=True).facts
    assert facts["labels"]["digest"] == "labels"
    assert sum(facts["labels"]["by_class"].values()) == facts["labels"]["n"] == 240
    assert facts["labels"]["with_reference"] == 216
    assert set(facts["penalties"]) == {"single: ridge on now", "change: ridge on cells"}
    assert facts["taught"] == {"single": 240, "change": 216}
    assert facts["block_deg"] == 0.1
    assert facts["share"].keys() == facts["taught"].keys()
    assert facts["share"]["single"] == make_cells(industrial=True).mining.mean()


def test_labels_of_one_kind_only_are_refused() -> None:
    cells = make_cells()
    with pytest.raises(TrainingRefused, match="say none only"):
        cross_validate(cells.select(~cells.mining), QUICK, 0.1)
    with pytest.raises(TrainingRefused, match="say artisanal only"):
        cross_validate(cells.select(cells.mining), QUICK, 0.1)


def test_labels_of_one_block_only_are_refused() -> None:
    with pytest.raises(FoldsNotPossible, match="nothing can be held back"):
        cross_validate(make_cells(), QUICK, 10.0)


def test_features_of_another_featurizer_are_refused() -> None:
    with pytest.raises(FeaturesDiffer, match="another featurizer"):
        fit_model(make_cells(), make_featurizer(), QUICK)


def test_without_any_reference_there_is_no_head_of_change() -> None:
    featurizer, cells = make_featurizer(), make_cells()
    bare = replace(cells, reference=np.full_like(cells.reference, np.nan), digest=featurizer.digest)
    model = fit_model(bare, featurizer, QUICK)
    assert model.change is None
    assert not model.predict(cells.now, cells.reference).used_reference.any()


def test_out_of_fold_probabilities_never_saw_their_own_label() -> None:
    """With features of pure noise, many of them, a model that had seen its cells would know them by heart."""
    cells = make_cells(240, strength=0.0, features=400)
    probabilities = cross_validate(cells, QUICK, 0.1)
    assert 0.35 < area_under_roc(cells.mining, 1 - probabilities[:, 0]) < 0.65
    featurizer = make_featurizer()
    model = fit_model(replace(cells, digest=featurizer.digest), featurizer, QUICK)
    seen = predict_heads(model.change, model.single, cells.now, cells.reference)
    assert area_under_roc(cells.mining, 1 - seen.probabilities[:, 0]) > 0.9


def test_calibration_is_learnt_on_cells_held_back() -> None:
    """A calibrator fitted to scores the ridge had learnt by heart would be sure of noise; this one is not."""
    featurizer = make_featurizer()
    cells = replace(make_cells(240, strength=0.0, features=400), digest=featurizer.digest)
    model = fit_model(cells, featurizer, QUICK)
    fresh = make_cells(240, strength=0.0, features=400, seed=1)
    stated = 1 - model.predict(fresh.now, fresh.reference).probabilities[:, 0]
    assert np.abs(stated - cells.mining.mean()).max() < 0.35


def test_training_gives_the_model_with_the_report_of_its_recipe() -> None:
    featurizer = make_featurizer()
    cells = replace(make_cells(), digest=featurizer.digest)
    model, report = train_model(cells, featurizer, QUICK, draws=20)
    assert report["all"]["auc"]["value"] > 0.8
    assert model.facts["labels"]["n"] == report["cells"] == 240


def test_a_model_is_told_the_share_of_mines_and_says_less_where_they_are_rare() -> None:
    model, cells = fit(), make_cells()
    rare = model.expect_share(0.01)
    stated, moved = (each.predict(cells.now, cells.reference) for each in (model, rare))
    assert (moved.probabilities[:, 0] > stated.probabilities[:, 0]).all()
    assert rare.facts["share"] == {"single": 0.01, "change": 0.01}
    back = rare.expect_share(model.facts["share"]["change"]).predict(cells.now, cells.reference)
    changed = stated.used_reference
    np.testing.assert_allclose(back.probabilities[changed], stated.probabilities[changed], atol=1e-5)


def test_a_model_says_which_of_its_heads_have_no_order() -> None:
    assert fit().facts["unordered"] == []
    featurizer = make_featurizer()
    noise = replace(make_cells(strength=0.0, features=3, seed=3), digest=featurizer.digest)
    heads = fit_model(noise, featurizer, QUICK).facts["unordered"]
    assert heads
    assert all(f"The head {head}" in text for head, text in zip(heads, warn_of_unordered(heads), strict=True))
    assert warn_of_unordered([]) == []


def test_whoever_trains_a_model_that_gives_every_cell_the_share_of_mines_is_told() -> None:
    """Before, only who judged it later was: training spoke of folds alone."""
    featurizer = make_featurizer()
    noise = replace(make_cells(strength=0.0, features=3, seed=3), digest=featurizer.digest)
    model, report = train_model(noise, featurizer, QUICK, draws=2)
    assert report["unordered_heads"] == model.facts["unordered"]  # by which it is kept from acting
    told = [text for text in report["warnings"] if text.startswith("The head")]
    assert told == warn_of_unordered(model.facts["unordered"], model.facts["share"]) != []
    assert not any("calls every cell a mine" in text for text in told)  # two fifths are mines
    (half,) = warn_of_unordered(["single"], {"single": 0.5})
    assert "That share is 50 %, so it calls every cell a mine" in half
    assert any(
        "an AUC below 0.5 says of such cells that nothing was learnt" in text for text in report["warnings"]
    )


def test_a_model_that_does_not_say_its_share_cannot_be_moved() -> None:
    model = fit()
    silent = replace(model, facts={name: fact for name, fact in model.facts.items() if name != "share"})
    with pytest.raises(ShareUnknown, match="train it anew"):
        silent.expect_share(0.01)


def test_cells_of_a_period_of_one_kind_neither_teach_nor_calibrate() -> None:
    """Without them the same head comes out, whatever their scores."""
    cells = make_cells(400)
    there = cells.mining & (np.arange(400) % 2 == 0)
    sight, blocks = Sight(cells.layout, cells.now), np.arange(400) % 24
    head = fit_head(sight, cells.classes, blocks, QUICK, teaches=~there).head
    strange = cells.now.copy()
    strange[there] += 50
    other = fit_head(Sight(cells.layout, strange), cells.classes, blocks, QUICK, teaches=~there).head
    np.testing.assert_allclose(head.predict(cells.now)[0], other.predict(cells.now)[0])


def test_an_ensemble_averages_ridges_that_each_have_patches_of_their_own() -> None:
    rng = np.random.default_rng(0)
    layout, classes = Layout(0, ("red", "nir"), 6), np.arange(120) % 2
    reference, now = rng.random((2, 120, layout.map_size)).astype(np.float32)
    now[:, ::7] += 0.5 * classes[:, None]
    pairs = PairFeaturizer.fit(now, reference, layout, n_patches=6 * MEMBERS)
    sight, blocks = Sight(layout, now, reference, pairs), np.arange(120) // 5
    fitted = fit_head(sight, classes, blocks, replace(QUICK, model=ENSEMBLE))
    head, penalties = fitted.head, fitted.penalties
    views = [sight.view(member.view) for member in head.members]
    assert len(head.members) == len(penalties) == MEMBERS
    every = np.sort(np.concatenate(views, axis=1), axis=1)
    np.testing.assert_array_equal(every, np.sort(sight.view("pair"), axis=1))
    for view in views:  # a patch and its negative are of one member
        assert view.shape == (120, 12)
    scores = [
        member.weight * member.estimator.predict(v.astype(float))
        for member, v in zip(head.members, views, strict=True)
    ]
    spread = [own[:, 0].std() for own in scores]
    assert max(spread) < 1.5 * min(spread)
    np.testing.assert_allclose(
        head.predict(now, reference)[0][:, :2], head.calibrator.probabilities(sum(scores))
    )


def test_without_patches_of_pairs_an_ensemble_is_one_ridge() -> None:
    featurizer = make_featurizer()
    cells = replace(make_cells(), digest=featurizer.digest)
    alone, together = (
        fit_model(cells, featurizer, replace(QUICK, model=model)).predict(cells.now, cells.reference)
        for model in ("ridge", ENSEMBLE)
    )
    np.testing.assert_array_equal(alone.probabilities, together.probabilities)
