"""What an auditor reads: entries of the ledger, and no place. An auditor's own readings are entries too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.ledger.archived import find_archived, refuse_archived
from accounts.ledger.own_connection import own_connection
from accounts.ledger.reader import EntryFilter, LedgerRow, find_unheard_of, list_entries
from accounts.viewer import Viewer
from monitor.privacy.door.cursors import CursorUnusable, open_cursor, seal_cursor
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.released import PlacelessEntry
from monitor.privacy.released_audit import EntriesPage


def read_entries(
    viewer: Viewer, wanted: EntryFilter, limit: int, cursor: str | None, endpoint: str
) -> EntriesPage:
    """One page of ledger entries, newest first; it says where older ones are in archives, and where nothing was found, of
    which filters no entry has ever been.

    Raises PeriodArchived where all of the period was archived; CursorUnusable, LedgerUnavailable.
    """
    bound_to = f"entries {viewer.user_id} {wanted!r}"
    before = _read_cursor(cursor, bound_to)
    with disclose(viewer, "read.entries", endpoint) as disclosure:
        archived_before = find_archived(own_connection(), wanted.since)
        if archived_before and wanted.until and wanted.until <= archived_before:
            # an empty page would say that nothing happened
            refuse_archived(own_connection(), wanted.since)
        rows = list_entries(wanted, limit + 1, before)
        page = rows[:limit]
        # an empty page would say of a misspelt word that it never happened
        unheard_of = find_unheard_of(wanted) if not rows and before is None else []
        if unheard_of:
            # whatever time was asked about, lines in archives were not looked at for the word
            archived_before = find_archived(own_connection(), None)
        disclosure.quantity = len(page)
    following = (
        seal_cursor([page[-1].at.isoformat(), str(page[-1].id)], bound_to) if len(rows) > limit else None
    )
    return EntriesPage([_shape(row) for row in page], following, archived_before, unheard_of)


def _read_cursor(cursor: str | None, bound_to: str) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    match open_cursor(cursor, bound_to):
        case [str(moment), str(identifier)]:
            return datetime.fromisoformat(moment), UUID(identifier)
    raise CursorUnusable


def _shape(row: LedgerRow) -> PlacelessEntry:
    return PlacelessEntry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        organisation=row.organisation,
        role=row.role,
        purpose=row.purpose_code,
        purpose_text=row.purpose_text,
        action=row.action,
        endpoint=row.endpoint,
        level=row.level,
        rule=row.rule,
        policy_version=row.policy_version,
        regions=row.regions,
        objects=row.object_refs,
        request_id=row.request_id,
        outcome=row.outcome,
        completed_at=row.completed_at,
        quantity=row.quantity,
    )
