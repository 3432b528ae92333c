"""Trained models as records: who trained and who activated which, and how well it did. The file is in the vault."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

MODEL_STATES = ("trained", "active", "retired")
"""Retired: another came to act in its place. One that was left by going back is `trained` again."""


class TrainedModel(models.Model):
    """One trained model. It acts only after a person has activated it; one is active per sensor."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    state = models.CharField(max_length=8, default="trained")  # where: none
    sensor = models.CharField(max_length=32)  # where: none
    sha256 = models.CharField(max_length=64, unique=True)  # where: none
    featurizer = models.CharField(max_length=64)  # where: none
    """Digest of what defines the features; scenes' stored features carry it too."""
    made_from = models.CharField(max_length=64, unique=True)  # where: none
    """Digest of labels, scenes and recipe: the same again is the same model, not another training."""
    metrics = models.JSONField(default=dict)  # where: none
    trained_at = models.DateTimeField(auto_now_add=True)  # where: none
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT
    )  # where: none
    activated_at = models.DateTimeField(null=True, blank=True)  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(state__in=MODEL_STATES), name="model_state_is_known"),
            models.UniqueConstraint(
                fields=["sensor"], condition=Q(state="active"), name="one_active_model_a_sensor"
            ),
            models.CheckConstraint(
                condition=~Q(state="active") | Q(activated_by__isnull=False, activated_at__isnull=False),
                name="model_is_activated_by_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} {self.state}"
