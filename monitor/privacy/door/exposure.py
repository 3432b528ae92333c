"""Who has seen this site, and what has this account seen: an auditor's two questions about cells, answered without one.

Each takes a ticket, because the vault compares cells for it (decisions/0026). The auditor's own question is an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median_low
from uuid import UUID

from accounts.ledger.archived import refuse_archived
from accounts.ledger.entry import Reads, TicketScope
from accounts.ledger.keyed import keyed_reference
from accounts.ledger.own_connection import own_connection
from accounts.ledger.readings import count_refusals, is_known, list_readings
from accounts.viewer import Viewer
from monitor.errors import NotThere
from monitor.models import Alert, Inspection
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.released import Page
from monitor.privacy.released_audit import (
    PlacelessAccount,
    PlacelessExposure,
    PlacelessReadings,
    PlacelessShare,
)
from monitor.vault.exposure import CellsSeen, count_cells_with_ticket, read_exposure_with_ticket


def read_exposure(
    viewer: Viewer, alert_id: UUID, since: datetime | None, until: datetime | None, endpoint: str
) -> Page:
    """Who was shown the site of an alert, or may have been, from `since` to before `until`; the sharpest first.

    Raises NotThere, PeriodArchived, LedgerUnavailable, VaultSealed.
    """
    scope = TicketScope(viewer.user_id, Reads.EXPOSURE, object_id=alert_id)
    with disclose(viewer, "read.exposure", endpoint, objects=[alert_id], scope=scope) as disclosure:
        refuse_archived(own_connection(), since)
        region = Alert.objects.filter(id=alert_id).values_list("region_id", flat=True).first()
        if region is None:
            raise NotThere
        inspections = Inspection.objects.filter(alert_id=alert_id).values_list("id", flat=True)
        references = [keyed_reference(identifier) for identifier in (alert_id, *inspections)]
        found = read_exposure_with_ticket(disclosure.ticket, alert_id, region, references, since, until)
        disclosure.quantity = len(found)
    return Page(
        [
            PlacelessExposure(
                row.actor,
                row.organisation,
                row.role,
                row.purpose,
                row.level,
                row.how,
                row.first_at,
                row.last_at,
            )
            for row in found
        ]
    )


def read_account(
    viewer: Viewer, actor: UUID, since: datetime | None, until: datetime | None, endpoint: str
) -> PlacelessAccount:
    """What an account, named by its pseudonym, was shown from `since` to before `until`.

    Raises NotThere, PeriodArchived, LedgerUnavailable, VaultSealed.
    """
    scope = TicketScope(viewer.user_id, Reads.ACCOUNT, object_id=actor)
    with disclose(viewer, "read.account", endpoint, objects=[actor], scope=scope) as disclosure:
        refuse_archived(own_connection(), since)
        if not is_known(actor):
            raise NotThere
        seen = count_cells_with_ticket(disclosure.ticket, actor, since, until)
        readings = [
            PlacelessReadings(
                row.role, row.level, row.purpose, row.answers, row.unfinished, row.first_at, row.last_at
            )
            for row in list_readings(actor, since, until)
        ]
        refusals = count_refusals(actor, since, until)
        disclosure.quantity = 1
    return PlacelessAccount(actor, since, until, refusals, readings, compare_with_peers(actor, seen))


def compare_with_peers(actor: UUID, seen: Sequence[CellsSeen]) -> list[PlacelessShare]:
    """The account's share of each region beside what others in the same role were shown of it; by role and region."""
    shares = []
    for own in sorted((row for row in seen if row.actor == actor), key=lambda row: (row.role, row.region)):
        peers = [
            row.cells
            for row in seen
            if (row.role, row.region) == (own.role, own.region) and row.actor != actor
        ]
        shares.append(
            PlacelessShare(
                own.role,
                own.region,
                own.cells,
                own.region_cells,
                len(peers),
                median_low(peers) if peers else None,
                max(peers, default=None),
            )
        )
    return shares
