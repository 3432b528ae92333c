"""`/api/v1/releases`: what was published, when, under which policy, and what it can tell at most."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request

from accounts.roles import Role
from monitor.api.asks import NothingAsk, PageAsk
from monitor.api.describe import describe
from monitor.api.shapes import BatchShape, CertificateShape
from monitor.api.view import DoorView
from monitor.privacy.door.certificates import list_releases, read_certificate
from monitor.privacy.released import Page, ReleasedCertificate


class ReleasesView(DoorView):
    """Published batches."""

    roles = {"GET": frozenset({Role.PARTNER, Role.AUDITOR})}
    endpoint = "/api/v1/releases"

    @describe("releases", BatchShape, query=PageAsk, page=True)
    def get(self, request: Request) -> Page:
        """Newest first."""
        ask = self.read_query(PageAsk)
        return list_releases(self.viewer, ask["limit"], ask.get("cursor"), self.endpoint)


class CertificateView(DoorView):
    """What one batch can tell at most."""

    roles = {"GET": frozenset({Role.PARTNER, Role.AUDITOR})}
    endpoint = "/api/v1/releases/{id}/certificate"

    @describe("release_certificate", CertificateShape, also=(404,))
    def get(self, request: Request, release_id: UUID) -> ReleasedCertificate:
        """For a partner of what they receive; for an auditor of the whole batch."""
        self.read_query(NothingAsk)
        return read_certificate(self.viewer, release_id, self.endpoint)
