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
from monitor.access import acts
from monitor.errors import NotThere, NotYours
from monitor.field.lifecycle import AlertStatus, InspectionStatus
from monitor.models import Alert, Inspection, InspectionUserPermission
from monitor.privacy.scope import list_region_ids
from monitor.services.alerts import find_region_of_alert, lock_alert, move_alert

OPEN = [status.value for status in InspectionStatus if status.is_open]


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
    if inspector is None:
        raise NotYours(acts.NOBODY_TO_ASSIGN)
    inspection_id = uuid4()
    entry = Entry(
        viewer,
        "inspection.assign",
        endpoint,
        viewer.request_id,
        regions=[region_id],
        objects=[alert_id, inspector.id],
    )
    with recorded(entry), transaction.atomic():
        acts.assign_inspection(viewer, inspection_id, alert_id, inspector.id, opens_at, expires_at)
        move_alert(lock_alert(alert_id), AlertStatus.ASSIGNED, viewer.user_id)
    return inspection_id


def accept_inspection(viewer: Viewer, inspection_id: UUID, endpoint: str) -> None:
    """The inspector takes it on; from now the place can be opened. Raises NotThere or NotNow."""
    inspection = find_own_inspection(viewer, inspection_id)
    with recorded(_entry(viewer, "inspection.accept", endpoint, inspection)), transaction.atomic():
        acts.accept_inspection(viewer, inspection_id)


def close_inspection(viewer: Viewer, inspection_id: UUID, endpoint: str) -> None:
    """End an inspection; its place is shut with the commit (P7). By its inspector or a regulator of the region.

    The alert is closed if it was visited, and goes back to the queue if not. Raises NotThere or NotNow.
    """
    inspection = find_inspection(viewer, inspection_id)
    with recorded(_entry(viewer, "inspection.close", endpoint, inspection)), transaction.atomic():
        alert = lock_alert(inspection.alert_id)
        acts.close_inspection(viewer, inspection_id)
        _leave_alert(alert, viewer.user_id)


def close_expired_inspections(now: datetime) -> int:
    """End every open inspection whose window has passed; how many. The vault refuses them from the second on anyway.

    The worker's: nobody acts, so no token is shown and the rows are written as they are.
    """
    expired = Inspection.objects.filter(status__in=OPEN, expires_at__lte=now)
    count = 0
    for inspection_id, alert_id in list(expired.values_list("id", "alert_id")):
        with transaction.atomic():
            alert = lock_alert(alert_id)
            # somebody may have closed it in the meantime
            if Inspection.objects.filter(id=inspection_id, status__in=OPEN).update(
                status=InspectionStatus.EXPIRED.value, closed_at=timezone.now()
            ):
                InspectionUserPermission.objects.filter(content_object_id=inspection_id).delete()
                _leave_alert(alert, None)
                entry = Entry(
                    None, "inspection.expire", "machine", uuid4(), objects=[inspection_id, alert_id]
                )
                record(entry, Outcome.DONE)
                count += 1
    return count


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


def _leave_alert(alert: Alert, moved_by: UUID | None) -> None:
    """What becomes of the locked alert of an inspection that ends."""
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
