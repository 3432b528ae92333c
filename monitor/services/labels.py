"""Labels: imported from files, and drawn from findings. Runs as the worker; labels never leave the vault by this way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import OperationalError, ProgrammingError, transaction
from django.utils import timezone
from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedTable

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from monitor.detection.agreement import Agreement, find_agreement
from monitor.detection.labels import CellLabel, digest_labels, name_source
from monitor.field.lifecycle import FindingKind
from monitor.models import Finding
from monitor.vault.labels import (
    find_batch_cells,
    identify_label,
    label_alert_cells,
    load_finding_labels,
    load_labels_of_cells,
    store_batch,
    store_batch_cells,
    store_labels,
)

LABEL_OF = {
    FindingKind.ACTIVE: "artisanal",
    FindingKind.INACTIVE: "artisanal",
    FindingKind.INDUSTRIAL: "industrial",
    FindingKind.NEVER_A_MINE: "none",
}
"""What a finding teaches; the other kinds teach nothing about the place."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import. digest: of the labels, as in a model's manifest. stored: labels written. agreement: of the
    labels handed in, by their positions. against_vault: how many of them contradict what the vault says already, by its
    source."""

    digest: str
    stored: int
    agreement: Agreement
    against_vault: dict[str, int]


def import_labels(labels: Sequence[CellLabel], command: str = "import_labels") -> Imported:
    """Keep labels that were read from a file, with where they come from. The same labels again change nothing.

    Of those that contradict each other none is kept; what the vault has from elsewhere stays, and is counted. command: by
    which it is done, for the ledger. Raises LedgerUnavailable, as `recorded` does.
    """
    agreement, digest = find_agreement(labels), digest_labels(labels)
    kept = [labels[place] for place in agreement.kept]
    with recorded(Entry(None, "label.import", command, uuid4())), transaction.atomic():
        against = _count_against(kept, load_labels_of_cells(kept))
        remember_batch(labels)
        stored = store_labels(kept, digest)
    return Imported(digest, stored, agreement, against)


def remember_batch(labels: Sequence[CellLabel]) -> None:
    """Keep where labels that were handed in, or trained on, come from and of which cells they speak: under the digest that a
    model's manifest tells. Again is once."""
    digest, left_out = digest_labels(labels), find_agreement(labels).left_out
    with transaction.atomic():
        store_batch(digest, len(labels), left_out, Counter(name_source(label) for label in labels))
        store_batch_cells(digest, labels)


def find_trained_cells(digest: str, labels: Sequence[CellLabel]) -> set[tuple[int, int]] | None:
    """Which cells of these labels a model was trained on, by the digest of its manifest. None where that cannot be known: no
    database is at hand, it has no tables yet, this process may not read the vault, or the labels of the model never came
    into it. A transaction around this goes on whatever comes of it."""
    try:
        with transaction.atomic():
            return find_batch_cells(digest, labels)
    except OperationalError:
        return None
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege | InvalidSchemaName | UndefinedTable):
            return None
        raise


def _count_against(labels: Sequence[CellLabel], known: Sequence[CellLabel]) -> dict[str, int]:
    handed_in = {identify_label(label) for label in labels}
    elsewhere = [each for each in known if identify_label(each) not in handed_in]
    found = find_agreement([*labels, *elsewhere])
    against: dict[str, set[int]] = {}
    for pair in (*found.contradicted, *found.outweighed):
        new, old = min(pair), max(pair)
        if new < len(labels) <= old:
            against.setdefault(name_source(elsewhere[old - len(labels)]), set()).add(new)
    return {source: len(places) for source, places in sorted(against.items())}


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
