"""The posture of a region, as it stands, and the raise that waits for a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from monitor.models import RegionPosture
from monitor.privacy.posture import ASKED_POSTURE_LASTS, Posture


@dataclass(frozen=True, slots=True)
class AskedPosture:
    """A raise that somebody has asked for and nobody has seconded yet."""

    posture: Posture
    asked_by: UUID
    asked_by_name: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class PostureNow:
    """A region's posture. changed_by: user name; None, like the time, for a region that was always open."""

    posture: Posture = Posture.OPEN
    changed_by: str | None = None
    changed_at: datetime | None = None
    asked: AskedPosture | None = None


def find_posture(region_id: UUID) -> PostureNow:
    """The posture of a region; that of a region which does not exist is open, like that of a new one."""
    row = RegionPosture.objects.select_related("changed_by", "asked_by").filter(region_id=region_id).first()
    if row is None:
        return PostureNow()
    asked = None
    if row.asked_by and row.asked_at and row.asked_at > timezone.now() - ASKED_POSTURE_LASTS:
        asked = AskedPosture(Posture(row.asked), row.asked_by.id, row.asked_by.username, row.asked_at)
    by = row.changed_by.username if row.changed_by else None
    return PostureNow(Posture(row.posture), by, row.changed_at if by else None, asked)


def list_postures() -> dict[UUID, Posture]:
    """The postures of all regions that have ever had one."""
    return {
        region_id: Posture(word)
        for region_id, word in RegionPosture.objects.values_list("region_id", "posture")
    }
