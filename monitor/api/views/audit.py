"""`/api/v1/audit`: the ledger as an auditor reads it. No place is in reach from here."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from accounts.ledger.reader import EntryFilter
from accounts.roles import Role
from monitor.api.audit_asks import (
    CheckpointAsk,
    ConsistencyAsk,
    EntriesAsk,
    ExposureAsk,
    InclusionAsk,
    LogAsk,
    PeriodAsk,
    WarningsAsk,
)
from monitor.api.audit_shapes import (
    BESIDE_ENTRIES,
    AccountShape,
    ConsistencyShape,
    ExposureShape,
    WarningShape,
)
from monitor.api.describe import describe
from monitor.api.files.log import JSON_LINES
from monitor.api.shapes import EntryShape
from monitor.api.view import DoorView
from monitor.privacy.door.audit import read_entries
from monitor.privacy.door.exposure import read_account, read_exposure
from monitor.privacy.door.harvest import read_warnings
from monitor.privacy.door.log import open_log, read_checkpoint, read_consistency, read_inclusion
from monitor.privacy.released import Page
from monitor.privacy.released_audit import (
    EntriesPage,
    LogLines,
    LogText,
    PlacelessAccount,
    PlacelessConsistency,
)

TEXT = "text/plain"


class AuditView(DoorView):
    """For auditors alone."""

    roles = {"GET": frozenset({Role.AUDITOR})}


class AuditEntriesView(AuditView):
    """Entries of the ledger."""

    endpoint = "/api/v1/audit/entries"

    @describe("audit_entries", EntryShape, query=EntriesAsk, page=True, beside=BESIDE_ENTRIES)
    def get(self, request: Request) -> EntriesPage:
        """Newest first. `outcome` open means that no completion was written: count it as full disclosure where
        `action` begins with `read.` or `export.`; of another it is not known whether the change happened.

        `archived_before`: entries before it are in archives and not in this list. `unheard_of`, where the list is empty:
        the filters whose value no entry has at any time, those before `archived_before` aside.
        """
        ask = self.read_query(EntriesAsk)
        limit, cursor = ask.pop("limit"), ask.pop("cursor", None)
        return read_entries(self.viewer, EntryFilter(**ask), limit, cursor, self.endpoint)


class AuditExposureView(AuditView):
    """Who has seen the site of an alert."""

    endpoint = "/api/v1/audit/exposure"

    @describe("audit_exposure", ExposureShape, query=ExposureAsk, page=True)
    def get(self, request: Request) -> Page:
        """People, purposes, levels and times; one page, the sharpest first."""
        ask = self.read_query(ExposureAsk)
        return read_exposure(self.viewer, ask["alert"], ask.get("since"), ask.get("until"), self.endpoint)


class AuditAccountView(AuditView):
    """What an account has seen."""

    endpoint = "/api/v1/audit/accounts/{id}"

    @describe("audit_account", AccountShape, query=PeriodAsk, also=(404,))
    def get(self, request: Request, actor: UUID) -> PlacelessAccount:
        """How sharply, what for, how often; how much of each region, beside others in the same role."""
        ask = self.read_query(PeriodAsk)
        return read_account(self.viewer, actor, ask.get("since"), ask.get("until"), self.endpoint)


class AuditWarningsView(AuditView):
    """Who reads as if to harvest."""

    endpoint = "/api/v1/audit/warnings"

    @describe("audit_warnings", WarningShape, query=WarningsAsk, page=True)
    def get(self, request: Request) -> Page:
        """Days of accounts whose exact readings look like harvesting; one page, the newest first."""
        ask = self.read_query(WarningsAsk)
        night = (ask["night_from"], ask["night_to"])
        return read_warnings(self.viewer, ask.get("since"), ask.get("until"), night, self.endpoint)


class AuditCheckpointView(AuditView):
    """What the log has signed."""

    endpoint = "/api/v1/audit/checkpoint"

    @describe("audit_checkpoint", OpenApiTypes.STR, query=CheckpointAsk, kind=TEXT, also=(404,))
    def get(self, request: Request) -> LogText:
        """A signed note (C2SP tlog-checkpoint), with the signatures of witnesses."""
        return read_checkpoint(self.viewer, self.read_query(CheckpointAsk).get("size"), self.endpoint)


class AuditInclusionView(AuditView):
    """That a line is in the log."""

    endpoint = "/api/v1/audit/proof/inclusion"

    @describe("audit_inclusion", OpenApiTypes.STR, query=InclusionAsk, kind=TEXT, also=(404,))
    def get(self, request: Request) -> LogText:
        """A proof to keep (C2SP tlog-proof), with the line in it."""
        ask = self.read_query(InclusionAsk)
        named = (ask.get("receipt"), ask.get("entry"), ask["kind"], ask.get("size"))
        return read_inclusion(self.viewer, *named, self.endpoint)


class AuditConsistencyView(AuditView):
    """That the log only grew."""

    endpoint = "/api/v1/audit/proof/consistency"

    @describe("audit_consistency", ConsistencyShape, query=ConsistencyAsk, also=(404,))
    def get(self, request: Request) -> PlacelessConsistency:
        """The hashes that prove it (RFC 9162, section 2.1.4)."""
        ask = self.read_query(ConsistencyAsk)
        return read_consistency(self.viewer, ask["old"], ask.get("new"), self.endpoint)


class AuditExportView(AuditView):
    """The sealed log."""

    endpoint = "/api/v1/audit/export"

    @describe("audit_export", OpenApiTypes.STR, query=LogAsk, kind=JSON_LINES)
    def get(self, request: Request) -> LogLines:
        """JSON Lines up to the newest checkpoint: for the stand-alone verifier, or as OCSF events."""
        ask = self.read_query(LogAsk)
        return open_log(self.viewer, ask.get("start"), ask["form"], self.endpoint)
