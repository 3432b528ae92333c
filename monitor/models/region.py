"""Regions, and who holds what on a region or an inspection. Only the boundary is geography, and it is public."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from guardian.models import UserObjectPermissionBase


class Region(models.Model):
    """A public area of jurisdiction. Permissions on it decide which rows somebody may see, never how sharply."""

    MANDATE = "mandate_region"
    """Held by regulators and analysts."""
    RECEIVE = "receive_region"
    """Held by partners: whose releases they receive."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    name = models.CharField(max_length=120, unique=True)  # where: coarse
    boundary = models.MultiPolygonField(srid=4326)  # where: coarse

    class Meta:
        default_permissions = ()
        permissions = [
            ("mandate_region", "Has the mandate for this region"),
            ("receive_region", "Receives releases of this region"),
        ]

    def __str__(self) -> str:
        return self.name


class RegionUserPermission(UserObjectPermissionBase):
    """One permission of one account on one region. A real foreign key: a re-used key can inherit nothing."""

    content_object = models.ForeignKey(Region, on_delete=models.CASCADE)  # where: none

    class Meta(UserObjectPermissionBase.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="region_grant")]


class InspectionUserPermission(UserObjectPermissionBase):
    """The right of one inspector to carry out one inspection; taken away the moment it ends."""

    content_object = models.ForeignKey("monitor.Inspection", on_delete=models.CASCADE)  # where: none

    class Meta(UserObjectPermissionBase.Meta):
        indexes = [models.Index(fields=["user", "content_object"], name="inspection_grant")]
