"""Who reads as if to harvest: numbers of what was shown each day, judged by fixed thresholds, for auditors.

Takes a ticket, because sealed cells are counted for it; no cell leaves. The auditor's own question is an entry.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.ledger.archived import refuse_archived
from accounts.ledger.entry import Reads, TicketScope
from accounts.ledger.own_connection import own_connection
from accounts.viewer import Viewer
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.harvest import TILING_FRESH, ReadingDay, Sign, find_warnings
from monitor.privacy.released import Page
from monitor.privacy.released_audit import PlacelessWarning
from monitor.vault.exposure import count_days_with_ticket

LOOKED_BACK = timedelta(days=31)
"""How far, where `since` is left out."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def read_warnings(
    viewer: Viewer, since: datetime | None, until: datetime | None, night: tuple[int, int], endpoint: str
) -> Page:
    """Days that look like harvesting from `since` (a month ago) to before `until` (now), the newest first.

    night: hours (UTC) between which people of that country sleep. Raises PeriodArchived, LedgerUnavailable, VaultSealed.
    """
    to = until or datetime.now(UTC)
    scope = TicketScope(viewer.user_id, Reads.HARVEST)
    with disclose(viewer, "read.warnings", endpoint, scope=scope) as disclosure:
        begins = since or max(to, EARLIEST) - LOOKED_BACK
        refuse_archived(own_connection(), begins)
        days = count_days_with_ticket(disclosure.ticket, begins, to, night, TILING_FRESH)
        warnings = [_shape(day, sign) for day, sign in find_warnings(days)]
        disclosure.quantity = len(warnings)
    return Page(warnings)


def _shape(day: ReadingDay, sign: Sign) -> PlacelessWarning:
    return PlacelessWarning(
        day.actor,
        day.role,
        day.day,
        sign.value,
        day.answers,
        day.at_night,
        day.fresh,
        day.different,
        day.in_all,
        day.allowed,
        day.unfinished,
        day.stopped,
        day.first_at,
        day.last_at,
    )
