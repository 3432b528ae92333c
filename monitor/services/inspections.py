"""Inspections: assigned by another person, accepted, closed; the place opens with acceptance and shuts with the end."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts.ledger.entry import Entry, Outcome
from accounts.ledger.writer import record, recorded
from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.errors import NotNow, NotThere, NotYours
from monitor.field.lifecycle import (
    AlertStatus,
    InspectionStatus,
    MoveNotAllowed,
    check_inspection_move,
)
from monitor.models import Inspection
from monitor.privacy.scope import list_region_ids, open_inspection_to, shut_inspection
from monitor.services.alerts import find_region_of_alert, lock_alert, move_alert


def assign_inspection(
    viewer: Viewer,
    alert_id: UUID,
    inspector_name: str,
    opens_at: datetime,
    expires_at: datetime,
    endpoint: str,
) -> UUID:
    """Give an alert to an inspector for a window of time; the inspection's id.

    Raises NotThere (alert), NotYours (no such inspector to assign, or oneself) or NotNow (the alert is not open for it).
    """
    region_id = find_region_of_alert(viewer, alert_id)
    inspector = User.objects.filter(
        username=inspector_name, role=Role.INSPECTOR.value, is_active=True
    ).first()
    if inspector is None or inspector.id == viewer.user_id:
        raise NotYours("Nobody of this name can be assigned. Name an active inspector, and never yourself.")
    entry = Entry(
        viewer,
        "inspection.assign",
        endpoint,
        viewer.request_id,
        regions=[region_id],
        objects=[alert_id, inspector.id],
    )
    with recorded(entry), transaction.atomic():
        alert = lock_alert(alert_id)
        if Inspection.objects.filter(alert=alert, status__in=["assigned", "accepted"]).exists():
            raise NotNow("This alert has an open inspection already.")
        move_alert(alert, AlertStatus.ASSIGNED, viewer.user_id)
        inspection = Inspection.objects.create(
            alert=alert,
            inspector=inspector,
            assigned_by_id=viewer.user_id,
            opens_at=opens_at,
            expires_at=expires_at,
        )
        open_inspection_to(inspector, inspection)
    return inspection.id


def accept_inspection(viewer: Viewer, inspection_id: UUID, endpoint: str) -> None:
    """The inspector takes it on; from now the place can be opened. Raises NotThere or NotNow."""
    inspection = find_own_inspection(viewer, inspection_id)
    with recorded(_entry(viewer, "inspection.accept", endpoint, inspection)), transaction.atomic():
        inspection = lock_inspection(inspection_id)
        if timezone.now() >= inspection.expires_at:
            raise NotNow("The window of this inspection has passed. Ask the regulator for another.")
        _move(inspection, InspectionStatus.ACCEPTED)


def close_inspection(viewer: Viewer, inspection_id: UUID, endpoint: str) -> None:
    """End an inspection; its place is shut with the commit (P7). By its inspector or a regulator of the region.

    The alert is closed if it was visited, and goes back to the queue if not. Raises NotThere or NotNow.
    """
    inspection = find_inspection(viewer, inspection_id)
    with recorded(_entry(viewer, "inspection.close", endpoint, inspection)), transaction.atomic():
        _end(lock_inspection(inspection_id), InspectionStatus.CLOSED, viewer.user_id)


def close_expired_inspections(now: datetime) -> int:
    """End every open inspection whose window has passed; how many. The vault refuses them from the second on anyway."""
    expired = Inspection.objects.filter(status__in=["assigned", "accepted"], expires_at__lte=now)
    ids = list(expired.values_list("id", flat=True))
    for inspection_id in ids:
        with transaction.atomic():
            inspection = lock_inspection(inspection_id)
            if InspectionStatus(inspection.status).is_open:
                _end(inspection, InspectionStatus.EXPIRED, None)
                entry = Entry(
                    None,
                    "inspection.expire",
                    "machine",
                    uuid4(),
                    objects=[inspection.id, inspection.alert_id],
                )
                record(entry, Outcome.DONE)
    return len(ids)


def find_inspection(viewer: Viewer, inspection_id: UUID) -> Inspection:
    """An inspection of the viewer's own, or of an alert in the viewer's mandate. Raises NotThere (P8)."""
    inspections = Inspection.objects.select_related("alert", "inspector").filter(id=inspection_id)
    if viewer.role is Role.INSPECTOR:
        inspections = inspections.filter(inspector_id=viewer.user_id)
    elif viewer.role is Role.REGULATOR:
        inspections = inspections.filter(alert__region_id__in=list_region_ids(viewer))
    else:
        raise NotThere
    inspection = inspections.first()
    if inspection is None:
        raise NotThere
    return inspection


def find_own_inspection(viewer: Viewer, inspection_id: UUID) -> Inspection:
    """An inspection that the viewer carries out. Raises NotThere for anybody else, the regulator who assigned it too."""
    inspection = find_inspection(viewer, inspection_id)
    if inspection.inspector_id != viewer.user_id:
        raise NotThere
    return inspection


def lock_inspection(inspection_id: UUID) -> Inspection:
    """The inspection, locked until the transaction ends."""
    return Inspection.objects.select_for_update().get(id=inspection_id)


def _move(inspection: Inspection, then: InspectionStatus) -> None:
    try:
        check_inspection_move(InspectionStatus(inspection.status), then)
    except MoveNotAllowed as error:
        raise NotNow(str(error)) from error
    inspection.status = then.value
    inspection.closed_at = None if then.is_open else timezone.now()
    inspection.save(update_fields=["status", "closed_at"])


def _end(inspection: Inspection, then: InspectionStatus, moved_by: UUID | None) -> None:
    _move(inspection, then)
    shut_inspection(inspection)
    alert = lock_alert(inspection.alert_id)
    if alert.status == AlertStatus.VISITED.value:
        move_alert(alert, AlertStatus.CLOSED, moved_by)
    elif alert.status == AlertStatus.ASSIGNED.value:
        move_alert(alert, AlertStatus.TRIAGED, moved_by)


def _entry(viewer: Viewer, action: str, endpoint: str, inspection: Inspection) -> Entry:
    return Entry(
        viewer,
        action,
        endpoint,
        viewer.request_id,
        regions=[inspection.alert.region_id],
        objects=[inspection.id, inspection.alert_id],
    )
