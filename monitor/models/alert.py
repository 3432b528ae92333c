"""Alerts: that a site appeared or grew. An alert has a region, a confidence and a status, and no place."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from monitor.field.lifecycle import AlertKind, AlertStatus, Confidence, DismissalReason
from monitor.models.region import Region


class Alert(models.Model):
    """The opaque record that a regulator acts on. Which site it means is known to the vault alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="alerts")  # where: coarse
    kind = models.CharField(max_length=12, choices=[(k.value, k.value) for k in AlertKind])  # where: none
    mine_class = models.CharField(max_length=12)  # where: none
    confidence = models.CharField(
        max_length=8, choices=[(c.value, c.value) for c in Confidence]
    )  # where: none
    status = models.CharField(max_length=10, default=AlertStatus.RAISED.value)  # where: none
    dismissal = models.CharField(
        max_length=12, blank=True, choices=[(r.value, r.value) for r in DismissalReason]
    )  # where: none
    raised_at = models.DateTimeField(auto_now_add=True)  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in AlertStatus]), name="alert_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status="dismissed") & ~Q(dismissal="") | ~Q(status="dismissed") & Q(dismissal=""),
                name="alert_dismissed_has_reason",
            ),
        ]
        indexes = [models.Index(fields=["region", "status", "raised_at"], name="alert_list")]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class AlertMove(models.Model):
    """One step in the life of an alert; the first one raises it (`moved_by` is empty: a machine did)."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="moves")  # where: none
    status = models.CharField(max_length=10)  # where: none
    reason = models.CharField(max_length=12, blank=True)  # where: none
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL
    )  # where: none
    moved_at = models.DateTimeField(auto_now_add=True)  # where: none

    class Meta:
        default_permissions = ()
        ordering = ["moved_at", "id"]

    def __str__(self) -> str:
        return self.status
