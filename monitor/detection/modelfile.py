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
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline

from monitor.detection.calibration import Calibrator
from monitor.detection.featurizer import Featurizer
from monitor.detection.labels import CLASSES
from monitor.detection.model import Head, MineModel
from monitor.detection.patches import PatchSet

FORMAT = "penumbra-model"
FORMAT_VERSION = 1
MANIFEST, CONTENT = "manifest.json", "model.skops"
TRUSTED: frozenset[str] = frozenset()
"""Types beyond those that skops knows to be safe (scikit-learn estimators, numpy arrays, plain containers): none."""
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
    """Write a model file; returns the hex sha256 of the whole file, by which it can be known again."""
    packed = pack_model(model, created_at=created_at, metrics=metrics)
    path.write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def load_model(path: Path, *, sha256: str | None = None) -> MineModel:
    """Read a model file. sha256: of the whole file as `save_model` gave it, if known. Raises ModelRefused."""
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
    if manifest.get("format") != FORMAT or manifest.get("format_version") != FORMAT_VERSION:
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
        "seed": featurizer.seed,
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
    patch_set = model.featurizer.patch_set
    return {
        "centre": patch_set.centre,
        "spread": patch_set.spread,
        "patches": patch_set.patches,
        "heads": {
            name: {
                "estimator": head.estimator,
                "scale": head.calibrator.scale,
                "slopes": head.calibrator.slopes,
                "intercepts": head.calibrator.intercepts,
                "learnt": list(head.learnt),
                "reach": head.reach,
            }
            for name, head in (("change", model.change), ("single", model.single))
            if head is not None
        },
    }


def _put_together(parts: Any, manifest: Mapping[str, Any]) -> MineModel:
    patch_set = PatchSet(*(np.asarray(parts[name], np.float32) for name in ("centre", "spread", "patches")))
    featurizer = Featurizer(
        manifest["sensor"], tuple(manifest["bands"]), patch_set, manifest["bias"], manifest["seed"]
    )
    heads = {name: _put_head(head) for name, head in parts["heads"].items()}
    return MineModel(
        featurizer, heads.get("change"), heads["single"], manifest["min_valid_share"], manifest["training"]
    )


def _put_head(head: Mapping[str, Any]) -> Head:
    if not isinstance(head["estimator"], Pipeline):
        raise ModelRefused("The model file holds something else where its estimator should be.")
    calibrator = Calibrator(head["scale"], head["slopes"], head["intercepts"])
    return Head(head["estimator"], calibrator, tuple(head["learnt"]), float(head["reach"]))
