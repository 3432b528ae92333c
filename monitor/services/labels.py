"""Labels: imported from files, and drawn from findings. Runs as the worker; labels never leave the vault by this way."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from monitor.detection.labels import CellLabel
from monitor.field.lifecycle import FindingKind
from monitor.models import Finding
from monitor.vault.labels import label_alert_cells, load_finding_labels, store_labels

LABEL_OF = {
    FindingKind.ACTIVE: "artisanal",
    FindingKind.INACTIVE: "artisanal",
    FindingKind.INDUSTRIAL: "industrial",
    FindingKind.NEVER_A_MINE: "none",
}
"""What a finding teaches; the other kinds teach nothing about the place."""


def import_labels(labels: Sequence[CellLabel]) -> int:
    """Keep labels that were read from a file; how many. The same label again changes nothing."""
    with transaction.atomic():
        return store_labels(labels)


def gather_labels(labels: Sequence[CellLabel]) -> list[CellLabel]:
    """Labels from a file, joined by what inspectors have found since: a visit teaches the next training."""
    return [*labels, *load_finding_labels()]


def label_finding(finding_id: UUID) -> int:
    """Draw the label that a finding teaches on the cells of its site; how many cells. Twice is once."""
    with transaction.atomic():
        finding = (
            Finding.objects.select_for_update().select_related("inspection").filter(id=finding_id).first()
        )
        if finding is None or finding.labelled_at is not None:
            return 0
        label = LABEL_OF.get(FindingKind(finding.kind))
        cells = 0
        if label is not None:
            cells = label_alert_cells(finding.inspection.alert_id, label, finding.observed_on, finding.id)
        finding.labelled_at = timezone.now()
        finding.save(update_fields=["labelled_at"])
    return cells


def list_unlabelled_findings(limit: int) -> list[UUID]:
    """Findings whose label is due: what a sweep rings for again."""
    return list(
        Finding.objects.filter(labelled_at__isnull=True)
        .order_by("received_at")
        .values_list("id", flat=True)[:limit]
    )
