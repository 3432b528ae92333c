"""The exact site of an alert or of an inspection: read from the vault with a ticket, or not there at all (P8)."""

from __future__ import annotations

from uuid import UUID

from accounts.ledger.entry import Reads, TicketScope
from accounts.viewer import Viewer
from monitor.errors import NotThere
from monitor.models import Alert
from monitor.privacy.door.activity import provenance_of
from monitor.privacy.door.disclosure import Disclosure, disclose
from monitor.privacy.policy import SITE_RULES, Reach, Rule
from monitor.privacy.released import ExactCells
from monitor.privacy.scope import list_region_ids
from monitor.vault.tickets import CellPage, read_alert_site_with_ticket, read_inspection_site_with_ticket


def read_alert_site(viewer: Viewer, alert_id: UUID, endpoint: str) -> tuple[ExactCells, str]:
    """The cells of an alert's site for a regulator of its region, and the receipt. Raises NotThere, LedgerUnavailable."""
    rule = _rule(viewer, Reach.MANDATE)
    regions = list_region_ids(viewer)
    scope = TicketScope(viewer.user_id, Reads.ALERT_SITE, regions, alert_id)
    with disclose(
        viewer, "read.alert_site", endpoint, rule=rule, regions=regions, objects=[alert_id], scope=scope
    ) as disclosure:
        # an alert out of the mandate makes the vault work as little as none does
        if not Alert.objects.filter(id=alert_id, region_id__in=regions).exists():
            raise NotThere
        cells = _fill(disclosure, read_alert_site_with_ticket(disclosure.ticket, alert_id), rule)
    return cells, disclosure.ticket.receipt


def read_inspection_site(viewer: Viewer, inspection_id: UUID, endpoint: str) -> tuple[ExactCells, str]:
    """The cells to visit, for the inspector of an accepted, open, unexpired inspection, and the receipt.

    Raises NotThere the moment it is not any more, LedgerUnavailable.
    """
    rule = _rule(viewer, Reach.INSPECTION)
    scope = TicketScope(viewer.user_id, Reads.INSPECTION_SITE, object_id=inspection_id)
    with disclose(
        viewer, "read.inspection_site", endpoint, rule=rule, objects=[inspection_id], scope=scope
    ) as disclosure:
        cells = _fill(disclosure, read_inspection_site_with_ticket(disclosure.ticket, inspection_id), rule)
    return cells, disclosure.ticket.receipt


def _rule(viewer: Viewer, reach: Reach) -> Rule:
    rule = SITE_RULES.get(viewer.role)
    if rule is None or rule.reach is not reach:
        raise NotThere
    return rule


def _fill(disclosure: Disclosure, page: CellPage | None, rule: Rule) -> ExactCells:
    if page is None:
        raise NotThere
    disclosure.quantity, disclosure.cells, disclosure.answer = (
        len(page.numbers),
        page.numbers,
        page.features.encode(),
    )
    return ExactCells(provenance_of(rule), page.features, len(page.numbers))
