"""Inspections and findings. An inspection points to an alert; the place opens through the vault and only while due."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from monitor.field.lifecycle import FindingKind, InspectionStatus, PeopleBand, Response
from monitor.models.alert import Alert


class Inspection(models.Model):
    """An alert given to an inspector for a window of time, by another person."""

    CARRY_OUT = "carry_out_inspection"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="inspections")  # where: none
    inspector = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="inspections"
    )  # where: none
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    status = models.CharField(max_length=10, default=InspectionStatus.ASSIGNED.value)  # where: none
    opens_at = models.DateTimeField()  # where: none
    expires_at = models.DateTimeField()  # where: none
    assigned_at = models.DateTimeField(auto_now_add=True)  # where: none
    closed_at = models.DateTimeField(null=True, blank=True)  # where: none

    class Meta:
        default_permissions = ()
        permissions = [("carry_out_inspection", "Carries out this inspection")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in InspectionStatus]), name="inspection_status_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(inspector=F("assigned_by")), name="inspection_is_never_self_assigned"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("opens_at")), name="inspection_window_has_length"
            ),
            models.UniqueConstraint(
                fields=["alert"],
                condition=Q(status__in=["assigned", "accepted"]),
                name="one_open_inspection_an_alert",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class Finding(models.Model):
    """What the inspector reports. `own_id` is the inspector's own, so that the same report handed in twice is one. It counts
    within the inspection: whether an id is taken in another one nobody can see (P8)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    own_id = models.UUIDField()  # where: none
    inspection = models.ForeignKey(
        Inspection, on_delete=models.PROTECT, related_name="findings"
    )  # where: none
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in FindingKind])  # where: none
    observed_on = models.DateField()  # where: none
    people = models.CharField(max_length=8, choices=[(b.value, b.value) for b in PeopleBand])  # where: none
    response = models.CharField(max_length=20, choices=[(r.value, r.value) for r in Response])  # where: none
    # restricted: shown to the regulator of the region only
    mercury = models.BooleanField(default=False)  # where: none
    child_labour = models.BooleanField(default=False)  # where: none
    armed_presence = models.BooleanField(default=False)  # where: none
    received_at = models.DateTimeField(auto_now_add=True)  # where: none
    labelled_at = models.DateTimeField(null=True, blank=True)  # where: none
    """When the vault drew a label from it; empty means due (or a finding that teaches nothing, see lifecycle)."""

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["inspection", "own_id"], name="one_finding_an_own_id"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.kind}"
