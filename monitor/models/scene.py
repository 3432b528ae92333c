"""A scene outside the vault: that something was handed in, how far it is, why it was refused. No date, no footprint."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

SCENE_STATES = ("received", "claimed", "waiting", "scored", "refused")


class Scene(models.Model):
    """One acquisition or composite of one sensor. Its item, footprint and pixels are the vault's business.

    States: received -> claimed (by a worker, with a lease) -> scored, or refused with a cause, or waiting for a model.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    state = models.CharField(max_length=10, default="received")  # where: none
    digest = models.CharField(max_length=32, unique=True)  # where: none
    """Keyed digest of the item: the same item again is the same scene."""
    sensor = models.CharField(max_length=32)  # where: none
    cause = models.CharField(max_length=40, blank=True)  # where: none
    detail = models.CharField(max_length=300, blank=True)  # where: none
    progress = models.PositiveSmallIntegerField(default=0)  # where: none
    """Per cent of the scene's rows that have been read."""
    cells_scored = models.PositiveIntegerField(default=0)  # where: none
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )  # where: none
    received_at = models.DateTimeField(auto_now_add=True)  # where: none
    scored_at = models.DateTimeField(null=True, blank=True)  # where: none
    scored_by = models.ForeignKey(
        "monitor.TrainedModel", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )  # where: none
    """The model behind the scores, or the one that asks for bands the scene lacks; with another one it is due again."""

    claim = models.UUIDField(null=True, blank=True)  # where: none
    """Names the worker's hold; a worker whose claim was taken over can write nothing more."""
    claimed_until = models.DateTimeField(null=True, blank=True)  # where: none
    rung_at = models.DateTimeField(null=True, blank=True)  # where: none
    """When a worker was last called for it; a call may be lost, so it is repeated, but not at every sweep."""
    attempts = models.PositiveSmallIntegerField(default=0)  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(state__in=SCENE_STATES), name="scene_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="claimed", claim__isnull=False, claimed_until__isnull=False)
                | (~Q(state="claimed") & Q(claim__isnull=True, claimed_until__isnull=True)),
                name="scene_claim_goes_with_state",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(cause="") | ~Q(state="refused") & Q(cause=""),
                name="scene_refused_has_cause",
            ),
        ]
        indexes = [
            models.Index(
                fields=["claimed_until"], name="scene_due", condition=Q(state__in=("received", "claimed"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"
