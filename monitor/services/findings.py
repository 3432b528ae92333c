"""Findings: what an inspector reports, kept once per id and inspection. The label that it becomes is drawn by a worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from accounts.viewer import Viewer
from monitor.bell import Bell, ring
from monitor.errors import NotNow
from monitor.field.lifecycle import (
    NOT_A_VISIT,
    AlertStatus,
    FindingKind,
    InspectionStatus,
    PeopleBand,
    Response,
)
from monitor.models import Finding
from monitor.services.alerts import lock_alert, move_alert
from monitor.services.inspections import find_own_inspection

ID_TAKEN = "This id belongs to another finding of this inspection. Give each finding an id of its own."


@dataclass(frozen=True, slots=True)
class Report:
    """A finding as it is handed in. id: the inspector's own, so that handing in twice is handing in once."""

    id: UUID
    kind: FindingKind
    observed_on: date
    people: PeopleBand
    response: Response
    mercury: bool = False
    child_labour: bool = False
    armed_presence: bool = False


def receive_finding(viewer: Viewer, inspection_id: UUID, report: Report, endpoint: str) -> bool:
    """Keep a finding of an accepted inspection of the viewer's own; False where it was there already.

    Raises NotThere, or NotNow where the inspection is not accepted and within its window, or the id belongs to another
    report of it.
    """
    inspection = find_own_inspection(viewer, inspection_id)
    entry = Entry(
        viewer,
        "finding.receive",
        endpoint,
        viewer.request_id,
        regions=[inspection.alert.region_id],
        objects=[inspection.id, report.id],
    )
    with recorded(entry), transaction.atomic():
        # whatever ends an inspection locks its alert first, so one that is accepted now stays so
        alert = lock_alert(inspection.alert_id)
        inspection.refresh_from_db(fields=["status"])
        said = {"inspection_id": inspection.id} | _fields_of(report)
        known = Finding.objects.filter(inspection=inspection, own_id=report.id).values(*said).first()
        if known is not None:
            if known != said:
                raise NotNow(ID_TAKEN)
            return False
        # the clock ends an inspection a while after its window has passed: the window itself is asked, as the vault does
        in_window = inspection.opens_at <= timezone.now() < inspection.expires_at
        if inspection.status != InspectionStatus.ACCEPTED.value or not in_window:
            raise NotNow("Findings are taken for an accepted, open inspection and within its window only.")
        finding = Finding.objects.create(own_id=report.id, **said)
        if report.kind not in NOT_A_VISIT and alert.status == AlertStatus.ASSIGNED.value:
            move_alert(alert, AlertStatus.VISITED, viewer.user_id)
        ring(Bell.FINDING_RECEIVED, finding.id)
    return True


def _fields_of(report: Report) -> dict[str, Any]:
    return {
        "kind": report.kind.value,
        "observed_on": report.observed_on,
        "people": report.people.value,
        "response": report.response.value,
        "mercury": report.mercury,
        "child_labour": report.child_labour,
        "armed_presence": report.armed_presence,
    }
