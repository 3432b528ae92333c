"""`/api/v1/audit`: the ledger as an auditor reads it. No place is in reach from here."""

from __future__ import annotations

from rest_framework.request import Request

from accounts.ledger.reader import EntryFilter
from accounts.roles import Role
from monitor.api.asks import EntriesAsk
from monitor.api.describe import describe
from monitor.api.shapes import EntryShape
from monitor.api.view import DoorView
from monitor.privacy.door.audit import read_entries
from monitor.privacy.released import Page


class AuditEntriesView(DoorView):
    """Entries of the ledger."""

    roles = {"GET": frozenset({Role.AUDITOR})}
    endpoint = "/api/v1/audit/entries"

    @describe("audit_entries", EntryShape, query=EntriesAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first. `outcome` open means that no completion was written: count it as full disclosure."""
        ask = self.read_query(EntriesAsk)
        limit, cursor = ask.pop("limit"), ask.pop("cursor", None)
        return read_entries(self.viewer, EntryFilter(**ask), limit, cursor, self.endpoint)
