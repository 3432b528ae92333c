"""Posture of regions, requests for a finer level, grants, released quotas. Who may see how sharply; no place.

Nobody writes these rows but the functions of schema `access`, which check two different people themselves: web and
worker may only read (monitor/vault/fence.py).
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.purpose import PurposeCode
from monitor.models.region import Region
from monitor.privacy.posture import Posture


class RegionPosture(models.Model):
    """The posture of a region, and the raise that somebody has asked for. A region without a row is open."""

    region = models.OneToOneField(
        Region, primary_key=True, on_delete=models.CASCADE, related_name="posture"
    )  # where: none
    posture = models.CharField(max_length=8)  # where: none
    changed_at = models.DateTimeField(db_default=Now())  # where: none
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    asked = models.CharField(max_length=8, blank=True, db_default="")  # where: none
    asked_at = models.DateTimeField(null=True)  # where: none
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(posture__in=[p.value for p in Posture]), name="posture_is_known"
            ),
            models.CheckConstraint(
                condition=Q(asked="", asked_at=None, asked_by=None)
                | Q(asked__in=["open", "guarded"], asked_at__isnull=False, asked_by__isnull=False),
                name="posture_asked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.posture


class AccessRequest(models.Model):
    """Somebody asks for a finer level on a region, with a purpose and until when."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    role = models.CharField(max_length=16)  # where: none
    """The asker's role at that time; a grant is worth nothing in another."""
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")  # where: none
    level = models.PositiveSmallIntegerField()  # where: none
    purpose = models.CharField(max_length=24)  # where: none
    reason = models.CharField(max_length=200, blank=True, db_default="")  # where: none
    until = models.DateTimeField()  # where: none
    asked_at = models.DateTimeField(db_default=Now())  # where: none
    status = models.CharField(max_length=8, db_default="waiting")  # where: none
    decided_at = models.DateTimeField(null=True)  # where: none
    refused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["waiting", "granted", "refused"]),
                name="access_request_status_is_known",
            ),
            models.CheckConstraint(condition=Q(level__lte=2), name="access_request_level_is_finer_than_l3"),
            models.CheckConstraint(
                condition=Q(purpose__in=[code.value for code in PurposeCode]),
                name="access_request_has_purpose",
            ),
            models.CheckConstraint(condition=Q(until__gt=F("asked_at")), name="access_request_has_length"),
            models.CheckConstraint(
                condition=~Q(refused_by=F("asked_by")), name="access_request_is_never_self_refused"
            ),
            models.UniqueConstraint(
                fields=["asked_by", "region"],
                condition=Q(status="waiting"),
                name="one_waiting_request_a_region",
            ),
        ]
        indexes = [models.Index(fields=["region", "asked_at"], name="access_request_list")]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"


class AccessApproval(models.Model):
    """One person's yes to a request of another."""

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="yeses")  # where: none
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    approved_at = models.DateTimeField(db_default=Now())  # where: none

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["request", "approver"], name="one_approval_a_person")]

    def __str__(self) -> str:
        return str(self.approved_at)


class AccessGrant(models.Model):
    """A finer level on one region for one person in one role, until it ends by itself or is revoked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    request = models.OneToOneField(
        AccessRequest, on_delete=models.PROTECT, related_name="outcome"
    )  # where: none
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    role = models.CharField(max_length=16)  # where: none
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")  # where: none
    level = models.PositiveSmallIntegerField()  # where: none
    approvals = models.PositiveSmallIntegerField()  # where: none
    """How many people approved it; one is not enough while the region is sealed."""
    granted_at = models.DateTimeField(db_default=Now())  # where: none
    expires_at = models.DateTimeField()  # where: none
    revoked_at = models.DateTimeField(null=True)  # where: none
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(approvals__gte=1), name="grant_was_approved"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("granted_at")), name="grant_has_length"),
        ]
        indexes = [models.Index(fields=["holder", "region", "expires_at"], name="grant_in_force")]

    def __str__(self) -> str:
        return str(self.id)


class QuotaRelease(models.Model):
    """More exact cells for one person on one day (UTC), released by another."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    day = models.DateField()  # where: none
    cells = models.PositiveIntegerField()  # where: none
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    released_at = models.DateTimeField(db_default=Now())  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=~Q(holder=F("released_by")), name="quota_is_never_self_released"
            ),
            models.CheckConstraint(condition=Q(cells__gte=1), name="quota_release_releases"),
        ]
        indexes = [models.Index(fields=["holder", "day"], name="quota_of_a_day")]

    def __str__(self) -> str:
        return f"{self.cells} on {self.day}"
