"""Model files: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import FunctionTransformer

from monitor.detection import modelfile
from monitor.detection.metrics import area_under_roc
from monitor.detection.model import MineModel
from monitor.detection.modelfile import (
    ModelRefused,
    load_model,
    pack_model,
    read_manifest,
    save_model,
    unpack_model,
)
from monitor.detection.train import fit_model
from tests.pure.detection.invented import QUICK, make_cells, make_featurizer

WHEN = datetime(2024, 5, 6, tzinfo=UTC)


def make_model() -> MineModel:
    featurizer = make_featurizer()
    return fit_model(replace(make_cells(), digest=featurizer.digest), featurizer, QUICK)


MODEL = make_model()
PACKED = pack_model(MODEL, created_at=WHEN, metrics={"all": {"auc": 0.9}})


def seal(members: dict[str, bytes]) -> bytes:
    """A file with these members and a right seal, as somebody who knows the format would forge it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = b"0" * 64
    body = packed.getvalue()[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def members_of(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forge(content: bytes, **changes: Any) -> bytes:
    """PACKED with another content, its manifest made to fit."""
    manifest = json.loads(members_of(PACKED)["manifest.json"]) | {
        "sha256": hashlib.sha256(content).hexdigest()
    }
    return seal({"manifest.json": json.dumps(manifest | changes).encode(), "model.skops": content})


def test_a_model_comes_back_with_the_same_predictions() -> None:
    fresh, back = make_cells(seed=1), unpack_model(PACKED)
    before, after = (model.predict(fresh.now, fresh.reference) for model in (MODEL, back))
    for name in ("probabilities", "low", "high", "used_reference", "familiar"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    assert back.featurizer.digest == MODEL.featurizer.digest
    assert back.min_valid_share == MODEL.min_valid_share
    assert back.facts == MODEL.facts


PREDICT = """
import sys, hashlib
from pathlib import Path
from monitor.detection.modelfile import load_model
from tests.pure.detection.invented import make_cells
fresh = make_cells(seed=1)
found = load_model(Path(sys.argv[1])).predict(fresh.now, fresh.reference)
print(hashlib.sha256(found.probabilities.tobytes() + found.low.tobytes() + found.high.tobytes()).hexdigest())
"""


def test_another_process_predicts_the_same(tmp_path: Path) -> None:
    path = tmp_path / "model.penumbra"
    save_model(MODEL, path, created_at=WHEN)
    run = subprocess.run(
        [sys.executable, "-c", PREDICT, str(path)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    fresh = make_cells(seed=1)
    found = MODEL.predict(fresh.now, fresh.reference)
    digest = hashlib.sha256(found.probabilities.tobytes() + found.low.tobytes() + found.high.tobytes())
    assert run.stdout.strip() == digest.hexdigest()


def test_the_manifest_tells_what_the_model_is() -> None:
    manifest = read_manifest(PACKED)
    assert manifest["created_at"] == "2024-05-06T00:00:00+00:00"
    assert manifest["sensor"] == "sentinel-2"
    assert manifest["feature_names"] == MODEL.featurizer.names
    assert manifest["classes_learnt"] == ["none", "artisanal"]
    assert manifest["training"]["labels"]["digest"] == "labels"
    assert manifest["metrics"] == {"all": {"auc": 0.9}}
    assert set(manifest["versions"]) >= {"python", "numpy", "scikit-learn", "skops"}
    assert manifest["sha256"] == hashlib.sha256(members_of(PACKED)["model.skops"]).hexdigest()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, change: int) -> None:
    tampered = bytearray(PACKED)
    tampered[at] ^= change
    with pytest.raises(ModelRefused):
        unpack_model(bytes(tampered))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(PACKED) - 1))
def test_a_file_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ModelRefused):
        unpack_model(PACKED[:length])


class Trap:
    """Unpickling this would write a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(Path.home() / "never-written"), "w")


def test_a_pickle_is_refused_unread() -> None:
    with pytest.raises(ModelRefused, match="not a model file"):
        unpack_model(pickle.dumps(Trap()))


def test_a_pickle_dressed_as_a_model_is_refused() -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        unpack_model(forge(pickle.dumps(Trap())))
    assert not (Path.home() / "never-written").exists()


def test_a_type_that_is_not_trusted_is_refused_by_name() -> None:
    content = skops.io.dumps({"heads": FunctionTransformer(func=subprocess.run)})
    with pytest.raises(ModelRefused, match=r"not trusted: subprocess\.run"):
        unpack_model(forge(content))


def test_a_content_that_is_no_model_is_refused() -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        unpack_model(forge(skops.io.dumps({"patches": [1, 2]})))
    parts = skops.io.loads(members_of(PACKED)["model.skops"])
    parts["heads"]["single"]["members"][0]["estimator"] = [1, 2]
    with pytest.raises(ModelRefused, match="something else where its estimator should be"):
        unpack_model(forge(skops.io.dumps(parts)))


def test_a_manifest_of_another_model_is_refused() -> None:
    members = members_of(PACKED)
    with pytest.raises(ModelRefused, match="not the one its manifest describes"):
        unpack_model(seal(members | {"model.skops": members["model.skops"] + b" "}))
    with pytest.raises(ModelRefused, match="computed differently"):
        unpack_model(forge(members["model.skops"], featurizer_digest="0" * 64))
    with pytest.raises(ModelRefused, match="does not read"):
        unpack_model(forge(members["model.skops"], format_version=99))


def test_a_zip_with_other_members_is_refused() -> None:
    with pytest.raises(ModelRefused, match="does not hold what a model file holds"):
        unpack_model(seal(members_of(PACKED) | {"../escape": b""}))
    with pytest.raises(ModelRefused, match="does not hold what a model file holds"):
        unpack_model(seal({"model.skops": b""}))


def test_a_file_too_large_to_be_a_model_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelfile, "MAX_BYTES", 1000)
    with pytest.raises(ModelRefused, match="does not hold"):
        unpack_model(PACKED)


def test_a_registered_file_is_known_by_its_sha256(tmp_path: Path) -> None:
    path = tmp_path / "model.penumbra"
    sha256 = save_model(MODEL, path, created_at=WHEN)
    assert load_model(path, sha256=sha256).facts == MODEL.facts
    save_model(MODEL, path, created_at=datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(ModelRefused, match="not the one that was registered"):
        load_model(path, sha256=sha256)


def test_refusals_name_no_path(tmp_path: Path) -> None:
    path = tmp_path / "secret-place.penumbra"
    path.write_bytes(PACKED[:-1] + b"x")
    with pytest.raises(ModelRefused) as refused:
        load_model(path)
    assert "secret-place" not in str(refused.value)


def pack_trees() -> bytes:
    featurizer = make_featurizer()
    cells = make_cells(features=len(featurizer.names), industrial=True)
    cells = replace(cells, digest=featurizer.digest, layout=featurizer.layout)
    return pack_model(fit_model(cells, featurizer, replace(QUICK, model="stacked")), created_at=WHEN)


TREES = pack_trees()


def test_a_stack_with_trees_comes_back_with_the_same_predictions() -> None:
    fresh, model = make_cells(features=115, seed=1, industrial=True), unpack_model(TREES)
    again = unpack_model(pack_model(model, created_at=WHEN))
    before, after = (each.predict(fresh.now, fresh.reference) for each in (model, again))
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert [member.weight for member in again.single.members] == [m.weight for m in model.single.members]
    assert area_under_roc(fresh.mining, -before.probabilities[:, 0]) > 0.6


def spoil(estimator: Any, what: str) -> None:
    """Write a number into a tree that points outside it."""
    if what == "child":
        estimator.estimators_[3].tree_.children_left[0] = 10**6
    elif what == "loop":
        estimator.estimators_[0].tree_.children_right[0] = 0
    elif what == "feature":
        estimator.estimators_[0].tree_.feature[0] = 10**6
    elif what == "boosted child":
        estimator._predictors[0][0].nodes["left"][0] = 10**6
    else:
        estimator._predictors[1][1].nodes["feature_idx"][0] = -1


@pytest.mark.parametrize("what", ["child", "loop", "feature", "boosted child", "boosted feature"])
def test_trees_that_point_outside_themselves_are_refused(what: str) -> None:
    """scikit-learn follows the numbers of a tree without looking; a forged one would read memory of others."""
    model = unpack_model(TREES)
    step = "boosting" if what.startswith("boosted") else "forest"
    estimators = [member.estimator for member in model.single.members]
    spoil(next(each[-1] for each in estimators if step in each.named_steps), what)
    with pytest.raises(ModelRefused, match="cannot be read"):
        unpack_model(pack_model(model, created_at=WHEN))
