"""Trained models: recorded when trained, acting only after a person has activated them.

May be used by HTTP rooms, so it loads no file and no scikit-learn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.bell import Bell, ring
from monitor.errors import NotNow, NotThere, NotYours
from monitor.models import TrainedModel


def find_model(made_from: str) -> TrainedModel | None:
    """The model that was made from the same labels, scenes and recipe, or None."""
    return TrainedModel.objects.filter(made_from=made_from).first()


def find_model_file(name: str) -> str | None:
    """The sha256 of the model that an id, a sha256 or the word `active` names (the newest of several), or None."""
    return _find_named(name).values_list("sha256", flat=True).first()


def find_model_id(name: str) -> UUID | None:
    """The id of the model that an id, a sha256 or the word `active` names, or None."""
    return _find_named(name).values_list("id", flat=True).first()


def find_previous_model(sensor: str) -> UUID | None:
    """The model that acted for a sensor before the one that acts now, or None. One that was left by going back is none."""
    retired = TrainedModel.objects.filter(sensor=sensor, state="retired").order_by("-activated_at")
    return retired.values_list("id", flat=True).first()


def _find_named(name: str) -> QuerySet[TrainedModel]:
    models = TrainedModel.objects.order_by("-activated_at", "-trained_at")
    if name == "active":
        return models.filter(state="active")
    if re.fullmatch(r"[0-9a-f]{64}", name):
        return models.filter(sha256=name)
    try:
        return models.filter(id=UUID(name))
    except ValueError:
        return models.none()


def record_model(
    model_id: UUID, sha256: str, sensor: str, featurizer: str, made_from: str, metrics: Mapping[str, Any]
) -> TrainedModel:
    """Keep the record of a trained model under its id. What was made from the same is the same record, under the id it has:
    only the digest of its file becomes `sha256`, so that whoever calls has seen that it is the same model."""
    model, _ = TrainedModel.objects.update_or_create(
        made_from=made_from,
        defaults={"sha256": sha256},
        create_defaults={
            "id": model_id,
            "sensor": sensor,
            "sha256": sha256,
            "featurizer": featurizer,
            "made_from": made_from,
            "metrics": dict(metrics),
        },
    )
    return model


def activate_model(viewer: Viewer, model_id: UUID, endpoint: str, *, going_back: bool = False) -> UUID | None:
    """Let a model act for its sensor, in place of the one before; every read scene becomes due again.

    Returns the id of the one before, None where none acted or this one did. going_back: that one is `trained` again
    instead of `retired`, so that whoever goes back once more does not come to it. Raises NotYours for anybody but an
    analyst, NotThere where there is no such model, NotNow for one that gives every cell the same probability: it would
    call all ground a mine, or none.
    """
    if viewer.role is not Role.ANALYST:
        raise NotYours("A model is activated by an analyst.")
    found = TrainedModel.objects.filter(id=model_id).first()
    if found is None:
        raise NotThere
    if flat := found.metrics.get("unordered_heads"):
        raise NotNow(
            f"A model that gives every cell the same probability ({', '.join(flat)}) does not act. Train one with more "
            "labels, or with labels that say something else of the ground."
        )
    entry = Entry(viewer, "model.activate", endpoint, viewer.request_id, objects=[model_id])
    with recorded(entry), transaction.atomic():
        # all of the sensor: whoever activates another one at this moment waits here, and then finds this one active
        models = TrainedModel.objects.select_for_update().filter(sensor=found.sensor).order_by("id")
        model = next(each for each in models if each.id == model_id)
        if model.state == "active":
            return None
        left = next((each.id for each in models if each.state == "active"), None)
        TrainedModel.objects.filter(sensor=model.sensor, state="active").update(
            state="trained" if going_back else "retired"
        )
        model.state = "active"
        model.activated_by_id = viewer.user_id
        model.activated_at = timezone.now()
        model.save(update_fields=["state", "activated_by", "activated_at"])
        ring(Bell.MODEL_ACTIVATED, model.id)
    return left
