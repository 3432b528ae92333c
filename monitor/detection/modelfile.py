"""Model files: a model in one file that cannot run code when it is read.

Room `detection`, pure. A zip of `manifest.json` and `model.skops` (skops, never pickle), followed by the sha256 of all
bytes before it, so a single changed byte is found. Types are trusted by name. May import `model` and what it is made of.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline

from monitor.detection.calibration import Calibrator
from monitor.detection.familiarity import Familiarity
from monitor.detection.featurizer import Featurizer
from monitor.detection.labels import CLASSES
from monitor.detection.model import Head, Member, MineModel
from monitor.detection.pairs import PairFeaturizer
from monitor.detection.partmaps import Layout
from monitor.detection.patches import EMPIRICAL, PatchSet
from monitor.detection.treecheck import check_trees

FORMAT = "penumbra-model"
FORMAT_VERSION = 4
READABLE = (2, 3, 4)
"""Format 2 knew patches of one size alone and keeps them as one array; format 3 knew no members that share the patches of
pairs, and no share of mines for which the probabilities hold."""
MANIFEST, CONTENT = "manifest.json", "model.skops"
TRUSTED = frozenset(
    {"sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"}
)
"""Types beyond those that skops knows to be safe (scikit-learn estimators, numpy arrays, plain containers): the trees of
forests and of boosting. They are tables of numbers; `treecheck` makes sure that no number points outside its table."""
MAX_BYTES = 2**30
_SEAL = 64
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "skops", "rasterio")
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


class ModelRefused(ValueError):
    """A file that is not a model, or was changed, or holds types that are not trusted."""


def pack_model(model: MineModel, *, created_at: datetime, metrics: Mapping[str, Any] | None = None) -> bytes:
    """The model as bytes. metrics: the report it was judged by, JSON-able, kept in the manifest."""
    content = skops.io.dumps(_take_apart(model))
    manifest = _describe(model, created_at, metrics or {}) | {"sha256": hashlib.sha256(content).hexdigest()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False)
        archive.writestr(zipfile.ZipInfo(MANIFEST, _FIXED_TIME), text)
        archive.writestr(zipfile.ZipInfo(CONTENT, _FIXED_TIME), content)
        archive.comment = b"0" * _SEAL  # stands last in a zip: room for the seal
    body = packed.getvalue()[:-_SEAL]
    return body + hashlib.sha256(body).hexdigest().encode()


def unpack_model(packed: bytes) -> MineModel:
    """The model in bytes that `pack_model` made. Raises ModelRefused."""
    manifest, content = _open(packed)
    try:
        unknown = set(skops.io.get_untrusted_types(data=content)) - TRUSTED
        if unknown:
            raise ModelRefused(
                f"The model file holds types that are not trusted: {', '.join(sorted(unknown))}."
            )
        parts = skops.io.loads(content, trusted=sorted(TRUSTED))
        model = _put_together(parts, manifest)
    except ModelRefused:
        raise
    except Exception as error:  # whatever a forged file provokes
        raise ModelRefused(
            "The model file cannot be read; train the model anew or fetch the file again."
        ) from error
    if model.featurizer.digest != manifest["featurizer_digest"]:
        raise ModelRefused(
            "The features of this model are computed differently by this version; train the model anew."
        )
    return model


def read_manifest(packed: bytes) -> dict[str, Any]:
    """What the file says of the model, after its seals were checked. Raises ModelRefused."""
    return _open(packed)[0]


def save_model(
    model: MineModel, path: Path, *, created_at: datetime, metrics: Mapping[str, Any] | None = None
) -> str:
    """Write a model file.

    Parameters
    ----------
    model : MineModel
    path : Path
    created_at : datetime
    metrics : mapping, optional
        The report it was judged by, JSON-able, kept in the manifest.

    Returns
    -------
    str
        Hex sha256 of the whole file, by which it can be known again.

    Examples
    --------
    See `train_model`.
    """
    packed = pack_model(model, created_at=created_at, metrics=metrics)
    path.write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def load_model(path: Path, *, sha256: str | None = None) -> MineModel:
    """Read a model file. Nothing in it can run code.

    Parameters
    ----------
    path : Path
    sha256 : str, optional
        Of the whole file, as `save_model` gave it.

    Returns
    -------
    MineModel

    Raises
    ------
    ModelRefused
        If it is no model file, was changed, or holds types that are not trusted.

    Examples
    --------
    See `train_model`.
    """
    packed = path.read_bytes()
    if sha256 is not None and hashlib.sha256(packed).hexdigest() != sha256:
        raise ModelRefused(
            "The model file is not the one that was registered; fetch the registered file again."
        )
    return unpack_model(packed)


def _open(packed: bytes) -> tuple[dict[str, Any], bytes]:
    """Manifest and content of a sealed file."""
    if not packed.startswith(b"PK\x03\x04"):
        raise ModelRefused(
            "This is not a model file of Penumbra (other formats, such as pickle, are never read)."
        )
    if hashlib.sha256(packed[:-_SEAL]).hexdigest().encode() != packed[-_SEAL:]:
        raise ModelRefused("The model file was changed or cut off after it was written: its sha256 differs.")
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if set(members) != {MANIFEST, CONTENT} or sum(m.file_size for m in members.values()) > MAX_BYTES:
                raise ModelRefused("The model file does not hold what a model file holds.")
            manifest = json.loads(archive.read(MANIFEST))
            content = archive.read(CONTENT)
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        if isinstance(error, ModelRefused):
            raise
        raise ModelRefused("The model file cannot be read; fetch it again.") from error
    if manifest.get("format") != FORMAT or manifest.get("format_version") not in READABLE:
        raise ModelRefused(
            "The model file has a format that this version does not read; train the model anew."
        )
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
        raise ModelRefused("The model in the file is not the one its manifest describes: its sha256 differs.")
    return manifest, content


def _describe(model: MineModel, created_at: datetime, metrics: Mapping[str, Any]) -> dict[str, Any]:
    featurizer = model.featurizer
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created_at": created_at.isoformat(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        "sensor": featurizer.sensor,
        "bands": list(featurizer.bands),
        "bias": featurizer.bias,
        "across": featurizer.across,
        "seed": featurizer.seed,
        "drawing": featurizer.drawing,
        "pixel_m": featurizer.pixel_m,
        "patches": {
            f"{size}x{size}": len(patches)
            for size, patches in zip(featurizer.patch_set.sizes, featurizer.patch_set.patches, strict=True)
        },
        "featurizer_digest": featurizer.digest,
        "feature_names": featurizer.names,
        "classes": list(CLASSES),
        "classes_learnt": list(model.classes_learnt),
        "min_valid_share": model.min_valid_share,
        "training": dict(model.facts),
        "metrics": dict(metrics),
    }


def _take_apart(model: MineModel) -> dict[str, Any]:
    """The model as plain containers, arrays and scikit-learn estimators."""
    return {
        "features": _take_patches(model.featurizer.patch_set),
        "heads": {
            name: _take_head_apart(head)
            for name, head in (("change", model.change), ("single", model.single))
            if head is not None
        },
    }


def _take_head_apart(head: Head) -> dict[str, Any]:
    return {
        "members": [
            {"view": member.view, "estimator": member.estimator, "weight": member.weight}
            for member in head.members
        ],
        "pairs": None if head.pairs is None else _take_patches(head.pairs.patch_set),
        "scale": head.calibrator.scale,
        "slopes": head.calibrator.slopes,
        "intercepts": head.calibrator.intercepts,
        "learnt": list(head.learnt),
        "now": _take_familiarity(head.now),
        "before": None if head.before is None else _take_familiarity(head.before),
    }


def _take_familiarity(familiarity: Familiarity) -> dict[str, Any]:
    return {field.name: getattr(familiarity, field.name) for field in fields(Familiarity)[1:]}


def _take_patches(patch_set: PatchSet) -> dict[str, Any]:
    return {"centre": patch_set.centre, "spread": patch_set.spread, "patches": list(patch_set.patches)}


def _put_patches(parts: Any) -> PatchSet:
    of_sizes = parts["patches"] if isinstance(parts["patches"], list) else [parts["patches"]]
    centre, spread = (np.asarray(parts[name], np.float32) for name in ("centre", "spread"))
    return PatchSet(centre, spread, tuple(np.asarray(patches, np.float32) for patches in of_sizes))


def _put_together(parts: Any, manifest: Mapping[str, Any]) -> MineModel:
    featurizer = Featurizer(
        manifest["sensor"],
        tuple(manifest["bands"]),
        _put_patches(parts["features"]),
        manifest["bias"],
        manifest["seed"],
        manifest["across"],
        manifest.get("drawing", EMPIRICAL),
        tuple(manifest["pixel_m"]) if manifest.get("pixel_m") else None,
    )
    heads = {name: _put_head(head, featurizer.layout) for name, head in parts["heads"].items()}
    return MineModel(
        featurizer, heads.get("change"), heads["single"], manifest["min_valid_share"], manifest["training"]
    )


def _put_head(head: Mapping[str, Any], layout: Layout) -> Head:
    members = []
    for member in head["members"]:
        if not isinstance(member["estimator"], Pipeline):
            raise ModelRefused("The model file holds something else where its estimator should be.")
        check_trees(member["estimator"])
        members.append(Member(str(member["view"]), member["estimator"], float(member["weight"])))
    pairs = None if head["pairs"] is None else PairFeaturizer(layout, _put_patches(head["pairs"]))
    return Head(
        tuple(members),
        layout,
        pairs,
        Calibrator(head["scale"], head["slopes"], head["intercepts"]),
        tuple(head["learnt"]),
        _put_familiarity(head["now"], layout),
        None if head["before"] is None else _put_familiarity(head["before"], layout),
    )


def _put_familiarity(parts: Mapping[str, Any], layout: Layout) -> Familiarity:
    return Familiarity(layout, **{field.name: parts[field.name] for field in fields(Familiarity)[1:]})
