"""Saved models by the names that commands take: a file, an id, a sha256, or the word `active`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from django.core.management.base import CommandError

from monitor.detection.model import MineModel
from monitor.detection.modelfile import load_model
from monitor.services.detections import model_path
from monitor.services.trained_models import find_model_file


def load_named_model(name: str, min_valid_share: float | None = None) -> MineModel:
    """The model; min_valid_share goes before its own. Raises CommandError for an unknown name, or one whose file is gone,
    ModelRefused, OSError."""
    path = Path(name)
    if not path.is_file():
        sha256 = find_model_file(name)
        if sha256 is None:
            raise CommandError(
                f"{name!r} is neither a file nor a model of this installation, nor is one active."
            )
        model = load_kept_model(sha256)
    else:
        model = load_model(path)
    return model if min_valid_share is None else replace(model, min_valid_share=min_valid_share)


def digest_named_model(name: str) -> str | None:
    """Hex sha256 of the file of the model that a name means, None for an unknown name. Raises OSError."""
    path = Path(name)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else find_model_file(name)


def load_kept_model(sha256: str) -> MineModel:
    """A model from the vault, whose file is what was recorded. Raises CommandError where it is gone, ModelRefused."""
    try:
        return load_model(model_path(sha256), sha256=sha256)
    except OSError as error:
        raise CommandError(
            f"The file of this model cannot be read from the vault: {error.strerror}. Put it back from a backup, or train "
            "the model anew."
        ) from error
