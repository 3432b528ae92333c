"""Patches of several sizes at once, as MOSAIKS has them: what each size is, and that nothing else changes with it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import skops.io

from monitor.detection.cells import LabelledCells
from monitor.detection.featurizer import Featurizer
from monitor.detection.heads import ENSEMBLE, MEMBERS
from monitor.detection.model import ShareUnknown
from monitor.detection.modelfile import pack_model, read_manifest, unpack_model
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import Layout
from monitor.detection.patches import (
    EMPIRICAL,
    GAUSSIAN,
    gaussian_patches,
    make_patches,
    share_patches,
    whiten_patches,
)
from monitor.detection.spectral import list_summaries
from monitor.detection.train import fit_model
from monitor.detection.windows import PatchesNotDrawn, draw_windows
from tests.pure.detection.invented import BANDS, QUICK, make_cells, make_featurizer, make_scene
from tests.pure.detection.test_modelfile import forge, members_of

WHEN = datetime(2024, 5, 6, tzinfo=UTC)
OLD_DIGEST = "1ba12c73e46bf36ca95b433dac9977b4bacb817286f9e691d0956852bb077bc4"
"""Of `make_featurizer()`, as computed when there was one size alone: models of that time must stay what they were."""


def fit(sizes: Sequence[int], drawing: str = EMPIRICAL, count: int = 7) -> Featurizer:
    scenes = [make_scene(seed=number) for number in (1, 2)]
    return Featurizer.fit(
        scenes, sensor="sentinel-2", bands=BANDS, n_patches=count, patch_sizes=sizes, drawing=drawing, seed=5
    )


def test_patches_are_shared_evenly_and_each_size_has_windows_of_its_own() -> None:
    windows = draw_windows([make_scene()], 6, seed=0)
    both = whiten_patches(windows, 7, (4, 6))
    assert [patches.shape for patches in both.patches] == [(4, 6, 4, 4), (3, 6, 6, 6)]
    assert (both.sizes, both.count) == ((4, 6), 7)
    small = whiten_patches(windows, 4, (4,)).patches[0]
    np.testing.assert_array_equal(both.patches[0], small)
    large = whiten_patches(windows, 7, (6,)).patches[0]
    np.testing.assert_array_equal(both.patches[1], large[4:])


@pytest.mark.parametrize("drawing", [EMPIRICAL, GAUSSIAN])
def test_answers_of_every_size_have_the_same_spread(drawing: str) -> None:
    windows = draw_windows([make_scene(200, 200, clouds=0)], 5, seed=0)
    drawn = make_patches(windows, 60, (2, 5), drawing=drawing, seed=1)
    standard = (windows - drawn.centre[:, None, None]) / drawn.spread[:, None, None]
    for size, patches in zip(drawn.sizes, drawn.patches, strict=True):
        answers = np.tensordot(standard[:, :, :size, :size], patches, axes=([1, 2, 3], [1, 2, 3]))
        np.testing.assert_allclose(answers.std(axis=0).mean(), 1, atol=0.1)


def test_gaussian_patches_of_one_size_are_what_they_were() -> None:
    windows = draw_windows([make_scene()], 3, seed=0)
    expected = np.random.default_rng(9).standard_normal((4, len(BANDS), 3, 3)) / np.sqrt(54)
    np.testing.assert_allclose(gaussian_patches(windows, 4, seed=9).patches[0], expected, atol=1e-4)


@pytest.mark.parametrize("step", [4, 9, 1000])
def test_each_size_gives_the_features_it_would_give_alone(step: int) -> None:
    both, scene = fit((4, 2)), make_scene(step=step)
    found = both.extract(scene)
    for place, size in enumerate((4, 2)):
        patches = (both.patch_set.patches[place],)
        alone = replace(both, patch_set=replace(both.patch_set, patches=patches)).extract(make_scene())
        own = [at for at, name in enumerate(both.names) if name.startswith(f"patch{size}x{size}.")]
        assert len(own) == 2 * len(patches[0])
        seen = np.isfinite(found.values[:, 0])
        np.testing.assert_allclose(
            found.values[seen][:, own], alone.values[seen, : len(own)], rtol=1e-5, atol=1e-5
        )


def test_a_cell_without_a_whole_window_of_the_largest_size_is_not_seen() -> None:
    scene = make_scene(clouds=0)
    own = np.argwhere(scene.labels == 4)
    scene.valid[scene.labels == 4] = False
    row, col = own[len(own) // 2]
    scene.valid[row : row + 3, col : col + 3] = True
    assert fit((3,)).extract(scene).valid_share[4] > 0
    assert fit((3, 5)).extract(scene).valid_share[4] == 0


def test_names_say_the_size_and_the_sign() -> None:
    names = fit((4, 6), count=3).names
    assert names[:6] == [
        *("patch4x4.0000+", "patch4x4.0001+", "patch4x4.0000-"),
        *("patch4x4.0001-", "patch6x6.0000+", "patch6x6.0000-"),
    ]
    assert names[6 : 6 + len(list_summaries(BANDS))] == list_summaries(BANDS)
    assert fit((4,), count=3).names[:6] == [
        f"patch{number:04d}{sign}" for sign in "+-" for number in range(3)
    ]


def test_how_and_in_what_sizes_patches_are_drawn_changes_the_digest() -> None:
    digests = {
        fit(sizes, drawing).digest for sizes in ((3,), (4, 6), (6, 4)) for drawing in (EMPIRICAL, GAUSSIAN)
    }
    assert len(digests) == 6


def test_the_digest_of_one_size_is_what_it_always_was() -> None:
    assert make_featurizer().digest == OLD_DIGEST


@pytest.mark.parametrize("sizes", [(), (0,), (3, 3), (16,), (-1, 3)])
def test_sizes_that_cannot_be_are_refused_before_a_scene_is_read(sizes: tuple[int, ...]) -> None:
    with pytest.raises(PatchesNotDrawn, match="whole numbers from 1 to 15"):
        Featurizer.fit(iter(()), sensor="sentinel-2", bands=BANDS, patch_sizes=sizes)


def test_fewer_patches_than_sizes_and_unknown_ways_are_refused() -> None:
    assert share_patches(5, (2, 3, 4)) == [2, 2, 1]
    with pytest.raises(PatchesNotDrawn, match="2 patches cannot be shared by 3 sizes"):
        share_patches(2, (2, 3, 4))
    with pytest.raises(PatchesNotDrawn, match="empirical or gaussian"):
        fit((3,), "uniform")


def of_featurizer(featurizer: Featurizer) -> LabelledCells:
    cells = make_cells(features=len(featurizer.names))
    return replace(cells, digest=featurizer.digest, layout=featurizer.layout)


def test_a_model_file_keeps_sizes_names_and_how_they_were_drawn() -> None:
    featurizer = fit((4, 6), GAUSSIAN)
    recipe = replace(QUICK, pair_sizes=(2, 3), pair_patches=40)
    model = fit_model(of_featurizer(featurizer), featurizer, recipe)
    packed = pack_model(model, created_at=WHEN)
    manifest, back = read_manifest(packed), unpack_model(packed)
    assert manifest["patches"] == {"4x4": 4, "6x6": 3}
    assert (manifest["drawing"], back.featurizer.drawing) == (GAUSSIAN, GAUSSIAN)
    assert manifest["feature_names"][0] == "patch4x4.0000+"
    assert back.featurizer.digest == featurizer.digest
    assert back.facts == model.facts
    fresh = make_cells(features=len(featurizer.names), seed=1)
    before, after = (each.predict(fresh.now, fresh.reference) for each in (model, back))
    np.testing.assert_array_equal(before.probabilities, after.probabilities)


def test_a_model_file_of_format_2_is_still_read() -> None:
    """It kept one array of patches, and did not say how they were drawn."""
    featurizer = fit((3,))
    model = fit_model(of_featurizer(featurizer), featurizer, replace(QUICK, pair_patches=40))
    packed = pack_model(model, created_at=WHEN)
    parts = skops.io.loads(members_of(packed)["model.skops"], trusted=[])
    sets = [parts["features"], *(head["pairs"] for head in parts["heads"].values() if head["pairs"])]
    assert len(sets) == 2
    for patches in sets:
        (patches["patches"],) = patches["patches"]
    manifest = {
        name: value for name, value in read_manifest(packed).items() if name not in ("drawing", "patches")
    }
    content = skops.io.dumps(parts)
    manifest |= {"format_version": 2, "sha256": hashlib.sha256(content).hexdigest()}
    back = unpack_model(forge(content, **manifest))
    fresh = make_cells(features=len(featurizer.names), seed=1)
    before, after = (each.predict(fresh.now, fresh.reference) for each in (model, back))
    np.testing.assert_array_equal(before.probabilities, after.probabilities)


def test_a_model_file_of_format_3_is_still_read_and_does_not_know_its_share() -> None:
    featurizer = fit((3,))
    recipe = replace(QUICK, pair_patches=12, model=ENSEMBLE)
    model = fit_model(of_featurizer(featurizer), featurizer, recipe)
    assert model.change is not None
    assert len(model.change.members) == MEMBERS
    packed = pack_model(model, created_at=WHEN)
    manifest = read_manifest(packed)
    del manifest["training"]["share"]
    content = members_of(packed)["model.skops"]
    back = unpack_model(forge(content, **manifest | {"format_version": 3}))
    fresh = make_cells(features=len(featurizer.names), seed=1)
    for known in (unpack_model(packed), back):
        before, after = (each.predict(fresh.now, fresh.reference) for each in (model, known))
        np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert unpack_model(packed).expect_share(0.1).facts["share"] == {"single": 0.1, "change": 0.1}
    with pytest.raises(ShareUnknown):
        back.expect_share(0.1)


def test_pairs_are_looked_at_with_patches_of_several_sizes() -> None:
    layout = Layout(2, ("red", "nir"), 6)
    now, reference = np.random.default_rng(0).random((2, 40, 5 + layout.map_size)).astype(np.float32)
    pairs = PairFeaturizer.fit(now, reference, layout, n_patches=5, patch_sizes=(2, 4))
    assert pairs is not None
    found = pairs.transform(now, reference)
    assert found.shape == (40, 10)
    for place, own in enumerate((slice(0, 6), slice(6, 10))):
        alone = replace(pairs, patch_set=replace(pairs.patch_set, patches=(pairs.patch_set.patches[place],)))
        np.testing.assert_allclose(found[:, own], alone.transform(now, reference), rtol=1e-5, atol=1e-6)
    with pytest.raises(PatchesNotDrawn, match="from 1 to 6"):
        PairFeaturizer.fit(now, reference, layout, patch_sizes=(7,))
